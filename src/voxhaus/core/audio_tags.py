"""Titles, chapters and origin inside audio files, written by hand.

Knows: ID3v2.3 (MP3), Vorbis comments (FLAC, Ogg Vorbis, Opus) and RIFF chunks (WAV), byte by byte.
Refuses to know: how sound is encoded; each function gets a finished file and returns it tagged.
What an origin means is known by `provenance.py`; `tag_reader.py` reads it back.

libsndfile writes a title but no chapters, and the libraries that do are under the GPL or carry GPL
code, so the few frames needed are made here. All chapter times are milliseconds.

Sources: id3.org "ID3v2 Chapter Frame Addendum" 1.0; RFC 3533 (Ogg), RFC 7845 (Opus), RFC 9639
(FLAC); xiph.org "Chapter extension" of Vorbis comments; Microsoft "Multimedia Programming
Interface" (cue, adtl, INFO chunks); id3.org "ID3v2.3.0" (TSSE, COMM, TXXX).
"""

import mmap
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Data = bytes | mmap.mmap

VENDOR = "voxhaus"


@dataclass(frozen=True)
class Chapter:
    """A named stretch of a recording, in seconds."""

    title: str
    start: float
    end: float


@dataclass(frozen=True)
class Origin:
    """What a file says of where it came from.

    Attributes:
        software: name and version.
        sentence: for people; players show it as the comment.
        record: for programs, in ASCII.
    """

    software: str
    sentence: str
    record: str

    @property
    def comment(self) -> str:
        """Both in one text, for formats that have a single place."""
        return f"{self.sentence}\n{self.record}"


def tag_mp3(
    data: bytes, title: str, chapters: Sequence[Chapter], origin: Origin | None = None
) -> bytes:
    """An MP3 stream with an ID3v2.3 tag in front of it."""
    frames = [_text_frame(b"TIT2", title)] if title else []
    if origin:
        frames.append(_text_frame(b"TSSE", origin.software))
        frames.append(_described_frame(b"COMM", b"eng", "", origin.sentence))
        frames.append(_described_frame(b"TXXX", b"", "PROVENANCE", origin.record))
    if chapters:
        frames.append(_frame(b"CTOC", _table_of_contents(len(chapters))))
        frames += [_frame(b"CHAP", _chapter(i, c)) for i, c in enumerate(chapters)]
    body = b"".join(frames)
    size = len(body)
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + syncsafe + body + data


def _frame(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">IH", len(body), 0) + body


def _text_frame(name: bytes, text: str) -> bytes:
    return _frame(name, b"\x01" + text.encode("utf-16"))  # 1: UTF-16 with its byte order mark


def _described_frame(name: bytes, language: bytes, description: str, text: str) -> bytes:
    described = description.encode("utf-16") + b"\0\0" + text.encode("utf-16")
    return _frame(name, b"\x01" + language + described)


def _table_of_contents(count: int) -> bytes:
    listed = min(count, 255)  # the field is one byte
    top_level_and_ordered = 0b11
    children = b"".join(_chapter_id(i) for i in range(listed))
    return b"toc\0" + bytes([top_level_and_ordered, listed]) + children


def _chapter_id(number: int) -> bytes:
    return b"chp%d\0" % number


def _chapter(number: int, chapter: Chapter) -> bytes:
    unknown = 0xFFFFFFFF  # byte offsets: the times are to be used
    times = struct.pack(">IIII", _ms(chapter.start), _ms(chapter.end), unknown, unknown)
    return _chapter_id(number) + times + _text_frame(b"TIT2", chapter.title)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def tag_flac(
    data: bytes, title: str, chapters: Sequence[Chapter], origin: Origin | None = None
) -> bytes:
    """A FLAC file whose comment block holds title, chapters and origin.

    Raises:
        ValueError: not a FLAC file.
    """
    if data[:4] != b"fLaC":
        raise ValueError("not a FLAC file")
    kept, at, last = [], 4, False
    while not last:
        kind, size = data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4], "big")
        last = bool(data[at] & 0x80)
        if kind != 4:  # 4: comments, which ours replace
            kept.append((kind, data[at + 4 : at + 4 + size]))
        at += 4 + size
    kept.insert(1, (4, _comments(title, chapters, origin)))
    blocks = b"".join(
        bytes([kind | (0x80 if i == len(kept) - 1 else 0)]) + len(body).to_bytes(3, "big") + body
        for i, (kind, body) in enumerate(kept)
    )
    return b"fLaC" + blocks + data[at:]


def _comments(title: str, chapters: Sequence[Chapter], origin: Origin | None) -> bytes:
    """A Vorbis comment: vendor, then NAME=value entries."""
    entries = [f"TITLE={title}"] if title else []
    if origin:
        entries.append(f"ENCODER={origin.software}")
        entries.append(f"COMMENT={origin.sentence}")
        entries.append(f"PROVENANCE={origin.record}")
    for number, chapter in enumerate(chapters, 1):
        entries.append(f"CHAPTER{number:03}={_clock(chapter.start)}")
        entries.append(f"CHAPTER{number:03}NAME={chapter.title}")
    texts = [VENDOR.encode(), *(e.encode() for e in entries)]
    sized = [struct.pack("<I", len(t)) + t for t in texts]
    return sized[0] + struct.pack("<I", len(entries)) + b"".join(sized[1:])


def _clock(seconds: float) -> str:
    minutes, milliseconds = divmod(_ms(seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def tag_wav(
    data: bytes,
    title: str,
    chapters: Sequence[Chapter],
    sample_rate: int,
    origin: Origin | None = None,
) -> bytes:
    """A WAV file with INFO texts, and a labelled cue point where each chapter begins.

    Raises:
        ValueError: not a WAV file.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("not a WAV file")
    added = _info(title, origin)
    if chapters:
        points = b"".join(
            struct.pack("<II4sIII", i, at, b"data", 0, 0, at)
            for i, at in enumerate((round(c.start * sample_rate) for c in chapters), 1)
        )
        labels = b"".join(
            _chunk(b"labl", struct.pack("<I", i) + c.title.encode() + b"\0")
            for i, c in enumerate(chapters, 1)
        )
        added += _chunk(b"cue ", struct.pack("<I", len(chapters)) + points)
        added += _chunk(b"LIST", b"adtl" + labels)
    padded = data + b"\0" * (len(data) % 2)
    size = struct.pack("<I", len(padded) + len(added) - 8)
    return padded[:4] + size + padded[8:] + added


def _info(title: str, origin: Origin | None) -> bytes:
    """The chunk of INFO texts; nothing when there is nothing to say."""
    texts = {b"INAM": title}
    if origin:
        texts |= {b"ISFT": origin.software, b"ICMT": origin.comment}
    chunks = b"".join(_chunk(n, text.encode() + b"\0") for n, text in texts.items() if text)
    return _chunk(b"LIST", b"INFO" + chunks) if chunks else b""


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


@dataclass(frozen=True)
class OggPage:
    """One page of an Ogg stream, without what is counted anew when it is written."""

    flags: int
    granule: int
    lacing: bytes
    body: bytes

    def pack(self, number: int) -> bytes:
        """The page as bytes, the `number`th of its stream."""
        serial = 1  # there is one stream; a fixed number makes equal sounds equal files
        head = struct.pack(
            "<4sBBqIII", b"OggS", 0, self.flags, self.granule, serial, number, 0
        ) + bytes([len(self.lacing)])
        crc = _ogg_crc(head + self.lacing + self.body)
        return head[:22] + struct.pack("<I", crc) + head[26:] + self.lacing + self.body


def tag_ogg(
    data: bytes, title: str, chapters: Sequence[Chapter], origin: Origin | None = None
) -> bytes:
    """An Ogg Vorbis or Opus file whose comment packet holds title, chapters and origin.

    Raises:
        ValueError: not such a file.
    """
    pages = list(ogg_pages(data))
    opus = pages[0].body.startswith(b"OpusHead")
    if not opus and not pages[0].body.startswith(b"\x01vorbis"):
        raise ValueError("neither Vorbis nor Opus")
    packets, used = header_packets(pages, 2 if opus else 3)
    comments = _comments(title, chapters, origin)
    packets[1] = b"OpusTags" + comments if opus else b"\x03vorbis" + comments + b"\x01"
    # The first packet has a page of its own; so do, by both mappings, the headers as a whole.
    headers = [pages[0], *_paginate(packets[1:])]
    return b"".join(p.pack(i) for i, p in enumerate([*headers, *pages[used:]]))


def ogg_pages(data: Data) -> Iterator[OggPage]:
    """The pages of an Ogg file, in order.

    Raises:
        ValueError: something else than a whole page.
    """
    at = 0
    while at < len(data):
        if data[at : at + 4] != b"OggS" or at + 27 > len(data):
            raise ValueError("not an Ogg file")
        flags, granule = struct.unpack_from("<Bq", data, at + 5)
        body = at + 27 + data[at + 26]
        lacing = data[at + 27 : body]
        yield OggPage(flags, granule, lacing, data[body : body + sum(lacing)])
        at = body + sum(lacing)


def header_packets(pages: Iterable[OggPage], count: int) -> tuple[list[bytes], int]:
    """The first `count` packets, and how many pages they fill.

    Raises:
        ValueError: there are fewer.
    """
    packets: list[bytes] = []
    open_packet = bytearray()
    for used, page in enumerate(pages, 1):
        at = 0
        for length in page.lacing:
            open_packet += page.body[at : at + length]
            at += length
            if length < 255:
                packets.append(bytes(open_packet))
                open_packet.clear()
        if len(packets) >= count:
            return packets, used
    raise ValueError("the Ogg headers are incomplete")


def _paginate(packets: list[bytes]) -> Iterator[OggPage]:
    """Pages that hold packets which carry no sound."""
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes([len(p) % 255]) for p in packets)
    body = b"".join(packets)
    continued = False
    for start in range(0, len(lacing), 255):
        part = lacing[start : start + 255]
        size = sum(part)
        ends_packet = any(length < 255 for length in part)
        yield OggPage(int(continued), 0 if ends_packet else -1, part, body[:size])
        body, continued = body[size:], part[-1] == 255


_REVERSED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


def _ogg_crc(data: bytes) -> int:
    """Ogg's checksum: zlib's polynomial with bits the other way round, and no inversions."""
    mirrored = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
