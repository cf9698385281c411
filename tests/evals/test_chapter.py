"""A chapter's checks pass for the shipped voice and fail for what is spoilt on purpose."""

from dataclasses import replace

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.speech import Speech, WordTiming
from voxhaus.evals import chapter
from voxhaus.evals.story import story
from voxhaus.runtime.voice import Voice

RATE = 24_000
TEXT = story(150, seed=4)


@pytest.fixture(scope="module")
def voice():
    return Voice.load(threads=1)


@pytest.fixture(scope="module")
def speech(voice):
    return voice.speak(TEXT)


@pytest.fixture(scope="module")
def starts(voice):
    return [c.start for c in voice.stream(TEXT)]


def failed(checks):
    return [c.name for c in checks if not c.passed]


class Listener:
    """Hears so many wrong words in each part, in turn."""

    def __init__(self, *wrong):
        self.wrong = list(wrong)

    def heard(self, samples):
        assert len(samples) > 16_000
        return ""

    def errors(self, wanted, heard):
        return self.wrong.pop(0), 100


@pytest.fixture
def few_words(monkeypatch):
    monkeypatch.setattr(chapter.lost_words, "__defaults__", (None, None, ("cat", "I", "strength")))


def test_the_shipped_voice_passes(voice, few_words):
    pytest.importorskip("scipy", reason="resampling needs the extra 'evaluate'")
    result = chapter.evaluate(voice, TEXT, transcriber=Listener(5, 9, 9, 7))
    assert failed_names(result) == []
    assert result["passed"]
    assert result["wer"] == [0.05, 0.09, 0.09, 0.07]
    assert result["sentences"] > 8
    assert result["lost"] == []


def failed_names(result):
    return [c["name"] for c in result["checks"] if not c["passed"]]


def test_a_tired_ending_is_found(voice, few_words):
    pytest.importorskip("scipy", reason="resampling needs the extra 'evaluate'")
    result = chapter.evaluate(voice, TEXT, transcriber=Listener(5, 5, 5, 20))
    assert failed_names(result) == ["WER % of the quarters"]
    assert not result["passed"]


def test_what_is_no_number_is_found(speech, starts):
    spoilt = replace(speech, samples=speech.samples.copy())
    spoilt.samples[1000] = np.nan
    assert failed(chapter.sound_checks(spoilt, starts)) == ["samples that are no numbers"]


def test_clipping_is_found(speech, starts):
    spoilt = replace(speech, samples=np.clip(speech.samples * 20, -1, 1))
    assert "clipped samples" in failed(chapter.sound_checks(spoilt, starts))


def test_a_click_at_one_border_is_found(speech, starts):
    samples = speech.samples.copy()
    samples[round(starts[5] * RATE) + 1] += 0.05
    (name,) = failed(chapter.sound_checks(replace(speech, samples=samples), starts))
    assert name.startswith("jump at")


def test_a_gap_is_found(speech, starts):
    at = round(starts[3] * RATE)
    samples = np.insert(speech.samples, at, np.zeros(RATE, np.float32))
    spoilt = replace(speech, samples=samples)
    assert "longest silence" in failed(chapter.sound_checks(spoilt, starts[:3]))


def test_drifting_loudness_is_found():
    generator = np.random.default_rng(0)
    samples = (0.05 * generator.standard_normal(180 * RATE)).astype(np.float32)
    steady = Speech(samples=samples, sample_rate=RATE)
    assert failed(chapter.sound_checks(steady, [])) == []
    fading = replace(steady, samples=samples * np.linspace(1, 0.5, len(samples), dtype=np.float32))
    assert failed(chapter.sound_checks(fading, [])) == ["loudness of 3 minutes"]


def test_words_are_compared_and_their_order(speech):
    assert failed(chapter.word_checks(speech, TEXT)) == []
    lacking = replace(speech, words=(*speech.words[:7], *speech.words[8:]))
    (check,) = (c for c in chapter.word_checks(lacking, TEXT) if not c.passed)
    assert "other from word 8 on" in check.value
    late = (*speech.words[:-1], replace(speech.words[-1], end=speech.seconds + 1))
    assert failed(chapter.word_checks(replace(speech, words=late), TEXT)) == ["timestamps in order"]
    short = replace(speech, words=(WordTiming(text="Then", start=0.0, end=0.1),))
    (check,) = (c for c in chapter.word_checks(short, "Then it was") if not c.passed)
    assert "1 of 3, other from word 2 on" in check.value


@pytest.mark.parametrize("word", ["cat", "strength", "yes", "I"])
def test_a_word_that_lacks_an_end_is_found(voice, word):
    (job,) = voice.jobs(word, None, None, 1.0, 0)
    sound = voice.sound(job)
    assert not chapter.lacks_ends(job.utterance, sound, RATE)
    first, last = job.utterance.words[0].start, job.utterance.words[-1].end
    # Everything before the second sound, or from the last one on, is taken away.
    ends = (np.cumsum(sound.course.lengths_L) - sound.course.start) * 600
    middle = int(ends[first + 2]), int(ends[last - 1])
    for cut in (slice(0, middle[0]), slice(middle[1], None)):
        samples = sound.samples.copy()
        samples[cut] = 0.0
        assert chapter.lacks_ends(job.utterance, replace(sound, samples=samples), RATE)


def test_lost_words_are_named(voice, monkeypatch):
    def mute(job):
        sound = Voice.sound(voice, job)
        return replace(sound, samples=0 * sound.samples) if "dog" in job.utterance.text else sound

    monkeypatch.setattr(voice, "sound", mute)
    assert chapter.lost_words(voice, words=("cat", "dog")) == ["dog"]


def test_quarters_hold_every_sentence_once(voice):
    chunks = list(voice.stream("One. Two. Three. Four. Five."))
    parts = chapter.quarters(chunks)
    assert [c for p in parts for c in p] == chunks
    assert len(parts) == 4
    with pytest.raises(InputError, match="at least four sentences"):
        chapter.quarters(chunks[:3])


def test_fifty_words():
    assert len(set(chapter.WORDS)) == 50
