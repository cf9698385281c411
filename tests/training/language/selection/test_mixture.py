"""Mixtures: the regression finds what helps, limits hold, proportions become chunks."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.training.language.selection import mixture

NATURAL = np.array([0.2, 0.5, 0.3])
FREE = np.ones(3)


def measured(mixtures, noise=0.0):
    """The first source helps with diminishing returns, the second harms."""
    random = np.random.default_rng(5)
    loss = 2.0 - 0.3 * np.sqrt(mixtures[:, 0]) + 0.2 * mixtures[:, 1]
    return loss + noise * random.standard_normal(len(mixtures))


def test_mixtures_are_drawn_around_the_natural_one():
    drawn = mixture.random_mixtures(NATURAL, 400, seed=1)

    assert np.array_equal(drawn[0], NATURAL)
    assert np.allclose(drawn.sum(1), 1)
    assert np.allclose(drawn.mean(0), NATURAL, atol=0.05)
    assert np.array_equal(drawn, mixture.random_mixtures(NATURAL, 400, seed=1))


def test_the_best_mixture_prefers_the_source_that_helps():
    drawn = mixture.random_mixtures(NATURAL, 16, seed=1)

    regression = mixture.fit(drawn, measured(drawn, noise=0.005))
    best = mixture.best_mixture(regression, NATURAL, FREE, seed=2)

    assert regression.explained > 0.8
    assert best[0] > 0.6
    assert best[1] < 0.15


def test_losses_that_say_nothing_leave_the_natural_mixture():
    drawn = mixture.random_mixtures(NATURAL, 16, seed=1)
    # Alternating losses in the order of the draw have nothing to do with the weights.
    regression = mixture.fit(drawn, np.tile([1.0, 2.0], 8))

    assert regression.explained <= 0
    assert np.allclose(mixture.best_mixture(regression, NATURAL, FREE, seed=2), NATURAL)


def test_a_tilt_follows_the_fall_in_loss():
    tilted = mixture.tilted(NATURAL, np.array([0.5, 0.1, 0.1]), FREE)

    assert tilted[0] > 2 * NATURAL[0]
    assert tilted[1] / tilted[2] == pytest.approx(5 / 3)
    assert np.allclose(mixture.tilted(NATURAL, np.array([0.1, 0.1, 0.1]), FREE), NATURAL)


def test_no_source_is_seen_more_often_than_allowed():
    limit = mixture.limits(np.array([10.0, 1000.0, 30.0]), budget=100, epochs=4)

    held = mixture.within(np.array([0.9, 0.05, 0.05]), limit)

    assert held[0] == pytest.approx(0.4)
    assert held.sum() == pytest.approx(1)
    assert (held <= limit + 1e-9).all()


def test_limits_that_leave_too_little_are_stretched_alike():
    held = mixture.within(NATURAL, np.array([0.1, 0.2, 0.1]))

    assert np.allclose(held, [0.25, 0.5, 0.25])


def test_weights_become_chunks_in_proportion():
    source = np.array([0] * 10 + [1] * 40 + [2] * 50, np.int32)
    chunks = np.arange(100) + 7

    placed = mixture.chunks_of(np.array([0.5, 0.3, 0.2]), [0, 1, 2], source, chunks, 50, seed=1)

    counts = np.bincount(source[placed - 7], minlength=3)
    assert counts.tolist() == [25, 15, 10]
    often = np.bincount(placed - 7)[:10]
    assert set(often.tolist()) == {2, 3}  # evenly: 25 places for 10 chunks
