import io
import struct
import sys

import numpy as np
import pytest
import soundfile

from voxhaus.core import tag_reader
from voxhaus.core.errors import InputError
from voxhaus.core.provenance import Provenance
from voxhaus.products.server import audio_stream
from voxhaus.products.server.audio_stream import MEDIA_TYPES, encoder

RATE = 24_000
ORIGIN = Provenance(
    model="m",
    model_version="1",
    voices=("anna",),
    created="2026-01-01T00:00:00Z",
    version="1",
).origin()
SOFT = [f for f in MEDIA_TYPES if f != "aac"]


def tone(seconds):
    time = np.arange(round(RATE * seconds)) / RATE
    return (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)


def pieces(format, samples, count=10, rate=RATE):
    if format == "aac":
        pytest.importorskip("av")
    stream = encoder(format, rate, ORIGIN)
    return [*(stream.add(p) for p in np.array_split(samples, count)), stream.end()]


def decoded(format, data):
    if format == "pcm":
        return np.frombuffer(data, "<i2") / 32767
    if format == "aac":
        import av

        frames = av.open(io.BytesIO(data)).decode(audio=0)
        return np.concatenate([f.to_ndarray()[0] for f in frames])
    samples, rate = soundfile.read(io.BytesIO(data))
    assert rate == RATE
    return samples


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_a_stream_is_the_sound_that_went_in(format, with_length):
    sound = tone(3)
    data = b"".join(pieces(format, sound))
    heard = decoded(format, with_length(data, len(sound)) if format == "flac" else data)
    assert abs(len(heard) / RATE - 3) < 0.1
    inner = heard[RATE // 2 : -RATE // 2]
    assert np.sqrt((inner**2).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.06)
    loudest = np.abs(np.fft.rfft(inner)).argmax() * RATE / len(inner)
    assert loudest == pytest.approx(440, abs=2)


@pytest.mark.parametrize("format", MEDIA_TYPES)
def test_bytes_come_with_every_third_of_a_second(format):
    parts = pieces(format, tone(3))
    assert all(parts[:-1])
    # The end is no more than what encoders hold back: a tenth of all.
    assert len(parts[-1]) < 0.15 * sum(map(len, parts))


@pytest.mark.parametrize("format", ["mp3", "flac", "opus", "wav"])
def test_a_stream_says_where_it_comes_from(format):
    data = b"".join(pieces(format, tone(1)))
    kind = tag_reader.detect(data)
    assert any(ORIGIN.record in c for c in tag_reader.comments(data, kind))


@pytest.mark.parametrize("format", SOFT)
def test_a_stream_without_sound_is_a_stream(format):
    stream = encoder(format, RATE, ORIGIN)
    data = stream.end()
    assert isinstance(data, bytes)


def test_wav_says_that_its_end_is_not_known():
    data = b"".join(pieces("wav", tone(0.1)))
    assert struct.unpack("<I", data[4:8]) == (0xFFFFFFFF,)
    at = data.index(b"data")
    assert struct.unpack("<I", data[at + 4 : at + 8]) == (0xFFFFFFFF,)
    assert len(data) - at - 8 == 2 * round(RATE * 0.1)


def test_mp3_begins_with_sound_and_not_with_a_frame_about_the_length():
    data = b"".join(pieces("mp3", tone(1)))
    frames = data[tag_reader._id3_end(data) :]
    assert frames[:1] == b"\xff"
    assert b"Info" not in frames
    assert b"Xing" not in frames


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_mp3_of_other_rates_lasts_as_long(rate):
    data = b"".join(pieces("mp3", np.zeros(2 * rate, np.float32), rate=rate))
    samples, told = soundfile.read(io.BytesIO(data))
    assert told == rate
    assert len(samples) / rate == pytest.approx(2, abs=0.15)


def test_ogg_pages_are_numbered_without_a_gap():
    data, at, numbers = b"".join(pieces("opus", tone(2))), 0, []
    while at < len(data):
        assert data[at : at + 4] == b"OggS"
        numbers.append(struct.unpack_from("<I", data, at + 18)[0])
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(lacing) + sum(lacing)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 10  # a page every tenth of a second, not every second


def test_aac_without_its_extra_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"voxhaus\[aac\]") as caught:
        audio_stream.check("aac")
    assert caught.value.param == "response_format"


def test_another_format_is_refused_by_name():
    with pytest.raises(InputError, match="no format 'mid'; there are mp3, opus"):
        encoder("mid", RATE, None)
