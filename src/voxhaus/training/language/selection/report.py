"""What was kept and why, for people.

Knows: counts by source, ends of rankings, costs; JSON and a page of Markdown.
Refuses to know: how anything was scored.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_EXAMPLES = 5
_CHARACTERS = 240


@dataclass(frozen=True, kw_only=True)
class SourceShare:
    """What became of one source, in chunks.

    Attributes:
        name: of the source.
        pool, candidates, kept: before, looked at, and left by the filters.
        placed: rows of the run, repeats counted.
        weight: share of the run's rows.
    """

    name: str
    pool: int
    candidates: int
    kept: int
    placed: int
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """One filter's scores.

    Attributes:
        name: of the method.
        threshold: score of the last chunk that was kept.
        quantiles: 5, 25, 50, 75 and 95 % of all scores.
        source_means: mean score by the source's number.
        best, worst: (chunk, score), the extreme one first.
    """

    name: str
    threshold: float
    quantiles: tuple[float, ...]
    source_means: dict[int, float]
    best: tuple[tuple[int, float], ...]
    worst: tuple[tuple[int, float], ...]

    @classmethod
    def of(
        cls,
        name: str,
        chunks: npt.NDArray[np.int64],
        scores: npt.NDArray[np.float64],
        kept: int,
        source_n: npt.NDArray[np.int32],
    ) -> "Ranking":
        """Sum up the scores of some chunks, of which the best `kept` stay."""
        order = np.argsort(-scores, kind="stable")
        pairs = [(int(chunks[i]), float(scores[i])) for i in order]
        return cls(
            name=name,
            threshold=pairs[min(kept, len(pairs)) - 1][1],
            quantiles=tuple(np.quantile(scores, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist()),
            source_means={int(s): float(scores[source_n == s].mean()) for s in np.unique(source_n)},
            best=tuple(pairs[:_EXAMPLES]),
            worst=tuple(pairs[: -_EXAMPLES - 1 : -1]),
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of a selection.

    Attributes:
        sources: by their numbers.
        rankings: of the filters that were on, in order.
        notes: what went otherwise than asked, and what a regression found.
        ledger: the run's book as it was after choosing: what choosing cost.
    """

    sources: tuple[SourceShare, ...]
    rankings: tuple[Ranking, ...]
    notes: tuple[str, ...]
    ledger: dict[str, Any]

    def save(self, folder: Path, text: Callable[[int], str]) -> None:
        """Write `selection.json` and `selection.md`.

        Args:
            folder: is made if it is missing.
            text: gives a chunk's text.
        """
        folder.mkdir(parents=True, exist_ok=True)
        shown = {
            str(chunk): " ".join(text(chunk).split())[:_CHARACTERS]
            for ranking in self.rankings
            for chunk, _ in (*ranking.best, *ranking.worst)
        }
        said = {**asdict(self), "examples": shown}
        (folder / "selection.json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")
        (folder / "selection.md").write_text(self.markdown(shown), "utf-8")

    def markdown(self, shown: dict[str, str]) -> str:
        """A page: sources, notes, costs, examples."""
        lines = ["# What was chosen", "", *self._table(), ""]
        lines += [f"- {note}." for note in self.notes]
        kinds = self.ledger["kinds"]
        lines += [
            f"- {kind}: {kinds[kind]['flops']:.3g} FLOPs, {kinds[kind]['tokens']:,} tokens, "
            f"{kinds[kind]['seconds']:.0f} s."
            for kind in ("reference", "scoring")
        ]
        for ranking in self.rankings:
            lines += ["", f"## {ranking.name}", "", f"Kept from {ranking.threshold:.3f} up."]
            for title, ends in (("Best", ranking.best), ("Worst", ranking.worst)):
                lines += ["", f"{title}:", ""]
                lines += [f"- {score:.3f} `{_plain(shown[str(chunk)])}`" for chunk, score in ends]
        return "\n".join(lines) + "\n"

    def _table(self) -> list[str]:
        scores = [ranking.name for ranking in self.rankings]
        head = ["source", "pool", "candidates", "kept", "rows of the run", "weight", *scores]
        rows = ["| " + " | ".join(head) + " |", "|---" + "|--:" * (len(head) - 1) + "|"]
        for number, s in enumerate(self.sources):
            means = [r.source_means.get(number) for r in self.rankings]
            cells = [
                s.name,
                *(f"{n:,}" for n in (s.pool, s.candidates, s.kept, s.placed)),
                f"{s.weight:.1%}",
                *("" if m is None else f"{m:.3f}" for m in means),
            ]
            rows.append("| " + " | ".join(cells) + " |")
        return rows


def _plain(text: str) -> str:
    return text.replace("`", "'").replace("|", "¦")
