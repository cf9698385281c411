"""`voxhaus evaluate`: how good is it?

Knows: arguments and tables. Refuses to know: how anything is scored.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from voxhaus.cli.terminal import AsJson, print_json, print_table, working

evaluate_app = typer.Typer(help="How good is it? Scores by the same judges for every engine.")


@evaluate_app.callback()
def _group() -> None:
    """How good is it? Scores by the same judges for every engine."""


@evaluate_app.command()
def speech(
    sentences: Annotated[
        Path | None, typer.Option(help="category<TAB>text a line; default: the committed list.")
    ] = None,
    engine: Annotated[str, typer.Option(help="voxhaus, hibari, piper, kokoro or espeak.")] = (
        "voxhaus"
    ),
    voice: Annotated[str | None, typer.Option("--voice", "-v", help="A voice of the engine.")] = (
        None
    ),
    recordings: Annotated[
        Path | None,
        typer.Option(help="Judge this folder, one WAV or FLAC a sentence, instead of an engine."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for verdicts; an interrupted run goes on from it.")
    ] = None,
    audio: Annotated[bool, typer.Option(help="Keep the recordings in --out, too.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many sentences.")] = None,
    like: Annotated[
        str | None, typer.Option(help="Also the similarity to ENGINE:VOICE, as kokoro:af_heart.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score an engine's speech: DistillMOS, DNSMOS, words misheard, pitch.

    Needs the extra `evaluate`, and `peers` for other engines than ours.
    """
    from voxhaus.evals import engines, report
    from voxhaus.evals import sentences as lists
    from voxhaus.evals import speech as scoring
    from voxhaus.evals.recordings import Recordings

    wanted = lists.read(sentences)[:limit]
    speaker: engines.Engine
    speaker = Recordings(recordings, wanted) if recordings else engines.load(engine, voice=voice)
    with working("Judging") as status:

        def progress(done: int, total: int) -> None:
            if status:
                status.update(f"Judging: {done} of {total}")

        result = scoring.evaluate(speaker, wanted, folder=out, audio=audio, progress=progress)
        if like:
            name, _, other = like.partition(":")
            peer = engines.load(name, voice=other or None)
            result["similarity"] = {like: scoring.similarity(speaker, peer, wanted)}
    if out:
        name = f"{speaker.name}-{speaker.voice}.json"
        (out / name).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if as_json:
        print_json(result)
        return
    rows = [scoring.table_row(c, f) for c, f in result["categories"].items()]
    rows.append(scoring.table_row("all", result["overall"]))
    typer.echo(f"{speaker.name} {speaker.voice} ({speaker.version})")
    print_table(scoring.COLUMNS, [[report.shown(cell) for cell in row] for row in rows])
    if like:
        typer.echo(f"similarity to {like}: {result['similarity'][like]:.3f}")
