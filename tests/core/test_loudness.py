"""Loudness is what the Recommendation says: known signals, both gates, and other meters."""

import numpy as np
import pytest

from voxhaus.core.loudness import integrated, k_weighting, normalised
from voxhaus.core.peaks import true_peak

RATE = 24_000


def tone(level, seconds, rate=RATE, frequency=1000.0):
    """A mono sine whose peaks are at `level` dBFS."""
    time = np.arange(round(seconds * rate)) / rate
    return 10 ** (level / 20) * np.sin(2 * np.pi * frequency * time)


def stereo(*parts, rate=RATE):
    """The same sines left and right, one after another: (level, seconds) each."""
    mono = np.concatenate([tone(level, seconds, rate) for level, seconds in parts])
    return np.stack([mono, mono], 1)


def speechlike(seconds, rate=RATE, seed=0):
    """Noise in syllables, with pauses and some plosives."""
    chance = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    shape = np.maximum(0.0, np.sin(2 * np.pi * 2.1 * time)) * (np.sin(0.9 * time) > -0.5)
    noise = np.cumsum(chance.standard_normal(len(time))) * 0.002
    noise -= np.convolve(noise, np.ones(200) / 200, "same")
    sound = noise * shape
    for at in chance.integers(0, len(time) - 100, 3):
        sound[at : at + 100] *= 2.5
    return sound.astype(np.float32)


def test_coefficients_at_48_khz_are_those_of_the_recommendation():
    (b1, a1), (b2, a2) = k_weighting(48_000)
    np.testing.assert_allclose(b1, [1.53512485958697, -2.69169618940638, 1.19839281085285], 1e-9)
    np.testing.assert_allclose(a1, [1.0, -1.69065929318241, 0.73248077421585], 1e-9)
    np.testing.assert_allclose(b2, [1.0, -2.0, 1.0], 1e-9)
    np.testing.assert_allclose(a2, [1.0, -1.99004745483398, 0.99007225036621], 1e-9)


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 96_000])
def test_filters_of_other_rates_do_the_same(rate):
    def response(at, frequencies):
        z = np.exp(-2j * np.pi * frequencies / at)
        total = np.ones(len(z), complex)
        for b, a in k_weighting(at):
            total *= np.polyval(b[::-1], z) / np.polyval(a[::-1], z)
        return 20 * np.log10(np.abs(total))

    frequencies = np.array([20.0, 40.0, 100.0, 500.0, 1000.0, 2000.0, 4000.0])
    same = response(rate, frequencies)
    np.testing.assert_allclose(same, response(48_000, frequencies), atol=0.15)


def test_the_mono_sine_of_the_recommendation():
    # BS.1770-4, annex 1: a 997 Hz sine of 0 dBFS in one front channel reads -3.01 LKFS.
    for rate in (24_000, 44_100, 48_000):
        assert integrated(tone(0.0, 3, rate, 997.0), rate) == pytest.approx(-3.01, abs=0.03)
        assert integrated(tone(-20.0, 3, rate, 997.0), rate) == pytest.approx(-23.01, abs=0.03)


# EBU Tech 3341, table 1, cases 1 to 5; each must read within 0.1 LU.
CASES = {
    "1: one level": ([(-23, 20)], -23.0),
    "2: softer": ([(-33, 20)], -33.0),
    "3: the relative gate": ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
    "4: the absolute gate": ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
    "5: nothing gated": ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0),
}


@pytest.mark.parametrize("case", CASES)
def test_signals_of_ebu_tech_3341(case):
    parts, expected = CASES[case]
    assert integrated(stereo(*parts), RATE) == pytest.approx(expected, abs=0.1)


def test_silence_between_words_changes_nothing():
    speech = speechlike(12)
    spread = np.concatenate([speech, np.zeros(20 * RATE), speech])
    assert integrated(spread, RATE) == pytest.approx(integrated(speech, RATE), abs=0.15)


def test_silence_has_no_loudness():
    for samples in (np.zeros(0), np.zeros(10), np.zeros(5 * RATE), tone(-90, 3)):
        assert integrated(samples, RATE) == -np.inf


def test_a_sound_shorter_than_a_block_is_one_block():
    assert integrated(tone(-20.0, 0.2), RATE) == pytest.approx(-23.0, abs=0.3)


def test_filters_are_the_difference_equations():
    """Against the plain reference: sample by sample, block by block."""
    samples = speechlike(12.34).astype(np.float64)
    y = samples
    for b, a in k_weighting(RATE):
        x, y = y, np.zeros(len(y))
        for n in range(len(x)):
            y[n] = b[0] * x[n] + (b[1] * x[n - 1] - a[1] * y[n - 1] if n > 0 else 0.0)
            y[n] += b[2] * x[n - 2] - a[2] * y[n - 2] if n > 1 else 0.0
    starts = range(0, len(y) - 9600 + 1, 2400)
    powers = np.array([np.mean(y[s : s + 9600] ** 2) for s in starts])

    def loudness(power):
        return -0.691 + 10 * np.log10(np.maximum(power, 1e-30))

    powers = powers[loudness(powers) > -70]
    powers = powers[loudness(powers) > loudness(powers.mean()) - 10]
    assert integrated(samples, RATE) == pytest.approx(loudness(powers.mean()), abs=1e-6)


@pytest.mark.parametrize("rate", [24_000, 44_100, 48_000])
def test_another_meter_says_the_same(rate):
    meter = pytest.importorskip("pyloudnorm").Meter(rate)
    for seed in (1, 2):
        samples = speechlike(15, rate, seed).astype(np.float64)
        assert integrated(samples, rate) == pytest.approx(
            meter.integrated_loudness(samples), abs=0.1
        )


@pytest.mark.parametrize("target", [-30.0, -23.0, -16.0])
def test_a_recording_is_brought_to_its_loudness(target):
    made = normalised(speechlike(15), RATE, target)
    assert made.dtype == np.float32
    assert integrated(made, RATE) == pytest.approx(target, abs=0.1)
    assert true_peak(made) <= -1.0 + 0.01


def test_where_no_peak_is_in_the_way_it_is_one_gain():
    sound = speechlike(10)
    made = normalised(sound, RATE, -30.0)
    heard = np.abs(sound) > 1e-3
    ratios = made[heard] / sound[heard]
    assert ratios.std() < 1e-5


def test_one_click_does_not_make_the_rest_soft():
    sound = 0.05 * speechlike(15)
    sound[RATE] = 1.0
    made = normalised(sound, RATE)
    # 12 dB of limiting at most: the gain is found from the click, 11 dB over the ceiling.
    assert 20 * np.log10(np.abs(made).max()) <= -1.0 + 0.01
    gain = made[2 * RATE :].std() / sound[2 * RATE :].std()
    assert gain == pytest.approx(10 ** ((-1.0 + 12.0 - true_peak(sound)) / 20), rel=0.02)


def test_silence_stays_silent():
    silence = np.zeros(RATE, np.float32)
    assert normalised(silence, RATE) is silence
