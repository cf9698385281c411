"""How fast engines speak, side by side.

Knows: what is timed, one process for each measurement, engines taking turns, medians.
Refuses to know: quality, and how an engine works.

Each measurement is a fresh process that may use only as many CPUs as it has threads, so nothing
that one engine leaves behind (memory, caches, clocks) helps or hurts another.
"""

import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voxhaus.evals import apart, engines, machine, report
from voxhaus.evals.sentences import TEN_WORDS, paragraph

FIGURES = {
    "paragraph_x": "paragraph, × real time",
    "sentence_x": "ten words, × real time",
    "first_audio_ms": "first audio of ten words, ms (warm)",
    "cold_start_ms": "process start to first audio, ms",
    "load_seconds": "load, s",
    "peak_mb": "peak memory, MB",
    "cpu_share": "CPUs held in the paragraph",
}
_WARM_UP, _REPEATS = 2, 5
_PATIENCE = 20.0  # seconds for the passes over one text; a slow engine gets fewer


def measure(name: str, voice: str | None, threads: int, began: float) -> dict[str, float | str]:
    """Time one engine in this process.

    Args:
        name: of the engine.
        voice: of the engine, or its default.
        threads: that the engine may use.
        began: `time.time()` when the process was started.
    """
    at = time.perf_counter()
    engine = engines.load(name, voice=voice, threads=threads)
    load = time.perf_counter() - at
    next(iter(engine.parts(TEN_WORDS)))
    cold = time.time() - began
    sentence = _timed(engine, TEN_WORDS)
    whole = _timed(engine, paragraph())
    return {
        "engine": name,
        "voice": engine.voice,
        "version": engine.version,
        "paragraph_x": whole["x"],
        "sentence_x": sentence["x"],
        "first_audio_ms": 1000 * sentence["first"],
        "cold_start_ms": 1000 * cold,
        "load_seconds": load,
        "peak_mb": apart.peak_mb(),
        "cpu_share": whole["cpus"],
        "paragraph_seconds": whole["seconds"],
    }


def _timed(engine: engines.Engine, text: str) -> dict[str, float]:
    """Medians over repeats after a warm-up; one of each at least, then while patience lasts."""
    begun = time.perf_counter()
    rows: list[dict[str, float]] = []
    while len(rows) < 2 or (
        len(rows) < _WARM_UP + _REPEATS and time.perf_counter() - begun < _PATIENCE
    ):
        rows.append(_once(engine, text))
    rows = rows[min(_WARM_UP, len(rows) - 1) :]
    return {k: statistics.median(r[k] for r in rows) for k in rows[0]}


def _once(engine: engines.Engine, text: str) -> dict[str, float]:
    begun = time.perf_counter()
    parts = iter(engine.parts(text))
    next(parts)
    first = time.perf_counter() - begun
    deque(parts, maxlen=0)
    worked, begun = time.process_time(), time.perf_counter()
    samples = len(engine.whole(text))
    wall = time.perf_counter() - begun
    seconds = samples / engine.sample_rate
    # Well under 1 on one thread: other work had the CPU, and the other figures are too low.
    cpus = (time.process_time() - worked) / wall
    return {"x": seconds / wall, "first": first, "seconds": seconds, "cpus": cpus}


def measure_apart(name: str, threads: int) -> dict[str, Any]:
    """`measure` in a fresh process that is held to `threads` CPUs.

    Raises:
        VoxhausError: the process failed; the message carries its last line.
    """
    arguments = [name, str(threads), str(time.time())]
    return apart.run("voxhaus.evals.speed", arguments, threads, f"Engine '{name}'")


def compare(
    names: list[str], threads: list[int], runs: int, log: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Measure all engines in turn, `runs` times round.

    Returns:
        `machine`, and `results`: for each engine and thread count the median, least and greatest of
        each figure.
    """
    about = {**machine.describe(), "load before": machine.load()}
    rows: list[dict[str, Any]] = []
    for run in range(runs):
        for count in threads:
            for name in names:
                row = {"run": run, "threads": count, **measure_apart(name, count)}
                log(row)
                rows.append(row)
    about = {**about, "load at the end": machine.load()}
    return {"machine": about, "results": summarise(rows)}


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of single measurements -> one row for each engine and thread count."""
    return report.summarise(rows, FIGURES, about=("voice", "version"))


def tables(result: dict[str, Any], *, spans: bool = False) -> list[report.Table]:
    """Title, columns and rows for each thread count; medians, with the ratio to ours.

    With `spans`, the least and greatest value stand behind each median.
    """
    out = []
    for threads in sorted({r["threads"] for r in result["results"]}):
        group = [r for r in result["results"] if r["threads"] == threads]
        ours = next((r for r in group if r["engine"] == "voxhaus"), None)
        rows: list[list[report.Cell]] = []
        for r in group:
            ratio = r["paragraph_x"]["median"] / ours["paragraph_x"]["median"] if ours else None
            figures = [_figure(r[f], spans and r["runs"] > 1) for f in FIGURES]
            rows.append([f"{r['engine']} ({r['voice']})", *figures, ratio])
        title = f"{threads} thread{'s' if threads > 1 else ''}"
        out.append((title, ["engine", *FIGURES.values(), "paragraph ÷ ours"], rows))
    return out


def _figure(figure: dict[str, float], span: bool) -> str:
    """Four digits, without zeros that were not measured."""
    median, least, most = (f"{float(f'{figure[k]:.4g}'):g}" for k in ("median", "min", "max"))
    return f"{median} ({least}–{most})" if span else median


def write_record(folder: Path, result: dict[str, Any], log: list[dict[str, Any]]) -> None:
    """Write README.md, results.json and raw.jsonl into `folder`."""
    notes = (
        "Medians (least–greatest) over runs; every measurement is in `raw.jsonl`. On one thread, "
        "well under one CPU held means that other work had it, and that the speeds are too low."
    )
    shown = tables(result, spans=True)
    title = "Speed of speech, side by side"
    report.write_record(folder, title, result["machine"], notes, shown, log)
    (folder / "results.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], None, int(sys.argv[2]), float(sys.argv[3]))))
