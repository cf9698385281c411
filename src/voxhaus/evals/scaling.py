"""How the voice scales: with the length of a text, and with listeners at the same time.

Knows: what is timed, and how memory is watched meanwhile. Refuses to know: quality, peers.

Each length and each number of listeners is measured in a process of its own.
"""

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import InputError
from voxhaus.evals import apart, machine, report
from voxhaus.evals.story import MOST_WORDS, sentences, story
from voxhaus.runtime.voice import Voice

LENGTHS = (1, 10, 60, 600, 3600)  # seconds
STREAMS = (1, 2, 4, 8, 16, 32, 64)
MOST_STREAMS = 1024

WORDS_A_SECOND = 2.85  # of our voices, about; what was really spoken is reported
_SHORT = "Then it was quiet."  # 1.2 s
_AT_LEAST = 2.0  # seconds that a short text is spoken over and over
_LOOKS = 60  # at the memory, while an hour is spoken; a few seconds of work
_WARM = 0.25  # of those looks, the share before memory has found its size
_WORDS = 10  # in a listener's sentence
_STOCK = 200  # of such sentences

Note = Callable[[dict[str, Any]], None]


def check(lengths: Sequence[int], streams: Sequence[int], seconds: float) -> None:
    """Refuse what cannot be measured.

    Raises:
        InputError: a length, a number of streams or a time out of range.
    """
    longest = int(MOST_WORDS / WORDS_A_SECOND)
    if lengths and not 1 <= min(lengths) <= max(lengths) <= longest:
        raise InputError(f"--lengths are seconds of audio from 1 to {longest}.")
    if streams and not 1 <= min(streams) <= max(streams) <= MOST_STREAMS:
        raise InputError(f"--streams are numbers from 1 to {MOST_STREAMS}.")
    if not 0.1 <= seconds <= 3600:
        raise InputError(f"--seconds must lie between 0.1 and 3600; it is {seconds:g}.")


def measure(
    lengths: Sequence[int], streams: Sequence[int], *, seconds: float, threads: int, note: Note
) -> dict[str, Any]:
    """All lengths, then all numbers of listeners.

    Args:
        lengths: seconds of audio.
        streams: listeners at the same time.
        seconds: that each number of listeners is kept up.
        threads: CPUs that the voice may use.
        note: called with each row as it is made.

    Returns:
        `machine`, `threads`, `lengths` and `streams`: a row for each.
    """
    check(lengths, streams, seconds)
    about = {**machine.describe(), "load before": machine.load()}
    made: dict[str, list[dict[str, Any]]] = {"lengths": [], "streams": []}
    for kind, counts in (("lengths", lengths), ("streams", streams)):
        for count in counts:
            arguments = [kind, str(count), str(seconds), str(threads)]
            row = apart.run("voxhaus.evals.scaling", arguments, threads, f"Scaling of {kind}")
            note({"kind": kind, **row})
            made[kind].append(row)
    about |= {"load at the end": machine.load(), "CPUs allowed": str(threads)}
    return {"machine": about, "threads": threads, **made}


def text_of(seconds: int) -> str:
    """A text of about so many seconds."""
    return _SHORT if seconds <= 2 else story(round(seconds * WORDS_A_SECOND))


def measure_length(voice: Voice, seconds: int) -> dict[str, Any]:
    """Speak one text, a short one over and over; memory is watched meanwhile."""
    text = text_of(seconds)
    list(voice.stream(_SHORT))
    firsts: list[float] = []
    walls: list[float] = []
    spoken = 0
    worked, begun = time.process_time(), time.perf_counter()
    with _watched(lambda: spoken / voice.sample_rate) as looks:
        while time.perf_counter() - begun < _AT_LEAST or not walls:
            at, first = time.perf_counter(), 0.0
            for chunk in voice.stream(text):
                first = first or time.perf_counter() - at
                spoken += len(chunk.samples)
            walls.append(time.perf_counter() - at)
            firsts.append(first)
    wall = time.perf_counter() - begun
    audio = spoken / voice.sample_rate / len(walls)
    return {
        "wanted_seconds": seconds,
        "audio_seconds": audio,
        "times": len(walls),
        "x_real_time": audio / statistics.median(walls),
        "first_audio_ms": 1000 * statistics.median(firsts),
        "cpus": (time.process_time() - worked) / wall,
        "peak_mb": apart.peak_mb(),
        "final_mb": apart.memory_mb(),
        "mb_per_hour": slope(looks) if audio >= 60 else None,
        "memory": looks,
    }


Looks = list[tuple[float, float, float]]  # seconds since the start, seconds of audio so far, MB


@contextmanager
def _watched(audio: Callable[[], float]) -> Iterator[Looks]:
    """Looks at the memory, every tenth of a second at first, and rarer as time goes on."""
    looks: Looks = []
    done = threading.Event()
    begun = time.perf_counter()

    def watch() -> None:
        pause = 0.1
        while not done.wait(pause):
            looks.append((time.perf_counter() - begun, audio(), apart.memory_mb()))
            if len(looks) % _LOOKS == 0:
                pause *= 2

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield looks
    finally:
        done.set()
        watcher.join()
        looks.append((time.perf_counter() - begun, audio(), apart.memory_mb()))


def slope(looks: Looks) -> float | None:
    """MB for each hour of audio, by least squares over what follows the first quarter.

    None where there are too few looks to tell.
    """
    late = np.array(looks[round(_WARM * len(looks)) :])
    if len(late) < 3 or np.ptp(late[:, 1]) == 0:
        return None
    return float(np.polyfit(late[:, 1] / 3600, late[:, 2], 1)[0])


def measure_streams(voice: Voice, streams: int, seconds: float) -> dict[str, Any]:
    """So many listeners, each a thread that asks for one sentence after the other."""
    stock = sentences(_STOCK, _WORDS)
    list(voice.stream(stock[0]))
    rows: list[list[tuple[float, float, float]]] = [[] for _ in range(streams)]
    errors: list[BaseException] = []
    start = threading.Barrier(streams + 1)
    until = [0.0]

    def listen(number: int) -> None:
        start.wait()
        turn = number
        try:
            while time.perf_counter() < until[0]:
                rows[number].append(_heard(voice, stock[turn % _STOCK], seed=turn))
                turn += streams
        except BaseException as error:
            errors.append(error)

    listeners = [threading.Thread(target=listen, args=(n,)) for n in range(streams)]
    for listener in listeners:
        listener.start()
    worked, begun = time.process_time(), time.perf_counter()
    until[0] = begun + seconds
    start.wait()
    for listener in listeners:
        listener.join()
    if errors:
        raise errors[0]
    wall = time.perf_counter() - begun
    all_rows = np.array([r for some in rows for r in some])
    firsts, whole, audio = all_rows.T
    p50, p95, p99 = (1000 * float(np.percentile(firsts, p)) for p in (50, 95, 99))
    return {
        "streams": streams,
        "sentences": len(all_rows),
        "least_of_a_stream": min(map(len, rows)),
        "audio_seconds": float(audio.sum()),
        "x_real_time": float(audio.sum()) / wall,
        "first_audio_p50_ms": p50,
        "first_audio_p95_ms": p95,
        "first_audio_p99_ms": p99,
        "in_time": float((whole < audio).mean()),
        "cpus": (time.process_time() - worked) / wall,
        "peak_mb": apart.peak_mb(),
        "final_mb": apart.memory_mb(),
    }


def _heard(voice: Voice, text: str, seed: int) -> tuple[float, float, float]:
    """Seconds to the first and to the last chunk, and of audio."""
    begun, first, samples = time.perf_counter(), 0.0, 0
    for chunk in voice.stream(text, seed=seed):
        first = first or time.perf_counter() - begun
        samples += len(chunk.samples)
    return first, time.perf_counter() - begun, samples / voice.sample_rate


def tables(result: dict[str, Any]) -> list[report.Table]:
    """Title, columns and rows."""
    memory = ["CPUs held", "peak MB", "final MB"]
    lengths: list[list[report.Cell]] = [
        [
            f"{r['audio_seconds']:.1f}",
            f"{r['x_real_time']:.0f}",
            f"{r['first_audio_ms']:.1f}",
            *_memory(r),
            _signed(r["mb_per_hour"]),
        ]
        for r in result["lengths"]
    ]
    streams: list[list[report.Cell]] = [
        [
            r["streams"],
            f"{r['x_real_time']:.0f}",
            *(f"{r[f'first_audio_{p}_ms']:.1f}" for p in ("p50", "p95", "p99")),
            f"{100 * r['in_time']:.1f}",
            *_memory(r),
        ]
        for r in result["streams"]
    ]
    first = [f"first audio {p}, ms" for p in ("p50", "p95", "p99")]
    made = (
        (
            "Length of the text",
            ["audio, s", "× real time", "first audio, ms", *memory, "MB an hour of audio"],
            lengths,
        ),
        ("Listeners", ["streams", "all, × real time", *first, "in time %", *memory], streams),
    )
    return [table for table in made if table[2]]


def _memory(row: dict[str, Any]) -> list[report.Cell]:
    return [f"{row['cpus']:.2f}", f"{row['peak_mb']:.1f}", f"{row['final_mb']:.1f}"]


def _signed(value: float | None) -> str:
    return report.shown(None) if value is None else f"{value:+.1f}"


def write_record(folder: Path, result: dict[str, Any], log: Sequence[dict[str, Any]]) -> None:
    """Write README.md, results.json and raw.jsonl into `folder`."""
    notes = (
        "Each row is a process of its own. A listener is a thread that asks for sentences of ten "
        "words one after the other, all of one shared voice; in time is a sentence that was whole "
        "before it would have been heard to its end. Short texts are spoken over and over "
        "(medians). The slope of the memory is that of a line through what follows the first "
        "quarter; every look at it is in `raw.jsonl` (seconds, seconds of audio, MB)."
    )
    report.write_record(folder, "Scaling of speech", result["machine"], notes, tables(result), log)
    short = {
        **result,
        "lengths": [{k: v for k, v in r.items() if k != "memory"} for r in result["lengths"]],
    }
    (folder / "results.json").write_text(json.dumps(short, indent=1) + "\n", "utf-8")


def main(kind: str, count: str, seconds: str, threads: str) -> None:
    """Measure in this process, and print the row."""
    voice = Voice.load(threads=int(threads))
    if kind == "lengths":
        row = measure_length(voice, int(count))
    else:
        row = measure_streams(voice, int(count), float(seconds))
    print(json.dumps({"version": f"{voice.name} {voice.version}", **row}))


if __name__ == "__main__":
    main(*sys.argv[1:])
