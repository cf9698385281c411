"""`voxhaus bench`: how fast is it?

Knows: arguments and tables. Refuses to know: how anything is timed.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from voxhaus.cli.terminal import AsJson, print_json, print_table
from voxhaus.core.errors import InputError

bench_app = typer.Typer(help="How fast is it? Side by side with peers, in one run.")


@bench_app.callback()
def _group() -> None:
    """How fast is it? Side by side with peers, in one run."""


def _counts(text: str) -> list[int]:
    try:
        counts = [int(t) for t in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise InputError(f"--threads takes whole numbers with commas, as 1,2; got '{text}'.")
    return counts


@bench_app.command()
def speech(
    engines: Annotated[str, typer.Option(help="Engines, with commas.")] = "voxhaus",
    threads: Annotated[str, typer.Option(help="Thread counts, with commas.")] = "1,2",
    runs: Annotated[int, typer.Option(min=1, help="Times round all engines.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Folder for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time speech: a paragraph, ten words, first audio, cold start, memory.

    Engines other than voxhaus need the extra `peers`.
    """
    from voxhaus.evals import engines as known
    from voxhaus.evals import report, speed

    names = engines.split(",")
    for name in names:
        if name not in known.ENGINES:
            there = ", ".join(known.ENGINES)
            raise InputError(f"There is no engine '{name}'. Engines: {there}.", param="engines")
    log: list[dict[str, Any]] = []

    def note(row: dict[str, Any]) -> None:
        log.append(row)
        typer.echo(json.dumps(row), err=True)

    result = speed.compare(names, _counts(threads), runs, note)
    if out:
        speed.write_record(out, result, log)
    if as_json:
        print_json(result)
        return
    for title, columns, rows in speed.tables(result):
        typer.echo(title)
        print_table(columns, [[report.shown(cell) for cell in row] for row in rows])
