"""The command line's reference page, written from the commands themselves.

Knows: how a tree of commands becomes Markdown; `python -m voxhaus.cli.reference` writes the page.
Refuses to know: any command in particular.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from voxhaus.cli.main import app

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"

HEAD = """\
# The command line

Written by `python -m voxhaus.cli.reference`; a test fails when it is stale.

Results go to standard output, everything else to standard error. With `--json` a command prints one
JSON object. Exit status: 0 done, 1 failed, 2 bad input, 130 interrupted, 141 the reader of a pipe
went away. An error is one sentence; `VOXHAUS_DEBUG=1` shows where it came from.
"""


def page() -> str:
    """The whole page as Markdown."""
    return HEAD + "".join(_sections(get_command(app), "voxhaus"))


def _sections(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - typer's own class
    below = getattr(command, "commands", {})
    if not below:
        yield _section(command, path)
    for name, child in below.items():
        yield from _sections(child, f"{path} {name}")


def _section(command: Any, path: str) -> str:  # noqa: ANN401
    places = [_place(p) for p in command.params if p.param_type_name == "argument"]
    usage = " ".join([path, "[OPTIONS]", *places])
    about = inspect.cleandoc(command.help or "")
    lines = [f"\n## {path}\n", f"```\n{usage}\n```\n", f"{about}\n"]
    rows = [_row(p) for p in command.params if not getattr(p, "hidden", False)]
    if rows:
        lines += ["| | | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _place(parameter: Any) -> str:  # noqa: ANN401
    name = (parameter.metavar or parameter.name).upper() + ("..." if parameter.nargs != 1 else "")
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> str:  # noqa: ANN401
    if parameter.param_type_name == "argument":
        name = _place(parameter).strip("[]")
    else:
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
    default = parameter.default
    unsaid = default is None or default is False or default in ((), []) or callable(default)
    shown = "" if unsaid else f"`{default}`"
    return f"| `{name}` | {_cell(parameter.help or '')} | {shown} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write() -> None:
    """Write the page into the documentation."""
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
