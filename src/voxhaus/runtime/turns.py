"""Turns of a conversation, and the silences between them.

Knows: what a turn is, when it is heard, and how long people wait before they answer.
Refuses to know: scripts, voices, and sound.
"""

from dataclasses import KW_ONLY, dataclass, field

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.core.speech import WordTiming

MOST_SECONDS = 10.0  # of a gap or an overlap

# Seconds. Answers come after about 0.2 s in the ten languages that Stivers et al. compared
# ("Universals and cultural variation in turn-taking in conversation", PNAS 2009: mean 0.21 s,
# English 0.24 s); gaps in other conversations are about as short (Heldner & Edlund, "Pauses, gaps
# and overlaps in conversations", Journal of Phonetics 2010). The other figures are ours.
BASE_GAP = 0.2
QUESTION_GAP = 0.12  # who asks has given the word away; an answer is ready
CUT_OFF_GAP = 0.0  # after a dash: the next speaker does not wait
TRAILING_GAP = 0.4  # after three points: nobody knows whether more comes
SAME_SPEAKER_GAP = 0.35  # a breath
# A long turn is thought about: for each second above five a little, up to 0.3 s.
LONG_TURN, LONGER_A_SECOND, LONGER_AT_MOST = 5.0, 0.03, 0.3
VARIATION = 0.2  # standard deviation of the logarithm: the shape that measured gaps have
MOST_VARIATION = 1.6  # times longer or shorter

_CLOSERS = "\"'”’»)]}* \n\t"


@dataclass(frozen=True)
class Turn:
    """What one speaker says before another does.

    Attributes:
        speaker: who speaks, as listeners and subtitles shall read it.
        text: plain text, the project's markup, or SSML.
        voice: id of a voice or a blend; the speaker's name in small letters if None.
        style: a style that the voice has; neutral if None.
        overlap: seconds by which it begins before what was said so far ends.
        gap: seconds of silence before it; a natural one if neither is given.
        line: where it stands in its script, for messages.
    """

    speaker: str
    text: str
    _: KW_ONLY
    voice: str | None = None
    style: str | None = None
    overlap: float | None = None
    gap: float | None = None
    line: int | None = None

    def __post_init__(self) -> None:
        if self.overlap is not None and self.gap is not None:
            raise InputError("Give a turn an overlap or a gap, not both.", param="gap")
        for name, value in (("overlap", self.overlap), ("gap", self.gap)):
            if value is not None and not 0 <= value <= MOST_SECONDS:
                raise InputError(
                    f"The {name} must lie between 0 and {MOST_SECONDS:g} seconds; it is {value}.",
                    param=name,
                )

    @property
    def voice_id(self) -> str:
        """The voice that speaks it."""
        return self.voice or self.speaker.lower()


@dataclass(frozen=True, kw_only=True)
class TurnTiming:
    """A turn as it is heard, in seconds from the start of its recording.

    Attributes:
        speaker: as in its Turn.
        voice: id of the voice that speaks it.
        style: as asked for; None where nothing was.
        start: when its first sound is heard.
        end: when its last sound has been heard.
        text: what is said, without markup.
        words: their timings within the recording.
    """

    speaker: str
    voice: str
    style: str | None
    start: float
    end: float
    text: str
    words: tuple[WordTiming, ...] = field(default=())


def natural_gap(before: TurnTiming, speaker: str, chance: np.random.Generator) -> float:
    """Seconds of silence after a turn until a speaker says the next one."""
    said = before.text.rstrip(_CLOSERS)
    if said.endswith(("—", "–", "-")):
        return CUT_OFF_GAP
    gap = BASE_GAP
    if said.endswith("?"):
        gap = QUESTION_GAP
    elif said.endswith(("…", "...")):
        gap = TRAILING_GAP
    if before.speaker == speaker:
        gap = max(gap, SAME_SPEAKER_GAP)
    over = before.end - before.start - LONG_TURN
    gap += min(LONGER_AT_MOST, max(0.0, over * LONGER_A_SECOND))
    factor = float(chance.lognormal(0.0, VARIATION))
    return gap * min(MOST_VARIATION, max(1 / MOST_VARIATION, factor))
