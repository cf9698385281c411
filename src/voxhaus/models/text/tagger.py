"""Parts of speech, as far as pronunciation depends on them.

Knows: a small averaged perceptron with hashed features: Penn Treebank tags, with plurals and
degrees folded into their families. Words that nearly always have one tag are answered from a list.
Refuses to know: how words are pronounced. `training/voice/tagger.py` makes its file.
"""

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TAGS = (
    "NN", "NNP", "VB", "VBD", "VBN", "VBP", "VBZ", "VBG", "MD", "JJ", "RB", "RP", "IN", "TO", "DT",
    "PRP", "CC", "CD", "WH", "EX", "UH", "PUNCT",
)  # fmt: skip
ROWS = 1 << 14  # rows of the table of weights; features are hashed into them
FILE = Path(__file__).parent / "data" / "tagger.npz"
_START, _END = "<s>", "</s>"


@dataclass(frozen=True, slots=True)
class Tagger:
    """Weights int8 [ROWS, tags] and the words with one tag."""

    weights: NDArray[np.int8]
    certain: dict[str, str]

    @classmethod
    def load(cls, path: Path = FILE) -> "Tagger":
        """Read the file."""
        with np.load(path) as file:
            rows = str(file["certain"]).split("\n")
            return cls(file["weights"], dict(r.split("\t") for r in rows if r))

    def tag(self, words: list[str]) -> list[str]:
        """Tags of a sentence's words and marks."""
        lower = [_START, _START, *(w.lower() for w in words), _END, _END]
        before, before2, tags = _START, _START, []
        for i, word in enumerate(words):
            tag = self.certain.get(word)
            if tag is None:
                rows = [hashed(f) for f in features(i, word, lower, before, before2)]
                tag = TAGS[int(self.weights[rows].sum(0, dtype=np.int32).argmax())]
            tags.append(tag)
            before2, before = before, tag
        return tags


def hashed(feature: str) -> int:
    """Row of a feature."""
    return zlib.crc32(feature.encode(errors="surrogatepass")) % ROWS


def shape(word: str) -> str:
    """Capitals and digits of a word, roughly."""
    if word.islower():
        return "x"
    if word.isupper():
        return "X" if len(word) == 1 else "XX"
    return "Xx" if word[:1].isupper() else "d" if word[:1].isdigit() else "."


def features(i: int, word: str, lower: list[str], before: str, before2: str) -> list[str]:
    """What the decision about word `i` looks at.

    Args:
        i: number of the word.
        word: as written.
        lower: all words in lower case, with two borders at either end.
        before: tag of the word before.
        before2: tag of the word before that.
    """
    own, left, left2, right, right2 = (lower[i + 2 + k] for k in (0, -1, -2, 1, 2))
    form = shape(word) + ("^" if i == 0 else "")
    return [
        f"a{own}", f"b{own[-3:]}{form}", f"c{own[-2:]}", f"d{before}", f"e{before2} {before}",
        f"f{before} {own}", f"g{left}", f"h{left2}", f"i{right}", f"j{right2}", f"k{right[-3:]}",
        f"l{form}", f"m{left[-3:]}", f"n{right} {own}", f"o{left} {own}",
    ]  # fmt: skip


@lru_cache(1)
def _shipped() -> Tagger:
    return Tagger.load()


def tag(words: list[str]) -> list[str]:
    """Tags of a sentence's words and marks, by the shipped weights."""
    return _shipped().tag(words)
