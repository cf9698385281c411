"""Pitch is measured right on sounds whose pitch is known."""

import math

import numpy as np
import pytest

from voxhaus.evals import pitch

RATE = 24_000


def buzz(hertz):
    """Ten harmonics of a pitch that may change, one value a sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return sum(np.sin(k * phase) / k for k in range(1, 11)).astype(np.float32)


@pytest.mark.parametrize("hertz", [85.0, 120.0, 210.0, 330.0])
def test_steady_pitch(hertz):
    mean, spread = pitch.statistics(buzz(np.full(RATE, hertz)), RATE)
    assert mean == pytest.approx(hertz, rel=0.005)
    assert spread < 0.1


def test_glide_of_an_octave():
    semitones = np.linspace(0, 12, 2 * RATE)
    mean, spread = pitch.statistics(buzz(100 * 2 ** (semitones / 12)), RATE)
    assert mean == pytest.approx(100 * 2**0.5, rel=0.02)
    assert spread == pytest.approx(12 / math.sqrt(12), rel=0.05)


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert len(pitch.track(noise, RATE)) < 5
    assert math.isnan(pitch.statistics(np.zeros(RATE, np.float32), RATE)[0])
    assert math.isnan(pitch.statistics(np.zeros(10, np.float32), RATE)[0])


def test_contour_places_pitch_and_silence():
    hertz = np.concatenate([np.full(RATE // 2, 120.0), np.full(RATE // 2, 240.0)])
    sound = np.concatenate([np.zeros(RATE // 2, np.float32), buzz(hertz)])
    found = pitch.contour(sound, RATE, 300)
    assert len(found) == len(sound) // 300
    assert not found[:38].any()
    np.testing.assert_allclose(found[44:76], 120, rtol=0.01)
    np.testing.assert_allclose(found[84:116], 240, rtol=0.01)


def test_contour_of_noise_and_of_nothing():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert (pitch.contour(noise, RATE, 300) > 0).mean() < 0.1
    assert len(pitch.contour(np.zeros(10, np.float32), RATE, 300)) == 0
    assert not pitch.contour(np.zeros(RATE, np.float32), RATE, 300).any()
