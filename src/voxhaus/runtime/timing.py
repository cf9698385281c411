"""When each sound of an utterance is heard.

Knows: which symbols are sounds, how the sound of the model lies to its tokens, and that it ends
when its energy falls.
Refuses to know: graphs, samples, and what follows the utterance.

The model is timed by its teacher's durations, and the teacher speaks ahead of them: its sound is
heard 20 to 70 ms before the token that it is counted to (Kokoro's own code takes 75 ms from its
word times). The figures below were fitted to forced alignment on half of the sentences of the
committed list and confirmed on the other half (records/2026-11-25_voice-2_timestamps_cpu).

Shapes: P sounds, L tokens with borders.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import PhonemeTiming, WordTiming
from voxhaus.models.text.utterance import Utterance
from voxhaus.runtime.voice_model import Course
from voxhaus.runtime.waveform import Array

Times = NDArray[np.float64]

# A sound begins before the end of the sound before it, by a share of that sound's tokens and some
# seconds: where it follows at once, where a sign of stress stands between, where a space does.
AT_ONCE, AFTER_STRESS, AFTER_SPACE = range(3)
SHARES = np.array([0.55, 0.35, 0.21])
SECONDS = np.array([0.028, 0.019, 0.025])
ONSET = 0.067  # after silence: so many seconds before its own tokens

# Before a pause and at the end a sound is over after the last frame with more energy than FAINT, in
# the model's unit; in a short pause, with so much more than the least that the pause has.
FAINT = -2.0
ABOVE_LEAST = 3.0
FALLING = 0.05  # seconds before its own token from where on it is looked for
ENDING = 0.006  # seconds from that frame's end to the end of the sound
SHORTEST = 0.01  # seconds of a sound

SILENT: tuple[Times, Times] = (np.zeros(0), np.zeros(0))  # of an utterance without a sound

_STRESS = frozenset("ˈˌ")
_LENGTH = "ː"
_PAUSES = frozenset(';:,.!?—…"()“”')


@dataclass(frozen=True)
class Sounds:
    """The sounds of an utterance and their tokens; all lists [P] but `symbols`.

    Attributes:
        symbols: with stress and length.
        first: index of the first phoneme, a sign of stress or the sound itself.
        own: index of the sound itself.
        last: index of the last, the sound itself or a sign of length.
        words: index of the word.
        follows: AT_ONCE, AFTER_STRESS or AFTER_SPACE.
        silence: whether a pause comes before it; so for the first.
    """

    symbols: list[str]
    first: list[int]
    own: list[int]
    last: list[int]
    words: list[int]
    follows: list[int]
    silence: list[bool]

    @cached_property
    def ending(self) -> list[int]:
        """The sounds before silence."""
        following = [*self.silence[1:], True]
        return [i for i, paused in enumerate(following) if paused]


def sounds_of(utterance: Utterance) -> Sounds:
    """The sounds of an utterance; signs of stress and length belong to theirs."""
    made = Sounds([], [], [], [], [], [], [])
    phonemes = utterance.phonemes
    for number, word in enumerate(utterance.words):
        mark = ""
        for i in range(word.start, word.end):
            c = phonemes[i]
            if c in _STRESS:
                mark = c
            elif c == _LENGTH and made.last and made.last[-1] == i - 1:
                made.symbols[-1] += c
                made.last[-1] = i
            elif c != " " and c not in _PAUSES:
                before = made.last[-1] + 1 if made.last else 0
                first = i - len(mark)
                between = phonemes[before:first]
                made.symbols.append(mark + c)
                made.silence.append(not made.last or not _PAUSES.isdisjoint(between))
                made.follows.append(AFTER_SPACE if between else AFTER_STRESS if mark else AT_ONCE)
                made.first.append(first)
                made.own.append(i)
                made.last.append(i)
                made.words.append(number)
                mark = ""
    return made


def timed(sounds: Sounds, course: Course, unit: float) -> tuple[Times, Times]:
    """Start and end of each sound, in seconds from the first sample; neither ever goes back.

    Args:
        sounds: of the utterance.
        course: as it was spoken.
        unit: seconds of a unit.
    """
    if not sounds.symbols:
        return SILENT
    # A border comes first, so token i + 1 is phoneme i.
    ends_L = (np.cumsum(course.lengths_L) - course.start).astype(np.float64) * unit
    begun_P, over_P = ends_L[sounds.first], ends_L[np.array(sounds.last) + 1]
    lengths_P = over_P - ends_L[sounds.own]
    follows = np.array(sounds.follows[1:], np.int64)
    early = SHARES[follows] * lengths_P[:-1] + SECONDS[follows]
    starts: Times = begun_P - ONSET
    starts[1:] = np.where(sounds.silence[1:], starts[1:], over_P[:-1] - early)
    whole = (course.stop - course.start) * unit
    starts = np.maximum.accumulate(np.clip(starts, 0.0, whole - SHORTEST))
    ends: Times = np.append(starts[1:], whole)
    frame = unit * float(course.lengths_L.sum()) / len(course.bare_energy_F)
    energy_F = course.bare_energy_F[round(course.start * unit / frame) :]
    for i in sounds.ending:
        falls = _falls(energy_F, frame, float(ends_L[sounds.own[i]]), float(ends[i]))
        ends[i] = min(ends[i], max(starts[i] + SHORTEST, falls))
    return starts, ends


def _falls(energy_F: Array, frame: float, own: float, limit: float) -> float:
    """When the energy has fallen, between a sound's token and the limit; all in seconds."""
    start = max(0, round((own - FALLING) / frame))
    around = energy_F[start : max(start + 1, round((limit + ONSET) / frame))]
    if not len(around):
        return limit
    least = int(around.argmin())
    loud = np.flatnonzero(around[:least] > max(FAINT, float(around[least]) + ABOVE_LEAST))
    return (start + (int(loud[-1]) + 1 if len(loud) else 0)) * frame + ENDING


def placed(
    utterance: Utterance, sounds: Sounds, times: tuple[Times, Times], by: float
) -> tuple[tuple[WordTiming, ...], tuple[PhonemeTiming, ...]]:
    """Words and sounds in the time of a recording in which the utterance begins at `by`.

    A word without a sound ("—" that stands alone) is heard for no time where it stands.
    """
    starts, ends = ((t + by).tolist() for t in times)
    phonemes = tuple(map(PhonemeTiming, sounds.symbols, starts, ends, sounds.words))
    spans: dict[int, tuple[float, float]] = {}
    for p in phonemes:
        spans[p.word] = (spans[p.word][0] if p.word in spans else p.start, p.end)
    words, now = [], by
    for number, word in enumerate(utterance.words):
        start, now = spans.get(number, (now, now))
        words.append(WordTiming(text=word.text, start=start, end=now))
    return tuple(words), phonemes
