"""The same steps on many machines, as a Ray Data job.

Knows: how a list of steps (`steps.py`) is run over documents by Ray Data, with one row per document
and one per refusal, and how near-duplicates are found there: by bands, each a group of a shuffle.
Refuses to know: any rule; they are those of the run on one machine (`corpus.py`).

What is kept does not depend on how Ray cuts the work: steps look at one document alone, and of a
cluster of near-duplicates the document with the lowest number stays. The rule differs from one
machine's in one
thing: clusters are closed (as in datatrove), so that a document is left out also when the one that
it resembles is itself left out.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.training.data.documents import Document, read_documents
from voxhaus.training.data.duplicates import MinHash, bare_words
from voxhaus.training.data.steps import Refusal, Step, apply_steps

Row = dict[str, Any]


def _ray_data() -> Any:  # noqa: ANN401 - ray has no types for what is used here
    try:
        import ray.data
    except ImportError as error:
        raise MissingExtraError("ray", "scale") from error
    return ray.data


def to_row(number: int, document: Document) -> Row:
    """A document as a row of plain values."""
    return {
        "number": number,
        "id": document.id,
        "text": document.text,
        "source": document.source,
        "licence": document.licence,
        "metadata": "\n".join(f"{key}={value}" for key, value in sorted(document.metadata.items())),
        "refused": "",
    }


def to_document(row: Row) -> Document:
    """The document of a row."""
    pairs = (line.partition("=") for line in row["metadata"].split("\n") if line)
    return Document(
        id=row["id"],
        text=row["text"],
        source=row["source"],
        licence=row["licence"],
        metadata={key: value for key, _, value in pairs},
    )


def read_rows(path: str) -> Iterable[Row]:
    """The rows of one file of documents; numbers are unique within the file."""
    return (to_row(n, document) for n, document in enumerate(read_documents(Path(path))))


def steps_on_row(steps: Sequence[Step]) -> Callable[[Row], Row]:
    """A function for `map`: the row after all steps, or with the refusal in "refused"."""

    def run(row: Row) -> Row:
        result = apply_steps(to_document(row), steps)
        if isinstance(result, Refusal):
            return {**row, "text": "", "refused": f"{result.step}: {result.reason}"}
        return {**to_row(row["number"], result), "number": row["number"]}

    return run


def filter_with_ray(paths: Sequence[Path], steps: Sequence[Step]) -> Any:  # noqa: ANN401
    """A Ray data set of all documents of files, each kept or refused by name.

    Args:
        paths: files of documents; Ray reads them in parallel. Their order numbers the documents.
        steps: as on one machine.

    Returns:
        A lazy `ray.data.Dataset` with the columns of `to_row`.

    Raises:
        InputError: no files.
        MissingExtraError: Ray is not installed.
    """
    if not paths:
        raise InputError("A Ray job needs at least one file of documents.")
    data = _ray_data()
    files = data.from_items([{"file": n, "path": str(path)} for n, path in enumerate(paths)])

    def read(row: Row) -> list[Row]:
        rows = read_rows(row["path"])
        return [{**found, "number": row["file"] * 2**32 + found["number"]} for found in rows]

    return files.flat_map(read).map(steps_on_row(steps))


def refusals_with_ray(data: Any) -> dict[str, int]:  # noqa: ANN401
    """Number of documents by "step: reason"; "" stands for those that were kept."""
    counts = data.groupby("refused").count().take_all()
    return {row["refused"]: int(row["count()"]) for row in counts}


def duplicates_with_ray(data: Any, settings: MinHash | None = None) -> set[int]:  # noqa: ANN401
    """Numbers of the kept documents that are near-duplicates of one with a lower number.

    Args:
        data: from `filter_with_ray`.
        settings: as on one machine.
    """
    minhash = settings or MinHash()

    def bands(row: Row) -> list[Row]:
        signature = minhash.signature(bare_words(row["text"])).astype(np.uint32)
        parts = signature.reshape(minhash.bands, minhash.rows)
        return [
            {"band": f"{n}:{part.tobytes().hex()}", "number": row["number"], "signature": signature}
            for n, part in enumerate(parts)
        ]

    def pairs(group: dict[str, Any]) -> dict[str, Any]:
        order = np.argsort(group["number"])
        numbers, signatures = group["number"][order], np.stack(group["signature"])[order]
        alike = (signatures == signatures[0]).mean(1) >= minhash.least_similarity
        alike[0] = False
        first = np.full(int(alike.sum()), numbers[0])
        return {"first": first, "other": numbers[alike]}

    kept = data.filter(lambda row: row["refused"] == "")
    found = kept.flat_map(bands).groupby("band").map_groups(pairs, batch_format="numpy").take_all()
    return _all_but_first((int(row["first"]), int(row["other"])) for row in found)


def _all_but_first(pairs: Iterable[tuple[int, int]]) -> set[int]:
    """Members of the clusters that pairs connect, without the lowest of each."""
    parent: dict[int, int] = {}

    def root(number: int) -> int:
        while parent.setdefault(number, number) != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return {number for number in list(parent) if root(number) != number}
