"""From "speak like a pirate, softly" to a style that the voice has.

Knows: open rules: words that mean a style, and words that turn a wish into its opposite.
Refuses to know: voices and models. What no rule fits is handed back, to be named to the caller.

The rules are documented in docs/guides/server.md; they are plain words so that anyone can tell
beforehand what an instruction will do.
"""

import re
from dataclasses import dataclass

# Stems; a word that begins so counts. The style that is named first wins.
STYLES: dict[str, tuple[str, ...]] = {
    "whisper": ("whisper", "hushed", "under your breath", "murmur"),
    "angry": ("angr", "furious", "irritat", "annoyed", "outrage", "hostile"),
    "excited": (
        "excit",
        "enthusias",
        "energetic",
        "thrill",
        "ecstatic",
        "hyped",
        "high-energy",
        "high energy",
    ),
    "sad": (
        "sad",
        "sorrow",
        "melanchol",
        "mourn",
        "grie",
        "gloomy",
        "tearful",
        "heartbroken",
        "depress",
    ),
    "cheerful": (
        "cheer",
        "happy",
        "happi",
        "joy",
        "friendly",
        "upbeat",
        "bright",
        "warm",
        "smil",
        "positive",
        "playful",
    ),
    "calm": (
        "calm",
        "sooth",
        "relax",
        "gentl",
        "serene",
        "tranquil",
        "meditat",
        "soft",
        "sleepy",
        "peaceful",
        "patient",
    ),
    "serious": (
        "serious",
        "formal",
        "professional",
        "authoritat",
        "newsread",
        "news anchor",
        "newscaster",
        "solemn",
        "stern",
        "matter-of-fact",
    ),
    "storytelling": (
        "storytell",
        "story-tell",
        "story tell",
        "narrat",
        "audiobook",
        "audio book",
        "bedtime story",
        "fairy tale",
        "fairytale",
        "dramatic",
    ),
    "neutral": ("neutral", "normal", "plain"),
}

_CLAUSES = re.compile(r"[.;:!?\n]+|,|\band\b|\bbut\b|\bwith\b", re.IGNORECASE)
_NOT = re.compile(
    r"\b(not|never|no|without|avoid|don't|dont|don’t|isn't|less|stop|nothing)\b", re.IGNORECASE
)
# Clauses that only carry others: "speak", "please read this", "in a tone".
_EMPTY = re.compile(
    r"\b(please|speak|talk|read|say|sound|voice|tone|style|manner|way|use|using|in|the|a|an|this|it"
    r"|very|really|as|like|if|you|are|be|your|of|text|affect|mood|emotion|delivery|following)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reading:
    """What an instruction was understood to mean.

    Attributes:
        style: a style by its name here, or None.
        unused: the parts that no rule fits, as they were written.
    """

    style: str | None
    unused: tuple[str, ...]


def understood(instructions: str) -> Reading:
    """Read an instruction by the rules."""
    style: str | None = None
    unused = []
    for clause in _CLAUSES.split(instructions):
        said = " ".join(clause.split())
        found = None if _NOT.search(said) else _style(said)
        if found and style in (None, found):
            style = found
        elif re.search(r"\w", _EMPTY.sub("", said)):
            unused.append(said)
    return Reading(style, tuple(unused))


def _style(clause: str) -> str | None:
    """The style whose word comes first."""
    places = [
        (found.start(), style)
        for style, stems in STYLES.items()
        for stem in stems
        if (found := re.search(rf"\b{re.escape(stem)}", clause, re.IGNORECASE))
    ]
    return min(places)[1] if places else None
