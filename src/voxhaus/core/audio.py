"""Speech as files: formats, titles, chapters.

Knows: encoding by format name or file suffix, and where each format keeps a title and chapters.
Refuses to know: how the speech came about.

libsndfile (LGPL, in soundfile's wheels) writes everything but AAC. AAC needs PyAV, whose wheels hold
GPL libraries, so it is an extra: docs/decisions/0003-no-pyav-by-default.md.
"""

import io
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from voxhaus.core import id3
from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError
from voxhaus.core.speech import Speech

# Our name of a format -> libsndfile's container and coding.
_CODINGS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
FORMATS = (*_CODINGS, "aac", "pcm")
WITH_CHAPTERS = ("mp3",)

_TITLED = ("wav", "flac", "ogg", "opus")  # the containers whose title libsndfile writes
_BLOCK = 24_000  # libsndfile's Vorbis encoder keeps a whole write on the stack


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A named stretch of a recording, in seconds."""

    title: str
    start: float
    end: float


def format_of(path: Path) -> str:
    """The format that a file's suffix asks for.

    Raises:
        InputError: no such format; the message names those that there are.
    """
    name = path.suffix.lower().lstrip(".")
    _check(name, "output", f"{path} has the suffix '{path.suffix}'")
    return name


def _check(name: str, param: str, what: str) -> None:
    if name not in FORMATS:
        raise InputError(f"{what}; known are: {', '.join(FORMATS)}.", param=param)


def encode(
    speech: Speech, format: str, *, title: str | None = None, chapters: Sequence[Chapter] = ()
) -> bytes:
    """The bytes of a file of this format.

    Args:
        speech: mono samples.
        format: one of FORMATS; "pcm" is headerless little-endian 16 bit.
        title: kept by every format but pcm and aac.
        chapters: kept by the formats of WITH_CHAPTERS.

    Raises:
        InputError: unknown format, or a sampling rate that the format cannot hold.
        MissingExtraError: aac without the extra of that name.
    """
    _check(format, "format", f"There is no audio format '{format}'")
    if format == "pcm":
        return _pcm(speech).tobytes()
    if format == "aac":
        return _aac(speech)
    buffer = io.BytesIO()
    container, coding = _CODINGS[format]
    try:
        with soundfile.SoundFile(
            buffer, "w", speech.sample_rate, 1, coding, format=container
        ) as file:
            if title and format in _TITLED:
                file.title = title
            for start in range(0, len(speech.samples), _BLOCK):
                file.write(speech.samples[start : start + _BLOCK])
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{format} cannot hold {speech.sample_rate} Hz: {error.error_string}", param="format"
        ) from None
    data = buffer.getvalue()
    if format == "mp3":
        return id3.tag(title, [(c.title, c.start, c.end) for c in chapters]) + data
    return data


def _pcm(speech: Speech) -> np.ndarray:
    return np.round(np.clip(speech.samples, -1.0, 1.0) * 32767).astype("<i2")


def _aac(speech: Speech) -> bytes:
    try:
        import av
    except ImportError:
        raise MissingExtraError("av", "aac") from None
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=speech.sample_rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(_pcm(speech)[None], format="s16", layout="mono")
        frame.sample_rate = speech.sample_rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return buffer.getvalue()


def write_audio(
    path: Path, speech: Speech, *, title: str | None = None, chapters: Sequence[Chapter] = ()
) -> None:
    """Write a recording; the suffix chooses the format. The file appears whole or not at all.

    Raises:
        InputError: unknown suffix, missing folder, or a path that cannot be written.
        VoxhausError: the disk refused the bytes.
    """
    path = Path(path)
    data = encode(speech, format_of(path), title=title, chapters=chapters)
    write_whole(path, data)


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes beside the target, then move them there in one step.

    Raises:
        InputError: the folder is missing or closed to us, or the path is a folder.
        VoxhausError: the disk refused the bytes, for instance because it is full.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file.", param="output")
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.", param="output") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes private files; a recording is as public as the user's others.
        mask = os.umask(0)
        os.umask(mask)
        Path(partial).chmod(0o666 & ~mask)
        Path(partial).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(partial).unlink()
        raise VoxhausError(f"{path} could not be written: {error.strerror}.") from None


def read_audio(path: Path) -> Speech:
    """A recording as mono float32 samples; several channels are averaged.

    Raises:
        InputError: not there, or not audio that libsndfile reads.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError(f"{path} cannot be read as audio: {error}") from None
    return Speech(samples=samples.mean(axis=1), sample_rate=int(rate))
