"""Sound as files.

Knows: the formats, which encoder makes each, and that a file appears whole or not at all.
Refuses to know: how speech is made. Tags and chapters are written by `audio_tags.py`; a finished
file is signed by `credentials.py`.

WAV, FLAC, MP3, Ogg Vorbis and Opus come from libsndfile; AAC needs the extra `aac`
(docs/decisions/0003).
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile

from voxhaus.core.audio_tags import Chapter, Origin, tag_flac, tag_mp3, tag_ogg, tag_wav
from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.files import check_target, write_whole
from voxhaus.core.provenance import Provenance
from voxhaus.core.speech import Samples, Speech

__all__ = ["FORMATS", "Chapter", "check_audio_target", "encode", "format_of", "write_audio"]

FORMATS = ("wav", "flac", "mp3", "opus", "ogg", "aac", "m4a", "pcm")

# libsndfile's name of container and codec.
_SNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
    "ogg": ("OGG", "VORBIS"),
}
# libvorbis keeps a whole call's samples on the stack and dies of long ones.
_BLOCK = 24_000

# What listeners do not notice in speech: bits a second of the AAC encoder.
_AAC_BITRATE = 64_000


def format_of(path: Path) -> str:
    """The audio format that a file name's suffix names.

    Raises:
        InputError: another suffix, or none; the message lists those there are.
    """
    name = path.suffix.lower().removeprefix(".")
    if name not in FORMATS:
        raise InputError(
            f"'{path.name}' does not end in a format that we write: {', '.join(FORMATS)}.",
            param="output",
        )
    return name


def check_audio_target(path: Path) -> None:
    """Refuse a path that `write_audio` could not serve, before anything is spoken for it.

    Raises:
        InputError: unknown suffix, no such folder, or no permission.
        MissingExtraError: the format needs an extra that is not installed.
    """
    if format_of(path) in ("aac", "m4a"):
        _need_av()
    check_target(path)


def write_audio(
    path: Path,
    speech: Speech,
    *,
    title: str | None = None,
    chapters: Sequence[Chapter] = (),
    provenance: Provenance | None = None,
) -> None:
    """Write speech in the format that the suffix names; the file appears whole or not at all.

    Args:
        path: .wav, .flac, .mp3, .opus, .ogg, .aac, .m4a, or .pcm (16-bit little-endian, no header).
        speech: what to write, at its own sample rate.
        title: shown by players; .aac and .pcm have no place for it.
        chapters: in order; .aac and .pcm have no place for them.
        provenance: where the speech came from; .aac and .pcm have no place for it.

    Raises:
        InputError: unknown suffix, unwritable path, or empty speech.
        MissingExtraError: .aac or .m4a without the extra.
    """
    check_audio_target(path)
    format = format_of(path)
    data = encode(speech, format, title=title, chapters=chapters, provenance=provenance)
    write_whole(path, data)


def encode(
    speech: Speech,
    format: str,
    *,
    title: str | None = None,
    chapters: Sequence[Chapter] = (),
    provenance: Provenance | None = None,
) -> bytes:
    """Speech as the bytes of a file of that format.

    Raises:
        InputError: unknown format, or empty speech.
        MissingExtraError: "aac" or "m4a" without the extra.
    """
    if format not in FORMATS:
        raise InputError(
            f"There is no audio format '{format}'; there are {', '.join(FORMATS)}.", param="format"
        )
    if not len(speech.samples):
        raise InputError("There is no sound to write: the recording is empty.", param="speech")
    samples = np.clip(speech.samples, -1.0, 1.0)
    if format == "pcm":
        return np.round(samples * 32767).astype("<i2").tobytes()
    tags = _Tags(title or "", chapters, provenance.origin() if provenance else None)
    if format in ("aac", "m4a"):
        return _aac(samples, speech.sample_rate, format, tags)
    data = _sndfile(samples, speech.sample_rate, format)
    return _tagged(data, format, tags, speech.sample_rate)


class _Tags(NamedTuple):
    """What is written beside the sound."""

    title: str
    chapters: Sequence[Chapter]
    origin: Origin | None


def _sndfile(samples: Samples, rate: int, format: str) -> bytes:
    container, codec = _SNDFILE[format]
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", rate, 1, format=container, subtype=codec) as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return stream.getvalue()


def _tagged(data: bytes, format: str, tags: _Tags, rate: int) -> bytes:
    if format in ("ogg", "opus"):  # also without tags: it gives equal sounds equal bytes
        return tag_ogg(data, *tags)
    if not any(tags):
        return data
    if format == "wav":
        return tag_wav(data, tags.title, tags.chapters, rate, tags.origin)
    return {"mp3": tag_mp3, "flac": tag_flac}[format](data, *tags)


def _need_av() -> None:
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("av", "aac") from error


def _aac(samples: Samples, rate: int, format: str, tags: _Tags) -> bytes:
    _need_av()
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format="adts" if format == "aac" else "ipod") as container:
        if format == "m4a":
            container.metadata["title"] = tags.title
            if tags.origin:
                container.metadata["comment"] = tags.origin.comment
            container.set_chapters([_mp4_chapter(i, c) for i, c in enumerate(tags.chapters)])
        track = container.add_stream("aac", rate=rate, layout="mono")
        track.bit_rate = _AAC_BITRATE
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in [*track.encode(frame), *track.encode(None)]:
            container.mux(packet)
    return stream.getvalue()


def _mp4_chapter(number: int, chapter: Chapter) -> Any:  # noqa: ANN401 - PyAV's own Chapter
    from fractions import Fraction

    return {
        "id": number,
        "start": round(chapter.start * 1000),
        "end": round(chapter.end * 1000),
        "time_base": Fraction(1, 1000),
        "metadata": {"title": chapter.title},
    }
