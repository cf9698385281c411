"""Differences from an aligner are counted as they are, and the aligner finds what is there."""

import numpy as np
import pytest

from voxhaus.core.speech import PhonemeTiming, Speech, WordTiming
from voxhaus.evals import timestamps
from voxhaus.evals.aligner import ALIGNER_RATE, ARPABET, Aligned, Aligner, Alignment, arpabet
from voxhaus.evals.sentences import Sentence
from voxhaus.models.text.phonemes import IDS

pytest.importorskip("scipy", reason="resampling needs SciPy")


def said(late=0.0):
    """Two words of two sounds each, told `late` seconds too late."""
    edges = [(0.1, 0.2), (0.2, 0.3), (0.4, 0.5), (0.5, 0.7)]
    sounds = [
        PhonemeTiming(symbol, a + late, b + late, i // 2)
        for i, (symbol, (a, b)) in enumerate(zip(("n", "ˈO", "j", "ˌu"), edges, strict=True))
    ]
    words = (
        WordTiming(text="no", start=0.1 + late, end=0.3 + late),
        WordTiming(text="you", start=0.4 + late, end=0.7 + late),
    )
    noise = np.random.default_rng(0).standard_normal(ALIGNER_RATE).astype(np.float32) * 0.1
    return Speech(samples=noise, sample_rate=ALIGNER_RATE, words=words, phonemes=tuple(sounds))


class Sure:
    """An aligner that knows the truth, and is sure to the millisecond."""

    def __init__(self, fails=False):
        self.fails, self.asked = fails, []

    def align(self, samples, words, *, shifts=(0.0,)):
        self.asked.append(words)
        if self.fails:
            return None
        truth = said()
        phones = tuple(
            tuple(Aligned(p.start, p.end) for p in truth.phonemes if p.word == w) for w in (0, 1)
        )
        words = tuple(Aligned(w.start, w.end) for w in truth.words)
        return Alignment(words=words, phones=phones)


SENTENCES = [Sentence(category="x", text="No you")] * 4


def compared(late, aligner=None):
    aligner = aligner or Sure()
    return timestamps.compare(
        lambda text, voice: said(late), ["anna"], SENTENCES, aligner=aligner
    ).result()


def test_a_lag_is_found_with_its_sign():
    table = compared(0.03)["overall"]
    assert set(table) == set(timestamps.KINDS)
    for kind, n in zip(timestamps.KINDS, (8, 8, 16), strict=True):
        figures = table[kind]
        assert figures["n"] == n
        assert figures["median"] == figures["mean"] == figures["median_absolute"] == 30.0
        assert (figures["within_20"], figures["within_40"]) == (0.0, 1.0)


def test_halves_voices_and_floor_are_told_apart():
    result = compared(0.0)
    assert [h["word starts"]["n"] for h in result["halves"]] == [4, 4]
    assert result["voices"]["anna"]["word ends"]["within_20"] == 1.0
    assert result["floor"]["delayed"]["sound starts"]["n"] == 4
    assert result["floor"]["noisy"]["sound starts"]["median"] == 0.0
    assert result["raw"]["anna"]["word starts"] == [0.0] * 8


def test_sounds_are_handed_on_in_arpabet():
    aligner = Sure()
    compared(0.0, aligner)
    assert aligner.asked[0] == [["N", "OW"], ["Y", "UW"]]


def test_what_cannot_be_aligned_is_left_out_by_name():
    result = compared(0.0, Sure(fails=True))
    assert result["left_out"] == ["anna: No you (the aligner found no way through)"] * 4
    assert result["overall"] == {}


def test_rows_have_a_cell_for_each_column():
    rows = timestamps.rows(compared(0.0)["overall"], "anna,")
    assert [len(r) for r in rows] == [len(timestamps.COLUMNS)] * 3
    assert rows[0][0] == "anna, word starts"


def test_every_sound_of_the_alphabet_has_a_counterpart():
    marks = set(' ;:,.!?—…"()“”ˈˌː')
    assert set(IDS) - marks - set(ARPABET) == set()
    assert arpabet("ˈɜː") == "ER"


def test_the_aligner_finds_sounds_where_they_are():
    """Our own voice says it; a second of silence before it moves every time by a second."""
    pytest.importorskip("pocketsphinx", reason="aligning needs the extra 'timestamps'")
    from voxhaus.evals.judges import resample
    from voxhaus.runtime.voice import Voice

    speech = Voice.load(threads=1).speak("The quiet river bends twice.")
    spelled = [
        [arpabet(p.symbol) for p in speech.phonemes if p.word == i]
        for i in range(len(speech.words))
    ]
    samples = resample(speech.samples, speech.sample_rate, ALIGNER_RATE)
    aligner = Aligner()
    once = aligner.align(samples, spelled)
    late = aligner.align(np.pad(samples, (ALIGNER_RATE, 0)), spelled)
    assert [len(p) for p in once.phones] == [len(s) for s in spelled]
    for a, b in zip(once.words, late.words, strict=True):
        assert b.start - a.start == pytest.approx(1.0, abs=0.03)
    apart = [w.start - a.start for w, a in zip(speech.words, once.words, strict=True)]
    assert np.abs(np.median(apart)) < 0.025
    assert np.abs(apart).max() < 0.08
