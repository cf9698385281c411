"""Qualities measure what they are called, and the classifier is only as good as they are apart."""

import numpy as np
import pytest

from voxhaus.core.speech import Speech
from voxhaus.evals import styles
from voxhaus.evals.sentences import Sentence
from voxhaus.evals.style_report import StyleReport

RATE = 24_000
TEXT = "ten letters"


def buzz(hertz=120.0, seconds=2.0, gain=0.1, slope=0.0, gap=0.0):
    """A pulse train with a spectral slope in decibels an octave, and a pause in its middle."""
    t = np.arange(int(seconds * RATE)) / RATE
    orders = np.arange(1, int(10_000 / hertz))
    levels = 10 ** (slope * np.log2(orders) / 20)
    x = sum(a * np.cos(2 * np.pi * hertz * k * t) for k, a in zip(orders, levels, strict=True))
    x *= gain / np.sqrt(np.mean(x**2))
    middle, half = len(x) // 2, int(gap * RATE / 2)
    x[middle - half : middle + half] = 0
    return Speech(samples=x.astype(np.float32), sample_rate=RATE)


def measured(**changes):
    return dict(zip(styles.QUALITIES, styles.qualities(buzz(**changes), TEXT), strict=True))


def test_each_quality_follows_its_cause():
    plain = measured()
    assert measured(hertz=240.0)["pitch"] - plain["pitch"] == pytest.approx(12, abs=0.1)
    assert measured(gain=0.2)["loudness"] - plain["loudness"] == pytest.approx(6.02, abs=0.05)
    assert measured(slope=-6.0)["tilt"] - plain["tilt"] == pytest.approx(-6, abs=0.7)
    assert measured(gap=0.5)["pauses"] == pytest.approx(0.25, abs=0.03)
    assert measured(seconds=4.0)["pace"] == pytest.approx(2 * plain["pace"], rel=0.02)
    assert plain["voiced"] > 0.9


def test_noise_has_no_pitch():
    rng = np.random.default_rng(0)
    noise = Speech(samples=0.1 * rng.standard_normal(RATE).astype(np.float32), sample_rate=RATE)
    q = dict(zip(styles.QUALITIES, styles.qualities(noise, TEXT), strict=True))
    assert q["voiced"] < 0.1


def samples(apart):
    """Two styles whose pitch differs by so many standard deviations, read by two voices."""
    rng = np.random.default_rng(1)
    made = []
    for voice, height in (("anna", 90.0), ("ben", 80.0)):
        for style in ("neutral", "sad"):
            for n in range(60):
                values = rng.standard_normal(len(styles.QUALITIES))
                values[0] += height - apart * (style == "sad")
                made.append(styles.Sample(voice=voice, style=style, sentence=n, values=values))
    return made


def test_effect_sizes_and_naming():
    far = samples(4.0)
    sign = styles.signature(far, "ben", "sad")
    assert sign["pitch"]["d"] == pytest.approx(-4.0, abs=0.8)
    assert abs(sign["pace"]["d"]) < 0.6
    named = styles.told_apart(far)
    assert named["accuracy"] > 0.9, "voices ten semitones apart do not confuse it"
    assert sum(named["confusion"]["sad"].values()) == 60
    assert styles.told_apart(samples(0.0))["accuracy"] < 0.65, "no difference, no naming"


def test_the_report_puts_all_together():
    sentences = [Sentence(category="x", text=TEXT)] * 6
    report = StyleReport(["anna"], ["neutral", "sad"], sentences)

    def speak(text, voice, style):
        return buzz(hertz=80.0 if style == "sad" else 120.0)

    for sample, recording in styles.record(speak, ["anna"], ["neutral", "sad"], sentences):
        report.add(sample, recording)
    result = report.result()
    assert result["voices"]["anna"]["sad"]["signature"]["pitch"]["apart"] < -5
    assert result["classifier"]["accuracy"] == 1.0
    rows = report.rows(result, "anna")
    assert [len(r) for r in rows] == [len(report.columns)] * 2
