"""Token shards: documents as one stream of 16-bit ids, with an index.

Knows: the layout on disk (`manifest.json`, `tokens-NNNNN.bin`, `documents-NNNNN.npy`), that every
document ends with the end-of-text token, and how to tell that a file is damaged, incomplete or made
with another tokenizer.
Refuses to know: batches and randomness (`loader.py`), and what the tokens mean.

tokens: uint16, little endian. documents: int64 [n, 3]: offset within the file, length in tokens
with the end token, number of the source in the manifest.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from voxhaus.core.errors import InputError
from voxhaus.models.text.tokenizer import Tokenizer
from voxhaus.training.data.documents import Document, whole_file

FORMAT = 1
MANIFEST = "manifest.json"
_TOKENS_PER_FILE = 64_000_000
_DOCUMENTS_AT_ONCE = 256


@dataclass(frozen=True, kw_only=True)
class SourceCount:
    """What one source gave.

    Attributes:
        name: the documents' source.
        licence: theirs.
        genre: theirs, or "".
        documents: how many.
        tokens: with end tokens.
        bytes: UTF-8 bytes of text, without end tokens: the denominator of bits per byte.
    """

    name: str
    licence: str
    genre: str
    documents: int
    tokens: int
    bytes: int


@dataclass(frozen=True)
class Shards:
    """Opened shards.

    Attributes:
        folder: where they lie.
        manifest: the parsed `manifest.json`.
        tokens: one memory map per file, uint16 [n].
        documents: one array per file, int64 [n, 3].
    """

    folder: Path
    manifest: dict[str, Any]
    tokens: tuple[npt.NDArray[np.uint16], ...]
    documents: tuple[npt.NDArray[np.int64], ...]

    @property
    def size(self) -> int:
        """Tokens in all, end tokens among them."""
        return int(self.manifest["tokens"])

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of text in all."""
        return int(self.manifest["bytes"])

    @property
    def vocabulary(self) -> int:
        """Size of the tokenizer's vocabulary."""
        return int(self.manifest["vocabulary"])

    @property
    def sources(self) -> tuple[SourceCount, ...]:
        """What each source gave, by number."""
        return tuple(SourceCount(**source) for source in self.manifest["sources"])

    def __iter__(self) -> Iterator[tuple[int, npt.NDArray[np.uint16]]]:
        """Every document as (number of its source, ids with the end token)."""
        for tokens, documents in zip(self.tokens, self.documents, strict=True):
            for start, length, source in documents.tolist():
                yield source, tokens[start : start + length]


class _Writer:
    """Collects documents and writes files of bounded size."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, per_file: int) -> None:
        self.folder, self.tokenizer, self.per_file = folder, tokenizer, per_file
        self.numbers: dict[str, int] = {}
        self.sources: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.parts: list[npt.NDArray[np.uint16]] = []
        self.rows: list[tuple[int, int, int]] = []
        self.length = 0

    def add(self, documents: list[Document]) -> None:
        """Encode and keep some documents."""
        end = self.tokenizer.end_of_text
        encoded = self.tokenizer.encode_many([d.text for d in documents])
        for document, ids in zip(documents, encoded, strict=True):
            source = self._source(document)
            self.sources[source]["documents"] += 1
            self.sources[source]["tokens"] += len(ids) + 1
            self.sources[source]["bytes"] += len(document.text.encode("utf-8"))
            self.rows.append((self.length, len(ids) + 1, source))
            self.parts.append(np.array([*ids, end], "<u2"))
            self.length += len(ids) + 1
        if self.length >= self.per_file:
            self.flush()

    def _source(self, document: Document) -> int:
        if document.source not in self.numbers:
            self.numbers[document.source] = len(self.sources)
            self.sources.append(
                {
                    "name": document.source,
                    "licence": document.licence,
                    "genre": document.metadata.get("genre", ""),
                    "documents": 0,
                    "tokens": 0,
                    "bytes": 0,
                }
            )
        return self.numbers[document.source]

    def flush(self) -> None:
        """Write what is collected as a pair of files."""
        if not self.rows:
            return
        number = len(self.files)
        index = io.BytesIO()
        np.save(index, np.array(self.rows, "<i8").reshape(-1, 3), allow_pickle=False)
        entry: dict[str, Any] = {"tokens": self.length, "documents": len(self.rows)}
        for kind, content in (
            ("tokens", np.concatenate(self.parts).tobytes()),
            ("documents", index.getvalue()),
        ):
            name = f"{kind}-{number:05}.{'bin' if kind == 'tokens' else 'npy'}"
            with whole_file(self.folder / name) as file:
                file.write(content)
            entry[f"{kind}_file"] = name
            entry[f"{kind}_sha256"] = hashlib.sha256(content).hexdigest()
        self.files.append(entry)
        self.parts, self.rows, self.length = [], [], 0


def write_shards(
    folder: Path,
    documents: Iterable[Document],
    tokenizer: Tokenizer,
    *,
    tokens_per_file: int = _TOKENS_PER_FILE,
) -> Shards:
    """Encode documents, in their order, into a folder. The manifest comes last, so that a run that
    was killed leaves a folder that is not taken for shards.

    Raises:
        InputError: there is no text, or the vocabulary is too large for 16 bits.
        VoxhausError: the disk is full.
    """  # noqa: D205
    if tokenizer.size > 2**16:
        raise InputError(f"Shards hold 16-bit ids; a vocabulary of {tokenizer.size} does not fit.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for stale in [*folder.glob("tokens-*"), *folder.glob("documents-*")]:
        stale.unlink()
    writer = _Writer(folder, tokenizer, tokens_per_file)
    waiting: list[Document] = []
    for document in documents:
        waiting.append(document)
        if len(waiting) == _DOCUMENTS_AT_ONCE:
            writer.add(waiting)
            waiting = []
    writer.add(waiting)
    writer.flush()
    if not writer.files:
        raise InputError(f"There is no text for {folder.name}: no document was left.")
    manifest = {
        "format": FORMAT,
        "tokenizer": tokenizer.digest,
        "vocabulary": tokenizer.size,
        "end_of_text": tokenizer.end_of_text,
        "sources": writer.sources,
        "files": writer.files,
        "documents": sum(s["documents"] for s in writer.sources),
        "tokens": sum(s["tokens"] for s in writer.sources),
        "bytes": sum(s["bytes"] for s in writer.sources),
    }
    with whole_file(folder / MANIFEST) as file:
        file.write(json.dumps(manifest, indent=1).encode())
    return open_shards(folder)


def open_shards(folder: Path, tokenizer: Tokenizer | None = None, *, check: bool = False) -> Shards:
    """Open shards; sizes are always checked, contents only if asked.

    Args:
        folder: with a `manifest.json`.
        tokenizer: the one that the model uses; it must be the one that made the shards.
        check: also compare the SHA-256 of every file (reads everything).

    Raises:
        InputError: no or unfinished shards, another format, another tokenizer, or a damaged file.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{folder} has no finished shards (no {MANIFEST}); make them.") from error
    except ValueError as error:
        raise InputError(f"{folder / MANIFEST} is damaged: {error}.") from error
    if manifest.get("format") != FORMAT:
        raise InputError(f"{folder} has shards of format {manifest.get('format')}, not {FORMAT}.")
    if tokenizer is not None and tokenizer.digest != manifest["tokenizer"]:
        raise InputError(
            f"{folder} was made with another tokenizer ({manifest['tokenizer'][:12]}, not "
            f"{tokenizer.digest[:12]}); make the shards again with this one."
        )
    tokens, documents = [], []
    for entry in manifest["files"]:
        path = folder / entry["tokens_file"]
        _check(path, 2 * entry["tokens"], entry["tokens_sha256"] if check else None)
        tokens.append(np.memmap(path, "<u2", "r"))
        path = folder / entry["documents_file"]
        _check(path, None, entry["documents_sha256"] if check else None)
        documents.append(_index(path, entry))
    return Shards(folder, manifest, tuple(tokens), tuple(documents))


def _index(path: Path, entry: dict[str, Any]) -> npt.NDArray[np.int64]:
    try:
        rows: npt.NDArray[np.int64] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is damaged; make the shards again.") from error
    if rows.shape != (entry["documents"], 3) or int(rows[:, 1].sum()) != entry["tokens"]:
        raise InputError(f"{path} does not fit its tokens; make the shards again.")
    return rows


def _check(path: Path, size: int | None, digest: str | None) -> None:
    if not path.is_file():
        raise InputError(f"{path} is missing; make the shards again.")
    if size is not None and path.stat().st_size != size:
        raise InputError(
            f"{path} has {path.stat().st_size} bytes in place of {size}; make the shards again."
        )
    if digest is not None and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise InputError(f"{path} is damaged (its SHA-256 differs); make the shards again.")
