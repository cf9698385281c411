"""Every format can be written and read back, with its title and chapters."""

import struct

import numpy as np
import pytest
import soundfile

from voxhaus.core import audio
from voxhaus.core.audio import Chapter, encode, read_audio, write_audio
from voxhaus.core.errors import InputError
from voxhaus.core.speech import Speech

RATE = 24_000


@pytest.fixture
def tone():
    t = np.arange(2 * RATE) / RATE
    return Speech(samples=(0.5 * np.sin(2 * np.pi * 330 * t)).astype(np.float32), sample_rate=RATE)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "opus"])
def test_formats_round_trip(tone, tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    write_audio(path, tone, title="A tone")
    back = read_audio(path)
    assert back.seconds == pytest.approx(2.0, abs=0.12)
    spectrum = np.abs(np.fft.rfft(back.samples))
    assert np.argmax(spectrum) * back.sample_rate / len(back.samples) == pytest.approx(330, abs=2)
    assert np.sqrt((back.samples**2).mean()) == pytest.approx(0.354, rel=0.06)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus"])
def test_titles_are_kept(tone, tmp_path, suffix):
    path = tmp_path / f"tone.{suffix}"
    write_audio(path, tone, title="Ein Ton")
    with soundfile.SoundFile(path) as file:
        assert file.title == "Ein Ton"


def test_pcm_is_headerless_sixteen_bit(tone):
    data = encode(tone, "pcm")
    assert len(data) == 2 * len(tone.samples)
    back = np.frombuffer(data, "<i2") / 32767
    np.testing.assert_allclose(back, tone.samples, atol=1e-4)


def test_samples_out_of_range_are_clipped():
    loud = Speech(samples=np.array([3.0, -3.0], np.float32), sample_rate=RATE)
    assert np.frombuffer(encode(loud, "pcm"), "<i2").tolist() == [32767, -32767]


def frames(tag):
    """Name and body of each frame of an ID3v2.3 tag, read by its specification."""
    assert tag[:5] == b"ID3\x03\x00"
    size = sum((b & 0x7F) << s for b, s in zip(tag[6:10], (21, 14, 7, 0), strict=True))
    at = 10
    while at < 10 + size:
        length = struct.unpack(">I", tag[at + 4 : at + 8])[0]
        yield tag[at : at + 4].decode(), tag[at + 10 : at + 10 + length]
        at += 10 + length
    assert at == 10 + size


def test_mp3_chapters_follow_the_specification(tone):
    chapters = [
        Chapter(title="Eins", start=0.0, end=1.0),
        Chapter(title="Zwei – drei", start=1.0, end=2.0),
    ]
    data = encode(tone, "mp3", title="Töne", chapters=chapters)
    found = list(frames(data))
    assert [n for n, _ in found] == ["TIT2", "CTOC", "CHAP", "CHAP"]
    assert found[0][1][1:].decode("utf-16") == "Töne"
    assert found[1][1] == b"toc\x00\x03\x02ch0\x00ch1\x00"
    name, times = found[3][1][:4], struct.unpack(">IIII", found[3][1][4:20])
    assert name == b"ch1\x00"
    assert times == (1000, 2000, 0xFFFFFFFF, 0xFFFFFFFF)
    assert found[3][1][20:24] == b"TIT2"
    assert found[3][1][31:].decode("utf-16") == "Zwei – drei"


@pytest.mark.parametrize("name", ["speech.txt", "speech", "speech.wav.exe"])
def test_unknown_formats_name_the_known_ones(tone, tmp_path, name):
    with pytest.raises(InputError, match="known are: wav, flac, mp3, ogg, opus, aac, pcm"):
        write_audio(tmp_path / name, tone)
    assert not list(tmp_path.iterdir())


def test_unwritable_paths_are_refused(tone, tmp_path):
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        write_audio(tmp_path / "nowhere" / "a.wav", tone)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_audio(tmp_path / "folder.wav", tone)


def test_a_failed_write_leaves_the_old_file(tone, tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audio.Path, "replace", full)
    with pytest.raises(Exception, match="No space left"):
        write_audio(path, tone)
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_audio_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"hello")
    with pytest.raises(InputError, match="cannot be read as audio"):
        read_audio(path)


def test_rates_that_a_format_cannot_hold_are_refused():
    odd = Speech(samples=np.zeros(100, np.float32), sample_rate=12_345)
    with pytest.raises(InputError, match="opus cannot hold 12345 Hz"):
        encode(odd, "opus")
