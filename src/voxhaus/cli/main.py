"""The entry point: which commands there are, and how anything that goes wrong is said.

Knows: every command by name, and the one place where errors become a sentence and an exit status.
Refuses to know: what the commands do.

Exit status: 0 done, 1 failed, 2 bad input, 130 interrupted, 141 the reader of a pipe went away.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from voxhaus.cli.bench import bench_app
from voxhaus.cli.briefing import briefing
from voxhaus.cli.chat import chat
from voxhaus.cli.credentials import credentials_app
from voxhaus.cli.dialogue import dialogue
from voxhaus.cli.doctor import doctor
from voxhaus.cli.engines import engines_app
from voxhaus.cli.evaluate_language import evaluate_app
from voxhaus.cli.export import export_app
from voxhaus.cli.keys import keys_app
from voxhaus.cli.models import models
from voxhaus.cli.pull import pull
from voxhaus.cli.rollout import rollout_app
from voxhaus.cli.say import say
from voxhaus.cli.serve import serve
from voxhaus.cli.terminal import print_error
from voxhaus.cli.train import train_app
from voxhaus.cli.voices import voices
from voxhaus.core.errors import VoxhausError

app = typer.Typer(
    name="voxhaus",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help texts speak of [pause 0.5s], which is not rich's markup
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(say)
app.command()(dialogue)
app.command()(briefing)
app.command()(chat)
app.command()(pull)
app.command()(serve)
app.command()(voices)
app.command()(models)
app.command()(doctor)
app.add_typer(engines_app, name="engines")
app.add_typer(rollout_app, name="rollout")
app.add_typer(credentials_app, name="credentials")
app.add_typer(keys_app, name="keys")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(bench_app, name="bench")
app.add_typer(train_app, name="train")
app.add_typer(export_app, name="export")

INTERRUPTED, PIPE_CLOSED = 130, 141


@app.callback(invoke_without_command=True)
def _door(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Voxhaus: a fast voice of our own, and the products on it."""
    if version:
        from importlib import metadata

        typer.echo(f"voxhaus {metadata.version('voxhaus')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. Never raises for bad input."""
    try:
        status = app(args=arguments, prog_name="voxhaus", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("VOXHAUS_DEBUG"):
            raise
        message, status = explain(error)
        if message:
            print_error(message)
        return status
    return status if isinstance(status, int) else 0


def explain(error: Exception) -> tuple[str, int]:
    """The sentence and the exit status for anything that went wrong."""
    if isinstance(error, VoxhausError):
        return str(error), error.exit_status
    if isinstance(error, typer.TyperException):
        # Without a message its help was printed in place of an error.
        message = _one_line(error.format_message())
        return message and f"{message.rstrip('.')}. See voxhaus --help.", error.exit_code
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}.", 1
    if isinstance(error, MemoryError):
        return "There is not enough memory for this.", 1
    kind = type(error).__name__
    return f"Unexpected {kind}: {_one_line(str(error))} (VOXHAUS_DEBUG=1 shows where.)", 1


def _one_line(text: str) -> str:
    return " ".join(text.split())


def run() -> None:
    """What the command `voxhaus` calls."""
    sys.exit(main())


if __name__ == "__main__":
    run()
