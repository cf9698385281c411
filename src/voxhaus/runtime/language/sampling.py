"""Choosing the next token.

Knows: logits, and the settings that change their distribution.
Refuses to know: models, text, and where logits come from.

The order is that of transformers: repetition penalty, what is forbidden, temperature, top-k, top-p,
min-p.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voxhaus.runtime.language.options import Options

Logits = NDArray[np.float32]
_FEW = 256  # of the likeliest tokens that are sorted first; their share is nearly always enough


class Sampler:
    """Chooses tokens for one answer.

    Args:
        options: of the answer.
        before: tokens of the prompt, which the repetition penalty counts too.
    """

    def __init__(self, options: Options, before: Sequence[int]) -> None:
        self._options = options
        self._chance = np.random.Generator(np.random.PCG64(options.seed))
        self._seen: list[int] = list(dict.fromkeys(before)) if self._penalises else []
        self._known = set(self._seen)

    @property
    def _penalises(self) -> bool:
        return self._options.repetition_penalty != 1.0

    def choose(self, logits: Logits, allowed: NDArray[np.bool_] | None = None) -> int:
        """The next token.

        Args:
            logits: [vocabulary], of which -inf is never chosen; not changed.
            allowed: [vocabulary], where not all tokens may come.
        """
        if self._penalises and self._seen:
            logits = self._penalised(logits)
        if allowed is not None:
            logits = np.where(allowed, logits, -np.inf)
        token = int(logits.argmax())
        if self._options.temperature > 0:
            token = self._drawn(logits, float(logits[token]))
        if self._penalises and token not in self._known:
            self._known.add(token)
            self._seen.append(token)
        return token

    def _penalised(self, logits: Logits) -> Logits:
        changed, by = logits.copy(), self._options.repetition_penalty
        there = changed[self._seen]
        changed[self._seen] = np.where(there > 0, there / by, there * by)
        return changed

    def _drawn(self, logits: Logits, highest: float) -> int:
        asked = self._options
        # float64: shares of unlikely tokens must add up.
        tokens: NDArray[np.intp] | None = None
        if 0 < asked.top_k < len(logits):
            tokens = np.argpartition(logits, -asked.top_k)[-asked.top_k :]
            logits = logits[tokens]
        shares = np.exp((logits - highest).astype(np.float64) / asked.temperature)
        if asked.top_p < 1.0:
            kept = _nucleus(shares, asked.top_p)
            shares, tokens = shares[kept], kept if tokens is None else tokens[kept]
        if asked.min_p > 0.0:
            shares = np.where(shares >= asked.min_p, shares, 0.0)  # the likeliest has 1
        ends = shares.cumsum()
        at = int(ends.searchsorted(self._chance.random() * ends[-1], side="right"))
        at = min(at, len(ends) - 1)
        return int(tokens[at]) if tokens is not None else at


def _nucleus(shares: NDArray[np.float64], top_p: float) -> NDArray[np.intp]:
    """The fewest of the likeliest tokens that have this share of the whole, at least one."""
    wanted = top_p * shares.sum()
    few: NDArray[np.intp] = np.arange(len(shares))
    if len(shares) > _FEW:
        few = np.argpartition(shares, -_FEW)[-_FEW:]
        if shares[few].sum() < wanted:
            few = np.arange(len(shares))
    order = few[np.argsort(-shares[few], kind="stable")]
    count = int(shares[order].cumsum().searchsorted(wanted)) + 1
    return order[:count]
