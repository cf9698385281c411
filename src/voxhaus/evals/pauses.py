"""How long are the silences at commas, dashes, semicolons, and between sentences and paragraphs?

Knows: halves of sentences that any mark may join, and how a silence is found in sound.
Refuses to know: how pauses are made.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples, Speech

STEP = 0.005  # seconds of a frame
SILENT = 40.0  # decibels under the loudest frame
REACH = 0.15  # seconds around the border between two words in which a silence may begin

# What stands between the halves; the second half begins with a capital after a mark that ends.
MARKS: dict[str, str] = {
    "none": " ",
    "comma": ", ",
    "semicolon": "; ",
    "colon": ": ",
    "dash": " — ",
    "dash, unspaced": "—",
    "en dash": " – ",
    "two hyphens": " -- ",
    "brackets": " (",
    "three points": "... ",
    "full stop": ". ",
    "question mark": "? ",
    "exclamation mark": "! ",
    "paragraph": ".\n\n",
}
_ENDING = frozenset({"full stop", "question mark", "exclamation mark", "paragraph"})

HALVES = (
    ("The shop was closed", "nobody had told the baker"),
    ("We waited at the harbour", "all the boats had left"),
    ("She opened the window", "it was raining again"),
    ("They sold the old piano", "no one ever played it"),
    ("He found his keys", "they were under the table"),
    ("The road was empty", "everyone had gone home"),
    ("You can keep the lamp", "I never liked it"),
    ("The river rose all night", "by morning it had reached the mill"),
    ("Our train was late", "we missed the opening"),
    ("The soup is ready", "bring me four bowls"),
    ("I heard a noise", "something moved in the attic"),
    ("Nobody answered the phone", "the office was dark"),
)


def joined(first: str, mark: str, second: str) -> str:
    """Two halves with a mark between them, as a text to be read."""
    if mark in _ENDING:
        second = second[0].upper() + second[1:]
    return f"{first}{MARKS[mark]}{second}{')' if mark == 'brackets' else ''}."


def silence(samples: Samples, rate: int, around: float) -> float:
    """Seconds of the longest silence that begins within REACH of a time; 0 if there is none.

    A stop's closure is silent too, so a pause before "keys" seems longer and a word that ends in a
    stop seems to be followed by one: compare marks on equal words only.
    """
    size = round(STEP * rate)
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    power = (frames**2).mean(axis=1)
    quiet = np.concatenate([[False], power < power.max() * 10 ** (-SILENT / 10), [False]])
    turns = np.flatnonzero(quiet[1:] != quiet[:-1])
    starts, ends = turns[::2] * STEP, turns[1::2] * STEP
    near = (starts < around + REACH) & (ends > around - REACH)
    lengths: NDArray[np.float64] = (ends - starts)[near]
    return float(lengths.max()) if len(lengths) else 0.0


def measured(
    speak: Callable[[str, str], Speech], voices: Sequence[str]
) -> Iterator[tuple[str, str, list[float]]]:
    """For each voice and mark: the silence between the halves of every sentence, in seconds.

    Args:
        speak: text and voice -> speech with words.
        voices: ids.
    """
    for voice in voices:
        for mark in MARKS:
            found = []
            for first, second in HALVES:
                speech = speak(joined(first, mark, second), voice)
                last = speech.words[len(first.split()) - 1]
                following = speech.words[len(first.split())]
                border = 0.5 * (last.end + following.start)
                found.append(silence(speech.samples, speech.sample_rate, border))
            yield voice, mark, found


def summary(found: Sequence[float]) -> dict[str, Any]:
    """Quartiles in milliseconds, and the single values."""
    low, middle, high = np.percentile(found, [25, 50, 75]) * 1000
    return {
        "median": round(float(middle)),
        "quartiles": [round(float(low)), round(float(high))],
        "all": [round(1000 * f) for f in found],
    }


def shown(figures: dict[str, Any]) -> str:
    """A summary as a cell."""
    low, high = figures["quartiles"]
    return f"{figures['median']} ({low}–{high})"
