"""`voxhaus evaluate`: how good is it?

Knows: arguments and tables. Refuses to know: how anything is scored.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.terminal import AsJson, print_json, print_table, working
from voxhaus.core.errors import InputError

if TYPE_CHECKING:
    from voxhaus.core.speech import Speech
    from voxhaus.evals.report import Cell
    from voxhaus.runtime.voice import Voice

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
    voices: Annotated[
        str | None, typer.Option(help="Several voices with commas, one table; not with --voice.")
    ] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(help="Judge this folder, one WAV or FLAC a sentence, instead of an engine."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for verdicts; an interrupted run goes on from it.")
    ] = None,
    audio: Annotated[bool, typer.Option(help="Keep the recordings in --out, too.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many, of all categories.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="Also the similarity to ENGINE:VOICE, as kokoro:af_heart.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score an engine's speech: DistillMOS, DNSMOS, words misheard, pitch.

    Needs the extra `evaluate`, and `peers` for other engines than ours.
    """
    from voxhaus.evals import engines
    from voxhaus.evals import sentences as lists
    from voxhaus.evals import speech as scoring
    from voxhaus.evals.recordings import Recordings

    if voices is not None and (voice or recordings):
        raise InputError("Give --voices, --voice or --recordings, not two of them.", param="voices")
    everything = lists.read(sentences)
    wanted = everything[:limit] if recordings else lists.spread(everything, limit)
    speakers: list[engines.Engine]
    if recordings:
        speakers = [Recordings(recordings, wanted)]
    elif voices is not None:
        speakers = [engines.load(engine, voice=v.strip()) for v in voices.split(",")]
    else:
        speakers = [engines.load(engine, voice=voice)]
    peer_name, _, peer_voice = (like or "").partition(":")
    peer = engines.load(peer_name, voice=peer_voice or None) if like else None
    results = []
    with working("Judging") as status:
        for speaker in speakers:

            def progress(done: int, total: int, who: str = speaker.voice) -> None:
                if status:
                    status.update(f"Judging {who}: {done} of {total}")

            result = scoring.evaluate(speaker, wanted, folder=out, audio=audio, progress=progress)
            if peer and like:
                result["similarity"] = {like: scoring.similarity(speaker, peer, wanted)}
            if out:
                keep(out / f"{speaker.name}-{speaker.voice}.json", result)
            results.append(result)
    if as_json:
        print_json(results[0] if voices is None else {"voices": results})
        return
    for result in results:
        _show(result)
    if len(results) > 1:
        typer.echo("All voices")
        _table([scoring.table_row(r["voice"], r["overall"]) for r in results])


@evaluate_app.command()
def text(
    sentences: Annotated[
        Path | None, typer.Option(help="category<TAB>text a line; default: the committed list.")
    ] = None,
    differences: Annotated[
        bool, typer.Option(help="Also list where our phonemes and the reference's part.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the text front end: unknown words, and agreement with another phonemiser.

    Words are those of the dictionaries that the network for unknown words was not trained on. The
    other phonemiser is hibari-tts's port of misaki, from the extra `peers`.
    """
    from voxhaus.evals import pronunciation
    from voxhaus.evals import sentences as lists
    from voxhaus.models.text.lexicon import ACCENTS

    wanted = lists.read(sentences)
    reference = pronunciation.reference_phonemizer()
    with working("Reading"):
        words = pronunciation.unknown_words()
        both = [pronunciation.agreement(wanted, a, reference) for a in ACCENTS]
    if as_json:
        print_json({"unknown_words": words, "agreement": [asdict(a) for a in both]})
        return
    names = ("words", "per", "wer", "per_unstressed", "wer_unstressed")
    _plain(
        ("unknown words", "n", "PER %", "WER %", "PER % unstressed", "WER % unstressed"),
        [[a, *(words[f"{a}_{n}"] for n in names)] for a in ACCENTS],
    )
    _plain(
        ("agreement", "sentences", "words", "same sentences %", "same words %"),
        [[a.accent, a.sentences, a.words, a.same_sentences, a.same_words] for a in both],
    )
    if differences:
        for a in both:
            for theirs, ours, where in a.differences:
                typer.echo(f"{a.accent}\t{theirs or '-'}\t{ours or '-'}\t{where}")


@evaluate_app.command()
def styles(
    voices: Annotated[
        str | None, typer.Option(help="Voices with commas; default: all of the model.")
    ] = None,
    sentences: Annotated[
        Path | None, typer.Option(help="category<TAB>text a line; default: the committed list.")
    ] = None,
    limit: Annotated[int, typer.Option(min=4, help="So many sentences, of all categories.")] = 32,
    judged: Annotated[
        int, typer.Option(min=0, help="Score so many of them for opinion and words, too.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the verdicts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Are the styles different, and does the voice still speak well in each?

    By style: how pitch, range, loudness, pace, tilt and pauses differ from neutral, with effect
    sizes, and how often a classifier names the style of sentences that it was not trained on. With
    --judged also DistillMOS and words misheard (needs the extra `evaluate`).
    """
    from voxhaus.evals import sentences as lists
    from voxhaus.evals import styles as styling
    from voxhaus.evals.style_report import StyleReport
    from voxhaus.runtime.voice import Voice

    speaker = Voice.load(threads=1)
    names = chosen_voices(speaker, voices)
    wanted = lists.spread(lists.read(sentences), limit)
    kept = list(next(v.styles for v in speaker.voices() if v.id == names[0]))
    report = StyleReport(names, kept, wanted, judged=judged)
    with working("Speaking") as status:

        def speak(text: str, voice: str, style: str) -> "Speech":
            if status:
                status.update(f"Speaking: {voice}, {style}")
            return speaker.speak(text, voice=voice, style=style)

        for sample, recording in styling.record(speak, names, kept, wanted):
            report.add(sample, recording)
    result = report.result()
    if out:
        out.mkdir(parents=True, exist_ok=True)
        keep(out / f"styles-{'-'.join(names)}.json", result)
    if as_json:
        print_json(result)
        return
    for voice in names:
        typer.echo(voice)
        print_table(report.columns, report.rows(result, voice))
    typer.echo(f"named rightly: {100 * result['classifier']['accuracy']:.1f} %")
    rows = [[y, *map(str, c.values())] for y, c in result["classifier"]["confusion"].items()]
    print_table(["", *kept], rows)


@evaluate_app.command()
def chapter(
    words: Annotated[int, typer.Option(min=1, help="Length of the story that is made up.")] = 5000,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="A text of your own instead; - is a pipe.")
    ] = None,
    voice: Annotated[str | None, typer.Option("--voice", "-v", help="A voice of the model.")] = (
        None
    ),
    style: Annotated[str | None, typer.Option("--style", help="A style of that voice.")] = None,
    heard: Annotated[
        bool, typer.Option("--heard", help="Also words misheard, by quarters (takes minutes).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the result.")] = None,
    as_json: AsJson = False,
) -> None:
    """Does the voice keep its form over a chapter, and in fifty single words?

    Looks for clicks at the borders of sentences, clipping, drifting loudness, long silences, lost
    words and lost ends of words. Status 1 when a check fails. --heard needs the extra `evaluate`.
    """
    from voxhaus.cli.text_input import read_text
    from voxhaus.evals import chapter as chapters
    from voxhaus.evals.judges import Transcriber
    from voxhaus.evals.story import story
    from voxhaus.runtime.voice import Voice

    text = read_text(None, file) if file else story(words)
    transcriber = Transcriber() if heard else None
    with working("Speaking") as status:

        def progress(what: str) -> None:
            if status:
                status.update(what.capitalize())

        result = chapters.evaluate(
            Voice.load(),
            text,
            speaker=voice,
            style=style,
            transcriber=transcriber,
            progress=progress,
        )
    if out:
        out.mkdir(parents=True, exist_ok=True)
        keep(out / f"chapter-{result['voice']}.json", result)
    if as_json:
        print_json(result)
    else:
        typer.echo(
            f"{result['voice']} ({result['version']}): {result['words']} words in "
            f"{result['sentences']} utterances, {result['seconds'] / 60:.1f} minutes"
        )
        rows = [
            ["passed" if c["passed"] else "FAILED", c["name"], c["value"], c["limit"]]
            for c in result["checks"]
        ]
        print_table(["", "check", "found", "allowed"], rows)
    if not result["passed"]:
        raise typer.Exit(1)


def chosen_voices(speaker: "Voice", voices: str | None) -> list[str]:
    """The voices that an option names with commas; all of the model if it is not given.

    Raises:
        InputError: a voice that there is not.
    """
    known = [v.id for v in speaker.voices()]
    names = [n.strip() for n in voices.split(",")] if voices else known
    if strange := [n for n in names if n not in known]:
        raise InputError(
            f"There is no voice '{strange[0]}'. Voices: {', '.join(known)}.", param="voices"
        )
    return names


def _plain(columns: "tuple[str, ...]", rows: "list[list[Cell]]") -> None:
    """A table with fractions as per cent."""
    print_table(
        columns, [[f"{100 * c:.2f}" if isinstance(c, float) else str(c) for c in r] for r in rows]
    )


def keep(path: Path, result: dict[str, Any]) -> None:
    """Write a verdict."""
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _show(result: dict[str, Any]) -> None:
    from voxhaus.evals.speech import table_row

    rows = [table_row(c, f) for c, f in result["categories"].items()]
    typer.echo(f"{result['engine']} {result['voice']} ({result['version']})")
    _table([*rows, table_row("all", result["overall"])])
    for other, likeness in result.get("similarity", {}).items():
        typer.echo(f"similarity to {other}: {likeness:.3f}")


def _table(rows: "list[list[Cell]]") -> None:
    from voxhaus.evals import report, speech

    print_table(speech.COLUMNS, [[report.shown(cell) for cell in row] for row in rows])
