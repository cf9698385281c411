"""Each measure finds the flaw that it is there for, and passes what has none."""

import numpy as np
import pytest

from voxhaus.evals import flaws

RATE = 24_000
AT = np.arange(2 * RATE) / RATE
TONE = (0.3 * np.sin(2 * np.pi * 180 * AT)).astype(np.float32)


def test_a_wave_that_goes_on_has_no_jump():
    places = flaws.spread_places(50, len(TONE))
    assert max(flaws.jump(TONE, p, RATE) for p in places) < 1.2


@pytest.mark.parametrize("offset", [-20, 0, 20])
def test_a_cut_in_the_middle_of_a_wave_is_a_jump(offset):
    cut = TONE.copy()
    cut[RATE + 33 :] = 0.0  # a crest
    assert abs(cut[RATE + 32]) > 0.25
    assert flaws.jump(cut, RATE + 33 + offset, RATE) > 5
    assert flaws.jump(cut, RATE // 2, RATE) < 1.2


def test_a_click_in_silence_is_a_jump_unless_nobody_hears_it():
    quiet = np.zeros(RATE, np.float32)
    quiet[5000] = 0.05
    assert flaws.jump(quiet, 5000, RATE) > 20
    quiet[5000] = 0.0005
    assert flaws.jump(quiet, 5000, RATE) < 1


def test_a_fade_is_no_jump():
    faded = TONE.copy()
    faded[RATE - 96 : RATE] *= np.linspace(1, 0, 96)
    faded[RATE:] = 0
    assert flaws.jump(faded, RATE, RATE) < 1.2


@pytest.mark.parametrize("at", [0, 1, len(TONE) - 1, len(TONE)])
def test_jumps_at_the_ends_can_be_asked_for(at):
    assert 0 <= flaws.jump(TONE, at, RATE) < 2
    assert flaws.jump(np.zeros(1, np.float32), 0, RATE) == 0.0


def test_clipped_samples_are_counted():
    assert flaws.clipped(TONE) == 0
    assert flaws.clipped(np.clip(5 * TONE, -1, 1)) > 100


def test_the_longest_silence_is_that_between_sounds():
    gap = np.zeros(RATE // 2, np.float32)
    made = np.concatenate([gap, gap, TONE, gap, TONE, gap, gap, gap])
    assert flaws.longest_silence(made, RATE) == pytest.approx(0.5, abs=0.02)
    assert flaws.longest_silence(TONE, RATE) == 0.0
    assert flaws.longest_silence(np.zeros(RATE, np.float32), RATE) == 0.0
    assert flaws.longest_silence(np.zeros(0, np.float32), RATE) == 0.0


def test_minutes_are_measured_one_by_one():
    minute = np.tile(TONE, 30)
    first, second = flaws.minutes(np.concatenate([minute, minute / 2, TONE]), RATE)
    assert first - second == pytest.approx(6.02, abs=0.05)
    assert len(flaws.minutes(TONE, RATE)) == 1


def test_silent_parts_are_told_from_soft_ones():
    made = np.concatenate([TONE, TONE * 10 ** (-40 / 20), TONE * 10 ** (-60 / 20)])
    assert not flaws.silent(made, RATE, 0.0, 2.0)
    assert not flaws.silent(made, RATE, 2.1, 3.9)
    assert flaws.silent(made, RATE, 4.1, 5.9)
    assert not flaws.silent(made, RATE, 1.0, 1.0)
    assert flaws.silent(np.zeros(RATE, np.float32), RATE, 0.0, 1.0)
