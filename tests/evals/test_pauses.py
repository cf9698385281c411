"""Silences are measured where words meet."""

import numpy as np
import pytest

from voxhaus.core.speech import Speech, WordTiming
from voxhaus.evals import pauses

RATE = 24_000


def tone(seconds):
    return 0.3 * np.sin(2 * np.pi * 200 * np.arange(round(seconds * RATE)) / RATE)


def spoken(pause):
    """Two halves of four words each, with a pause between them."""
    samples = np.concatenate([tone(0.8), np.zeros(round(pause * RATE)), tone(0.8)])
    starts = [0.0, 0.2, 0.4, 0.6, *(0.8 + pause + 0.2 * i for i in range(4))]
    words = tuple(WordTiming(text="x", start=s, end=s + 0.2) for s in starts)
    return Speech(samples=samples.astype(np.float32), sample_rate=RATE, words=words)


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.3, 1.2])
def test_a_silence_has_its_length(pause):
    speech = spoken(pause)
    around = 0.8 + pause / 2
    assert pauses.silence(speech.samples, RATE, around) == pytest.approx(pause, abs=0.011)


def test_silences_elsewhere_do_not_count():
    speech = spoken(0.5)
    assert pauses.silence(speech.samples, RATE, 0.3) == 0.0


def test_every_mark_joins_the_halves():
    assert pauses.joined("We left", "comma", "it rained") == "We left, it rained."
    assert pauses.joined("We left", "brackets", "it rained") == "We left (it rained)."
    assert pauses.joined("We left", "paragraph", "it rained") == "We left.\n\nIt rained."


def test_marks_are_summed_up_by_voice():
    asked = []

    def speak(text, voice):
        asked.append(text)
        words = text.replace("—", " ").replace("–", " ").replace("--", " ").split()
        speech = spoken(0.25)
        timed = [speech.words[min(3, i)] if i < 4 else speech.words[4] for i in range(len(words))]
        return Speech(samples=speech.samples, sample_rate=RATE, words=tuple(timed))

    found = list(pauses.measured(speak, ["anna"]))
    assert [mark for _, mark, _ in found] == list(pauses.MARKS)
    assert len(asked) == len(pauses.MARKS) * len(pauses.HALVES)
    summary = pauses.summary([0.1, 0.2, 0.3])
    assert (summary["median"], summary["quartiles"]) == (200, [150, 250])
    assert pauses.shown(summary) == "200 (150–250)"
