"""What is wrong with a recording is found, named, and left out; what is fine is not."""

from pathlib import Path

import numpy as np
import pytest

from voxhaus.training.voice.own import checks
from voxhaus.training.voice.own.recordings import Recording

RATE = 16_000
RECORDING = Recording(name="one", text="x", path=Path("one.wav"))


def speech(seconds=2.0, *, lead=0.3, tail=0.3, noise=-70.0, gain=0.3, rate=RATE):
    """Syllables of buzz, four a second, between silences with some noise."""
    t = np.arange(round(rate * seconds)) / rate
    buzz = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 50) if 130 * k < 0.46 * rate)
    syllables = buzz * (0.05 + np.abs(np.sin(2 * np.pi * 2 * t)))
    x = np.concatenate([np.zeros(round(lead * rate)), syllables, np.zeros(round(tail * rate))])
    x = gain * x / np.abs(x).max()
    hiss = np.random.default_rng(0).standard_normal(len(x))
    return (x + hiss * 10 ** (noise / 20)).astype(np.float32)


def found(samples, *, rate=RATE, sounds=20):
    return checks.examine(RECORDING, samples, rate, sounds=sounds)


def test_a_good_recording():
    f = found(speech())
    assert (f.problems, f.notes, f.wrong) == ((), (), None)
    assert f.start == pytest.approx(0.3, abs=0.05)
    assert f.stop == pytest.approx(2.3, abs=0.05)


@pytest.mark.parametrize(
    ("samples", "sounds", "reason"),
    [
        (np.zeros(RATE, np.float32), 10, "silence"),
        (speech(0.5), 5, "0.5 s of speech; 0.8 to 20 can be used"),
        (speech(21.0), 200, "21.0 s of speech"),
        (speech(), 3, "3 sounds in 2.0 s: text and recording do not fit"),
        (speech(), 90, "90 sounds in 2.0 s"),
        (speech(noise=-28.0), 20, "noise only"),
        (np.clip(speech(gain=2.0), -0.9, 0.9), 20, "clipped: recorded too loud"),
    ],
)
def test_what_is_left_out(samples, sounds, reason):
    assert reason in "; ".join(found(samples, sounds=sounds).problems)


def test_bearable_things_are_noted():
    f = found(speech(tail=1.5, rate=8000), rate=8000)
    assert f.problems == ()
    assert any("what lies above 4000 Hz is not heard" in n for n in f.notes)
    assert any("silence at an end, which is cut off" in n for n in f.notes)


def test_other_words_than_the_text():
    good = found(speech())
    assert checks.with_words(good, 1, 4, "nearly the same").problems == ()
    other = checks.with_words(good, 2, 4, "something else")
    assert other.wrong == 0.5
    assert other.problems == ("the words differ from the text; heard: 'something else'",)


def test_a_recording_that_once_was_a_telephone_call():
    narrow = speech(rate=8000)
    wide = checks.edge_of(np.repeat(narrow, 1), 8000)
    assert 3000 < wide <= 4000
    from voxhaus.training.voice.own.recordings import resampled

    assert checks.edge_of(resampled(narrow, 8000, 48_000), 48_000) < 4200


def test_the_report_names_files_and_reasons():
    good, bad = found(speech()), found(np.zeros(RATE, np.float32))
    page = checks.report([good, bad], listened="not checked; no listener.")
    assert "2 recordings; 1 are used" in page
    assert "- one: silence" in page
    assert "Words: not checked; no listener." in page
    assert checks.rows([good])[0]["problems"] == ()
