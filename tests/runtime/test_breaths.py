"""Breaths come when they are due and sound like air."""

import numpy as np
import pytest

from voxhaus.runtime import breaths

RATE = 24_000
LONG = "x" * round(1.2 * breaths.LONG / breaths.SECONDS_A_PHONEME)


def chance(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def test_one_breathes_after_long_speech_only():
    lungs = breaths.Lungs()
    assert not lungs.due("anna", LONG, 1.0), "nobody speaks without air in the first place"
    assert lungs.due("anna", "short", 1.0)
    assert not lungs.due("anna", "short", 1.0), "the count begins anew"


def test_short_sentences_add_up():
    lungs = breaths.Lungs()
    half = LONG[: len(LONG) // 2]
    assert [lungs.due("anna", half, 1.0) for _ in range(4)] == [False, False, True, False]


def test_fast_speech_needs_less_air():
    lungs = breaths.Lungs()
    lungs.due("anna", LONG, 2.0)
    assert not lungs.due("anna", LONG, 2.0)


def test_another_speaker_has_breathed():
    lungs = breaths.Lungs()
    lungs.due("anna", LONG, 1.0)
    assert not lungs.due("ben", LONG, 1.0)
    assert not lungs.due("anna", LONG, 1.0)


def test_a_breath_keeps_within_the_pause_where_it_can():
    for pause, most in ((0.1, breaths.SHORTEST), (0.28, 0.28), (2.0, breaths.LONGEST)):
        lengths = [breaths.length_in(pause, chance(s)) for s in range(50)]
        assert min(lengths) >= breaths.SHORTEST
        assert max(lengths) <= most


@pytest.fixture
def colour():
    """Of noise with a resonance at 1 kHz."""
    t = np.arange(RATE) / RATE
    ring = np.exp(-t[:400] * 600) * np.sin(2 * np.pi * 1000 * t[:400])
    sigh = np.convolve(chance().standard_normal(RATE), ring, "same")
    return breaths.colour_of(sigh.astype(np.float32), RATE)


def test_a_breath_has_the_level_asked_for_and_rises_and_falls(colour):
    air = breaths.inhale(colour, 7200, 0.003, chance())
    assert np.sqrt((air**2).mean()) == pytest.approx(0.003, rel=1e-3)
    parts = np.sqrt((air.reshape(8, -1) ** 2).mean(1))
    assert 3 <= parts.argmax() <= 6
    assert parts[0] < 0.3 * parts.max()
    assert parts[-1] < 0.5 * parts.max()
    assert abs(air[0]) < 1e-4 > abs(air[-1])


def test_a_breath_has_the_colour_of_the_throat_and_no_rumble(colour):
    air = breaths.inhale(colour, RATE, 0.01, chance())
    power = np.abs(np.fft.rfft(air)) ** 2  # a bin is a hertz
    assert power[800:1300].mean() > 10 * power[2500:3500].mean()
    assert power[20:120].mean() < 0.01 * power[800:1300].mean()
    assert power[11000:].mean() < 0.01 * power[800:1300].mean()


def test_the_seed_fixes_a_breath(colour):
    one, two, other = (breaths.inhale(colour, 6000, 0.01, chance(s)) for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_level_is_that_of_the_speech_not_of_its_silences():
    speech = np.concatenate([0.1 * chance().standard_normal(RATE), np.zeros(RATE)])
    level = breaths.level_under(speech.astype(np.float32), RATE)
    assert 20 * np.log10(level / 0.1) == pytest.approx(-breaths.UNDER_SPEECH, abs=0.2)
    assert breaths.level_under(np.zeros(RATE, np.float32), RATE) == 0.0
