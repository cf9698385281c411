"""A power law is found again in its own points, and tells the next."""

import pytest

from voxhaus.core.errors import InputError
from voxhaus.training.language.curves import fit


def test_a_law_is_found_again_and_foretells():
    flops = [1e13, 1e14, 1e15, 1e16]
    curve = fit(flops, [0.8 + 40 * c**-0.12 for c in flops])
    assert curve.exponent == pytest.approx(0.12, abs=0.01)
    assert curve.at(1e17) == pytest.approx(0.8 + 40 * 1e17**-0.12, abs=0.005)
    assert curve.error < 0.002


def test_two_points_are_no_curve():
    with pytest.raises(InputError, match="three budgets"):
        fit([1e13, 1e14, 1e14], [2.0, 1.5, 1.5])


def test_losses_that_rise_are_no_curve():
    with pytest.raises(InputError, match="does not fall"):
        fit([1.0, 2.0, 3.0], [1.0, 1.1, 1.2])
