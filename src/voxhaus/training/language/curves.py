"""Loss against FLOPs: a fitted curve, and what it says of the next size.

Knows: a power law with a floor (Kaplan et al. 2020; Hoffmann et al. 2022, equation 2 along the
compute-optimal line), fitted by least squares over logarithms.
Refuses to know: runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voxhaus.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Curve:
    """loss(C) = floor + scale * C ** -exponent, with C in FLOPs.

    Attributes:
        error: largest difference at the points that it was fitted to.
    """

    floor: float
    scale: float
    exponent: float
    error: float

    def at(self, flops: float) -> float:
        """The loss that it says a budget gives."""
        return self.floor + self.scale * flops**-self.exponent


def fit(flops: Sequence[float], losses: Sequence[float]) -> Curve:
    """The curve through points: for each floor the law is a line in logarithms; the best is taken.

    Raises:
        InputError: fewer than three different budgets, or losses that do not fall.
    """
    c, loss = np.asarray(flops, float), np.asarray(losses, float)
    if len(np.unique(c)) < 3:
        raise InputError("A scaling curve needs at least three budgets.")
    if loss[np.argmax(c)] >= loss[np.argmin(c)]:
        raise InputError("The loss does not fall with FLOPs; there is no curve to fit.")
    best, least = None, np.inf
    for floor in np.linspace(0.0, 0.98 * loss.min(), 400):
        slope, start = np.polyfit(np.log(c), np.log(loss - floor), 1)
        curve = Curve(
            floor=float(floor), scale=float(np.exp(start)), exponent=float(-slope), error=0.0
        )
        errors = np.array([curve.at(x) for x in c]) - loss
        squares = float((errors**2).sum())
        if squares < least:
            least = squares
            best = Curve(
                floor=curve.floor,
                scale=curve.scale,
                exponent=curve.exponent,
                error=float(np.abs(errors).max()),
            )
    assert best is not None
    return best
