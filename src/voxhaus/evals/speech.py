"""Scoring an engine over a list of sentences.

Knows: the order of work, resuming, means over categories. Refuses to know: how judges judge.
"""

import contextlib
import functools
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.audio import write_audio
from voxhaus.evals import engines
from voxhaus.evals.judges import JUDGE_RATE, Bench, SpeakerJudge, Verdict, level, resample
from voxhaus.evals.report import Cell
from voxhaus.evals.sentences import Sentence

COLUMNS = ("", "n", "DistillMOS", "DNSMOS", "WER %", "pitch Hz", "spread st", "seconds")
Progress = Callable[[int, int], None]


def evaluate(
    engine: engines.Engine,
    sentences: list[Sentence],
    *,
    folder: Path | None = None,
    audio: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score every sentence.

    Args:
        engine: a loaded engine.
        sentences: what it reads.
        folder: where each verdict is kept as it is made; what is there is not judged again.
        audio: keep the recordings there, too.
        progress: called with the number done and the number in all.

    Returns:
        `engine`, `voice`, `version`, `overall`, `categories` and `sentences`.
    """
    path = folder / f"{engine.name}-{engine.voice}.jsonl" if folder else None
    kept = _Kept(path, engine.version)
    rows = []
    for number, sentence in enumerate(sentences):
        row = kept.get(sentence)
        if row is None:
            speech = engines.speak(engine, sentence.text)
            verdict = _bench().judge(speech, sentence.text)
            row = _without_nan(asdict(verdict))
            row = {"category": sentence.category, "text": sentence.text, **row}
            kept.add(row)
            if audio and folder:
                name = f"{engine.name}-{engine.voice}-{number:03d}.wav"
                write_audio(folder / name, speech)
        rows.append(row)
        if progress:
            progress(number + 1, len(sentences))
    categories = list(dict.fromkeys(s.category for s in sentences))
    return {
        "engine": engine.name,
        "voice": engine.voice,
        "version": engine.version,
        "overall": summary(rows),
        "categories": {c: summary(r for r in rows if r["category"] == c) for c in categories},
        "sentences": rows,
    }


@functools.cache
def _bench() -> Bench:
    """The judges; loading them takes seconds, so several voices share them."""
    return Bench()


def _without_nan(figures: dict[str, Any]) -> dict[str, Any]:
    """NaN as None: JSON knows no NaN, and other programs refuse it."""
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in figures.items()}


class _Kept:
    """Verdicts of an earlier, interrupted evaluation of the same version of an engine.

    A line without that version (other weights, or written before versions were kept) and a line cut
    short by the interruption are judged again.
    """

    def __init__(self, path: Path | None, version: str) -> None:
        self._path = path
        self._version = version
        self._rows: dict[str, dict[str, Any]] = {}
        if path and path.exists():
            self._read(path)
        elif path:
            path.parent.mkdir(parents=True, exist_ok=True)

    def _read(self, path: Path) -> None:
        lines = path.read_text("utf-8").splitlines(keepends=True)
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):
                row = json.loads(line)
                if row.pop("version", None) == self._version:
                    self._rows[row["text"]] = row
        if lines and not lines[-1].endswith("\n"):
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def get(self, sentence: Sentence) -> dict[str, Any] | None:
        row = self._rows.get(sentence.text)
        return {**row, "category": sentence.category} if row else None

    def add(self, row: dict[str, Any]) -> None:
        if self._path:
            line = json.dumps({**row, "version": self._version}, ensure_ascii=False)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def summary(rows: Iterable[dict[str, Any]]) -> dict[str, float | None]:
    """Means over sentences; the word error rate is over all words, the pitch over voiced ones.

    None where no sentence has a figure.
    """
    rows = list(rows)

    def mean(name: str) -> float | None:
        values = [r[name] for r in rows if r[name] is not None and not math.isnan(r[name])]
        return float(np.mean(values)) if values else None

    words = sum(r["words"] for r in rows)
    return {
        "n": len(rows),
        "distillmos": mean("distillmos"),
        "dnsmos": mean("dnsmos"),
        "wer": sum(r["wrong_words"] for r in rows) / max(1, words),
        "pitch_hz": mean("pitch_hz"),
        "pitch_spread": mean("pitch_spread"),
        "seconds": float(sum(r["seconds"] for r in rows)),
    }


def table_row(name: str, figures: dict[str, float | None]) -> list[Cell]:
    """A row of COLUMNS."""
    f = figures

    def rounded(value: float | None, digits: int) -> float | None:
        return None if value is None else round(value, digits)

    return [
        name,
        int(f["n"] or 0),
        f["distillmos"],
        f["dnsmos"],
        round(100 * (f["wer"] or 0.0), 2),
        rounded(f["pitch_hz"], 1),
        rounded(f["pitch_spread"], 2),
        rounded(f["seconds"], 1),
    ]


def similarity(one: engines.Engine, other: engines.Engine, sentences: list[Sentence]) -> float:
    """Mean cosine similarity of two engines' voices over the same sentences."""
    judge = SpeakerJudge()

    def voice(engine: engines.Engine, text: str) -> np.ndarray:
        speech = engines.speak(engine, text)
        samples = resample(speech.samples, speech.sample_rate, JUDGE_RATE)
        return judge.embed(level(samples, JUDGE_RATE))

    return float(np.mean([voice(one, s.text) @ voice(other, s.text) for s in sentences]))


__all__ = ["COLUMNS", "Verdict", "evaluate", "similarity", "summary", "table_row"]
