"""Which voice speaks when another house's voice is asked for by name.

Knows: OpenAI's voices and who stands in for them.
Refuses to know: how voices sound; a model that has a voice of that very name keeps it.
"""

from voxhaus.core.speech import VoiceInfo

# By sex and, where that is known, temperament and accent, after their descriptions by OpenAI.
STAND_INS = {
    "alloy": "anna",
    "ash": "ben",
    "ballad": "hugo",
    "cedar": "ben",
    "coral": "ella",
    "echo": "finn",
    "fable": "david",
    "marin": "anna",
    "nova": "ella",
    "onyx": "hugo",
    "sage": "clara",
    "shimmer": "grace",
    "verse": "finn",
}


def stand_in(name: str, voices: tuple[VoiceInfo, ...]) -> str:
    """The voice to ask for.

    Args:
        name: as the caller wrote it.
        voices: those of the model; none when it does not tell them, and then all names are its own.
    """
    there = {v.id for v in voices}
    ours = STAND_INS.get(name.lower())
    return ours if name not in there and ours in there and ours is not None else name
