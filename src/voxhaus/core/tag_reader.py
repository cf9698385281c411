"""Which audio format a file has, and the texts that its tags hold.

Knows: how WAV, FLAC, MP3, Ogg, MP4 and ADTS files begin, and where each keeps its comments.
Refuses to know: what a comment means, and how tags are written (`audio_tags.py`).

Files come from anywhere. Whatever is not as it should be ends in ValueError, IndexError or
struct.error, never in an endless walk: every step goes forward.

Sources: as for `audio_tags.py`; id3.org "ID3v2.4.0" (signed MP3 and FLAC files begin with such a
tag); ISO/IEC 14496-12 (boxes), Apple "QuickTime File Format" (ilst).
"""

import struct
from collections.abc import Iterator

from voxhaus.core.audio_tags import Data, header_packets, ogg_pages

_RIFF = (b"RIFF", b"RF64")
# Frames that hold comments, and where their texts begin: after encoding and, in COMM, language.
_COMMENT_FRAMES = {b"COMM": 4, b"TXXX": 1}
_ID3_TEXT = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_MP4_COMMENT = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")


def detect(data: Data) -> str | None:
    """The format that a file's first bytes show; None when it is none of ours."""
    head = data[:64]
    if head[:4] in _RIFF and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return _ogg_codec(head)
    if head[4:8] == b"ftyp":
        return "m4a"
    if head[:3] == b"ID3" and head[3:4] in (b"\2", b"\3", b"\4"):
        after = _id3_end(data)
        return "flac" if data[after : after + 4] == b"fLaC" else "mp3"
    return _mpeg(head)


def _ogg_codec(head: bytes) -> str | None:
    # The first page holds one packet with one entry of lacing: 28 bytes before it.
    if head[28:36] == b"OpusHead":
        return "opus"
    return "ogg" if head[28:35] == b"\x01vorbis" else None


def _mpeg(head: bytes) -> str | None:
    """MP3 and ADTS both begin with eleven set bits; the layer tells them apart."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer, rate = head[1] >> 1 & 0b11, head[2] >> 2 & 0b11
    if layer == 0:
        return "aac" if head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 0b1111 < 13 else None
    return "mp3" if layer == 0b01 and rate != 0b11 and head[2] >> 4 != 0b1111 else None


def comments(data: Data, format: str) -> list[str]:
    """The texts of a file's comment tags, in order; none for formats that have no place for them.

    Raises:
        ValueError, IndexError, struct.error: the file is damaged.
    """
    readers = {
        "wav": _wav,
        "flac": _flac,
        "mp3": _id3,
        "ogg": _ogg,
        "opus": _ogg,
        "m4a": _mp4,
    }
    return list(readers[format](data)) if format in readers else []


def _wav(data: Data) -> Iterator[str]:
    for name, start, end in _chunks(data, 12, len(data)):
        if name == b"LIST" and data[start : start + 4] == b"INFO":
            for text, at, until in _chunks(data, start + 4, end):
                if text == b"ICMT":
                    yield data[at:until].rstrip(b"\0").decode("utf-8", "replace")


def _chunks(data: Data, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of each RIFF chunk; the last may be cut short."""
    while at + 8 <= end:
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, min(at + 8 + size, end)
        at += 8 + size + size % 2


def _flac(data: Data) -> Iterator[str]:
    at, last = (_id3_end(data) if data[:3] == b"ID3" else 0) + 4, False
    while not last:
        kind, size = data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4], "big")
        last = bool(data[at] & 0x80)
        if kind == 4:
            yield from _vorbis(data[at + 4 : at + 4 + size])
        at += 4 + size


def _ogg(data: Data) -> Iterator[str]:
    packets, _ = header_packets(ogg_pages(data), 2)
    name = b"OpusTags" if packets[1].startswith(b"OpusTags") else b"\x03vorbis"
    yield from _vorbis(packets[1].removeprefix(name))


def _vorbis(block: bytes) -> Iterator[str]:
    """The values of a Vorbis comment."""
    (vendor,) = struct.unpack_from("<I", block)
    at = 4 + vendor
    (count,) = struct.unpack_from("<I", block, at)
    at += 4
    for _ in range(count):
        (size,) = struct.unpack_from("<I", block, at)
        yield block[at + 4 : at + 4 + size].partition(b"=")[2].decode("utf-8", "replace")
        at += 4 + size


def _id3_end(data: Data) -> int:
    return 10 + _syncsafe(data[6:10])


def _syncsafe(size: bytes) -> int:
    """Four bytes of seven bits each."""
    return sum((b & 0x7F) << s for b, s in zip(size, (21, 14, 7, 0), strict=False))


def _id3(data: Data) -> Iterator[str]:
    if data[:3] != b"ID3":
        return
    version, flags = data[3], data[5]
    body = data[10 : _id3_end(data)]
    if flags & 0x80 and version < 4:
        body = body.replace(b"\xff\0", b"\xff")
    at = 0
    if flags & 0x40:  # an extended header, which counts itself from version 4 on
        at = _syncsafe(body[:4]) if version == 4 else 4 + int.from_bytes(body[:4], "big")
    while body[at : at + 1].strip(b"\0"):
        name, raw = body[at : at + 4], body[at + 4 : at + 8]
        size = _syncsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        if name in _COMMENT_FRAMES:
            yield _frame_text(body[at + 10 : at + 10 + size], _COMMENT_FRAMES[name])
        at += 10 + size


def _frame_text(body: bytes, start: int) -> str:
    """What follows the description."""
    text = body[start:].decode(_ID3_TEXT[body[0]], "replace")
    return text.rstrip("\0").rpartition("\0")[2].lstrip("\ufeff")


def _mp4(data: Data) -> Iterator[str]:
    for start, end in _boxes(data, 0, len(data), _MP4_COMMENT):
        yield data[start + 8 : end].decode("utf-8", "replace")  # 8: type and locale


def _boxes(data: Data, at: int, end: int, path: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    """(start, end) of what lies in every box that the path leads to."""
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:  # the true size follows
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        until = min(at + size, end) if size else end
        if until < start:
            return
        if name == path[0]:
            inner = start + 4 if name == b"meta" else start  # meta has a version
            if len(path) == 1:
                yield inner, until
            else:
                yield from _boxes(data, inner, until, path[1:])
        at = until
