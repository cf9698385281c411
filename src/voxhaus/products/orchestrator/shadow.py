"""Comparing an answer that was shown with one that was not.

Knows: how long an answer is, and how alike two texts are.
Refuses to know: where answers come from, and what follows from the comparison.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from voxhaus.core.chat import ChatDelta
from voxhaus.core.hearing import Transcript
from voxhaus.core.speech import AudioChunk

KEPT = 20_000  # characters of a text; nobody needs more to see whether two are alike


@dataclass
class Outline:
    """What is remembered of an answer: a text's words, a recording's length.

    Attributes:
        length: characters or seconds.
    """

    length: float = 0.0
    _text: list[str] = field(default_factory=list)

    def add(self, event: Any) -> None:  # noqa: ANN401 - whatever engines tell
        """One more event of the answer."""
        match event:
            case AudioChunk():
                self.length += len(event.samples) / event.sample_rate
            case ChatDelta() | Transcript():
                if self.length < KEPT:
                    self._text.append(event.text)
                self.length += len(event.text)

    def similarity(self, other: "Outline") -> float:
        """Cosine of word counts, 0 to 1; 1 for recordings, of which only the lengths are kept."""
        ours, theirs = self._words(), other._words()
        if not self._text and not other._text:
            return 1.0
        product = sum(n * theirs[word] for word, n in ours.items())
        norms = _norm(ours) * _norm(theirs)
        return product / norms if norms else 0.0

    def ratio(self, other: "Outline") -> float:
        """Our length over the other's; 1 if both are empty."""
        return self.length / other.length if other.length else float(not self.length)

    def _words(self) -> Counter[str]:
        return Counter(re.findall(r"\w+", "".join(self._text).lower()))


def _norm(words: Counter[str]) -> float:
    return sqrt(sum(n * n for n in words.values()))
