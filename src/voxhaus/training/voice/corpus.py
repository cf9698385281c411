"""The teacher corpus: many sentences read by several voices, stored with their alignment.

Knows: the plan (which voice reads which sentence), the shards on disk, and how several processes
fill them side by side and resume.
Refuses to know: what the student makes of it.

A shard is one `.npz` of SHARD_SIZE readings: flat arrays with offsets, so that a loader can map it
without parsing. A shard appears whole (written beside, then renamed) or not at all.

A corpus folder may hold further corpora as its direct subfolders: each with a plan of its own, read
together when training.

Sound is dear and prosody cheap, and the prosody model wants many more sentences than the acoustic
model. So the plan's first shards hold sound (`shard-*`), and the rest of the plan is only timed and
tuned (`prosody-*`), ten times faster.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress, TimeElapsedColumn

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.paths import cache_root
from voxhaus.evals.pronunciation import Phonemizer, reference_phonemizer
from voxhaus.training.data.sources import provenance
from voxhaus.training.voice import sentences, teacher
from voxhaus.training.voice.delivery import Delivery, styled

SHARD_SIZE = 40
BYTES_PER_SECOND = 50_000  # 16-bit samples at 24 kHz, and the curves beside them

# Our name -> the teacher's voice that it is taught by, and its accent.
VOICES = {
    "anna": ("af_heart", "us"),
    "ben": ("am_michael", "us"),
    "clara": ("bf_emma", "gb"),
    "david": ("bm_george", "gb"),
    "ella": ("af_nova", "us"),
    "finn": ("am_fenrir", "us"),
    "grace": ("bf_alice", "gb"),
    "hugo": ("bm_daniel", "gb"),
}

# How many readings have prosody that is not quite the voice's own.
VARIED = 0.5


def corpus_folder() -> Path:
    """The default folder of the corpus in the cache."""
    return cache_root() / "voice-corpus"


def write_plan(
    folder: Path,
    count: int,
    seed: int,
    phonemize: Phonemizer,
    voices: Sequence[str] = tuple(VOICES),
) -> Path:
    """Write `plan.jsonl` (one reading a line) and `provenance.json` once; return the plan's path.

    Voices take turns, so every prefix of the plan is balanced; one that is named twice has two
    turns.

    Raises:
        InputError: the folder holds a plan of another seed, or an unknown voice.
    """
    if strange := sorted(set(voices) - set(VOICES)):
        raise InputError(
            f"There is no voice '{strange[0]}' to teach. Voices: {', '.join(VOICES)}.",
            param="voices",
        )
    path = folder / "plan.jsonl"
    if path.exists():
        there = seed_of(folder)
        if there != seed:
            raise InputError(
                f"The corpus in {folder} was planned with seed {there}, not {seed}; "
                "give that seed, or another folder with --corpus.",
                param="seed",
            )
        return path
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    rng = random.Random(f"deliveries-{seed}")
    for i, sentence in enumerate(sentences.plan(count, seed)):
        voice = voices[i % len(voices)]
        phonemes = phonemize(sentence.text, VOICES[voice][1]).strip()
        if not 1 <= len(phonemes) <= 400:
            continue
        row: dict[str, Any] = {
            "voice": voice,
            "kind": sentence.kind,
            "source": sentence.source,
            "text": sentence.text,
            "phonemes": phonemes,
        }
        if rng.random() < VARIED:
            row["delivery"] = Delivery.drawn(VOICES[voice][0], rng).row()
        lines.append(json.dumps(row, ensure_ascii=False))
    about = {"seed": seed, "count": count, "voices": list(voices), "sources": provenance()}
    (folder / "provenance.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    path.with_suffix(".tmp").write_text("\n".join(lines) + "\n", "utf-8")
    path.with_suffix(".tmp").rename(path)
    return path


def seed_of(folder: Path) -> int:
    """The seed that the corpus was planned with."""
    return int(json.loads((folder / "provenance.json").read_text("utf-8"))["seed"])


def parts_of(folder: Path) -> list[Path]:
    """The corpora in a folder: itself, then its subfolders by name, where they have a plan."""
    inner = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    return [p for p in (folder, *inner) if (p / "plan.jsonl").exists()]


def read_plan(folder: Path) -> list[dict[str, Any]]:
    """The rows of `plan.jsonl`, in order."""
    return [json.loads(x) for x in (folder / "plan.jsonl").read_text("utf-8").splitlines()]


def _pack(readings: list[teacher.Reading], styles: list[np.ndarray]) -> dict[str, np.ndarray]:
    def flat(arrays: list[np.ndarray], dtype: str) -> np.ndarray:
        return np.concatenate([np.asarray(a).astype(dtype) for a in arrays])

    peaks = [np.clip(np.round(r.samples * 32767), -32768, 32767) for r in readings]
    lengths = [int(r.durations.sum()) * teacher.SAMPLES_PER_FRAME for r in readings]
    return {
        "samples": flat(peaks, "<i2"),
        "n_samples": np.array(lengths, "<i4"),
        "durations": flat([r.durations for r in readings], "<i2"),
        "exact_durations": flat([r.exact_durations for r in readings], "<f4"),
        "n_tokens": np.array([len(r.durations) for r in readings], "<i4"),
        "pitch": flat([r.pitch for r in readings], "<f4"),
        "energy": flat([r.energy for r in readings], "<f4"),
        "styles": np.stack(styles).astype("<f4"),
    }


def make_shard(path: Path, rows: list[dict[str, Any]], t: teacher.Teacher, *, heard: bool) -> None:
    """Read the plan's rows of one shard and store them, with their sound if `heard`."""
    kept, readings, styles, tokens = [], [], [], []
    for row in rows:
        try:
            ids = t.tokens(row["phonemes"])
        except ValueError:
            continue
        delivery = Delivery(**row["delivery"]) if "delivery" in row else None
        at = teacher.style_row(len(row["phonemes"]))
        style = styled(t.voices, VOICES[row["voice"]][0], at, delivery)
        readings.append((t.read if heard else t.plan)(row["phonemes"], style))
        styles.append(style)
        tokens.append(np.array(ids))
        kept.append(row)
    arrays = _pack(readings, styles)
    arrays["tokens"] = np.concatenate(tokens).astype("<i2")
    arrays["rows"] = np.frombuffer(json.dumps(kept, ensure_ascii=False).encode(), np.uint8)
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    np.savez(partial, allow_pickle=False, **arrays)
    partial.rename(path)


def shard_path(folder: Path, number: int, *, heard: bool = True) -> Path:
    """The file of one shard."""
    return folder / f"{'shard' if heard else 'prosody'}-{number:05d}.npz"


def seconds_made(folder: Path) -> float:
    """Seconds of speech in the finished shards."""
    total = 0
    for path in folder.glob("shard-*.npz"):
        with np.load(path) as shard:
            total += int(shard["n_samples"].sum())
    return total / teacher.SAMPLE_RATE


def unheard_shards(folder: Path) -> list[Path]:
    """The shards that were only timed and tuned; a number that also has sound is left out."""
    paths = sorted(folder.glob("prosody-*.npz"))
    return [p for p in paths if not p.with_name(p.name.replace("prosody", "shard")).exists()]


def describe(folder: Path) -> dict[str, Any]:
    """What all finished shards hold: seeds, hours of speech, and hours that were only timed."""
    units, spoken, parts = 0, 0.0, parts_of(folder)
    for part in parts:
        spoken += seconds_made(part)
        for path in unheard_shards(part):
            with np.load(path) as shard:
                units += int(shard["durations"].sum())
    return {
        "seeds": [seed_of(p) for p in parts],
        "hours_spoken": round(spoken / 3600, 3),
        "hours_timed": round(units * teacher.SAMPLES_PER_FRAME / teacher.SAMPLE_RATE / 3600, 3),
    }


def fill(folder: Path, worker: int, workers: int, hours: float) -> None:
    """Make the missing shards whose number is `worker` modulo `workers`, in order.

    With sound until all shards together hold `hours` of speech, then prosody alone for the rest of
    the plan.
    """
    rows = read_plan(folder)
    t = teacher.Teacher(teacher.fetch())
    total = -(-len(rows) // SHARD_SIZE)
    for number in range(worker, total, workers):
        sound, prosody = shard_path(folder, number), shard_path(folder, number, heard=False)
        heard = not sound.exists() and seconds_made(folder) < hours * 3600
        if sound.exists() or (prosody.exists() and not heard):
            continue
        cut = rows[number * SHARD_SIZE :][:SHARD_SIZE]
        make_shard(sound if heard else prosody, cut, t, heard=heard)


def check_disk(folder: Path, hours: float) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        InputError: less free space than the rest of the corpus needs, with a gigabyte to spare.
    """
    missing = max(0.0, hours * 3600 - seconds_made(folder)) * BYTES_PER_SECOND
    free = shutil.disk_usage(folder).free
    if free < missing + 1e9:
        raise InputError(
            f"{hours:g} hours of speech need {(missing + 1e9) / 1e9:.1f} GB more in {folder}; "
            f"{free / 1e9:.1f} GB are free. Ask for fewer hours or set VOXHAUS_CACHE."
        )


def make(
    folder: Path,
    *,
    hours: float,
    workers: int,
    sentences_planned: int,
    seed: int,
    voices: Sequence[str] = tuple(VOICES),
) -> None:
    """Plan the corpus and fill it with `workers` processes, one core each; resumes.

    Raises:
        InputError: not enough disk, or a plan of another seed.
        VoxhausError: a worker failed; what was finished is kept.
    """
    write_plan(folder, sentences_planned, seed, reference_phonemizer(), voices)
    check_disk(folder, hours)
    teacher.fetch()
    command = [sys.executable, "-m", "voxhaus.training.voice.corpus", "--folder", str(folder)]
    command += ["--hours", str(hours), "--workers", str(workers)]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([*command, "--worker", str(w)], env=one_thread) for w in range(workers)
    ]
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn()) as bar:
        task = bar.add_task("teacher speech, seconds", total=hours * 3600)
        while any(p.poll() is None for p in running):
            bar.update(task, completed=min(hours * 3600, seconds_made(folder)))
            time.sleep(5)
    if any(p.returncode for p in running):
        raise VoxhausError("A worker failed; its message is above. Run the same command to go on.")


def main() -> None:
    """One worker of `make`: fill its shards of a planned corpus."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=corpus_folder())
    parser.add_argument("--hours", type=float, required=True)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    fill(args.folder, args.worker, args.workers, args.hours)


if __name__ == "__main__":
    main()
