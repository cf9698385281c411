"""Weights of sources: which mixture makes the target likeliest.

Knows: random mixtures around the natural one, a regression from mixtures to losses, the best
mixture that it predicts, and how a mixture becomes a list of chunks.
Refuses to know: models and how the losses were measured.

RegMix (Liu et al. 2024, arXiv 2407.01492): losses of small runs on random mixtures, regressed on
the weights, predict the ranks of mixtures for large runs. Its LightGBM needs hundreds of runs; a
ridge on weights and their square roots does with a few dozen. The square root gives what a source
is worth that helps at once and then no more.

Shapes: N mixtures, S sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Chunks = npt.NDArray[np.int64]

_CONCENTRATIONS = (0.5, 20.0)  # of Dirichlet draws times S, from wild to close to the natural one
_RIDGES = 10.0 ** np.arange(-3, 4)
_SIMULATED, _AVERAGED = 20_000, 100


def random_mixtures(natural_S: Array, count: int, seed: int) -> Array:
    """Mixtures [N, S] around a natural one; the first is the natural one itself.

    RegMix draws from Dirichlets with the natural mixture as their mean, at concentrations spread
    evenly on a logarithmic scale, so that some are nearly natural and some have hardly more than
    one source.
    """
    random = np.random.default_rng(seed)
    low, high = np.log(_CONCENTRATIONS)
    concentration_N = np.exp(random.uniform(low, high, count - 1)) * len(natural_S)
    base = np.maximum(natural_S, 1e-3)
    drawn = [random.dirichlet(c * base / base.sum() + 1e-3) for c in concentration_N]
    return np.stack([natural_S, *drawn])


@dataclass(frozen=True, kw_only=True)
class Regression:
    """Predicts a loss from a mixture.

    Attributes:
        center_F, scale_F: of the features, in the runs it was fitted on.
        slope_F: of standardised features.
        level: mean loss.
        ridge: penalty that predicts left-out runs best.
        explained: share of the losses' variance that predictions of left-out runs explain; at or
            below 0 the regression knows nothing.
    """

    center_F: Array
    scale_F: Array
    slope_F: Array
    level: float
    ridge: float
    explained: float

    def predict(self, mixtures_NS: Array) -> Array:
        """Losses [N]."""
        z_NF = (_features(mixtures_NS) - self.center_F) / self.scale_F
        return np.asarray(z_NF @ self.slope_F + self.level)


def fit(mixtures_NS: Array, losses_N: Array) -> Regression:
    """Ridge regression; the penalty is chosen by leaving out one run at a time."""
    features_NF = _features(mixtures_NS)
    center_F, scale_F = features_NF.mean(0), features_NF.std(0) + 1e-9
    z_NF = (features_NF - center_F) / scale_F
    level = float(losses_N.mean())
    best: tuple[float, float] = (np.inf, float(_RIDGES[-1]))
    for ridge in _RIDGES:
        hat_NN = z_NF @ _solved(z_NF, float(ridge)) + 1 / len(losses_N)
        left_out_N = (losses_N - hat_NN @ losses_N) / np.maximum(1 - np.diag(hat_NN), 1e-6)
        best = min(best, (float((left_out_N**2).mean()), float(ridge)))
    # A mean alone, left out in turn, has this error; the regression must beat it.
    idle = float(losses_N.var()) * (len(losses_N) / (len(losses_N) - 1)) ** 2
    return Regression(
        center_F=center_F,
        scale_F=scale_F,
        slope_F=_solved(z_NF, best[1]) @ (losses_N - level),
        level=level,
        ridge=best[1],
        explained=1 - best[0] / max(idle, 1e-12),
    )


def best_mixture(regression: Regression, natural_S: Array, limit_S: Array, *, seed: int) -> Array:
    """The mean of the mixtures with the lowest predicted losses, within the limits; [S].

    The mean of many, as in RegMix: the single best point of a fitted surface is mostly its error.
    The natural mixture, if the regression explains nothing.
    """
    if regression.explained <= 0:
        return within(natural_S, limit_S)
    candidates_NS = random_mixtures(natural_S, _SIMULATED, seed)
    candidates_NS = np.stack([within(m, limit_S) for m in candidates_NS])
    order = np.argsort(regression.predict(candidates_NS))[:_AVERAGED]
    return within(candidates_NS[order].mean(0), limit_S)


def tilted(natural_S: Array, fall_S: Array, limit_S: Array) -> Array:
    """A mixture from each source's mean fall in loss: natural weights times e^(fall / deviation).

    One step of exponentiated gradient, as in DoReMi (Xie et al. 2023), at no cost beyond scoring.
    """
    deviation = float(
        np.sqrt(
            np.average((fall_S - np.average(fall_S, weights=natural_S)) ** 2, weights=natural_S)
        )
    )
    wanted = natural_S * np.exp((fall_S - fall_S.max()) / max(deviation, 1e-9))
    return within(wanted / wanted.sum(), limit_S)


def limits(tokens_S: Array, budget: float, epochs: float) -> Array:
    """The largest weight of each source, so that none is seen more than `epochs` times."""
    return np.minimum(1.0, epochs * tokens_S / budget)


def within(mixture_S: Array, limit_S: Array) -> Array:
    """The mixture with no weight above its limit; what is cut goes to the others in proportion.

    Where the limits add up to less than 1, every source is at its limit, scaled to 1.
    """
    if limit_S.sum() <= 1:
        return limit_S / limit_S.sum()
    mixture_S = mixture_S / mixture_S.sum()
    full_S = np.zeros(len(mixture_S), bool)
    for _ in range(len(mixture_S)):
        over_S = (mixture_S > limit_S + 1e-12) & ~full_S
        if not over_S.any():
            break
        full_S |= over_S
        free = 1 - limit_S[full_S].sum()
        rest_S = np.where(full_S, 0.0, np.maximum(mixture_S, 1e-9))
        mixture_S = np.where(full_S, limit_S, free * rest_S / max(rest_S.sum(), 1e-12))
    return mixture_S / mixture_S.sum()


def chunks_of(
    mixture_S: Array,
    sources: Sequence[int],
    source_n: npt.NDArray[np.int64],
    chunks: Chunks,
    count: int,
    seed: int,
) -> Chunks:
    """`count` chunks in the wanted proportions, each source's used as evenly as can be; sorted.

    Args:
        mixture_S: weight of each of `sources`.
        sources: their numbers.
        source_n: source of each of `chunks`.
        chunks: to take from.
        count: to give; a chunk appears several times where its source has too few.
        seed: decides which chunks appear once more than others.
    """
    random = np.random.default_rng(seed)
    places_S = np.floor(mixture_S * count).astype(int)
    remainder = count - int(places_S.sum())
    places_S[np.argsort(places_S - mixture_S * count, kind="stable")[:remainder]] += 1
    taken = []
    for source, places in zip(sources, places_S.tolist(), strict=True):
        own = chunks[source_n == source]
        if not len(own) or not places:
            continue
        whole, rest = divmod(places, len(own))
        taken += [np.tile(own, whole), random.choice(own, rest, replace=False)]
    return np.sort(np.concatenate(taken))


def _features(mixtures_NS: Array) -> Array:
    return np.concatenate([mixtures_NS, np.sqrt(mixtures_NS)], axis=1)


def _solved(z_NF: Array, ridge: float) -> Array:
    """(Z'Z + ridge)^-1 Z', [F, N]."""
    return np.asarray(np.linalg.solve(z_NF.T @ z_NF + ridge * np.eye(z_NF.shape[1]), z_NF.T))
