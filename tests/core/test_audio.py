"""Audio files: what is written can be read, tags and chapters included, and errors say why."""

import io
import os
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxhaus.core import audio_tags
from voxhaus.core.audio import (
    FORMATS,
    Chapter,
    check_audio_target,
    encode,
    format_of,
    write_audio,
)
from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.speech import Speech

RATE = 24_000
SECONDS = 3.0
TITLE = "Monday’s news ☕"
CHAPTERS = (Chapter("Welcome", 0.0, 0.75), Chapter("Science: “moons”", 0.75, 3.0))
DECODED = ("wav", "flac", "mp3", "opus", "ogg")


@pytest.fixture(scope="module")
def speech():
    at = np.arange(int(SECONDS * RATE)) / RATE
    return Speech(samples=(0.4 * np.sin(2 * np.pi * 220 * at)).astype(np.float32), sample_rate=RATE)


def decoded(data):
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    return samples, rate


@pytest.mark.parametrize("name", DECODED)
def test_tagged_sound_is_read_back(name, speech):
    samples, rate = decoded(encode(speech, name, title=TITLE, chapters=CHAPTERS))
    assert rate == RATE
    assert len(samples) == pytest.approx(len(speech.samples), abs=2304)
    spectrum = np.abs(np.fft.rfft(samples[RATE : 2 * RATE]))
    assert spectrum.argmax() == 220
    assert np.sqrt(np.mean(samples[RATE : 2 * RATE] ** 2)) == pytest.approx(0.283, rel=0.05)


@pytest.mark.parametrize("name", DECODED)
def test_tags_change_no_sample(name, speech):
    plain, _ = decoded(encode(speech, name))
    tagged, _ = decoded(encode(speech, name, title=TITLE, chapters=CHAPTERS))
    np.testing.assert_array_equal(plain, tagged)


@pytest.mark.parametrize("name", [*DECODED, "pcm"])
def test_equal_sounds_make_equal_files(name, speech):
    assert encode(speech, name, title=TITLE) == encode(speech, name, title=TITLE)


def test_pcm_is_16_bit_little_endian_and_clipped():
    speech = Speech(samples=np.array([0, 0.5, -1, 3], np.float32), sample_rate=RATE)
    assert struct.unpack("<4h", encode(speech, "pcm")) == (0, 16384, -32767, 32767)


def test_mp3_carries_id3_chapters(speech):
    data = encode(speech, "mp3", title=TITLE, chapters=CHAPTERS)
    assert data[:5] == b"ID3\x03\x00"
    size = sum(b << s for b, s in zip(data[6:10], (21, 14, 7, 0), strict=True))
    frames = list(id3_frames(data[10 : 10 + size]))
    assert [name for name, _ in frames] == [b"TIT2", b"CTOC", b"CHAP", b"CHAP"]
    assert frames[0][1][1:].decode("utf-16") == TITLE
    assert frames[1][1] == b"toc\0\x03\x02chp0\0chp1\0"
    for (_, body), chapter in zip(frames[2:], CHAPTERS, strict=True):
        start, end = struct.unpack(">II", body[5:13])
        assert (start, end) == (chapter.start * 1000, chapter.end * 1000)
        ((name, text),) = id3_frames(body[21:])
        assert (name, text[1:].decode("utf-16")) == (b"TIT2", chapter.title)
    assert data[10 + size] == 0xFF, "the stream begins where the tag ends"


def id3_frames(data):
    while data:
        size = int.from_bytes(data[4:8], "big")
        yield data[:4], data[10 : 10 + size]
        data = data[10 + size :]


def test_more_chapters_than_a_table_of_contents_holds(speech):
    many = [Chapter(f"{i}", i / 100, (i + 1) / 100) for i in range(300)]
    data = encode(speech, "mp3", chapters=many)
    assert data.count(b"CHAP") == 300
    assert len(decoded(data)[0])


@pytest.mark.parametrize("name", ["flac", "ogg", "opus"])
def test_vorbis_comments_hold_chapters(name, speech):
    data = encode(speech, name, title=TITLE, chapters=CHAPTERS)
    for entry in (
        f"TITLE={TITLE}",
        "CHAPTER001=00:00:00.000",
        "CHAPTER001NAME=Welcome",
        "CHAPTER002=00:00:00.750",
        "CHAPTER002NAME=Science: “moons”",
    ):
        raw = entry.encode()
        assert struct.pack("<I", len(raw)) + raw in data


def test_wav_has_cue_points_and_labels(speech):
    data = encode(speech, "wav", title=TITLE, chapters=CHAPTERS)
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    chunks = dict(riff_chunks(data))
    points = chunks[b"cue "]
    assert struct.unpack("<I", points[:4]) == (2,)
    assert [struct.unpack_from("<I", points, 4 + 24 * i + 20)[0] for i in (0, 1)] == [0, 18_000]
    assert "Science: “moons”".encode() + b"\0" in chunks[b"LISTadtl"]
    assert TITLE.encode() + b"\0" in chunks[b"LISTINFO"]


def riff_chunks(data):
    at = 12
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size]
        name = data[at : at + 4]
        yield (name + body[:4] if name == b"LIST" else name), body
        at += 8 + size + size % 2


def test_ogg_comments_longer_than_a_page(speech):
    many = [Chapter("x" * 900, i / 100, (i + 1) / 100) for i in range(100)]  # about 95 KB
    for name in ("ogg", "opus"):
        samples, _ = decoded(encode(speech, name, chapters=many))
        assert len(samples) == pytest.approx(len(speech.samples), abs=2304)


def test_ogg_checksum_against_the_long_way():
    def plain(data):  # RFC 3533: polynomial 0x04c11db7, most significant bit first
        crc = 0
        for byte in data:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
        return crc

    data = bytes(np.random.default_rng(0).integers(0, 256, 999, dtype=np.uint8))
    for part in (b"", b"O", data):
        assert audio_tags._ogg_crc(part) == plain(part)


@pytest.mark.parametrize("tag", [audio_tags.tag_flac, audio_tags.tag_ogg])
def test_tagging_another_file_is_refused(tag):
    with pytest.raises(ValueError, match="not a"):
        tag(b"neither of them", "t", [])


def test_wav_tags_refuse_another_file():
    with pytest.raises(ValueError, match="not a WAV"):
        audio_tags.tag_wav(b"ID3 and so on and on", "t", [], RATE)


@pytest.mark.skipif(find_spec("av") is None, reason="needs the extra 'aac'")
@pytest.mark.parametrize("name", ["aac", "m4a"])
def test_aac_with_the_extra(name, speech):
    import av

    data = encode(speech, name, title=TITLE, chapters=CHAPTERS)
    with av.open(io.BytesIO(data)) as container:
        if name == "m4a":
            assert container.metadata["title"] == TITLE
            starts = [c["start"] * c["time_base"] for c in container.chapters()]
            assert starts == [0, 0.75]
        length = sum(f.samples for f in container.decode(audio=0)) / RATE
    assert length == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize("name", ["aac", "m4a"])
def test_aac_without_the_extra_says_what_to_install(name, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'voxhaus\[aac\]'"):
        check_audio_target(tmp_path / f"a.{name}")


@pytest.mark.parametrize("name", ["a.doc", "a", "mp3", ".mp3"])
def test_unknown_suffix_lists_the_formats(name, tmp_path):
    with pytest.raises(InputError, match="wav, flac, mp3, opus, ogg, aac, m4a, pcm"):
        format_of(tmp_path / name)


def test_every_format_has_its_suffix(tmp_path):
    assert [format_of(tmp_path / f"a.{f.upper()}") for f in FORMATS] == list(FORMATS)


def test_unknown_format_and_empty_speech(speech):
    with pytest.raises(InputError, match="no audio format 'midi'"):
        encode(speech, "midi")
    with pytest.raises(InputError, match="recording is empty"):
        encode(Speech(samples=np.zeros(0, np.float32), sample_rate=RATE), "wav")


def test_writing_replaces_a_file_whole(tmp_path, speech):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    write_audio(path, speech, title="T")
    assert soundfile.info(path).duration == pytest.approx(SECONDS)
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_a_failed_write_leaves_the_old_file(tmp_path, speech, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(InputError, match=r"a\.wav cannot be written: No space left on device"):
        write_audio(path, speech)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


def test_links_are_followed_and_devices_stay(tmp_path, speech):
    real, link = tmp_path / "real.wav", tmp_path / "link.wav"
    link.symlink_to(real)
    write_audio(link, speech)
    assert link.is_symlink()
    assert real.is_file()
    sink = tmp_path / "null.wav"
    sink.symlink_to(os.devnull)
    write_audio(sink, speech)
    assert not Path(os.devnull).is_file()


def test_unwritable_places_are_named(tmp_path, speech):
    with pytest.raises(InputError, match="There is no folder"):
        write_audio(tmp_path / "missing" / "a.wav", speech)
    folder = tmp_path / "b.wav"
    folder.mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_audio(folder, speech)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_closed_folder_is_refused(tmp_path, speech):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="no permission"):
            write_audio(tmp_path / "a.wav", speech)
    finally:
        tmp_path.chmod(0o700)
