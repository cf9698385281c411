"""`voxhaus briefing`: feeds become a spoken programme with its transcript.

Knows: the arguments, where the four files go, and what is reported.
Refuses to know: how a briefing is made.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.credentials import Credentials, signer_for
from voxhaus.cli.terminal import AsJson, print_json
from voxhaus.core.errors import InputError

if TYPE_CHECKING:
    from voxhaus.products.briefing.feeds import FeedRequest
    from voxhaus.products.briefing.make import Briefing, OnStep
    from voxhaus.runtime.voice import Voice

SIDE_FILES = ("vtt", "md", "json")


def briefing(
    feeds: Annotated[
        list[str] | None,
        typer.Argument(metavar="feed", help="Address or file of an RSS, Atom or JSON feed."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", "-m", help="Length, 0.5 to 60. Default: 3.")
    ] = None,
    days: Annotated[
        int | None,
        typer.Option("--days", min=1, max=3650, help="Leave out what is older. Default: 7."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Audio file, format by suffix. Default: briefing-DATE.mp3"
        ),
    ] = None,
    voice: Annotated[
        str | None, typer.Option("--voice", "-v", help="A voice of `voxhaus voices`.")
    ] = None,
    style: Annotated[str | None, typer.Option("--style", help="A style of that voice.")] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Name of the programme. Default: your briefing.")
    ] = None,
    now: Annotated[
        str | None, typer.Option("--now", help="Pretend it is this moment: 2026-11-23T08:00.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same programme.")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Default: the number of CPUs.")
    ] = None,
    credentials: Credentials = False,
    as_json: AsJson = False,
) -> None:
    """Read news feeds and speak a briefing.

    Without a feed, those of the table [briefing] in voxhaus.toml are read; without these, a sample
    that comes with the package. Beside the audio file lie a transcript with sources (.md),
    subtitles (.vtt) and a report of the run (.json), which --json prints as well. A feed that
    cannot be read is reported, and the rest goes on.
    """
    from voxhaus.core.audio import check_audio_target, write_audio
    from voxhaus.core.credentials import seal
    from voxhaus.core.files import write_whole
    from voxhaus.core.provenance import spoken_by
    from voxhaus.products.briefing import make, transcript
    from voxhaus.products.briefing.settings import SAMPLE_NOTE, load_settings

    moment = _moment(now)
    settings = load_settings()
    requests, is_sample = _requests(feeds or [])
    audio = output or Path(f"briefing-{moment:%Y-%m-%d}.mp3")
    check_audio_target(audio)
    signer = signer_for(audio, credentials)
    files = _files(audio)
    order = make.Order(
        requests=requests,
        now=moment,
        minutes=settings.minutes if minutes is None else minutes,
        days=settings.days if days is None else days,
        voice=voice or settings.voice,
        style=style or settings.style,
        title=" ".join((title or settings.title).split()),
        note=SAMPLE_NOTE if is_sample else "",
        seed=seed,
        workers=_workers(threads),
    )
    with _progress() as on_step:
        made, speaker = _made(order, on_step)
        on_step("writing", 0, 1)
        origin = spoken_by(speaker, [order.voice or speaker.default_voice])
        heading = order.title[:1].upper() + order.title[1:]
        write_audio(
            audio,
            made.recording.speech,
            title=heading,
            chapters=made.recording.chapters,
            provenance=origin,
        )
        on_step("writing", 1, 1)
    report = {**make.record(made, files), "load_seconds": round(speaker.load_seconds, 4)}
    write_whole(files["vtt"], transcript.vtt(heading, made.recording).encode())
    write_whole(files["md"], transcript.markdown(heading, moment, made.recording).encode())
    text = json.dumps(report, ensure_ascii=False, indent=1) + "\n"
    write_whole(files["json"], text.encode())
    if signer:
        seal(audio, origin, signer)
    _tell(made, report, files, is_sample=is_sample, as_json=as_json)


def _made(order: Any, on_step: "OnStep") -> tuple["Briefing", "Voice"]:  # noqa: ANN401 - make.Order
    from voxhaus.core.paths import cache_root
    from voxhaus.products.briefing.feed_cache import FeedCache
    from voxhaus.products.briefing.make import make_briefing
    from voxhaus.runtime.voice import Voice

    on_step("loading", 0, 1)
    # Sentences are spoken side by side, each on one thread.
    speaker = Voice.load(threads=1)
    on_step("loading", 1, 1)
    cache = FeedCache(cache_root() / "feeds")
    return make_briefing(order, speaker, cache, on_step), speaker


def _workers(threads: int | None) -> int:
    from voxhaus.runtime.sessions import default_threads

    return threads or default_threads()


def _moment(now: str | None) -> datetime:
    """The listener's date and time, with a time zone."""
    if now is None:
        return datetime.now().astimezone()
    try:
        return datetime.fromisoformat(now).astimezone()
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"'{now}' is not a date and time such as 2026-11-23T08:00.", param="now"
        ) from error


def _requests(feeds: list[str]) -> tuple[tuple["FeedRequest", ...], bool]:
    """What to read, and whether it is the sample."""
    from voxhaus.products.briefing.feeds import FeedRequest
    from voxhaus.products.briefing.settings import load_settings, sample_requests

    if feeds:
        return tuple(FeedRequest(address=f.strip()) for f in feeds), False
    configured = load_settings().requests()
    return (configured, False) if configured else (sample_requests(), True)


def _files(audio: Path) -> dict[str, Path]:
    """Where everything goes; a stranger's file of the same name is not overwritten."""
    files = {"audio": audio, **{kind: audio.with_suffix(f".{kind}") for kind in SIDE_FILES}}
    if not audio.exists():
        for kind in SIDE_FILES:
            if files[kind].exists():
                raise InputError(
                    f"{files[kind]} exists already and would be overwritten; choose another name "
                    f"than {audio.name}.",
                    param="output",
                )
    return files


@contextmanager
def _progress() -> "Iterator[OnStep]":
    """Bars on stderr where somebody watches; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda name, done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    bars: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:

        def on_step(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = progress.add_task(name.capitalize(), total=total)
            progress.update(bars[name], completed=done, total=total)

        yield on_step


def _tell(
    made: "Briefing",
    report: dict[str, Any],
    files: dict[str, Path],
    *,
    is_sample: bool,
    as_json: bool,
) -> None:
    """Warnings on stderr; on stdout the report or, for people, what was made and how fast."""
    from voxhaus.core.paths import config_file
    from voxhaus.products.briefing.make import spelled_seconds

    for warning in report["warnings"]:
        typer.echo(f"Note: {warning}", err=True)
    if as_json:
        print_json(report)
        return
    if is_sample:
        typer.echo(
            "No feeds were given: this is the sample that comes with Voxhaus. Yours: "
            f"voxhaus briefing ADDRESS..., or feeds = [...] under [briefing] in {config_file()}",
            err=True,
        )
    speaking = made.timings.speaking
    pace = made.seconds / speaking if speaking else 0.0
    told, known = report["stories_told"], len(report["stories"])
    read = sum(f["ok"] for f in report["feeds"])
    typer.echo(
        f"{files['audio']}: {told} of {known} stories from {read} feeds, with transcript (.md), "
        "subtitles (.vtt) and report (.json)"
    )
    typer.echo(
        f"{spelled_seconds(made.seconds)} of speech in {speaking:.1f} s ({pace:.0f} × real time)"
    )
