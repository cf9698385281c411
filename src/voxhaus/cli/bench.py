"""`voxhaus bench`: how fast is it?

Knows: arguments and tables. Refuses to know: how anything is timed.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.terminal import AsJson, print_json, print_table
from voxhaus.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from voxhaus.evals.report import Table

bench_app = typer.Typer(help="How fast is it? Side by side with peers, in one run.")


@bench_app.callback()
def _group() -> None:
    """How fast is it? Side by side with peers, in one run."""


def _counts(text: str, option: str = "--threads") -> list[int]:
    try:
        counts = [int(t) for t in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise InputError(f"{option} takes whole numbers with commas, as 1,2; got '{text}'.")
    return counts


def _noted(log: list[dict[str, Any]]) -> "Callable[[dict[str, Any]], None]":
    """Keeps every measurement, and shows it as it is made."""

    def note(row: dict[str, Any]) -> None:
        log.append(row)
        typer.echo(json.dumps(row), err=True)

    return note


def _show(tables: "Iterable[Table]") -> None:
    from voxhaus.evals import report

    for title, columns, rows in tables:
        typer.echo(title)
        print_table(columns, [[report.shown(cell) for cell in row] for row in rows])


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
    from voxhaus.evals import speed

    names = engines.split(",")
    for name in names:
        if name not in known.ENGINES:
            there = ", ".join(known.ENGINES)
            raise InputError(f"There is no engine '{name}'. Engines: {there}.", param="engines")
    log: list[dict[str, Any]] = []
    result = speed.compare(names, _counts(threads), runs, _noted(log))
    if out:
        speed.write_record(out, result, log)
    if as_json:
        print_json(result)
        return
    _show(speed.tables(result))


@bench_app.command()
def language(
    model: Annotated[
        str, typer.Option(help="As for `voxhaus chat`; random: the default sizes.")
    ] = "random",
    engines: Annotated[str, typer.Option(help="Engines, with commas.")] = "voxhaus,llama.cpp",
    threads: Annotated[str, typer.Option(help="Thread counts, with commas.")] = "1",
    runs: Annotated[int, typer.Option(min=1, help="Times round all engines.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Folder for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time text: 1, 4 and 16 answers at once, a long prompt, on the same weights in all engines.

    Engines: voxhaus, llama.cpp (extra `text`), transformers and transformers-bf16 (extra
    `language`). Needs the extra `convert`.
    """
    from voxhaus.evals import language_speed

    log: list[dict[str, Any]] = []
    result = language_speed.compare(model, engines.split(","), _counts(threads), runs, _noted(log))
    if out:
        language_speed.write_record(out, result, log)
    if as_json:
        print_json(result)
        return
    _show(language_speed.tables(result))


@bench_app.command()
def gpu(
    device: Annotated[
        str | None, typer.Option(help="cuda or cpu; default: the first GPU.", show_default=False)
    ] = None,
    minutes: Annotated[int, typer.Option(min=1, help="Texts of a minute spoken at once.")] = 64,
    streams: Annotated[str, typer.Option(help="Numbers of listeners, with commas.")] = "1,8,64,256",
    repeats: Annotated[int, typer.Option(min=1, help="Of each measurement, for medians.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Folder for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time the batched path: a minute, a batch of minutes, listeners at once, and the floor.

    Needs torch (the extra `train`) and a clone of the repository, whose training weights it loads.
    """
    from voxhaus.evals import gpu_speed

    counts = _counts(streams, "--streams")
    voice = gpu_speed.load_voice(device)
    log: list[dict[str, Any]] = []
    result = gpu_speed.measure(
        voice, minutes=minutes, streams=counts, repeats=repeats, note=_noted(log)
    )
    if out:
        gpu_speed.write_record(out, result, log)
    if as_json:
        print_json(result)
        return
    _show(gpu_speed.tables(result))


@bench_app.command()
def scaling(
    lengths: Annotated[
        str, typer.Option(help="Seconds of audio, with commas; none leaves them out.")
    ] = "1,10,60,600,3600",
    streams: Annotated[
        str, typer.Option(help="Listeners at the same time, with commas; none leaves them out.")
    ] = "1,2,4,8,16,32,64",
    seconds: Annotated[float, typer.Option(help="To keep up each number of listeners.")] = 10.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPUs for the voice; default: all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Time texts from a second to an hour, and many listeners at once; watch the memory.

    The figures mean something only on a machine that does nothing else. In full it takes about two
    minutes on two cores.
    """
    from voxhaus.evals import scaling as scales
    from voxhaus.runtime.sessions import default_threads

    log: list[dict[str, Any]] = []
    result = scales.measure(
        [] if lengths == "none" else _counts(lengths, "--lengths"),
        [] if streams == "none" else _counts(streams, "--streams"),
        seconds=seconds,
        threads=min(threads or default_threads(), default_threads()),
        note=_noted(log),
    )
    if out:
        scales.write_record(out, result, log)
    if as_json:
        print_json(result)
        return
    _show(scales.tables(result))


@bench_app.command()
def server(
    url: Annotated[str, typer.Argument(help="Of the server, without /v1.")] = (
        "http://127.0.0.1:8000"
    ),
    kinds: Annotated[str, typer.Option(help="speech, chat, with commas.")] = "speech",
    clients: Annotated[
        str, typer.Option(help="At the same time, with commas.")
    ] = "1,2,4,8,16,32,64",
    seconds: Annotated[float, typer.Option(help="To keep up each number of clients.")] = 10.0,
    model: Annotated[
        str | None, typer.Option(help="Who speaks or answers; default: tts-1, voxhaus-1-preview.")
    ] = None,
    voice: Annotated[str, typer.Option(help="Of the speech model.")] = "alloy",
    out: Annotated[Path | None, typer.Option(help="Folder for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running server for speech or chat, many clients at once; watch its memory.

    VOXHAUS_API_KEY is sent if it is set. Any server with OpenAI's routes can be asked.
    """
    import os

    from voxhaus.evals import server_load

    chosen = {"speech_model": model, "chat_model": model} if model else {}
    target = server_load.Target(
        url=url.rstrip("/"), key=os.environ.get("VOXHAUS_API_KEY"), voice=voice, **chosen
    )
    wanted = kinds.split(",")
    counts = _counts(clients, "--clients")
    server_load.check(wanted, counts, seconds)
    log: list[dict[str, Any]] = []
    result = server_load.measure(target, wanted, counts, seconds=seconds, note=_noted(log))
    if out:
        server_load.write_record(out, result, log)
    if as_json:
        print_json(result)
        return
    _show(server_load.tables(result))
