"""Duplicates, exact and near, within and across sources.

Knows: exact duplicates (letters and digits alone decide) and near-duplicates by MinHash: which
documents share so many word 5-grams that they are the same text. Of each cluster the first document
stays, so the order of sources is the order of preference.
Refuses to know: what is in the documents.

Defaults are FineWeb's (Penedo et al., 2024; datatrove `MinhashConfig`): 5-grams of
words, 14 bands of 8 hashes. Two documents of Jaccard similarity s meet in a band with 1 - (1 -
s^8)^14: 92 % at 0.8, 77 % at 0.75, 5 % at 0.5. As there, meeting is enough; unlike there,
candidates are compared once more by their whole signatures (112 values, standard error 0.04 at
0.75) against `least_similarity`, which takes out chance meetings of short texts.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_NOT_WORD = re.compile(r"[\W_]+")

Signature = npt.NDArray[np.uint64]


def bare_words(text: str) -> list[str]:
    """Lower-case words without punctuation: what duplicates are judged by."""
    return _NOT_WORD.sub(" ", text.lower()).split()


@lru_cache(maxsize=500_000)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8"), digest_size=4).digest(), "little")


def word_hashes(words: list[str]) -> npt.NDArray[np.uint64]:
    """A 32-bit hash of each word, uint64 [n], the same on every machine."""
    return np.fromiter(map(_word_hash, words), np.uint64, len(words))


def ngram_hashes(words: list[str], n: int) -> npt.NDArray[np.uint64]:
    """A 61-bit hash of each n-gram of words, uint64 [len(words) - n + 1].

    A text of fewer than n words is one gram.
    """
    hashes = word_hashes(words)
    if not len(hashes):
        return hashes
    n = min(n, len(hashes))
    count = len(hashes) - n + 1
    gram = np.zeros(count, np.uint64)
    for k in range(n):  # multiply-rotate-add; overflow is meant
        gram = gram * np.uint64(0x9E3779B97F4A7C15) + hashes[k : k + count]
        gram ^= gram >> np.uint64(29)
    return gram >> np.uint64(3)


@dataclass(frozen=True, kw_only=True)
class MinHash:
    """How near-duplicates are found.

    Attributes:
        ngram: words per shingle.
        bands: groups of hashes; two documents are candidates if one group is equal.
        rows: hashes per band.
        least_similarity: share of equal hashes that candidates must have.
        seed: of the hash functions.
    """

    ngram: int = 5
    bands: int = 14
    rows: int = 8
    least_similarity: float = 0.7
    seed: int = 1

    def signature(self, words: list[str]) -> Signature:
        """The smallest value of each hash function over a text's n-grams, uint64 [bands · rows].

        Functions are multiply-shift: odd multipliers modulo 2^64, upper 32 bits (Dietzfelbinger,
        1997).
        """
        grams = np.unique(ngram_hashes(words, self.ngram))
        functions = self.bands * self.rows
        if not len(grams):
            return np.zeros(functions, np.uint64)
        random = np.random.default_rng(self.seed)
        factor = random.integers(1, 2**63, functions, np.uint64) * np.uint64(2) + np.uint64(1)
        offset = random.integers(0, 2**63, functions, np.uint64)
        smallest = np.full(functions, np.iinfo(np.uint64).max, np.uint64)
        for start in range(0, len(grams), 4096):  # bounds memory: 4096 x 112 x 8 bytes
            block = grams[start : start + 4096, None]
            smallest = np.minimum(smallest, ((block * factor + offset) >> np.uint64(32)).min(0))
        return smallest


class Duplicates:
    """Meets documents one by one and says which were there before.

    Memory: about 1 kB a document for the signature, and the bands' tables.
    """

    def __init__(self, settings: MinHash | None = None) -> None:
        self._settings = settings or MinHash()
        self._exact: set[bytes] = set()
        self._bands: list[dict[bytes, int]] = [{} for _ in range(self._settings.bands)]
        self._signatures: list[npt.NDArray[np.uint32]] = []

    def reason(self, text: str) -> str | None:
        """Meet a text: "exact duplicate", "near duplicate", or None if it is new (then known)."""
        words = bare_words(text)
        digest = hashlib.blake2b(
            " ".join(words).encode("utf-8", "replace"), digest_size=16
        ).digest()
        if digest in self._exact:
            return "exact duplicate"
        self._exact.add(digest)
        signature = self._settings.signature(words).astype(np.uint32)
        rows = self._settings.rows
        keys = [signature[n * rows : (n + 1) * rows].tobytes() for n in range(self._settings.bands)]
        for band, key in zip(self._bands, keys, strict=True):
            other = band.get(key)
            if other is not None and self._alike(signature, other):
                return "near duplicate"
        number = len(self._signatures)
        self._signatures.append(signature)
        for band, key in zip(self._bands, keys, strict=True):
            band.setdefault(key, number)
        return None

    def _alike(self, signature: npt.NDArray[np.uint32], other: int) -> bool:
        same = float(np.mean(signature == self._signatures[other]))
        return same >= self._settings.least_similarity


def estimated_similarity(settings: MinHash, one: str, other: str) -> float:
    """Share of equal hashes: an estimate of the Jaccard similarity of two texts' n-grams."""
    a, b = (settings.signature(bare_words(text)) for text in (one, other))
    return float(np.mean(a == b))


def jaccard(one: Iterable[object], other: Iterable[object]) -> float:
    """Size of the intersection by size of the union."""
    a, b = set(one), set(other)
    return len(a & b) / max(1, len(a | b))
