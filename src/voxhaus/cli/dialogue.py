"""`voxhaus dialogue`: a script with several speakers becomes one audio file.

Knows: the arguments, what is measured, and what is reported.
Refuses to know: how scripts are written, spoken and mixed.
"""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.credentials import Credentials, signer_for
from voxhaus.cli.terminal import AsJson, print_json, working
from voxhaus.core.errors import InputError

if TYPE_CHECKING:
    from voxhaus.runtime.dialogue import Dialogue, TurnTiming

Output = Annotated[
    Path,
    typer.Option("-o", "--output", help="Audio file: .wav .flac .mp3 .opus .ogg .pcm .aac .m4a"),
]


def dialogue(
    script: Annotated[
        str | None,
        typer.Argument(help="File of the script; - reads standard input.", show_default=False),
    ] = None,
    output: Output = Path("dialogue.wav"),
    loudness: Annotated[
        float, typer.Option("--loudness", help="Of the whole, in LUFS (EBU R 128); -40 to -9.")
    ] = -16.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same sound.")] = 0,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Default: the number of CPUs.")
    ] = None,
    timestamps: Annotated[
        Path | None,
        typer.Option("--timestamps", help="Who says each word, and when: .json .srt .vtt"),
    ] = None,
    credentials: Credentials = False,
    as_json: AsJson = False,
) -> None:
    """Speak a script with several speakers into an audio file.

    A turn is a line such as "Anna: Hello.", "Ben (excited): No!" or "Anna (overlap 0.3s): Yes!".
    Lines such as "@Host = anna" at the top cast speakers to voices; a blank line begins a scene.
    Speakers are made equally loud, true peaks stay below -1 dBTP. With --json: audio_seconds,
    wall_seconds, real_time_factor, load_seconds, loudness (LUFS) and true_peak (dBTP) as measured,
    speakers (with their voices), turns (speaker, voice, style, start, end, text), sample_rate,
    path.
    """
    from voxhaus.cli.timings import check_timings_target, write_timings
    from voxhaus.core.audio import check_audio_target, write_audio
    from voxhaus.core.credentials import seal
    from voxhaus.core.provenance import spoken_by
    from voxhaus.models.text.cast import cast
    from voxhaus.runtime.dialogue import perform
    from voxhaus.runtime.dialogue_script import parse_script
    from voxhaus.runtime.sessions import default_threads
    from voxhaus.runtime.voice import Voice

    text = _script(script)
    check_audio_target(output)
    if timestamps:
        check_timings_target(timestamps)
    signer = signer_for(output, credentials)

    with working("Loading the voices") as status:
        # Turns are spoken side by side, each on one thread.
        speaker = Voice.load(threads=1)
        turns = parse_script(text, [v.id for v in speaker.voices()])
        begun = time.perf_counter()

        def on_turn(timing: "TurnTiming", done: int, total: int) -> None:
            if status:
                status.update(f"Speaking: turn {done} of {total}, {timing.end:.0f} s")

        speech = perform(
            speaker,
            turns,
            loudness=loudness,
            seed=seed,
            workers=threads or default_threads(),
            on_turn=on_turn,
        )
        wall = time.perf_counter() - begun
        origin = spoken_by(speaker, [v for t in turns for v in cast(t.text, t.voice_id)])
        write_audio(output, speech, provenance=origin)
    if timestamps:
        write_timings(timestamps, speech, speech.turns)
    if signer:
        seal(output, origin, signer)
    report = {
        **_figures(speech, wall),
        "load_seconds": round(speaker.load_seconds, 4),
        "path": str(output),
    }
    if as_json:
        print_json(report)
        return
    typer.echo(
        f"{output}: {len(speech.turns)} turns by {len(report['speakers'])} speakers, "
        f"{speech.seconds:.1f} s in {wall:.2f} s ({speech.seconds / wall:.0f} × real time), "
        f"{report['loudness']} LUFS, peak {report['true_peak']} dBTP"
    )


def _script(file: str | None) -> str:
    """The text of the script, from a file or a pipe."""
    from voxhaus.cli.text_input import read_text

    if file in (None, "-") and sys.stdin is not None and sys.stdin.isatty():
        raise InputError("Give the file of a SCRIPT, or pipe one in.", param="script")
    return read_text(None, file)


def _figures(speech: "Dialogue", wall: float) -> dict[str, Any]:
    """What was made, and how fast."""
    from voxhaus.core.loudness import integrated
    from voxhaus.core.peaks import true_peak

    turns = [{k: v for k, v in asdict(t).items() if k != "words"} for t in speech.turns]
    for turn in turns:
        turn.update(start=round(turn["start"], 3), end=round(turn["end"], 3))
    return {
        "audio_seconds": round(speech.seconds, 3),
        "wall_seconds": round(wall, 4),
        "real_time_factor": round(wall / speech.seconds, 5),
        "loudness": round(integrated(speech.samples, speech.sample_rate), 1),
        "true_peak": round(true_peak(speech.samples), 1),
        "speakers": {t.speaker: t.voice for t in speech.turns},
        "turns": turns,
        "sample_rate": speech.sample_rate,
    }
