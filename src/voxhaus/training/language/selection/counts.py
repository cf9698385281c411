"""A model of language that is counted, not trained: pairs of tokens with absolute discounting.

Knows: counting a stream, and the nats of tokens given the one before.
Refuses to know: files, shards, and what is concluded.

Moore & Lewis (2010) chose text for a target by the difference of two such models' cross-entropies,
which is CoLoR-Filter's score with models that cost no FLOPs worth the name.

Shapes: V vocabulary, K different pairs.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]

DISCOUNT = 0.75  # Ney, Essen & Kneser 1994; between 0.6 and 0.9 hardly anything changes
# Additions, products, comparisons for a token: generously, so that nobody can call it free.
LEARNING_FLOPS, LOOKING_FLOPS = 30, 60

_AT_ONCE = 4_000_000  # pairs


class Counts:
    """Probabilities of a token after another, from a text.

    Args:
        rows: ids [n, T + 1]; each but the first of a row is counted with the one before.
        vocabulary: V.
    """

    def __init__(self, rows: Iterable[Tokens], vocabulary: int) -> None:
        self._size = vocabulary
        self._keys_K, counts_K = _counted(r[:, :-1] * vocabulary + r[:, 1:] for r in rows)
        before_K, after_K = np.divmod(self._keys_K, vocabulary)
        self._total_V = np.bincount(before_K, weights=counts_K, minlength=vocabulary)
        self._kinds_V = np.bincount(before_K, minlength=vocabulary).astype(np.float64)
        single_V = np.bincount(after_K, weights=counts_K, minlength=vocabulary) + 1
        self._single_V = single_V / single_V.sum()
        self._kept_K = counts_K - DISCOUNT
        self.tokens = int(counts_K.sum())

    def probabilities(self, rows: Tokens) -> Array:
        """Of each token but the first of a row, [n, T]."""
        before, after = rows[:, :-1], rows[:, 1:]
        keys = before * self._size + after
        place = np.minimum(np.searchsorted(self._keys_K, keys), len(self._keys_K) - 1)
        kept = np.where(self._keys_K[place] == keys, self._kept_K[place], 0.0)
        total = self._total_V[before]
        left = np.where(total > 0, DISCOUNT * self._kinds_V[before], 1.0)
        return np.asarray((kept + left * self._single_V[after]) / np.maximum(total, 1.0))


def _counted(keys: Iterable[Tokens]) -> tuple[Tokens, Array]:
    """Each different key and how often it came; merged now and then, so that memory stays small."""
    found: list[tuple[Tokens, Array]] = []
    for part in keys:
        different, counts = np.unique(part, return_counts=True)
        found.append((different, counts.astype(np.float64)))
        if sum(len(f[0]) for f in found[1:]) > max(_AT_ONCE, len(found[0][0])):
            found = [_merged(found)]
    return _merged(found)


def _merged(found: list[tuple[Tokens, Array]]) -> tuple[Tokens, Array]:
    different, place = np.unique(np.concatenate([f[0] for f in found]), return_inverse=True)
    counts = np.bincount(place, weights=np.concatenate([f[1] for f in found]))
    return different, counts.astype(np.float64)
