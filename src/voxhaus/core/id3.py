"""An ID3v2 tag with a title and chapters, for MP3 files.

Knows: the bytes of ID3v2.3.0 (id3.org) and of its chapter frames (ID3v2 Chapter Frame Addendum).
Refuses to know: audio. Written here because the maintained Python library for it is GPL.
"""

import struct
from collections.abc import Sequence

UNUSED_OFFSET = 0xFFFFFFFF
ORDERED_TOP_LEVEL = 0x03
MAX_CHAPTERS = 255  # the table of contents counts its children in one byte


def _frame(name: str, body: bytes) -> bytes:
    return name.encode("ascii") + struct.pack(">IH", len(body), 0) + body


def _text(name: str, value: str) -> bytes:
    return _frame(name, b"\x01" + value.encode("utf-16"))


def _synchsafe(size: int) -> bytes:
    return bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))


def tag(title: str | None, chapters: Sequence[tuple[str, float, float]]) -> bytes:
    """The whole tag, to stand before the first MP3 frame; empty when there is nothing to say.

    Args:
        title: title of the recording.
        chapters: title, start and end in seconds; those beyond MAX_CHAPTERS are left out.
    """
    frames = [_text("TIT2", title)] if title else []
    kept = chapters[:MAX_CHAPTERS]
    names = [f"ch{i}".encode("ascii") + b"\x00" for i in range(len(kept))]
    if kept:
        head = b"toc\x00" + bytes([ORDERED_TOP_LEVEL, len(kept)])
        frames.append(_frame("CTOC", head + b"".join(names)))
    for name, (text, start, end) in zip(names, kept, strict=True):
        times = struct.pack(
            ">IIII", round(start * 1000), round(end * 1000), UNUSED_OFFSET, UNUSED_OFFSET
        )
        frames.append(_frame("CHAP", name + times + _text("TIT2", text)))
    body = b"".join(frames)
    return b"ID3\x03\x00\x00" + _synchsafe(len(body)) + body if body else b""
