"""Sounds are found in an utterance and timed where the model makes them."""

import numpy as np
import pytest

from voxhaus.models.text.utterance import SpokenWord, Utterance
from voxhaus.runtime import timing
from voxhaus.runtime.voice_model import Plan

UNIT = 0.025


def utterance(*words, marks=""):
    """Words and what follows each of them."""
    phonemes, spans = "", []
    for word, mark in zip(words, marks or [" "] * (len(words) - 1) + ["."], strict=True):
        spans.append(SpokenWord(text=word, start=len(phonemes), end=len(phonemes) + len(word)))
        phonemes += word + mark
    return Utterance(text=" ".join(words), phonemes=phonemes, words=tuple(spans))


def plan(said, units=4, energy=None, start=0):
    lengths = np.full(len(said.phonemes) + 2, units, np.int64)
    frames = 2 * int(lengths.sum())
    energy = np.full(frames, 7.0, np.float32) if energy is None else energy
    return Plan(
        lengths_L=lengths,
        pitch_F=np.zeros(frames, np.float32),
        energy_F=energy,
        bare_energy_F=energy,
        features=np.zeros(1, np.float32),
        start=start,
        stop=int(lengths.sum()),
    )


def test_stress_and_length_belong_to_their_sound():
    sounds = timing.sounds_of(utterance("bˈɜːd", "ɪt", marks=", "))
    assert sounds.symbols == ["b", "ˈɜː", "d", "ɪ", "t"]
    assert sounds.words == [0, 0, 0, 1, 1]
    assert sounds.silence == [True, False, False, True, False]
    assert sounds.ending == [2, 4]
    assert sounds.first == [0, 1, 4, 6, 7]
    assert sounds.own == [0, 2, 4, 6, 7]
    assert sounds.last == [0, 3, 4, 6, 7]


def test_what_follows_tells_how_early_a_sound_is():
    sounds = timing.sounds_of(utterance("tˈO", "ɪt"))
    assert sounds.follows[1:] == [timing.AFTER_STRESS, timing.AFTER_SPACE, timing.AT_ONCE]


def test_sounds_come_before_their_tokens_by_the_measured_times():
    said = utterance("ɪts")
    starts, ends = timing.timed(timing.sounds_of(said), plan(said), UNIT)
    token = 4 * UNIT
    assert starts[0] == pytest.approx(token - timing.ONSET)
    early = timing.SHARES[timing.AT_ONCE] * token + timing.SECONDS[timing.AT_ONCE]
    assert starts[1] == pytest.approx(2 * token - early)
    assert ends[:2] == pytest.approx(starts[1:])


def test_the_last_sound_ends_where_the_energy_falls():
    said = utterance("ɪt")
    energy = np.full(2 * 4 * 5, 7.0, np.float32)
    energy[25:] = -8.0
    _, ends = timing.timed(timing.sounds_of(said), plan(said, energy=energy), UNIT)
    assert ends[-1] == pytest.approx(25 * UNIT / 2 + timing.ENDING)


def test_a_faint_sound_within_the_last_one_does_not_end_it():
    said = utterance("ɪt")
    energy = np.full(2 * 4 * 5, 7.0, np.float32)
    energy[18:20] = -3.0  # the closure of the stop
    energy[25:] = -8.0
    _, ends = timing.timed(timing.sounds_of(said), plan(said, energy=energy), UNIT)
    assert ends[-1] == pytest.approx(25 * UNIT / 2 + timing.ENDING)


def test_times_never_go_back_and_stay_inside():
    rng = np.random.default_rng(0)
    said = utterance("ðə", "kwˈIət", "bɹˈɛd", "nˈW", marks=[" ", ", ", "; ", "?"])
    for _ in range(50):
        made = plan(said)
        lengths = rng.integers(1, 12, len(made.lengths_L))
        frames = 2 * int(lengths.sum())
        energy = rng.normal(0, 5, frames).astype(np.float32)
        made = Plan(
            lengths_L=lengths,
            pitch_F=energy,
            energy_F=energy,
            bare_energy_F=energy,
            features=energy,
            start=int(lengths[0]) // 2,
            stop=int(lengths.sum()) - int(lengths[-1]) // 2,
        )
        starts, ends = timing.timed(timing.sounds_of(said), made, UNIT)
        assert (np.diff(starts) >= 0).all()
        assert (ends >= starts).all()
        assert (ends[:-1] <= starts[1:] + 1e-9).all()
        assert starts[0] >= 0
        assert ends[-1] <= (made.stop - made.start) * UNIT + 1e-9


def test_a_word_without_a_sound_takes_no_time():
    said = Utterance(
        text="a — b",
        phonemes="ɪ — ɪ",
        words=(
            SpokenWord(text="a", start=0, end=1),
            SpokenWord(text="—", start=2, end=3),
            SpokenWord(text="b", start=4, end=5),
        ),
    )
    sounds = timing.sounds_of(said)
    times = timing.timed(sounds, plan(said), UNIT)
    words, phonemes = timing.placed(said, sounds, times, 1.0)
    assert [w.text for w in words] == ["a", "—", "b"]
    assert words[1].start == words[1].end == words[0].end
    assert [p.word for p in phonemes] == [0, 2]
    assert words[0].start == phonemes[0].start > 1.0


def test_silence_has_no_sounds():
    nothing = Utterance(text="", phonemes="", words=())
    starts, ends = timing.timed(timing.sounds_of(nothing), plan(utterance("ɪ")), UNIT)
    assert len(starts) == len(ends) == 0
