"""How fast the batched path speaks on a device, beside the least time that device could need.

Knows: what is timed (one minute, a batch of minutes, streams), and the device's own peaks.
Refuses to know: how batches work, quality.

The least time (the floor) is the larger of two quotients: operations by the device's peak, bytes by
its bandwidth. Operations and bytes are counted (`voxhaus.models.voice.work`), both peaks measured
here with one large matrix product and one large copy, because data sheets promise more than any
program sees.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.evals import machine, report
from voxhaus.evals.sentences import TEN_WORDS
from voxhaus.evals.story import story
from voxhaus.models.voice.config import VoiceConfig
from voxhaus.models.voice.work import Work, work

if TYPE_CHECKING:
    from voxhaus.runtime.gpu.batch import Load
    from voxhaus.runtime.gpu.voice import BatchedVoice

WORDS_A_MINUTE = 160  # about, of our voices; the audio that was really made is what counts
_WARM_UPS = {"cuda": 3, "cpu": 1}  # on a GPU a shape is recorded at its second use
Note = Callable[[dict[str, Any]], None]


def load_voice(device: str | None) -> "BatchedVoice":
    """The batched voice on a device, the first GPU if None.

    Raises:
        MissingExtraError: torch is not installed.
        VoxhausError: there is no GPU, or no weights for it.
        InputError: no such device.
    """
    try:
        from voxhaus.runtime.gpu.voice import BatchedVoice
    except ImportError:
        raise MissingExtraError("torch", "train") from None
    return BatchedVoice.load(device=device)


def measure(
    voice: "BatchedVoice",
    *,
    minutes: int = 64,
    streams: Sequence[int] = (1, 8, 64, 256),
    repeats: int = 20,
    note: Note = lambda _: None,
) -> dict[str, Any]:
    """All figures of a device.

    Args:
        voice: loaded on it.
        minutes: texts of a minute each that are spoken at once.
        streams: numbers of listeners who each want their next sentence at the same time.
        repeats: of each measurement; medians are reported.
        note: called with each row as it is made.

    Returns:
        `machine`, `device`, `peaks`, `minute`, `batch`, `streams`.

    Raises:
        InputError: a count below one.
    """
    if min(minutes, repeats, *streams) < 1:
        raise InputError("Minutes, streams and repeats are whole numbers from 1.")
    peaks = measured_peaks(voice)
    note({"peaks": peaks})
    made: dict[str, Any] = {}
    for name, texts in (
        ("minute", [story(WORDS_A_MINUTE, seed=1)]),
        ("batch", [story(WORDS_A_MINUTE, seed=1 + i) for i in range(minutes)]),
    ):
        made[name] = {"texts": len(texts), **_timed(voice, texts, repeats, peaks)}
        note({name: made[name]})
    made["streams"] = []
    for count in streams:
        row = {"streams": count, **_ticks(voice, count, repeats)}
        note(row)
        made["streams"].append(row)
    about = {**machine.describe(), "torch": _torch().__version__}
    return {"machine": about, "device": _device_facts(voice), "peaks": peaks, **made}


def _torch() -> Any:  # noqa: ANN401 - imported late, so that the module can be read without it
    import torch

    return torch


def _wait(voice: "BatchedVoice") -> None:
    if voice.device.type == "cuda":
        _torch().cuda.synchronize(voice.device)


def _device_facts(voice: "BatchedVoice") -> dict[str, str]:
    facts = {"device": voice.device.type, "precision": "float16" if voice.half else "float32"}
    if voice.device.type == "cuda":
        about = _torch().cuda.get_device_properties(voice.device)
        facts |= {"name": about.name, "memory": f"{about.total_memory / 2**30:.0f} GiB"}
        facts["peak memory used"] = f"{_torch().cuda.max_memory_reserved() / 2**30:.1f} GiB"
    else:
        facts["threads"] = str(_torch().get_num_threads())
    return facts


def measured_peaks(voice: "BatchedVoice") -> dict[str, float]:
    """Operations and bytes a second that the device reaches: the best of ten of each."""
    torch, large = _torch(), voice.device.type == "cuda"
    size, count = (8192, 2**28) if large else (1024, 2**24)
    kind = torch.float16 if voice.half else torch.float32
    a = torch.ones(size, size, dtype=kind, device=voice.device)
    source = torch.ones(count, device=voice.device)
    target = torch.empty_like(source)

    def best(run: Callable[[], object]) -> float:
        times = []
        for _ in range(12):
            _wait(voice)
            begun = time.perf_counter()
            run()
            _wait(voice)
            times.append(time.perf_counter() - begun)
        return min(times[2:])

    return {
        "flops": 2.0 * size**3 / best(lambda: a @ a),
        "bytes": 2.0 * 4 * count / best(lambda: target.copy_(source)),
    }


def _timed(
    voice: "BatchedVoice", texts: list[str], repeats: int, peaks: dict[str, float]
) -> dict[str, Any]:
    """Medians of one call for all texts: reading, sounds, and from text to recordings."""
    rows: list[dict[str, float]] = []
    warm_ups = _WARM_UPS[voice.device.type]
    for number in range(warm_ups + repeats):
        begun = time.perf_counter()
        jobs = voice.read(texts)
        read = time.perf_counter()
        speeches = voice.perform(jobs)
        done = time.perf_counter()
        requests = voice.requests(jobs)
        ready = time.perf_counter()
        voice.sounds(requests)
        sounds = time.perf_counter() - ready
        seconds = sum(s.seconds for s in speeches)
        if number >= warm_ups:
            rows.append({"all": done - begun, "read": read - begun, "sounds": sounds})
    middle = {f"{k}_seconds": statistics.median(r[k] for r in rows) for k in rows[0]}
    load = voice.load_of_last
    return {
        "audio_seconds": seconds,
        **middle,
        "least_seconds": min(r["sounds"] for r in rows),
        "x_real_time": seconds / middle["all_seconds"],
        "sounds_x_real_time": seconds / middle["sounds_seconds"],
        **against_floor(load, voice.half, middle["sounds_seconds"], peaks),
        "load": asdict(load),
    }


def against_floor(
    load: "Load", half: bool, seconds: float, peaks: dict[str, float]
) -> dict[str, float]:
    """What was reached, and the least time that the device could need for the same sounds.

    Args:
        load: what was asked for; padding is no work.
        half: two bytes a weight and activation, else four.
        seconds: that it took.
        peaks: of the device.
    """
    done: Work = work(
        VoiceConfig(),
        utterances=load.utterances,
        tokens=load.tokens,
        units=load.units,
        runs=1,
        width=2 if half else 4,
    )
    floor = max(done.flops / peaks["flops"], done.bytes / peaks["bytes"])
    return {
        "flops": done.flops,
        "bytes": done.bytes,
        "flops_per_second": done.flops / seconds,
        "bytes_per_second": done.bytes / seconds,
        "floor_seconds": floor,
        "times_floor": seconds / floor,
        "padding_share": 1.0 - load.units / load.padded_units,
    }


def _ticks(voice: "BatchedVoice", count: int, repeats: int) -> dict[str, float]:
    """Everybody's next sentence in one call, over and over: how long each waits for it."""
    waits, audio = [], 0.0
    warm_ups = _WARM_UPS[voice.device.type]
    for number in range(warm_ups + repeats):
        begun = time.perf_counter()
        speeches = voice.speak_many([TEN_WORDS] * count, seed=number)
        wait = time.perf_counter() - begun
        if number >= warm_ups:
            waits.append(wait)
            audio += sum(s.seconds for s in speeches)
    throughput = audio / sum(waits)
    return {
        "wait_p50_ms": 1000 * float(np.percentile(waits, 50)),
        "wait_p95_ms": 1000 * float(np.percentile(waits, 95)),
        "x_real_time": throughput,
        # Each listener is served in time when all sentences of a tick are ready before they end.
        "in_time": float(max(waits) < audio / repeats / count),
    }


def tables(result: dict[str, Any]) -> list[report.Table]:
    """Title, columns and rows."""
    columns = [
        "texts",
        "audio, s",
        "text to recordings, ms",
        "× real time",
        "text alone, ms",
        "sounds alone, ms",
        "sounds, × real time",
        "padding %",
        "GFLOP/s",
        "GB/s",
        "floor, ms",
        "× floor",
    ]
    rows = [_row(result[name]) for name in ("minute", "batch")]
    ticks: list[list[report.Cell]] = [
        [
            r["streams"],
            f"{r['wait_p50_ms']:.1f}",
            f"{r['wait_p95_ms']:.1f}",
            f"{r['x_real_time']:.0f}",
            "yes" if r["in_time"] else "no",
        ]
        for r in result["streams"]
    ]
    names = ["streams", "wait p50, ms", "wait p95, ms", "all, × real time", "at real time"]
    return [("A minute, and a batch of minutes", columns, rows), ("Streams", names, ticks)]


def _row(r: dict[str, Any]) -> list[report.Cell]:
    return [
        r["texts"],
        f"{r['audio_seconds']:.1f}",
        f"{1000 * r['all_seconds']:.1f}",
        f"{r['x_real_time']:.0f}",
        f"{1000 * r['read_seconds']:.1f}",
        f"{1000 * r['sounds_seconds']:.1f}",
        f"{r['sounds_x_real_time']:.0f}",
        f"{100 * r['padding_share']:.1f}",
        f"{r['flops_per_second'] / 1e9:.1f}",
        f"{r['bytes_per_second'] / 1e9:.1f}",
        f"{1000 * r['floor_seconds']:.2f}",
        f"{r['times_floor']:.1f}",
    ]


def write_record(folder: Path, result: dict[str, Any], log: list[dict[str, Any]]) -> None:
    """Write README.md, results.json and raw.jsonl into `folder`."""
    peaks = result["peaks"]
    facts = {**result["machine"], **result["device"]}
    notes = (
        f"Peaks as measured: {peaks['flops'] / 1e12:.2f} TFLOP/s in a matrix product, "
        f"{peaks['bytes'] / 1e9:.0f} GB/s in a copy. The floor is the larger of operations by the "
        "one and bytes by the other. Operations are counted without padding. Medians."
    )
    report.write_record(folder, "Speed of the batched path", facts, notes, tables(result), log)
    (folder / "results.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
