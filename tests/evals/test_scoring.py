"""What is kept of an interrupted evaluation, recordings as an engine, times of day in one spelling."""

import json

import numpy as np
import pytest
import soundfile

from voxhaus.core.errors import InputError
from voxhaus.evals import judges, speech
from voxhaus.evals.recordings import Recordings
from voxhaus.evals.sentences import Sentence

ONE = Sentence(category="news", text="One.")
TWO = Sentence(category="news", text="Two.")


def verdict(text, pitch=120.0):
    return {"category": "news", "text": text, "pitch_hz": pitch}


def test_verdicts_are_kept_for_the_same_version_only(tmp_path):
    path = tmp_path / "new" / "ours.jsonl"
    speech._Kept(path, "1").add(verdict("One."))
    assert speech._Kept(path, "1").get(ONE) == verdict("One.")
    assert speech._Kept(path, "1").get(TWO) is None
    assert speech._Kept(path, "2").get(ONE) is None


def test_a_line_cut_short_is_judged_again_and_harms_no_other(tmp_path):
    path = tmp_path / "ours.jsonl"
    speech._Kept(path, "1").add(verdict("One."))
    with path.open("a") as file:
        file.write('{"text": "Tw')
    resumed = speech._Kept(path, "1")
    assert resumed.get(TWO) is None
    resumed.add(verdict("Two."))
    again = speech._Kept(path, "1")
    assert (again.get(ONE), again.get(TWO)) == (verdict("One."), verdict("Two."))


def test_a_missing_pitch_is_null_in_json():
    made = speech._without_nan({"pitch_hz": float("nan"), "seconds": 1.0, "heard": "nan"})
    assert json.loads(json.dumps(made, allow_nan=False)) == {
        "pitch_hz": None,
        "seconds": 1.0,
        "heard": "nan",
    }


@pytest.mark.parametrize("heard", ["at 6:45 p.m. on", "at 6.45 pm on", "at 6:45pm on"])
def test_times_of_day_have_one_spelling(heard):
    assert judges.plain_times(heard) == "at 6 45 pm on"


def test_other_numbers_are_left_alone():
    for text in ("It costs 6.45 pounds.", "Version 3.12 must work.", "1.50 per metre"):
        assert judges.plain_times(text) == text
    assert judges.plain_times("the 7:05 train") == "the 7 05 train"


def write(path, rate=16_000, channels=1):
    soundfile.write(path, np.full((rate // 10, channels), 0.25, np.float32), rate)


def test_recordings_follow_the_order_of_names(tmp_path):
    write(tmp_path / "b.wav", channels=2)
    write(tmp_path / "a.wav")
    (tmp_path / "a.txt").write_text("not a recording")
    found = Recordings(tmp_path, [ONE, TWO])
    assert (found.sample_rate, found.voice) == (16_000, tmp_path.name)
    (mixed,) = found.parts("Two.")
    assert mixed.shape == (1600,)
    assert mixed[0] == pytest.approx(0.25, abs=1e-3)


def test_unusable_recordings_are_refused_with_the_reason(tmp_path):
    with pytest.raises(InputError, match="is not a folder of recordings"):
        Recordings(tmp_path / "none", [ONE])
    write(tmp_path / "a.wav")
    with pytest.raises(InputError, match="holds 1 recordings for 2 sentences"):
        Recordings(tmp_path, [ONE, TWO])
    write(tmp_path / "b.wav", rate=24_000)
    with pytest.raises(InputError, match="mixes sample rates"):
        Recordings(tmp_path, [ONE, TWO])
    (tmp_path / "b.wav").write_bytes(b"no sound")
    with pytest.raises(InputError, match=r"b\.wav is not a recording"):
        Recordings(tmp_path, [ONE, TWO])


def test_errors_are_told_apart_by_part():
    pytest.importorskip("jiwer", reason="judges need the extra 'evaluate'")
    pytest.importorskip("whisper_normalizer", reason="judges need the extra 'evaluate'")
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    hears = judges.Transcriber.__new__(judges.Transcriber)
    hears._plain, hears._jiwer = EnglishTextNormalizer(), jiwer
    texts = ["The door was open.", "Come in, please.", "Nobody is here."]
    assert hears.errors_by_part(texts, "the door was open come in please nobody is here") == [
        (0, 4), (0, 3), (0, 3),
    ]  # fmt: skip
    heard = "the floor was open nobody nobody is here"
    assert [w for w, _ in hears.errors_by_part(texts, heard)] == [1, 3, 0]
    assert hears.errors_by_part([], "words") == []
