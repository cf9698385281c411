"""What a person or a program sees of a command.

Knows: results go to stdout, everything else to stderr, and only a terminal sees movement.
Refuses to know: what the results are.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.status import Status

Model = Annotated[
    str | None,
    typer.Option(
        "--model", help="A model of `voxhaus models`, or a model folder.", metavar="MODEL"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_error(message: str) -> None:
    """One sentence on stderr."""
    typer.echo(f"{typer.style('Error:', fg='red', bold=True)} {message}", err=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table on stdout: aligned columns that other programs can cut apart."""
    widths = [max(len(r[i]) for r in [columns, *rows]) for i in range(len(columns))]
    lines = [
        "  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in [columns, *rows]
    ]
    typer.secho(lines[0].rstrip(), bold=True)
    for line in lines[1:]:
        typer.echo(line.rstrip())


def somebody_watches() -> bool:
    """Whether a person at a terminal can be asked something."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextmanager
def working(message: str) -> Iterator["Status | None"]:
    """A spinner on stderr while something takes time; None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status(message) as status:
        yield status
