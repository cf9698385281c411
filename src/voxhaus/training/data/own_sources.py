"""A user's own text as a source: a folder, JSON lines, Parquet, WARC, or a Hugging Face data set.

Knows: how each kind is read, one document at a time, and which library that needs (imported only
then).
Refuses to know: quality, and what is trained on it.

The licence is the user's to state: it is written beside every document and into the manifest.
"""

import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, MissingExtraError, VoxhausError
from voxhaus.training.data import extract
from voxhaus.training.data.documents import Document
from voxhaus.training.data.packaged_text import cut

_HTML = frozenset({".html", ".htm", ".xhtml"})
_TEXT = frozenset({".txt", ".md", ".rst", ".text", ""})


@dataclass(frozen=True, kw_only=True)
class OwnText:
    """Text of the user's own. `open_source` makes one from what a user types.

    Attributes:
        name: short name; files are called so.
        place: a folder or file, or the id of a data set.
        kind: "folder", "jsonl", "parquet", "warc" or "hub".
        licence: SPDX expression or plain words.
        column: where the text is, for JSON lines, Parquet and data sets.
        split: of a data set.
        target: whether this is the kind of text that the model is to write.
        pool: whether it takes part in pre-training.
        most: no more documents than this; 0 for all.
    """

    name: str
    place: str
    kind: str
    licence: str
    column: str = "text"
    split: str = "train"
    target: bool = True
    pool: bool = True
    most: int = 0

    def documents(self, root: Path) -> Iterator[Document]:
        """Read the documents, in a fixed order.

        Raises:
            InputError: the place is missing, empty, binary, or has no such column.
            MissingExtraError: the library for this kind is not installed.
        """
        del root
        count = 0
        for key, text, title in self._read():
            if not text.strip():
                continue
            count += 1
            yield Document(
                id=f"{self.name}/{key}",
                text=text,
                source=self.name,
                licence=self.licence,
                metadata={"title": title} if title else {},
            )
            if count == self.most:
                return
        if not count:
            raise InputError(f"There is no text in {self.place}.")

    def _read(self) -> Iterator[tuple[str, str, str]]:
        """(id, text, title) of each document."""
        if self.kind == "folder":
            return _folder(Path(self.place))
        if self.kind == "jsonl":
            return self._rows(_json_lines(Path(self.place)))
        if self.kind == "parquet":
            return self._rows(_parquet(Path(self.place), self.column))
        if self.kind == "warc":
            return _warc(Path(self.place))
        return self._rows(_hub(self.place, self.split))

    def _rows(self, rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
        for number, row in enumerate(rows):
            text = row.get(self.column)
            if not isinstance(text, str):
                raise InputError(
                    f"Row {number + 1} of {self.place} has no text in the column {self.column!r}; "
                    f"it has: {', '.join(map(str, row)) or 'nothing'}.",
                    param="column",
                )
            key = row.get("id", row.get("url", f"{number:09}"))
            yield str(key), text, str(row.get("title", ""))


def open_source(
    place: str, *, licence: str, name: str = "", column: str = "text", split: str = "train",
    target: bool = True,
) -> OwnText:  # fmt: skip
    """What kind of source a place is: by its name if the path exists, else a data set's id.

    Raises:
        InputError: no such file, or a kind of file that is not read; no licence.
    """
    if not licence.strip():
        raise InputError(f"Say under which licence {place} may be used.", param="licence")
    path = Path(place)
    kind = _kind(path) if path.exists() else "hub"
    # "name" and "owner/name" are ids on the Hub; anything else was meant as a path.
    looks_like_path = place.startswith((".", "/", "~")) or place.count("/") > 1 or path.suffix
    if kind == "hub" and looks_like_path:
        raise InputError(f"There is no file or folder {place}.")
    label = name or "".join(c if c.isalnum() else "-" for c in path.name.split(".")[0]) or "own"
    return OwnText(
        name=label, place=place, kind=kind, licence=licence, column=column, split=split,
        target=target,
    )  # fmt: skip


def _kind(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    if path.is_dir():
        return "parquet" if any(path.glob("*.parquet")) else "folder"
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    if name.endswith(".parquet"):
        return "parquet"
    if name.endswith(".warc"):
        return "warc"
    if Path(name).suffix in _HTML | _TEXT:
        return "folder"
    raise InputError(
        f"{path} is none of: a folder, .txt, .md, .html, .jsonl, .parquet, .warc (.gz or not)."
    )


def _folder(root: Path) -> Iterator[tuple[str, str, str]]:
    """Text and HTML files below a folder, or one file; others are passed over."""
    if not root.exists():
        raise InputError(f"There is no file or folder {root}.")
    paths = sorted(root.rglob("*")) if root.is_dir() else [root]
    for path in paths:
        suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
        if not path.is_file() or suffix not in _HTML | _TEXT or path.name.startswith("."):
            continue
        try:
            text = extract.read_text(path)
        except InputError:
            if root.is_dir():
                continue  # one binary file among texts
            raise
        text = extract.from_html(text) if suffix in _HTML else text
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        for key, part in cut(name, text):
            yield key, part, path.stem


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise InputError(f"Line {number} of {path} is not a JSON object.")
                yield row
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"Line {number} of {path} cannot be read: {error}") from error


def _parquet(place: Path, column: str) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "language") from error
    for path in sorted(place.glob("*.parquet")) if place.is_dir() else [place]:
        try:
            file = parquet.ParquetFile(path)
        except (ArrowInvalid, OSError) as error:
            raise InputError(f"{path} is not a Parquet file: {error}") from error
        wanted = [n for n in ("id", "url", "title", column) if n in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=1024, columns=wanted):
            yield from batch.to_pylist()


def _warc(path: Path) -> Iterator[tuple[str, str, str]]:
    """HTML and plain-text responses; where trafilatura is installed, the main text only."""
    try:
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed
    except ImportError as error:
        raise MissingExtraError("warcio", "language") from error
    try:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream):
                kind = record.http_headers and record.http_headers.get_header("Content-Type", "")
                if record.rec_type == "conversion":
                    page, text = "", _decoded(record)
                elif record.rec_type == "response" and kind and "html" in kind:
                    page, text = _decoded(record), ""
                elif record.rec_type == "response" and kind and "text/plain" in kind:
                    page, text = "", _decoded(record)
                else:
                    continue
                url = record.rec_headers.get_header("WARC-Target-URI", "")
                key = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}"
                yield key, text or _main_text(page), url
    except ArchiveLoadFailed as error:
        raise InputError(f"{path} is not a WARC file: {error}") from error


def _decoded(record: Any) -> str:  # noqa: ANN401 - a record of warcio, which has no types
    content: bytes = record.content_stream().read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _main_text(page: str) -> str:
    try:
        import trafilatura
    except ImportError:
        return extract.from_html(page)
    return str(trafilatura.extract(page) or "")


def _hub(name: str, split: str) -> Iterator[dict[str, Any]]:
    """Stream a data set of the Hugging Face Hub (or one saved in a cache)."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "language") from error
    try:
        rows = datasets.load_dataset(name, split=split, streaming=True)
    except Exception as error:  # the library raises many kinds, most of them about the network
        reason = str(error).splitlines()[0]
        raise VoxhausError(
            f"The data set {name!r} ({split}) could not be opened: {reason}"
        ) from error
    yield from rows
