"""Sound encoded while it is made.

Knows: for each of the six formats, an encoder that gives away its bytes after every piece of sound,
and how a stream says where it came from before its end is known.
Refuses to know: how sound is made, and who listens. Whole files are written by `core/audio.py`.

What libsndfile 1.2.2 does when it writes into an object instead of a file (docs/decisions/0064):
it writes in order, and only when it closes goes back to correct the beginning. A stream cannot take
that back, and need not: MP3's first frame only tells the length and is left out; FLAC's header
says "unknown", which RFC 9639 allows; Ogg has nothing to correct. WAV's sizes are written by hand.
"""

import struct
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import soundfile

from voxhaus.core.audio_tags import OggPage, Origin, tag_flac, tag_mp3, tag_ogg, tag_wav
from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.speech import Samples

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg; codecs=opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}

_UNKNOWN = 0xFFFFFFFF  # a size that is not known yet, in WAV
_SET_OGG_PAGE_LATENCY_MS = 0x1302  # sndfile.h
_OGG_PAGE_MS = 100.0  # libsndfile's default holds sound back for a second
_AAC_BITRATE = 64_000
_MP3_LEVEL = 0.64  # of libsndfile's scale from 160 down to 8 kbit/s at 24 kHz: 64 kbit/s
_BLOCK = 24_000  # samples a call, as in core/audio.py


class Encoder(Protocol):
    """Turns pieces of sound into the bytes of one stream."""

    def add(self, samples: Samples) -> bytes:
        """What can be sent after this piece; may be empty."""
        ...

    def end(self) -> bytes:
        """The rest."""
        ...


def encoder(format: str, sample_rate: int, origin: Origin | None) -> Encoder:
    """A new stream.

    Args:
        format: one of MEDIA_TYPES.
        sample_rate: in Hz.
        origin: where the sound comes from; pcm and aac have no place for it.

    Raises:
        InputError: another format, or aac without the extra.
    """
    match format:
        case "pcm":
            return _Pcm()
        case "wav":
            return _Wav(sample_rate, origin)
        case "mp3":
            return _Mp3(sample_rate, origin)
        case "flac":
            return _Flac(sample_rate, origin)
        case "opus":
            return _Opus(sample_rate, origin)
        case "aac":
            return _Aac(sample_rate)
    known = ", ".join(MEDIA_TYPES)
    raise InputError(f"There is no format '{format}'; there are {known}.", param="response_format")


def check(format: str) -> None:
    """Refuse what could not be encoded, before anything is spoken for it.

    Raises:
        InputError: aac without the extra.
    """
    if format == "aac":
        _av()


class _Pcm:
    def add(self, samples: Samples) -> bytes:
        return np.round(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()

    def end(self) -> bytes:
        return b""


class _Wav(_Pcm):
    """PCM behind a header whose sizes say "until the end"."""

    def __init__(self, rate: int, origin: Origin | None) -> None:
        layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
        head = b"RIFF" + struct.pack("<I", 4 + len(layout)) + b"WAVE" + layout
        tagged = tag_wav(head, "", (), rate, origin)  # before the sound: its end is not known
        size = struct.pack("<I", _UNKNOWN)
        self._head = tagged[:4] + size + tagged[8:] + b"data" + size

    def add(self, samples: Samples) -> bytes:
        head, self._head = self._head, b""
        return head + super().add(samples)

    def end(self) -> bytes:
        return self._head


class _Drain:
    """A file that libsndfile writes; what was written behind the end can be taken away."""

    def __init__(self) -> None:
        self._at = self._size = 0
        self._fresh = bytearray()

    def write(self, data: bytes) -> int:
        """Keep what continues the file; corrections of what is gone are dropped."""
        if self._at == self._size:
            self._fresh += data
            self._size += len(data)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """As files do."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """As files do."""
        return self._at

    def read(self, _: int = -1) -> bytes:
        """Never anything; soundfile wants the method."""
        return b""

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self._fresh)
        self._fresh.clear()
        return data


class _Sndfile:
    def __init__(self, rate: int, container: str, codec: str, **how: Any) -> None:  # noqa: ANN401
        self._drain = _Drain()
        self._file = soundfile.SoundFile(
            self._drain, "w", rate, 1, format=container, subtype=codec, **how
        )

    def add(self, samples: Samples) -> bytes:
        clipped = np.clip(samples, -1.0, 1.0)
        for start in range(0, len(clipped), _BLOCK):
            self._file.write(clipped[start : start + _BLOCK])
        return self.sent(self._drain.take())

    def end(self) -> bytes:
        self._file.close()
        return self.sent(self._drain.take())

    def sent(self, data: bytes) -> bytes:
        """What becomes of the bytes that libsndfile wrote."""
        return data


class _Headed(_Sndfile):
    """A stream whose first bytes are written anew."""

    def __init__(
        self,
        rewrite: Callable[[bytes], bytes],
        rate: int,
        container: str,
        codec: str,
        **how: Any,  # noqa: ANN401 - soundfile's own options
    ) -> None:
        super().__init__(rate, container, codec, **how)
        self._rewrite: Callable[[bytes], bytes] | None = rewrite

    def sent(self, data: bytes) -> bytes:
        if self._rewrite is None or not data:
            return data
        rewrite, self._rewrite = self._rewrite, None
        return rewrite(data)


class _Mp3(_Headed):
    def __init__(self, rate: int, origin: Origin | None) -> None:
        def rewrite(data: bytes) -> bytes:
            sound = data[_mp3_frame(data) :]
            return tag_mp3(sound, "", (), origin) if origin else sound

        # Without a first frame that tells the length, programs reckon it from the bitrate, which
        # must then be the same all the way.
        constant = {"bitrate_mode": "CONSTANT", "compression_level": _MP3_LEVEL}
        super().__init__(rewrite, rate, "MP3", "MPEG_LAYER_III", **constant)


# Kilobits a second by the header's index: MPEG 1 and MPEG 2, layer III (ISO 11172-3, 13818-3).
_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG1_RATES = (44_100, 48_000, 32_000)


def _mp3_frame(data: bytes) -> int:
    """Bytes of the frame that a stream of MPEG layer III begins with."""
    version, index, rate = data[1] >> 3 & 3, data[2] >> 4, data[2] >> 2 & 3
    padding = data[2] >> 1 & 1
    first = version == 3
    bitrate = (_MPEG1 if first else _MPEG2)[index] * 1000
    sample_rate = _MPEG1_RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if first else 72) * bitrate // sample_rate + padding


class _Flac(_Headed):
    def __init__(self, rate: int, origin: Origin | None) -> None:
        def rewrite(data: bytes) -> bytes:
            return tag_flac(data, "", (), origin)

        super().__init__(rewrite, rate, "FLAC", "PCM_16")


class _Opus(_Sndfile):
    """Ogg pages, numbered anew because the second one grows by the tags."""

    def __init__(self, rate: int, origin: Origin | None) -> None:
        super().__init__(rate, "OGG", "OPUS")
        _shorten_pages(self._file)
        self._origin: Origin | None = origin
        self._held, self._number, self._begun = b"", 0, False

    def sent(self, data: bytes) -> bytes:
        pages, self._held = _whole_pages(self._held + data)
        if not self._begun and len(pages) >= 2:
            self._begun = True
            return self._headers(pages[:2]) + self._numbered(pages[2:])
        return self._numbered(pages)

    def _headers(self, pages: list[OggPage]) -> bytes:
        plain = b"".join(p.pack(i) for i, p in enumerate(pages))
        tagged = tag_ogg(plain, "", (), self._origin)
        made, _ = _whole_pages(tagged)
        self._number = len(made)
        return tagged

    def _numbered(self, pages: list[OggPage]) -> bytes:
        first = self._number
        self._number += len(pages)
        return b"".join(p.pack(first + i) for i, p in enumerate(pages))


def _whole_pages(data: bytes) -> tuple[list[OggPage], bytes]:
    """The Ogg pages that are complete, and the rest."""
    pages, at = [], 0
    while len(data) >= at + 27 and len(data) >= at + 27 + data[at + 26]:
        body = at + 27 + data[at + 26]
        lacing = data[at + 27 : body]
        end = body + sum(lacing)
        if end > len(data):
            break
        flags, granule = struct.unpack_from("<Bq", data, at + 5)
        pages.append(OggPage(flags, granule, lacing, data[body:end]))
        at = end
    return pages, data[at:]


def _shorten_pages(file: Any) -> None:  # noqa: ANN401 - soundfile has no types
    """Have a page every tenth of a second; soundfile has no method for libsndfile's command."""
    ffi, library = soundfile._ffi, soundfile._snd
    wanted = ffi.new("double *", _OGG_PAGE_MS)
    library.sf_command(file._file, _SET_OGG_PAGE_LATENCY_MS, wanted, ffi.sizeof("double"))


def _av() -> Any:  # noqa: ANN401 - a module without types
    try:
        import av
    except ImportError as error:
        told = MissingExtraError("av", "aac")
        raise InputError(f"aac is not installed here. {told}", param="response_format") from error
    return av


class _Aac:
    """ADTS frames, which stand alone."""

    def __init__(self, rate: int) -> None:
        av = _av()
        self._new_frame, self._rate = av.AudioFrame.from_ndarray, rate
        self._drain = _Drain()
        self._container = av.open(self._drain, "w", format="adts")
        self._track = self._container.add_stream("aac", rate=rate, layout="mono")
        self._track.bit_rate = _AAC_BITRATE
        self._at = 0

    def add(self, samples: Samples) -> bytes:
        if not len(samples):
            return b""
        clipped = np.clip(samples, -1.0, 1.0)[None, :]
        frame = self._new_frame(clipped, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate, self._at
        self._at += len(samples)
        for packet in self._track.encode(frame):
            self._container.mux(packet)
        return self._drain.take()

    def end(self) -> bytes:
        for packet in self._track.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._drain.take()
