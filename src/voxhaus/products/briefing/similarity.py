"""How alike two texts are, by their words.

Knows: words that carry meaning, weights by rarity, cosines, and shared runs of words.
Refuses to know: stories and feeds.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STOP = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each few for from
    further get gets had has have having he her here hers him his how i if in into is it its
    itself just like may me might more most much must my new no nor not now of off on once one
    only or other our out over own per said same say says she should since so some such than
    that the their them then there these they this those through to too two under until up upon
    us very was we were what when where which while who whom why will with within without would
    you your yesterday today tomorrow monday tuesday wednesday thursday friday saturday sunday
    mr mrs ms dr
    """.split()
)


def words(text: str) -> list[str]:
    """Lower-case words with plural and possessive endings taken off."""
    return [_stem(w) for w in _WORD.findall(text.lower())]


def telling_words(text: str) -> list[str]:
    """Words without those that every text has."""
    return [_stem(w) for w in _WORD.findall(text.lower()) if w not in _STOP and len(w) > 1]


def _stem(word: str) -> str:
    word = re.sub(r"['’](?:s|re|ve|ll|d|t)?$", "", word)
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def vectors(bags: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    """Unit TF-IDF vectors [texts, vocabulary]; a text without words is all zero.

    Weights are `(1 + log count) * log(1 + texts / texts with the word)`.
    """
    spread = Counter(word for bag in bags for word in set(bag))
    columns = {word: i for i, word in enumerate(spread)}
    matrix = np.zeros((len(bags), len(columns)), np.float32)
    for row, bag in enumerate(bags):
        for word, count in Counter(bag).items():
            weight = math.log(1 + len(bags) / spread[word])
            matrix[row, columns[word]] = (1 + math.log(count)) * weight
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.maximum(lengths, 1e-9)
    return matrix


def overlap(bag: Sequence[str], other: Sequence[str]) -> float:
    """Share of the smaller set of words that the other holds, 0 to 1."""
    small, large = sorted((set(bag), set(other)), key=len)
    return len(small & large) / len(small) if small else 0.0


def shingles(text: str, length: int = 4) -> frozenset[tuple[str, ...]]:
    """All runs of `length` words: what copied text shares and chance does not."""
    found = words(text)
    return frozenset(tuple(found[i : i + length]) for i in range(len(found) - length + 1))
