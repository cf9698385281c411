"""The corpus fills with sound first, with prosody after that, and resumes."""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.core.errors import InputError
from voxhaus.training.voice import corpus, dataset, sentences, teacher

UNITS = 40  # one second


class Voices:
    def style(self, voice, row):
        return np.full(256, row, np.float32)


class ShortTeacher:
    """Speaks one second of a ramp, whatever it is given."""

    def __init__(self, folder):
        self.voices = Voices()

    def tokens(self, phonemes):
        if "?" in phonemes:
            raise ValueError("not readable")
        return [0, *range(1, len(phonemes) + 1), 0]

    def plan(self, phonemes, style):
        durations = np.zeros(len(phonemes) + 2, np.int32)
        durations[0] = UNITS
        return teacher.Reading(
            samples=np.zeros(0, np.float32),
            durations=durations,
            exact_durations=durations.astype(np.float32),
            pitch=np.full(2 * UNITS, float(len(phonemes)), np.float32),
            energy=np.ones(2 * UNITS, np.float32),
        )

    def read(self, phonemes, style):
        planned = self.plan(phonemes, style)
        ramp = np.linspace(-1, 1, UNITS * teacher.SAMPLES_PER_FRAME, dtype=np.float32)
        return teacher.Reading(**{**vars(planned), "samples": ramp})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(teacher, "Teacher", ShortTeacher)
    monkeypatch.setattr(teacher, "fetch", lambda: tmp_path)
    rows = [{"voice": "anna", "text": str(i), "phonemes": "a" * (1 + i % 9)} for i in range(200)]
    rows[3]["phonemes"] = "?"
    (tmp_path / "provenance.json").write_text(json.dumps({"seed": 7}))
    (tmp_path / "plan.jsonl").write_text("\n".join(json.dumps(r) for r in rows) + "\n")
    return tmp_path


def names(folder):
    return sorted(p.name for p in folder.glob("*.npz"))


def test_sound_until_the_hours_are_full_then_prosody(folder):
    corpus.fill(folder, 0, 1, hours=60 / 3600)
    assert names(folder) == [
        *(f"prosody-{n:05d}.npz" for n in (2, 3, 4)),
        *(f"shard-{n:05d}.npz" for n in (0, 1)),
    ]
    heard, _ = dataset.load_corpus(folder, held_out=0)
    assert len(heard) == 79, "an unreadable row is left out"
    assert all(len(e.samples) == UNITS * 600 for e in heard)
    unheard = dataset.load_unheard(folder)
    assert [e.text for e in unheard] == [str(i) for i in range(80, 200)]
    assert all(not len(e.samples) and e.pitch[0] == len(e.tokens) - 2 for e in unheard)


def test_more_hours_put_sound_where_prosody_was(folder):
    corpus.fill(folder, 0, 1, hours=30 / 3600)
    before = (folder / "shard-00000.npz").stat().st_mtime_ns
    corpus.fill(folder, 0, 1, hours=100 / 3600)
    assert (folder / "shard-00000.npz").stat().st_mtime_ns == before
    heard, _ = dataset.load_corpus(folder, held_out=0)
    assert len(heard) == 119
    assert len(dataset.load_unheard(folder)) == 80, "no reading counts twice"


def test_batches_of_both_kinds(folder):
    corpus.fill(folder, 0, 1, hours=30 / 3600)
    heard, _ = dataset.load_corpus(folder, held_out=0)
    batch = dataset.collate([heard[0], dataset.load_unheard(folder)[0]])
    assert batch.pitch_BF.shape == (2, 2 * UNITS)
    assert batch.unit_mask_BU1.sum() == 2 * UNITS


def test_a_corpus_says_what_it_holds(folder):
    corpus.fill(folder, 0, 1, hours=60 / 3600)
    assert corpus.describe(folder) == {
        "seeds": [7],
        "hours_spoken": round(79 / 3600, 3),
        "hours_timed": round(120 / 3600, 3),
    }


def test_another_seed_does_not_silently_keep_the_old_plan(folder):
    assert corpus.write_plan(folder, 10, 7, str).name == "plan.jsonl"
    with pytest.raises(InputError, match="planned with seed 7, not 8"):
        corpus.write_plan(folder, 10, 8, str)


def test_corpora_in_subfolders_are_read_together(folder):
    corpus.fill(folder, 0, 1, hours=30 / 3600)
    inner = folder / "more"
    inner.mkdir()
    (inner / "provenance.json").write_text(json.dumps({"seed": 8}))
    (inner / "plan.jsonl").write_text((folder / "plan.jsonl").read_text())
    corpus.fill(inner, 0, 1, hours=30 / 3600)
    heard, aside = dataset.load_corpus(folder, held_out=3)
    assert [len(heard), len(aside)] == [2 * (39 - 3), 2 * 3]
    assert len(dataset.load_unheard(folder)) == 2 * 160
    assert corpus.describe(folder)["seeds"] == [7, 8]


def test_a_plan_deals_sentences_to_voices_in_turn(tmp_path, monkeypatch):
    said = [
        sentences.Sentence(text=f"Sentence {i}.", kind="news", source="test") for i in range(200)
    ]
    monkeypatch.setattr(sentences, "plan", lambda count, seed: said[:count])
    corpus.write_plan(tmp_path, 200, 3, lambda text, accent: "a" * 20, ("anna", "hugo", "hugo"))
    rows = corpus.read_plan(tmp_path)
    assert [r["voice"] for r in rows[:4]] == ["anna", "hugo", "hugo", "anna"]
    varied = [r["delivery"] for r in rows if "delivery" in r]
    assert 0.3 < len(varied) / len(rows) < 0.7
    assert {d["other"][1] for d in varied} == {"f", "m"}, "from voices of the same sex"


def test_a_plan_for_an_unknown_voice_is_refused(tmp_path):
    with pytest.raises(InputError, match="no voice 'zoe' to teach"):
        corpus.write_plan(tmp_path, 200, 3, str, ("zoe",))
