"""A manner changes exactly what it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxhaus.core.errors import WeightsError
from voxhaus.runtime.manner import Manner, mixed

BINS, STEPS = 513, 10
HERTZ = np.linspace(0, 12_000, BINS, dtype=np.float32)


def outputs(frames=6):
    rng = np.random.default_rng(0)
    return rng.standard_normal((frames, 3 * BINS + STEPS)).astype(np.float32)


def at(hertz):
    return int(np.abs(HERTZ - hertz).argmin())


@given(st.floats(-12, 12), st.floats(0.3, 3))
def test_melody_moves_and_stretches_around_the_mean(semitones, factor):
    pitch = np.array([0, 100, 120, 0, 150], np.float32)
    made = Manner(pitch=semitones, range=factor).melody(pitch)
    assert (made > 0).tolist() == (pitch > 0).tolist()
    before, after = np.log2(pitch[pitch > 0]), np.log2(made[made > 0])
    assert after.mean() - before.mean() == pytest.approx(semitones / 12, abs=1e-4)
    assert after.std() == pytest.approx(factor * before.std(), rel=1e-3)


def test_the_plain_manner_hands_everything_through():
    out, pitch = outputs(), np.array([0, 100], np.float32)
    assert Manner().melody(pitch) is pitch
    assert Manner().colour(out, np.ones(6, bool), HERTZ) is out


def test_silence_has_no_melody():
    assert not Manner(pitch=3).melody(np.zeros(4, np.float32)).any()


def test_tilt_turns_both_filters_around_a_kilohertz():
    out = outputs()
    made = Manner(tilt=2.0).colour(out, np.ones(6, bool), HERTZ)
    gained = (made - out) * 20 / np.log(10)
    for offset in (0, 2 * BINS):
        assert gained[:, offset + at(4000)] == pytest.approx(np.full(6, 4.0), abs=0.1)
        assert gained[:, offset + at(500)] == pytest.approx(np.full(6, -2.0), abs=0.1)
    assert np.array_equal(made[:, BINS : 2 * BINS], out[:, BINS : 2 * BINS]), "phases stay"
    assert np.array_equal(made[:, 3 * BINS :], out[:, 3 * BINS :])


def test_breath_is_for_voiced_frames_only():
    out, voiced = outputs(), np.array([True, False] * 3)
    gained = Manner(breath=6.0).colour(out, voiced, HERTZ) - out
    noise = gained[:, 2 * BINS : 3 * BINS]
    assert np.allclose(noise[voiced], 6 * np.log(10) / 20, atol=1e-5)
    assert not noise[~voiced].any()
    assert not gained[:, : 2 * BINS].any()


def test_a_whisper_has_the_power_of_both():
    out, voiced = outputs(), np.array([True, False] * 3)
    out[:, 3 * BINS :] = -2.0
    made = Manner(whisper=1.0).colour(out, voiced, HERTZ)
    level, noise = out[:, :BINS], out[:, 2 * BINS : 3 * BINS]
    louder = np.maximum(level, noise - 2.0)
    assert (made[voiced, 2 * BINS : 3 * BINS] >= louder[voiced] - 1e-5).all()
    assert not made[voiced, 3 * BINS :].any()
    assert np.array_equal(made[~voiced], out[~voiced])


def test_between_manners_lie_means():
    made = mixed([Manner(pitch=2, rate=2.0), Manner(pitch=-1, rate=0.5)], [0.5, 0.5])
    assert made == Manner(pitch=0.5, rate=1.0)
    assert mixed([Manner(range=3.0), Manner()], [1.0, 0.0]).range == pytest.approx(3.0)


def test_a_newer_models_manner_is_refused_by_name():
    with pytest.raises(WeightsError, match="use 'swagger', which this version"):
        Manner.parsed({"swagger": 1.0})
