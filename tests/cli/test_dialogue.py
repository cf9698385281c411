"""`voxhaus dialogue`: what it writes, what it reports, and what it refuses."""

import io
import json
import sys

import numpy as np
import pytest
import soundfile

from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, VoiceInfo, WordTiming

RATE = 24_000

SCRIPT = """\
@Host = anna

Host: Tom & Jerry left.
Ben (cheerful): Why?
Host (overlap 0.1s): Nobody <knows>.
"""


class QuickCast:
    """Two voices that hum half a second for each word."""

    name, version, default_voice, sample_rate, load_seconds = "quick", "1", "anna", RATE, 0.01

    @classmethod
    def load(cls, *_, threads=None):
        cls.asked = []
        return cls()

    def voices(self):
        about = {"sex": "", "accent": "us", "language": "en-US", "styles": ("neutral", "cheerful")}
        return [VoiceInfo(id=v, name=v.title(), **about) for v in ("anna", "ben")]

    def stream(self, text, *, voice=None, style=None, speed=1.0, seed=0):
        if style not in (None, "cheerful"):
            raise InputError(f"Voice '{voice}' has no style '{style}'.", param="style")
        self.asked.append((text, voice, style, seed))
        words = text.split()
        time = np.arange(RATE * len(words) // 2) / RATE
        level = 0.2 if voice == "anna" else 0.02
        timings = tuple(
            WordTiming(text=w, start=n / 2, end=n / 2 + 0.45) for n, w in enumerate(words)
        )
        yield AudioChunk(
            samples=(level * np.sin(2 * np.pi * 300 * time)).astype(np.float32),
            sample_rate=RATE,
            start=0.0,
            words=timings,
            text=text,
        )


@pytest.fixture(autouse=True)
def quick_cast(monkeypatch):
    monkeypatch.setattr("voxhaus.runtime.voice.Voice", QuickCast)
    return QuickCast


@pytest.fixture
def script(tmp_path):
    (tmp_path / "script.txt").write_text(SCRIPT)
    return "script.txt"


def test_a_script_becomes_a_file_beside_us(voxhaus, tmp_path, script):
    status, out, err = voxhaus("dialogue", script)
    assert (status, err) == (0, "")
    assert "dialogue.wav: 3 turns by 2 speakers" in out
    assert "-16.0 LUFS" in out
    assert soundfile.info(tmp_path / "dialogue.wav").duration > 3.0


def test_report_holds_what_the_help_says(voxhaus, script):
    status, report, err = voxhaus("dialogue", script, "-o", "d.flac", "--json", "--threads", "2")
    assert (status, err) == (0, "")
    assert set(report) == {
        "audio_seconds",
        "wall_seconds",
        "real_time_factor",
        "load_seconds",
        "loudness",
        "true_peak",
        "speakers",
        "turns",
        "sample_rate",
        "path",
    }
    assert report["speakers"] == {"Host": "anna", "Ben": "ben"}
    assert report["loudness"] == pytest.approx(-16.0, abs=0.1)
    assert report["true_peak"] <= -1.0
    assert [set(t) for t in report["turns"]] == [
        {"speaker", "voice", "style", "start", "end", "text"}
    ] * 3
    assert report["turns"][1]["text"] == "Why?"
    assert report["turns"][1]["style"] == "cheerful"
    assert report["turns"][2]["start"] == pytest.approx(report["turns"][1]["end"] - 0.1, abs=0.01)


def test_options_reach_the_dialogue(voxhaus, quick_cast, script):
    arguments = ["--loudness", "-23", "--seed", "5", "--threads", "1", "--json"]
    _, report, _ = voxhaus("dialogue", script, *arguments)
    assert report["loudness"] == pytest.approx(-23.0, abs=0.1)
    assert quick_cast.asked == [
        ("Tom & Jerry left.", "anna", None, 5),
        ("Why?", "ben", "cheerful", 6),
        ("Nobody <knows>.", "anna", None, 7),
    ]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_a_script_from_a_pipe(voxhaus, quick_cast, monkeypatch, arguments):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Anna: Piped"), "utf-8"))
    assert voxhaus("dialogue", *arguments)[0] == 0
    assert quick_cast.asked[0][0] == "Piped"


def test_a_terminal_is_asked_for_a_script(voxhaus, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b""), "utf-8")
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)
    status, _, err = voxhaus("dialogue")
    assert status == 2
    assert "Give the file of a SCRIPT" in err


def test_timestamps_name_the_speakers(voxhaus, tmp_path, script):
    for suffix in ("json", "srt", "vtt"):
        assert voxhaus("dialogue", script, "--timestamps", f"t.{suffix}")[0] == 0
    told = json.loads((tmp_path / "t.json").read_text())
    assert [w["speaker"] for w in told["words"]] == ["Host"] * 4 + ["Ben"] + ["Host"] * 2
    assert set(told["words"][0]) == {"text", "start", "end", "speaker"}
    assert [t["speaker"] for t in told["turns"]] == ["Host", "Ben", "Host"]
    assert "words" not in told["turns"][0]
    srt = (tmp_path / "t.srt").read_text()
    assert srt.startswith("1\n00:00:00,1")
    assert "\nHost: Tom & Jerry left.\n" in srt
    assert "\n2\n" in srt
    assert "\nBen: Why?\n" in srt
    vtt = (tmp_path / "t.vtt").read_text()
    assert vtt.startswith("WEBVTT\n\n00:00:00.1")
    assert "\n<v Host>Tom &amp; Jerry left.\n" in vtt
    assert "\n<v Ben>Why?\n" in vtt
    assert "\n<v Host>Nobody &lt;knows&gt;.\n" in vtt


BAD = {
    "unknown speaker": ("Anna: Hi.\nBob: Hi.", [], "Line 2: there is no speaker 'Bob'"),
    "unknown style": ("Anna (sad): Hi.", [], "Line 1: Voice 'anna' has no style 'sad'"),
    "nothing": (" \n", [], "The script has no turns"),
    "unknown format": (SCRIPT, ["-o", "a.xyz"], "xyz"),
    "no such folder": (SCRIPT, ["-o", "nowhere/a.wav"], "no folder nowhere"),
    "unknown timing format": (SCRIPT, ["--timestamps", "a.txt"], "a.txt"),
    "too loud": (SCRIPT, ["--loudness", "0"], "between -40 and -9 LUFS"),
    "negative seed": (SCRIPT, ["--seed", "-1"], "must not be negative"),
    "no threads": (SCRIPT, ["--threads", "0"], "'--threads'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_status_2(voxhaus, tmp_path, case):
    text, arguments, reason = BAD[case]
    (tmp_path / "script.txt").write_text(text)
    status, out, err = voxhaus("dialogue", "script.txt", *arguments)
    assert (status, out) == (2, "")
    assert reason in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == ["script.txt"]


def test_a_script_that_is_not_there(voxhaus):
    status, _, err = voxhaus("dialogue", "none.txt")
    assert status == 2
    assert "Cannot read none.txt" in err
