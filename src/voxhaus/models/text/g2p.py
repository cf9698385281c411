"""How an unknown word is probably said: a small trained network, run in NumPy.

Knows: the network's letters, phonemes, layers and file. It was trained on the dictionaries by
`training/voice/g2p.py`; one pass over the letters gives scores of phonemes in slots (CTC).
Refuses to know: dictionaries, sentences, and any alphabet but a to z with the apostrophe.

Shapes: L letters, D width, H heads, S slots (L * SLOTS), V phonemes with blank.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
MAX_LETTERS = 32
SLOTS = 3  # phoneme slots a letter; "x" needs two, with a stress mark three
SYMBOLS = "AIOQTWYabdfhijklmnpstuvwzæðŋɑɒɔəɛɜɡɪɹʃʊʌʒʤʧˈˌːθᵊᵻ"
ACCENT_ROWS = {"us": 0, "gb": 1}
HEADS = 4

# OpenBLAS shares products of more multiply-adds between threads. On a busy machine waking them took
# 200 ms for a word of 19 letters that one thread reads in 3 ms.
UNTHREADED = 1 << 17

Array = NDArray[np.float32]


def _norm(x: Array, weight: Array, bias: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
    return np.asarray(centred / spread * weight + bias, np.float32)


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True), np.float32)


class Network:
    """Letters to phonemes."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._w = weights
        self._blocks = 1 + max(int(k.split(".")[1]) for k in weights if k.startswith("blocks."))

    @classmethod
    def load(cls, path: Path) -> "Network":
        """Read the weights (float16 on disk)."""
        with np.load(path) as file:
            return cls({k: file[k].astype(np.float32) for k in file.files})

    def say(self, word: str, accent: str) -> str:
        """Phonemes of a word of LETTERS; other characters are passed over, "" when none is left."""
        ids = [LETTERS.index(c) + 1 for c in word.lower() if c in LETTERS]
        if not ids:
            return ""
        # A longer word is read in halves; nothing so long has one accepted reading anyway.
        if len(ids) > MAX_LETTERS:
            letters = [c for c in word.lower() if c in LETTERS]
            middle = len(letters) // 2
            parts = ("".join(letters[:middle]), "".join(letters[middle:]))
            return "".join(self.say(part, accent) for part in parts)
        best = self._scores(ids, ACCENT_ROWS[accent]).argmax(-1)
        kept = [v for v, before in zip(best, [0, *best[:-1]], strict=True) if v and v != before]
        return "".join(SYMBOLS[v - 1] for v in kept)

    def _scores(self, ids: list[int], accent: int) -> Array:
        """Scores [S, V]."""
        w = self._w
        x = w["letters.weight"][ids] + w["accent.weight"][accent] + w["place.weight"][: len(ids)]
        for i in range(self._blocks):
            x = self._block(x, f"blocks.{i}.")
        x = _norm(x, w["norm.weight"], w["norm.bias"])
        return self._linear(x, "head").reshape(len(ids) * SLOTS, -1)

    def _linear(self, x: Array, name: str) -> Array:
        """X W + b, in products too small for the linear algebra library to wake its threads."""
        weight, bias = self._w[f"{name}.weight"], self._w[f"{name}.bias"]
        rows = max(1, UNTHREADED // x.size)
        parts = [x @ weight[i : i + rows].T for i in range(0, len(weight), rows)]
        return np.asarray(np.concatenate(parts, -1) + bias, np.float32)

    def _block(self, x: Array, at: str) -> Array:
        w = self._w
        y = self._conv(_norm(x, w[f"{at}norm_conv.weight"], w[f"{at}norm_conv.bias"]), f"{at}conv")
        x = x + self._linear(np.maximum(y, 0), f"{at}mix")
        y = _norm(x, w[f"{at}norm_attend.weight"], w[f"{at}norm_attend.bias"])
        x = x + self._linear(self._attend(self._linear(y, f"{at}qkv")), f"{at}out")
        y = _norm(x, w[f"{at}norm_feed.weight"], w[f"{at}norm_feed.bias"])
        y = np.maximum(self._linear(y, f"{at}up"), 0)
        return np.asarray(x + self._linear(y, f"{at}down"), np.float32)

    def _conv(self, x: Array, name: str) -> Array:
        """Depthwise convolution over letters."""
        taps = self._w[f"{name}.weight"][:, 0, :]
        half = taps.shape[1] // 2
        padded = np.pad(x, ((half, half), (0, 0)))
        parts = [padded[k : k + len(x)] * taps[:, k] for k in range(taps.shape[1])]
        return np.asarray(sum(parts) + self._w[f"{name}.bias"], np.float32)

    def _attend(self, qkv: Array) -> Array:
        L = len(qkv)
        q, k, v = qkv.reshape(L, 3, HEADS, -1).transpose(1, 2, 0, 3)
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(q.shape[-1]))
        return np.asarray((_softmax(scores) @ v).transpose(1, 0, 2).reshape(L, -1), np.float32)


@lru_cache(1)
def network() -> Network:
    """The shipped network, read on first use."""
    return Network.load(Path(__file__).parent / "data" / "g2p.npz")
