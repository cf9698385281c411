"""`voxhaus say`: a text becomes an audio file.

Knows: the arguments, what is measured, and what is reported.
Refuses to know: how speech is made or encoded.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxhaus.cli.credentials import Credentials, signer_for
from voxhaus.cli.terminal import AsJson, Model, print_json, working

if TYPE_CHECKING:
    from voxhaus.core.speech import AudioChunk

Output = Annotated[
    Path,
    typer.Option("-o", "--output", help="Audio file: .wav .flac .mp3 .opus .ogg .pcm .aac .m4a"),
]


def say(
    text: Annotated[
        str | None, typer.Argument(help="What to say; - reads standard input.", show_default=False)
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="Read the text from a file; - is a pipe.")
    ] = None,
    output: Output = Path("speech.wav"),
    voice: Annotated[
        str | None,
        typer.Option(
            "--voice", "-v", help="A voice of `voxhaus voices`, or a blend: anna:0.6+ben:0.4."
        ),
    ] = None,
    style: Annotated[str | None, typer.Option("--style", help="A style of that voice.")] = None,
    model: Model = None,
    speed: Annotated[float, typer.Option("--speed", help="1 is the voice's own pace.")] = 1.0,
    pitch: Annotated[float, typer.Option("--pitch", help="Semitones up; -12 to 12.")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="The same seed, the same sound.")] = 0,
    breaths: Annotated[
        bool, typer.Option("--breaths", help="Soft breaths after five seconds of speech or more.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Default: the number of CPUs.")
    ] = None,
    timestamps: Annotated[
        Path | None,
        typer.Option(
            "--timestamps", help="When each word (and, in .json, sound) is heard: .json .srt .vtt"
        ),
    ] = None,
    credentials: Credentials = False,
    as_json: AsJson = False,
) -> None:
    """Speak a text into an audio file.

    The text may carry markup ([pause 0.5s], [rate 1.2]...[/rate], [pitch +2]...[/pitch],
    [volume -6dB]...[/volume], [voice ...], *emphasis*) or be SSML. With --json: audio_seconds,
    wall_seconds (from the text to the last sample), first_audio_seconds, real_time_factor (wall by
    audio seconds: lower is faster), load_seconds, voice, style, sample_rate, path.
    """
    from voxhaus.cli.text_input import read_text
    from voxhaus.cli.timings import check_timings_target, write_timings
    from voxhaus.core.audio import check_audio_target, write_audio
    from voxhaus.core.credentials import seal
    from voxhaus.core.provenance import spoken_by
    from voxhaus.core.speech import join
    from voxhaus.models.text.cast import cast
    from voxhaus.runtime.voice import DEFAULT_MODEL, Voice

    words_wanted = read_text(text, file)
    check_audio_target(output)
    if timestamps:
        check_timings_target(timestamps)
    signer = signer_for(output, credentials)

    with working("Loading the voice") as status:
        speaker = Voice.load(model or DEFAULT_MODEL, threads=threads)
        clock = _Clock()
        chunks = []
        stream = speaker.stream(
            words_wanted,
            voice=voice,
            style=style,
            speed=speed,
            seed=seed,
            pitch=pitch,
            breaths=breaths,
        )
        for chunk in clock.watch(stream):
            chunks.append(chunk)
            if status:
                status.update(f"Speaking: {chunk.start:.0f} s")
        speech = join(chunks, speaker.sample_rate)
        origin = spoken_by(speaker, cast(words_wanted, voice or speaker.default_voice))
        write_audio(output, speech, provenance=origin)
    if timestamps:
        write_timings(timestamps, speech)
    if signer:
        seal(output, origin, signer)
    report = {
        "audio_seconds": round(speech.seconds, 3),
        "wall_seconds": round(clock.total, 4),
        "first_audio_seconds": round(clock.first, 4),
        "real_time_factor": round(clock.total / speech.seconds, 5) if speech.seconds else None,
        "load_seconds": round(speaker.load_seconds, 4),
        "voice": voice or speaker.default_voice,
        "style": style or "neutral",
        "sample_rate": speech.sample_rate,
        "path": str(output),
    }
    if as_json:
        print_json(report)
        return
    pace = f"{speech.seconds / clock.total:.0f} × real time"
    typer.echo(
        f"{output}: {speech.seconds:.1f} s of speech in {clock.total:.2f} s ({pace}), "
        f"first sound after {clock.first * 1000:.0f} ms, loaded in {speaker.load_seconds:.2f} s"
    )


@dataclass
class _Clock:
    """Seconds from the text to the first and to the last chunk."""

    first: float = 0.0
    total: float = 0.0

    def watch(self, chunks: "Iterator[AudioChunk]") -> "Iterator[AudioChunk]":
        begun = time.perf_counter()
        for number, chunk in enumerate(chunks):
            self.total = time.perf_counter() - begun
            if number == 0:
                self.first = self.total
            yield chunk
