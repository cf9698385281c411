"""The teacher corpus: many sentences read by several voices, stored with their alignment.

Knows: the plan (which voice reads which sentence), the shards on disk, and how several processes
fill them side by side and resume.
Refuses to know: what the student makes of it.

A shard is one `.npz` of SHARD_SIZE readings: flat arrays with offsets, so that a loader can map it
without parsing. A shard appears whole (written beside, then renamed) or not at all.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from voxhaus.core.paths import cache_root
from voxhaus.training.data.sources import provenance
from voxhaus.training.voice import sentences, teacher

SHARD_SIZE = 40

# Our name -> the teacher's voice that it is taught by, and its accent.
VOICES = {
    "anna": ("af_heart", "us"),
    "ben": ("am_michael", "us"),
    "clara": ("bf_emma", "gb"),
    "david": ("bm_george", "gb"),
}

Phonemizer = Callable[[str, str], str]


def corpus_folder() -> Path:
    """The default folder of the corpus in the cache."""
    return cache_root() / "voice-corpus"


def reference_phonemizer() -> Phonemizer:
    """(text, accent) -> phonemes, by hibari-tts's port of misaki (Apache-2.0)."""
    from hibari.g2p import G2P

    readers = {"us": G2P(), "gb": G2P(british=True)}
    return lambda text, accent: readers[accent](text)


def write_plan(folder: Path, count: int, seed: int, phonemize: Phonemizer) -> Path:
    """Write `plan.jsonl` (one reading a line) and `provenance.json` once; return the plan's path.

    Voices take turns, so every prefix of the plan is balanced.
    """
    path = folder / "plan.jsonl"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    names = list(VOICES)
    lines = []
    for i, sentence in enumerate(sentences.plan(count, seed)):
        voice = names[i % len(names)]
        phonemes = phonemize(sentence.text, VOICES[voice][1]).strip()
        if not 1 <= len(phonemes) <= 400:
            continue
        row = {
            "voice": voice,
            "kind": sentence.kind,
            "source": sentence.source,
            "text": sentence.text,
            "phonemes": phonemes,
        }
        lines.append(json.dumps(row, ensure_ascii=False))
    about = {"seed": seed, "count": count, "sources": provenance()}
    (folder / "provenance.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    path.with_suffix(".tmp").write_text("\n".join(lines) + "\n", "utf-8")
    path.with_suffix(".tmp").rename(path)
    return path


def read_plan(folder: Path) -> list[dict[str, str]]:
    """The rows of `plan.jsonl`, in order."""
    return [json.loads(x) for x in (folder / "plan.jsonl").read_text("utf-8").splitlines()]


def _pack(readings: list[teacher.Reading], styles: list[np.ndarray]) -> dict[str, np.ndarray]:
    def flat(arrays: list[np.ndarray], dtype: str) -> np.ndarray:
        return np.concatenate([np.asarray(a).astype(dtype) for a in arrays])

    peaks = [np.clip(np.round(r.samples * 32767), -32768, 32767) for r in readings]
    return {
        "samples": flat(peaks, "<i2"),
        "n_samples": np.array([len(r.samples) for r in readings], "<i4"),
        "durations": flat([r.durations for r in readings], "<i2"),
        "exact_durations": flat([r.exact_durations for r in readings], "<f4"),
        "n_tokens": np.array([len(r.durations) for r in readings], "<i4"),
        "pitch": flat([r.pitch for r in readings], "<f4"),
        "energy": flat([r.energy for r in readings], "<f4"),
        "styles": np.stack(styles).astype("<f4"),
    }


def make_shard(folder: Path, number: int, rows: list[dict[str, str]], t: teacher.Teacher) -> float:
    """Read the plan's rows of one shard aloud and store them; return seconds of speech made."""
    kept, readings, styles, tokens = [], [], [], []
    for row in rows:
        try:
            ids = t.tokens(row["phonemes"])
        except ValueError:
            continue
        style = t.voices.style(VOICES[row["voice"]][0], teacher.style_row(len(row["phonemes"])))
        readings.append(t.read(row["phonemes"], style))
        styles.append(style)
        tokens.append(np.array(ids))
        kept.append(row)
    arrays = _pack(readings, styles)
    arrays["tokens"] = np.concatenate(tokens).astype("<i2")
    arrays["rows"] = np.frombuffer(json.dumps(kept, ensure_ascii=False).encode(), np.uint8)
    final = folder / f"shard-{number:05d}.npz"
    partial = folder / f"partial-{number:05d}-{os.getpid()}.npz"
    np.savez(partial, **arrays)
    partial.rename(final)
    return float(arrays["n_samples"].sum()) / teacher.SAMPLE_RATE


def fill(folder: Path, worker: int, workers: int, *, max_hours: float = 100.0) -> None:
    """Make the missing shards whose number is `worker` modulo `workers`, in order.

    Stops when the corpus holds `max_hours` of speech, judged from this worker's own share.
    """
    rows = read_plan(folder)
    t = teacher.Teacher(teacher.fetch())
    made, begun = 0.0, time.monotonic()
    total = -(-len(rows) // SHARD_SIZE)
    for number in range(worker, total, workers):
        if (folder / f"shard-{number:05d}.npz").exists():
            continue
        if made * workers > max_hours * 3600:
            break
        made += make_shard(folder, number, rows[number * SHARD_SIZE :][:SHARD_SIZE], t)
        rate = made / (time.monotonic() - begun)
        print(f"worker {worker}: shard {number}/{total}, {made / 60:.1f} min, {rate:.2f} x", flush=True)


def main() -> None:
    """Plan the corpus if needed, then fill this worker's shards."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=corpus_folder())
    parser.add_argument("--sentences", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--plan-only", action="store_true")
    args = parser.parse_args()
    write_plan(args.folder, args.sentences, args.seed, reference_phonemizer())
    if not args.plan_only:
        fill(args.folder, args.worker, args.workers)


if __name__ == "__main__":
    main()
