"""Takes are cut where sound begins and ends, and remember the silence that was asked for."""

from dataclasses import replace

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, PhonemeTiming, Speech, WordTiming
from voxhaus.runtime.takes import asked_silence, take_of, trimmed

RATE = 24_000


def recorded(lead, sound, tail, floor=1e-4):
    """A tone between stretches of faint noise, with one word in it."""
    noise = np.random.default_rng(0).standard_normal(round((lead + sound + tail) * RATE)) * floor
    time = np.arange(round(sound * RATE)) / RATE
    at = round(lead * RATE)
    noise[at : at + len(time)] += 0.3 * np.sin(2 * np.pi * 200 * time)
    word = WordTiming(text="hm", start=max(0.0, lead - 0.02), end=lead + sound)
    return Speech(samples=noise.astype(np.float32), sample_rate=RATE, words=(word,))


@pytest.mark.parametrize(("lead", "tail"), [(0.0, 0.0), (0.1, 0.25), (0.013, 1.7), (2.0, 0.0)])
def test_silence_at_the_ends_is_cut(lead, tail):
    made = trimmed(recorded(lead, 0.6, tail))
    assert made.seconds == pytest.approx(0.6, abs=0.021)
    assert made.words[0].start == pytest.approx(0.0, abs=0.011)
    assert made.words[0].end == pytest.approx(0.6, abs=0.021)
    assert abs(made.samples[0]) < 0.01
    assert abs(made.samples[-1]) < 0.05


def test_silence_within_stays():
    one, two = recorded(0.1, 0.3, 0.5), recorded(0.1, 0.3, 0.2)
    both = Speech(samples=np.concatenate([one.samples, two.samples]), sample_rate=RATE)
    assert trimmed(both).seconds == pytest.approx(0.3 + 0.6 + 0.3, abs=0.021)


def test_a_soft_end_of_a_word_is_kept():
    spoken = recorded(0.1, 0.5, 0.5)
    at = round(0.6 * RATE)
    soft = 0.3 * 10 ** (-42 / 20) * np.random.default_rng(1).standard_normal(2400)
    spoken.samples[at : at + 2400] += soft.astype(np.float32)
    assert trimmed(spoken).seconds == pytest.approx(0.6, abs=0.021)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(5000), np.ones(1), np.ones(7)])
def test_odd_recordings_pass(samples):
    made = trimmed(Speech(samples=samples.astype(np.float32), sample_rate=RATE))
    assert len(made.samples) == len(samples)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello.", (0.0, 0.0)),
        ("[pause 1s] Hello.", (1.0, 0.0)),
        ("Hello. [pause 500ms][pause 0.25s] ", (0.0, 0.75)),
        ("[rate 1.2][pause 1s]Well.[pause 2s][/rate]", (1.0, 2.0)),
        ("One. [pause 1s] Two.", (0.0, 0.0)),
        ('<speak><break time="300ms"/>Hello.</speak>', (0.3, 0.0)),
    ],
)
def test_asked_silence_is_read_from_markup(text, expected):
    assert asked_silence(text) == pytest.approx(expected)


def test_nothing_spoken_is_refused():
    with pytest.raises(InputError, match="nothing that can be spoken"):
        take_of([], "Hm")
    empty = AudioChunk(samples=np.zeros(0, np.float32), sample_rate=RATE, start=0.0)
    with pytest.raises(InputError, match="nothing that can be spoken"):
        take_of([empty], "Hm")


def test_sounds_are_moved_with_their_words():
    made = recorded(0.5, 0.6, 0.2)
    sounds = (PhonemeTiming("h", 0.45, 0.7, 0), PhonemeTiming("m", 0.7, 1.2, 0))
    cut = trimmed(replace(made, phonemes=sounds))
    assert [p.symbol for p in cut.phonemes] == ["h", "m"]
    assert cut.phonemes[0].start == 0.0
    assert cut.phonemes[1].start == pytest.approx(0.2, abs=0.011)
    assert cut.phonemes[1].end <= cut.seconds
