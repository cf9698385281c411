"""Figures as text, tables of them in Markdown, and the folder of a record.

Knows: rounding, alignment, the files of a record. Refuses to know: what the figures mean.
"""

import json
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Cell = str | float | int | None
Table = tuple[str, list[str], list[list[Cell]]]  # title, columns, rows


def shown(value: Cell, digits: int = 3) -> str:
    """A cell as text: a dash for what is missing, `digits` decimals for fractions."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table; all columns but the first are right-aligned."""
    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|" + "|".join("---" if i == 0 else "---:" for i in range(len(columns))) + "|")
    lines += ["| " + " | ".join(map(shown, row)) + " |" for row in rows]
    return "\n".join(lines)


def write_record(
    folder: Path,
    title: str,
    facts: Mapping[str, str],
    notes: str,
    tables: Sequence[Table],
    log: Sequence[Mapping[str, Any]],
) -> None:
    """Write README.md (machine, notes, tables) and raw.jsonl (every measurement) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"# {title}", "", *(f"- {k}: {v}" for k, v in facts.items()), "", notes, ""]
    for name, columns, rows in tables:
        lines += [f"## {name}", "", markdown(columns, rows), ""]
    (folder / "README.md").write_text("\n".join(lines), "utf-8")
    raw = "".join(json.dumps(row) + "\n" for row in log)
    (folder / "raw.jsonl").write_text(raw, "utf-8")


def summarise(
    rows: Sequence[Mapping[str, Any]], figures: Iterable[str], about: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Rows of single measurements -> one row for each engine and thread count.

    Args:
        rows: each with "engine", "threads" and the figures.
        figures: names of numbers, of which median, least and greatest are kept.
        about: names of what is the same in all rows of an engine.
    """
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["engine"], row["threads"]), []).append(row)
    return [
        {
            "engine": name,
            "threads": threads,
            "runs": len(group),
            **{k: group[0][k] for k in about},
            **{
                f: {
                    "median": statistics.median(r[f] for r in group),
                    "min": min(r[f] for r in group),
                    "max": max(r[f] for r in group),
                }
                for f in figures
            },
        }
        for (name, threads), group in groups.items()
    ]
