"""The noun of this room: a document, with where it comes from and under which licence.

Knows: how documents lie on disk (JSON lines, gzipped, UTF-8) and that a file is there whole or not
at
all: it is written beside its place and renamed when complete.
Refuses to know: what is in the text.
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path

from voxhaus.core.errors import InputError, VoxhausError


@dataclass(frozen=True, kw_only=True)
class Document:
    """One piece of text.

    Attributes:
        id: unique within its source and the same in every run.
        text: the text, paragraphs separated by an empty line once it is normalised.
        source: short name of where it comes from.
        licence: SPDX expression or plain words.
        metadata: anything else worth keeping, such as a title.
    """

    id: str
    text: str
    source: str
    licence: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def whole_file(path: Path) -> Iterator[BufferedWriter]:
    """A binary file that appears under its name only when it is complete.

    Raises:
        VoxhausError: the disk is full or cannot be written; nothing is left behind.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise VoxhausError(f"Cannot write {path}: {error.strerror or error}.") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_documents(path: Path, documents: Iterable[Document]) -> int:
    """Write documents in their order; return how many. The same documents give the same bytes.

    Raises:
        VoxhausError: the disk is full or cannot be written.
    """
    count = 0
    with whole_file(path) as file, gzip.GzipFile("", "wb", 3, file, mtime=0) as packed:
        for document in documents:
            line = json.dumps(
                {
                    "id": document.id,
                    "text": document.text,
                    "source": document.source,
                    "licence": document.licence,
                    "metadata": dict(document.metadata),
                },
                ensure_ascii=False,
            )
            packed.write(line.encode("utf-8", errors="replace") + b"\n")
            count += 1
    return count


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of one file, in order.

    Raises:
        InputError: the file is missing, cut short, damaged, or not documents.
    """
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield Document(**json.loads(line))
                number += 1
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except EOFError as error:
        raise InputError(f"{path} is cut short after document {number}; make it again.") from error
    except (OSError, zlib.error, ValueError, TypeError) as error:
        raise InputError(f"{path}, line {number + 1}, is not a document: {error}") from error


def fingerprint(text: str) -> int:
    """63 bits of a text's SHA-256: decides exact duplicates and which side of a split it is on."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") >> 1
