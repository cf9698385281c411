"""`voxhaus doctor FILE`: what a recording says of itself, and whether it is signed."""

import json
import re
from datetime import UTC, datetime, timedelta
from importlib import metadata

import numpy as np
import pytest
import soundfile

from voxhaus.core.provenance import TRAINED

pytestmark = pytest.mark.usefixtures("quick_voice")


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "opus"])
def test_what_say_wrote_is_read_back(voxhaus, suffix):
    assert voxhaus("say", "One two", "-o", f"a.{suffix}")[0] == 0
    status, report, err = voxhaus("doctor", f"a.{suffix}", "--json")
    assert (status, err) == (0, "")
    assert set(report) == {"path", "format", "provenance", "credentials"}
    assert (report["path"], report["format"]) == (f"a.{suffix}", suffix)
    made = report["provenance"]
    age = datetime.now(UTC) - datetime.fromisoformat(made.pop("created"))
    assert timedelta(0) <= age < timedelta(minutes=5)
    assert made == {
        "generator": "Voxhaus",
        "version": metadata.version("voxhaus"),
        "model": "quick",
        "model_version": "1",
        "voices": ["anna"],
        "digital_source_type": TRAINED,
        "consent": {},
    }
    assert report["credentials"]["state"] in ("none", "unchecked")


def test_voices_of_the_markup_are_told(voxhaus):
    assert voxhaus("say", "One [voice ben]two[/voice]", "-o", "a.wav")[0] == 0
    _, report, _ = voxhaus("doctor", "a.wav", "--json")
    assert report["provenance"]["voices"] == ["anna", "ben"]


def test_for_people_it_is_a_list(voxhaus):
    assert voxhaus("say", "One two", "-o", "a.ogg")[0] == 0
    status, out, err = voxhaus("doctor", "a.ogg")
    assert (status, err) == (0, "")
    assert re.search(r"^file +a\.ogg \(ogg\)$", out, re.M)
    assert re.search(r"^made with +Voxhaus \S+, model quick 1$", out, re.M)
    assert re.search(r"^voices +anna$", out, re.M)
    assert "anyone could have written it" in out
    assert re.search(r"^credentials +none$", out, re.M)


def test_a_file_by_somebody_else_has_no_provenance(voxhaus, tmp_path):
    soundfile.write(tmp_path / "a.flac", np.zeros(100), 24_000)
    status, out, _ = voxhaus("doctor", "a.flac")
    assert status == 0
    assert "no provenance that we know" in out
    assert voxhaus("doctor", "a.flac", "--json")[1]["provenance"] is None


def test_raw_samples_have_no_place_for_it(voxhaus):
    assert voxhaus("say", "One two", "-o", "a.pcm")[0] == 0
    status, out, _ = voxhaus("doctor", "a.pcm")
    assert status == 0
    assert "no provenance: .pcm files have no place for it" in out


def test_what_is_no_audio_file_gets_one_sentence(voxhaus, tmp_path):
    (tmp_path / "a.wav").write_text("Hello")
    for name, reason in (("a.wav", "is not a WAV"), ("b.wav", "is not there"), (".", "not a file")):
        status, out, err = voxhaus("doctor", name)
        assert (status, out) == (2, "")
        assert reason in err
        assert err.startswith("Error: ")
        assert err.count("\n") == 1


def test_consent_is_told_of_voices_made_from_recordings(voxhaus, quick_voice, monkeypatch):
    from dataclasses import replace

    listed = [replace(v, consent="letter 7") for v in quick_voice().voices()]
    monkeypatch.setattr(quick_voice, "voices", lambda _: listed)
    assert voxhaus("say", "One", "-o", "a.wav")[0] == 0
    assert re.search(r"^consent +anna: letter 7$", voxhaus("doctor", "a.wav")[1], re.M)
    assert voxhaus("voices", "--json")[1]["voices"][0]["consent"] == "letter 7"


def test_the_briefings_file_has_it_too(voxhaus, quick_voice, monkeypatch, tmp_path):
    from voxhaus.core.speech import join

    def speak(self, text, **options):
        return join(list(self.stream(text, **options)), self.sample_rate)

    monkeypatch.setattr(quick_voice, "speak", speak, raising=False)
    seconds = lambda _, text, **__: len(text.split()) / 10  # noqa: E731
    monkeypatch.setattr(quick_voice, "predict_seconds", seconds, raising=False)
    monkeypatch.setenv("VOXHAUS_CONFIG", str(tmp_path / "voxhaus.toml"))
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    assert voxhaus("briefing", "-m", "0.5", "-o", "b.mp3")[0] == 0
    _, report, _ = voxhaus("doctor", "b.mp3", "--json")
    assert report["provenance"]["voices"] == ["anna"]
    assert json.loads((tmp_path / "b.json").read_text())["audio_seconds"] > 0
