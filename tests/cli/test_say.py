"""`voxhaus say`: what it writes, what it reports, and what it refuses."""

import io
import json
import sys

import pytest
import soundfile

pytestmark = pytest.mark.usefixtures("quick_voice")

REPORT = {
    "audio_seconds",
    "wall_seconds",
    "first_audio_seconds",
    "real_time_factor",
    "load_seconds",
    "voice",
    "style",
    "sample_rate",
    "path",
}


@pytest.fixture
def pipe(monkeypatch):
    """Make standard input hold these bytes."""

    def set_to(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))

    return set_to


def test_a_text_becomes_a_file_beside_us(voxhaus, tmp_path):
    status, out, err = voxhaus("say", "One two three")
    assert (status, err) == (0, "")
    assert "speech.wav: 0.3 s of speech" in out
    assert soundfile.info(tmp_path / "speech.wav").duration == pytest.approx(0.3)


def test_report_holds_what_the_contract_says(voxhaus):
    status, report, err = voxhaus("say", "One two", "-o", "a.wav", "--json")
    assert (status, err) == (0, "")
    assert set(report) == REPORT
    assert report["audio_seconds"] == pytest.approx(0.2)
    assert report["sample_rate"] == 24_000
    assert (report["voice"], report["style"], report["path"]) == ("anna", "neutral", "a.wav")
    assert report["first_audio_seconds"] <= report["wall_seconds"]
    assert report["real_time_factor"] == pytest.approx(report["wall_seconds"] / 0.2, abs=0.001)


def test_options_reach_the_voice(voxhaus, quick_voice):
    arguments = [
        "--style",
        "calm",
        "--speed",
        "1.5",
        "--seed",
        "7",
        "--threads",
        "2",
        "--pitch",
        "-2",
        "--breaths",
    ]
    assert voxhaus("say", "Hello", *arguments)[0] == 0
    assert quick_voice.asked == {
        "text": "Hello",
        "style": "calm",
        "speed": 1.5,
        "seed": 7,
        "pitch": -2.0,
        "breaths": True,
    }
    assert quick_voice.threads == 2


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "opus"])
def test_the_suffix_chooses_the_format(voxhaus, tmp_path, suffix):
    status, _, err = voxhaus("say", "One two three four", "-o", f"a.{suffix}")
    assert (status, err) == (0, "")
    assert soundfile.info(tmp_path / f"a.{suffix}").duration == pytest.approx(0.4, abs=0.1)


def test_text_from_a_file_from_a_pipe_and_from_a_dash(voxhaus, quick_voice, tmp_path, pipe):
    (tmp_path / "text.txt").write_bytes("\ufeffGrüße".encode())
    assert voxhaus("say", "--file", "text.txt")[0] == 0
    assert quick_voice.asked["text"] == "Grüße"
    for arguments in (["say"], ["say", "-"], ["say", "--file", "-"]):
        pipe(b"Piped")
        assert voxhaus(*arguments)[0] == 0
        assert quick_voice.asked["text"] == "Piped"


def test_timestamps_in_three_formats(voxhaus, tmp_path):
    for suffix in ("json", "srt", "vtt"):
        assert voxhaus("say", "Tom & Jerry left. Why?", "--timestamps", f"t.{suffix}")[0] == 0
    told = json.loads((tmp_path / "t.json").read_text())
    assert told["words"][0] == {"text": "Tom", "start": 0.0, "end": 0.09}
    assert told["phonemes"][0] == {"symbol": "ˈA", "start": 0.0, "end": 0.09, "word": 0}
    assert [p["word"] for p in told["phonemes"]] == [0, 1, 2, 3, 4]
    assert (
        (tmp_path / "t.srt")
        .read_text()
        .startswith("1\n00:00:00,000 --> 00:00:00,390\nTom & Jerry left.\n")
    )
    assert (tmp_path / "t.vtt").read_text() == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:00.390\nTom &amp; Jerry left.\n"
        "\n00:00:00.400 --> 00:00:00.490\nWhy?\n"
    )


BAD = {
    "empty text": (["say", "  "], "nothing to say"),
    "unknown voice": (["say", "Hi", "--voice", "bob"], "no voice 'bob'"),
    "unknown format": (["say", "Hi", "-o", "a.xyz"], "xyz"),
    "no format": (["say", "Hi", "-o", "speech"], "speech"),
    "no such folder": (["say", "Hi", "-o", "nowhere/a.wav"], "no folder nowhere"),
    "unknown timing format": (["say", "Hi", "--timestamps", "a.txt"], "a.txt"),
    "no such file": (["say", "--file", "none.txt"], "none.txt: No such file"),
    "text and file": (["say", "Hi", "--file", "a.txt"], "not both"),
    "no number": (["say", "Hi", "--speed", "fast"], "'--speed'"),
    "no threads": (["say", "Hi", "--threads", "0"], "'--threads'"),
    "unknown option": (["say", "Hi", "--loud"], "--loud"),
    "unknown command": (["sing"], "sing"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_status_2(voxhaus, tmp_path, case):
    arguments, reason = BAD[case]
    status, out, err = voxhaus(*arguments)
    assert (status, out) == (2, "")
    assert reason in err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(voxhaus, tmp_path):
    (tmp_path / "a.wav").mkdir()
    status, _, err = voxhaus("say", "Hi", "-o", "a.wav")
    assert status == 2
    assert "a.wav is a folder" in err


def test_a_binary_file_is_refused(voxhaus, tmp_path):
    for data, reason in ((b"\x89PNG\r\n\xff\xfe", "not UTF-8"), (b"a\0b", "binary")):
        (tmp_path / "picture").write_bytes(data)
        status, _, err = voxhaus("say", "--file", "picture")
        assert status == 2
        assert reason in err


def test_a_file_without_end_is_not_read_to_its_end(voxhaus):
    status, _, err = voxhaus("say", "--file", "/dev/zero")
    assert status == 2
    assert "larger than 8 MB" in err
