"""`voxhaus evaluate timestamps`, `pauses` and `intonation`: how is it delivered?

Knows: arguments and tables. Refuses to know: how anything is measured.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.evaluate import chosen_voices, evaluate_app, keep
from voxhaus.cli.terminal import AsJson, print_json, print_table, working

if TYPE_CHECKING:
    from voxhaus.core.speech import Speech

__all__ = ["evaluate_app"]

Voices = Annotated[str | None, typer.Option(help="Voices with commas; default: all of the model.")]
Out = Annotated[Path | None, typer.Option(help="Folder for the figures.")]
Style = Annotated[str | None, typer.Option("--style", help="A style of the voices.")]
Speed = Annotated[float, typer.Option("--speed", help="1 is the voice's own pace.")]


@evaluate_app.command()
def timestamps(
    voices: Voices = None,
    sentences: Annotated[
        Path | None, typer.Option(help="category<TAB>text a line; default: the committed list.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many, of all categories.")
    ] = None,
    style: Style = None,
    speed: Speed = 1.0,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Score timestamps of words and sounds against a forced aligner (PocketSphinx).

    Differences are ours minus the aligner's. The floor is what the aligner disagrees with itself
    when the sound reaches it 5 ms later or with faint noise. Needs the extra `timestamps`.
    """
    from voxhaus.evals import sentences as lists
    from voxhaus.evals import timestamps as stamps
    from voxhaus.evals.aligner import Aligner
    from voxhaus.runtime.voice import Voice

    aligner = Aligner()
    speaker = Voice.load(threads=1)
    names = chosen_voices(speaker, voices)
    wanted = lists.spread(lists.read(sentences), limit)
    with working("Aligning") as status:

        def speak(text: str, voice: str) -> "Speech":
            return speaker.speak(text, voice=voice, style=style, speed=speed)

        def progress(voice: str, done: int) -> None:
            if status:
                status.update(f"Aligning {voice}: {done} of {len(wanted)}")

        found = stamps.compare(speak, names, wanted, aligner=aligner, progress=progress)
    result: dict[str, Any] = {
        "model": speaker.name,
        "version": speaker.version,
        "sentences": len(wanted),
        "style": style or "neutral",
        "speed": speed,
        **found.result(),
    }
    raw = result.pop("raw")
    _keep(out, "timestamps", {**result, "raw": raw})
    if as_json:
        print_json(result)
        return
    table = stamps.rows(result["overall"], "all voices,")
    for voice, figures in result["voices"].items():
        table += stamps.rows(figures, f"{voice},")
    for name, figures in result["floor"].items():
        table += stamps.rows(figures, f"floor, {name},")
    print_table(stamps.COLUMNS, table)
    for text in result["left_out"]:
        typer.echo(f"left out: {text}")


@evaluate_app.command()
def pauses(
    voices: Voices = None, style: Style = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Measure the silences at commas, dashes, between sentences and between paragraphs.

    Twelve sentences of two halves, joined by each mark; milliseconds, median and quartiles.
    """
    from voxhaus.evals import pauses as silences
    from voxhaus.runtime.voice import Voice

    speaker = Voice.load(threads=1)
    names = chosen_voices(speaker, voices)
    result: dict[str, dict[str, Any]] = {name: {} for name in names}
    with working("Listening"):

        def speak(text: str, voice: str) -> "Speech":
            return speaker.speak(text, voice=voice, style=style)

        for voice, mark, found in silences.measured(speak, names):
            result[voice][mark] = silences.summary(found)
    _keep(out, "pauses", result)
    if as_json:
        print_json(result)
        return
    rows = [[mark, *(silences.shown(result[v][mark]) for v in names)] for mark in silences.MARKS]
    print_table(["ms", *names], rows)


@evaluate_app.command()
def intonation(
    voices: Voices = None, style: Style = None, out: Out = None, as_json: AsJson = False
) -> None:
    """Measure the melody of questions, lists and stressed words.

    32 sentences as statement and as question, yes/no and wh-questions, items of lists, and words
    with and without *stress*: semitones, the share that moves as it should, and effect sizes.
    """
    from dataclasses import asdict

    from voxhaus.evals import intonation as melody
    from voxhaus.runtime.voice import Voice

    speaker = Voice.load(threads=1)
    names = chosen_voices(speaker, voices)
    wanted = melody.prompts()
    result: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    with working("Listening") as status:

        def speak(text: str, voice: str) -> "Speech":
            return speaker.speak(text, voice=voice, style=style)

        for voice in names:
            if status:
                status.update(f"Listening to {voice}")
            found = list(melody.measure(speak, voice, wanted))
            result[voice] = melody.verdict(found)
            raw[voice] = [asdict(f) for f in found]
    _keep(out, "intonation", {"voices": result, "raw": raw})
    if as_json:
        print_json({"voices": result})
        return
    print_table(melody.COLUMNS, [r for v in names for r in melody.rows(v, result[v])])


def _keep(out: Path | None, name: str, result: dict[str, Any]) -> None:
    if out:
        out.mkdir(parents=True, exist_ok=True)
        keep(out / f"{name}.json", result)
