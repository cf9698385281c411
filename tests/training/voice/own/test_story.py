"""A few spoken recordings become a voice that `say` can load, and nothing does without consent."""

import json

import numpy as np
import pytest
import soundfile

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("onnx", reason="training needs the extra 'train'")

from voxhaus.core.errors import InputError, MissingExtraError  # noqa: E402
from voxhaus.core.provenance import spoken_by  # noqa: E402
from voxhaus.runtime import weights  # noqa: E402
from voxhaus.runtime.voice import Voice  # noqa: E402

TEXTS = [
    "Please hold the line, we are trying to connect you.",
    "The door at the end of the hall was open.",
    "Nobody had told her about the second letter.",
    "Bring the boxes up to the attic before it rains.",
    "Seven boats left the harbour early this morning.",
    "We could hear the music from across the river.",
]
CONSENT = "I, a shipped voice, am nobody, and agree to be learned from in this test."


class NoListener:
    def __init__(self):
        raise MissingExtraError("faster-whisper", "evaluate")


@pytest.fixture
def story(monkeypatch):
    from voxhaus.training.voice.own import examples, scores, story, tuning

    monkeypatch.setattr(examples, "Transcriber", NoListener)
    monkeypatch.setattr(scores, "Transcriber", NoListener)
    monkeypatch.setattr(examples, "PRACTICE", 12)
    monkeypatch.setattr(examples, "TESTS", 2)
    monkeypatch.setattr(examples, "PRACTICE_STEPS", 12)
    monkeypatch.setattr(examples, "LISTENING_STEPS", 2)
    monkeypatch.setattr(examples, "UNSURE", 99.0)
    monkeypatch.setattr(story, "COMPARED", 1)
    monkeypatch.setattr(tuning, "STYLE_RATE", 1e-3)
    return story


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    voice = Voice.load(threads=1)
    for i, text in enumerate(TEXTS):
        speech = voice.speak(text, voice="grace", pitch=1.0)
        soundfile.write(folder / f"{i}.wav", speech.samples, speech.sample_rate)
        (folder / f"{i}.txt").write_text(text, "utf-8")
    soundfile.write(folder / "6.wav", np.zeros(24_000), 24_000)
    (folder / "6.txt").write_text("Nothing is heard here.", "utf-8")
    (folder / "consent.txt").write_text(CONSENT, "utf-8")
    return folder


def options(story, recorded, tmp_path, **more):
    consent = recorded / "consent.txt"
    given = {"consent": consent, "out": tmp_path / "own-mine" / "1", "steps": 3, **more}
    return story.OwnOptions(data=recorded, name="mine", runs=tmp_path / "runs", threads=1, **given)


@pytest.fixture
def made(story, recorded, tmp_path):
    return story.make(options(story, recorded, tmp_path))


def test_a_voice_is_made_and_says_whose_it_is(made, story, recorded, tmp_path, monkeypatch, capsys):
    assert weights.damaged(made) == []
    monkeypatch.setenv("VOXHAUS_VOICES", str(tmp_path))
    assert ("own-mine", "1") in weights.available()
    voice = Voice.load("own-mine", threads=1)
    assert (voice.name, voice.version, voice.default_voice) == ("own-mine", "1", "mine")
    speech = voice.speak("Hello there.", style="calm")
    assert 0.3 < speech.seconds < 4
    assert np.abs(speech.samples).max() > 0.01

    consent = spoken_by(voice, ["mine"]).consent["mine"]
    manifest = json.loads((made / "manifest.json").read_text("utf-8"))
    assert consent == f"consent.txt of own-mine 1, sha256 {manifest['consent_sha256'][:16]}"
    assert (made / "consent.txt").read_text("utf-8").strip() == CONSENT

    card = (made / "card.md").read_text("utf-8")
    assert CONSENT in card
    assert "7 found, 6 used" in card
    assert "Not judged" in card
    report = (tmp_path / "runs" / "own-mine" / "recordings.md").read_text("utf-8")
    assert "- 6: silence" in report
    assert "Words: not checked" in report

    # The same again: nothing is checked, timed or trained twice.
    capsys.readouterr()
    story.make(options(story, recorded, tmp_path, out=tmp_path / "again" / "1"))
    said = capsys.readouterr().out
    assert "aligner" not in said
    assert "3/3" not in said
    first, second = (np.load(p / "styles.npy") for p in (made, tmp_path / "again" / "1"))
    np.testing.assert_array_equal(first, second)


def test_no_voice_without_consent(story, recorded, tmp_path):
    with pytest.raises(InputError, match="only made with the consent"):
        story.make(options(story, recorded, tmp_path, consent=None))
    assert not (tmp_path / "runs").exists()


def test_too_few_recordings(story, recorded, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for name in ("0.wav", "0.txt"):
        (few / name).write_bytes((recorded / name).read_bytes())
    o = options(story, recorded, tmp_path)
    with pytest.raises(InputError, match=r"1 of 1 recordings can be used, and 5 are the least"):
        story.make(story.OwnOptions(**{**vars(o), "data": few}))


@pytest.mark.parametrize("name", ["", "Maria", "a b", "../x"])
def test_names_that_cannot_be_typed(story, name):
    with pytest.raises(InputError, match="cannot be a voice's name"):
        story.check_name(name)


def test_split_is_the_same_each_time_and_leaves_some_out(story):
    numbers = list(range(100))
    train, held_out = story.split(numbers)
    assert len(held_out) == 10
    assert sorted(train + held_out) == numbers
    assert story.split(numbers) == (train, held_out)
