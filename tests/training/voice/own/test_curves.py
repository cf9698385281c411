"""Bands and the energy scale do what they say on sounds that are known."""

import numpy as np
import pytest

from voxhaus.training.voice.own import bands, curves
from voxhaus.training.voice.own.practice import Practice, noisy, stopped


def practice(seed):
    rng = np.random.default_rng(seed)
    frames = 160
    energy = np.repeat(rng.uniform(-8, 8, 20), 8).astype(np.float32)
    gain = np.repeat(10 ** (energy / 20 - 1), bands.HOP)
    return Practice(
        voice="x",
        tokens=np.array([0, 5, 16, 5, 0]),
        frames=np.array([20, 40, 40, 40, 20]),
        pitch=np.full(frames, 100.0, np.float32),
        energy=energy,
        samples=(gain * rng.standard_normal(frames * bands.HOP)).astype(np.float32),
    )


def test_bands_hold_a_tone_where_it_is():
    filters = bands.filters(4000.0)
    np.testing.assert_allclose(filters.sum(1), 1, rtol=1e-5)
    t = np.arange(24_000) / 24_000
    low, high = (
        bands.log_bands(np.sin(2 * np.pi * h * t).astype(np.float32), filters)[40].argmax()
        for h in (200, 3000)
    )
    assert low < 6
    assert high > 24
    evened = bands.even(bands.log_bands(practice(0).samples, filters))
    np.testing.assert_allclose(evened.mean(0), 0, atol=1e-4)


def test_energy_is_told_from_levels_whatever_the_gain():
    filters = bands.filters(4000.0)
    scale = curves.fitted([practice(s) for s in range(8)], filters)
    tests = [practice(99)]
    assert scale.error(tests, filters) < 1.0
    levels = bands.log_bands(tests[0].samples, filters)
    np.testing.assert_allclose(scale.of(levels), scale.of(levels + 3.0), atol=1e-3)


def test_pitch_of_lies_on_the_models_frames():
    # The model says that its phase at the middle of frame i is the sum of its pitch up to i.
    from voxhaus.evals import pitch

    hertz = 100 * 2 ** (np.arange(24_000) / 24_000)
    sound = np.sign(np.sin(2 * np.pi * np.cumsum(hertz) / 24_000)).astype(np.float32)
    found = curves.pitch_of(sound)
    assert len(found) == 80
    np.testing.assert_allclose(found[10:70], hertz[3000:21_000:300], rtol=0.004)
    assert (pitch.contour(sound, 24_000, 300)[10:70] > found[10:70]).mean() > 0.9


def test_pauses_and_noise_keep_everything_in_step():
    rng = np.random.default_rng(0)
    made = [stopped(practice(s), rng) for s in range(40)]
    assert any(m.frames[2] > 40 for m in made)
    for m in made:
        assert m.frames.sum() == len(m.pitch) == len(m.energy) == len(m.samples) // bands.HOP
        assert m.frames[[0, 1, 3, 4]].tolist() == [20, 40, 40, 20]
    loud = noisy(made[0], rng)
    assert loud.samples.std() == pytest.approx(made[0].samples.std(), rel=1.0)
    assert not np.array_equal(loud.samples, made[0].samples)
