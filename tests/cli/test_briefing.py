"""`voxhaus briefing`: four files, one report, and what it refuses."""

import json

import numpy as np
import pytest
import soundfile

from voxhaus.core.errors import InputError
from voxhaus.core.speech import Speech
from voxhaus.models.text import markup

RATE = 24_000
NOW = ("--now", "2026-11-23T08:00")


class ReadingVoice:
    """Silence with a tick, as long as the text; says what it was asked."""

    name, version, default_voice = "reading", "1", "anna"
    load_seconds, asked = 0.01, ()

    @classmethod
    def load(cls, *_, threads=None):
        return cls()

    def speak(self, text, *, voice=None, style=None, speed=1.0, seed=0):
        type(self).asked = (voice, style, seed)
        samples = np.zeros(round(self.predict_seconds(text, voice=voice) * RATE), np.float32)
        samples[0] = 0.5
        return Speech(samples=samples, sample_rate=RATE)

    def voices(self):
        return []

    def predict_seconds(self, text, *, voice=None, speed=1.0):
        if voice not in (None, "anna"):
            raise InputError(f"There is no voice '{voice}'. Voices: anna.", param="voice")
        markup.parse(text)
        return len(text) / 15


@pytest.fixture(autouse=True)
def quiet_house(monkeypatch, tmp_path):
    monkeypatch.setattr("voxhaus.runtime.voice.Voice", ReadingVoice)
    monkeypatch.setenv("VOXHAUS_CONFIG", str(tmp_path / "voxhaus.toml"))
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))


def test_without_anything_the_sample_is_read(voxhaus, tmp_path):
    status, out, err = voxhaus("briefing", *NOW)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("briefing-2026-11-23.mp3: ")
    assert "stories from 3 feeds" in lines[0]
    assert " s of speech in " in lines[1]
    assert lines[1].endswith("× real time)")
    assert "this is the sample that comes with Voxhaus" in err
    files = sorted(p.name for p in tmp_path.glob("briefing-*"))
    assert files == [f"briefing-2026-11-23.{s}" for s in ("json", "md", "mp3", "vtt")]
    length = soundfile.info(tmp_path / "briefing-2026-11-23.mp3").duration
    assert length == pytest.approx(180, rel=0.1)
    assert (tmp_path / files[2]).read_bytes().count(b"CHAP") >= 5
    assert (tmp_path / files[3]).read_text("utf-8").startswith("WEBVTT")
    assert "Good morning." in (tmp_path / files[1]).read_text("utf-8")


def test_the_report_is_printed_and_kept(voxhaus, tmp_path):
    options = ("-o", "a.wav", "-m", "1", "--voice", "anna", "--seed", "4", "--title", "the show")
    status, report, err = voxhaus("briefing", *NOW, *options, "--json")
    assert (status, err) == (0, "")
    assert report == json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert report["audio_seconds"] == pytest.approx(60, rel=0.1)
    assert report["audio_seconds"] == pytest.approx(soundfile.info("a.wav").duration, abs=0.001)
    assert report["requested_seconds"] == 60
    assert report["files"] == {s: f"a.{s}" for s in ("vtt", "md", "json")} | {"audio": "a.wav"}
    assert [f["kind"] for f in report["feeds"]] == ["RSS 2.0", "Atom 1.0", "JSON Feed 1.1"]
    assert report["real_time_factor"] > 0
    assert ReadingVoice.asked == ("anna", None, 4)
    assert "# The show" in (tmp_path / "a.md").read_text("utf-8")


def test_configured_feeds_are_read_and_options_win(voxhaus, tmp_path):
    (tmp_path / "f.xml").write_text(
        "<rss><channel><title>Gazette</title><item><title>Moon seen over the harbour</title>"
        "<description>The moon rose at nine over it.</description></item></channel></rss>"
    )
    (tmp_path / "voxhaus.toml").write_text(
        '[briefing]\nfeeds = ["f.xml"]\nminutes = 2\nvoice = "nobody"\n'
    )
    status, _, err = voxhaus("briefing", *NOW)
    assert (status, "no voice 'nobody'" in err) == (2, True)
    status, report, err = voxhaus("briefing", *NOW, "--voice", "anna", "-o", "a.wav", "--json")
    assert status == 0
    assert report["requested_seconds"] == 120
    assert report["short_of_material"]
    assert "Note: There was not more to say" in err
    assert [s["title"] for s in report["stories"]] == ["Moon seen over the harbour"]


def test_a_dead_feed_is_noted_and_the_rest_is_told(voxhaus, tmp_path):
    (tmp_path / "f.json").write_text(
        '{"version": "https://jsonfeed.org/version/1.1", "title": "Gazette", "items": '
        '[{"title": "Moon seen over the harbour", "content_text": "It rose at nine."}]}'
    )
    status, _, err = voxhaus("briefing", "http://127.0.0.1:1/f", "f.json", "-m", "0.5", *NOW)
    assert status == 0
    assert "Note: http://127.0.0.1:1/f: no connection" in err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["missing.xml"], 2, "missing.xml: there is no such file"),
        (["http://127.0.0.1:1/f"], 1, "no connection"),
        (["page.html"], 2, "a web page, not a feed"),
        (["noise.bin"], 2, "binary data"),
        (["bomb.xml"], 2, "declares XML entities"),
        (["-m", "0"], 2, "0.5 to 60 minutes"),
        (["-m", "nan"], 2, "0.5 to 60 minutes"),
        (["-m", "three"], 2, "valid number"),
        (["--voice", "nobody"], 2, "no voice 'nobody'. Voices: anna."),
        (["--now", "soon"], 2, "not a date and time"),
        (["-o", "a.doc"], 2, "wav, flac, mp3"),
        (["-o", "nowhere/a.mp3"], 2, "There is no folder nowhere"),
        (["-o", "notes.mp3"], 2, "notes.md exists already and would be overwritten"),
    ],
)
def test_bad_input_is_one_sentence(voxhaus, tmp_path, arguments, status, said):
    (tmp_path / "page.html").write_text("<!doctype html><title>x</title>")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)))
    (tmp_path / "bomb.xml").write_text('<!DOCTYPE r [<!ENTITY a "x">]><rss>&a;</rss>')
    (tmp_path / "notes.md").write_text("mine")
    got, out, err = voxhaus("briefing", *NOW, *arguments)
    assert (got, out) == (status, "")
    assert said in err
    assert err.count("\n") == 1
    assert (tmp_path / "notes.md").read_text() == "mine"
    assert not list(tmp_path.glob("*.mp3"))


def test_a_second_run_replaces_the_first(voxhaus):
    assert voxhaus("briefing", *NOW, "-m", "0.5")[0] == 0
    assert voxhaus("briefing", *NOW, "-m", "1")[0] == 0


def test_broken_settings_are_named(voxhaus, tmp_path):
    (tmp_path / "voxhaus.toml").write_text("[briefing]\nminuets = 2\n")
    status, _, err = voxhaus("briefing")
    assert (status, "briefing.minuets is not a setting" in err) == (2, True)
