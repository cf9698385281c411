"""Whether recordings say what their texts say.

Knows: how a listener hears many short recordings at little cost.
Refuses to know: how it hears, and what follows from a wrong word.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from voxhaus.core.speech import Samples
from voxhaus.evals.judges import JUDGE_RATE, level

LONGEST = 28.0  # seconds: Whisper hears 30 at once, and as long for one second as for all of them
BETWEEN = 0.6  # seconds of silence between recordings
DOUBTFUL = 0.2  # share of words; what is worse is heard once more, alone


class Listener(Protocol):
    """Who hears words."""

    def heard(self, samples: Samples) -> str:
        """Text of samples at JUDGE_RATE."""
        ...

    def errors_by_part(self, wanted: Sequence[str], heard: str) -> list[tuple[int, int]]:
        """Wrong words and words of each of several texts."""
        ...


def listen(
    listener: Listener, sounds: Sequence[Samples], texts: Sequence[str]
) -> list[tuple[int, int, str]]:
    """Wrong words, words, and what was heard, for each recording.

    Args:
        listener: who hears.
        sounds: recordings at JUDGE_RATE.
        texts: what they should say.
    """
    found: list[tuple[int, int, str]] = []
    for group in _groups(sounds):
        said = [texts[i] for i in group]
        heard = listener.heard(_strung([sounds[i] for i in group]))
        for i, (wrong, words) in zip(group, listener.errors_by_part(said, heard), strict=True):
            doubtful = wrong > DOUBTFUL * words
            found.append(
                _alone(listener, sounds[i], texts[i]) if doubtful else (wrong, words, heard)
            )
    return found


def _alone(listener: Listener, sound: Samples, text: str) -> tuple[int, int, str]:
    heard = listener.heard(_strung([sound]))
    ((wrong, words),) = listener.errors_by_part([text], heard)
    return (0 if _letters(heard) == _letters(text) else wrong), words, heard


def _letters(text: str) -> str:
    """Without spaces: "de-activated" and "deactivated" sound the same."""
    return "".join(c for c in text.lower() if c.isalnum())


def _groups(sounds: Sequence[Samples]) -> Iterator[list[int]]:
    group, seconds = list[int](), 0.0
    for i, sound in enumerate(sounds):
        more = len(sound) / JUDGE_RATE + BETWEEN
        if group and seconds + more > LONGEST:
            yield group
            group, seconds = [], 0.0
        group.append(i)
        seconds += more
    if group:
        yield group


def _strung(sounds: Sequence[Samples]) -> Samples:
    gap = np.zeros(round(BETWEEN * JUDGE_RATE), np.float32)
    return np.concatenate([x for s in sounds for x in (level(s, JUDGE_RATE), gap)])
