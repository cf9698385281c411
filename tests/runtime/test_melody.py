"""A question rises to its end, and nothing else of its melody changes."""

import numpy as np
import pytest

from voxhaus.runtime import melody

START = 60


def falling(count=100):
    """A statement: slowly down, and down at the end."""
    course = np.linspace(200, 180, count)
    course[START:] *= np.linspace(1.0, 0.7, count - START)
    course[40:50] = 0.0
    return course.astype(np.float32)


def semitones(curve):
    return 12 * np.log2(curve)


def test_the_end_is_higher_than_the_last_stress():
    made = melody.risen(falling(), START)
    tail = semitones(made[START:])
    assert tail[-1] - tail[0] > 0.8 * melody.RISE
    assert (np.diff(tail[len(tail) // 2 :]) > -1e-4).all()


def test_what_comes_before_stays():
    plain = falling()
    made = melody.risen(plain, START)
    first = START - melody.AHEAD - melody.APPROACH
    assert np.array_equal(made[:first], plain[:first])
    assert not made[40:50].any(), "what has no pitch gets none"


def test_a_high_accent_is_brought_down_without_a_jump():
    plain = falling()
    plain[START:] *= 1.6
    plain[START - 8 : START] *= np.linspace(1.0, 1.6, 8, dtype=np.float32)
    made = melody.risen(plain, START)
    assert made[START] < 0.8 * plain[START]
    steps = np.abs(np.diff(semitones(made[50:])))
    assert steps.max() < 2.5


def test_too_little_voice_is_left_alone():
    plain = np.zeros(50, np.float32)
    plain[47:] = 100.0
    assert melody.risen(plain, 45) is plain
    assert melody.risen(plain, 45) == pytest.approx(plain)
