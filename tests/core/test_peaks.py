"""Peaks between samples are found, and held down without a mark."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from voxhaus.core.peaks import limited, true_peak

RATE = 48_000

# EBU Tech 3341, table 1, cases 15 to 19: (samples a period, phase in degrees, amplitude, dBTP).
CASES = [
    (4, 0.0, 0.50, -6.0),
    (4, 45.0, 0.50, -6.0),
    (6, 60.0, 0.50, -6.0),
    (8, 67.5, 0.50, -6.0),
    (4, 45.0, 1.41, 3.0),
]


@pytest.mark.parametrize(("period", "phase", "amplitude", "expected"), CASES)
def test_signals_of_ebu_tech_3341(period, phase, amplitude, expected):
    sine = amplitude * np.sin(2 * np.pi * np.arange(RATE) / period + np.deg2rad(phase))
    # Ends that are cut hard ring between the samples, and rightly count.
    ramp = np.minimum(1.0, np.arange(RATE) / 2000)
    assert expected - 0.4 <= true_peak(sine * ramp * ramp[::-1]) <= expected + 0.2


def test_silence_has_no_peak():
    assert true_peak(np.zeros(0)) == -np.inf
    assert true_peak(np.zeros(100)) == -np.inf


def test_long_recordings_are_read_in_blocks_that_leave_no_gap():
    sound = np.random.default_rng(0).standard_normal(600_000) * 0.01
    edge = 1 << 18
    for at in (edge - 1, edge, edge + 1):
        moved = sound.copy()
        moved[at - 1 : at + 1] = 0.7
        alone = np.zeros(1000)
        alone[499:501] = 0.7
        assert true_peak(moved) == pytest.approx(true_peak(alone), abs=0.5)


def test_a_sound_below_the_ceiling_is_not_touched():
    sound = (0.5 * np.sin(np.arange(5000) / 7)).astype(np.float32)
    assert limited(sound, RATE, -1.0) is sound


def test_the_gain_bends_slowly_and_only_near_the_peak():
    sound = np.full(RATE, 0.5, np.float32)
    sound *= np.where(np.arange(RATE) % 2, 1, -1) * 0.5
    sound[RATE // 2] = 1.8
    made = limited(sound, RATE, -1.0)
    gain = made / sound
    far = np.abs(np.arange(RATE) - RATE // 2) > 0.04 * RATE
    np.testing.assert_allclose(gain[far], 1.0, atol=1e-6)
    assert np.abs(np.diff(gain)).max() < 0.005
    assert true_peak(made) <= -1.0 + 1e-4


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-8, 8, width=32)),
    st.sampled_from([8000, 24_000, 48_000]),
    st.floats(-20, 0),
)
def test_nothing_crosses_the_ceiling(sound, rate, ceiling):
    made = limited(sound, rate, ceiling)
    assert made.shape == sound.shape
    assert made.dtype == np.float32
    assert true_peak(made) <= ceiling + 1e-3
