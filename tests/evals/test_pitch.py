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
