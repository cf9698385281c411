"""What was kept of a corpus, and why the rest was not.

Knows: how counts are summed, shown as a table and drawn.
Refuses to know: how they came about.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from voxhaus.core.errors import MissingExtraError
from voxhaus.training.data.documents import whole_file
from voxhaus.training.data.steps import Tally


@dataclass(frozen=True, kw_only=True)
class StageCounts:
    """What one stage did with one source.

    Attributes:
        stage: "pool", "filtered", "clean", or "shards" and the name of a set.
        source: its name, or "all".
        seen: documents and characters that came in.
        kept: documents and characters that stayed.
        refused: "step: reason" to documents and characters.
    """

    stage: str
    source: str
    seen: tuple[int, int]
    kept: tuple[int, int]
    refused: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, stage: str, source: str, tally: Tally) -> "StageCounts":
        """From a running count."""
        refused = {
            f"{step}: {reason}": (count, tally.refused_characters[step, reason])
            for (step, reason), count in tally.refused.items()
        }
        return cls(
            stage=stage,
            source=source,
            seen=(tally.seen[0], tally.seen[1]),
            kept=(tally.kept[0], tally.kept[1]),
            refused=refused,
        )

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "StageCounts":
        """From plain data."""
        return cls(
            stage=data["stage"],
            source=data["source"],
            seen=tuple(data["seen"]),
            kept=tuple(data["kept"]),
            refused={reason: tuple(pair) for reason, pair in data["refused"].items()},
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """The account of a run.

    Attributes:
        stages: counts by stage and source.
        left_out: sources that could not be had, and why.
        shards: name to documents, tokens and UTF-8 bytes.
        vocabulary: size of the tokenizer.
    """

    stages: tuple[StageCounts, ...]
    left_out: Mapping[str, str]
    shards: Mapping[str, tuple[int, int, int]]
    vocabulary: int

    def refusals(self) -> dict[str, tuple[int, int]]:
        """Documents and characters by "step: reason", over all sources, most characters first."""
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for counts in self.stages:
            if counts.stage in {"pool", "filtered", "clean"}:
                for reason, (documents, characters) in counts.refused.items():
                    sums[reason][0] += documents
                    sums[reason][1] += characters
        ordered = sorted(sums.items(), key=lambda item: -item[1][1])
        return {reason: (documents, characters) for reason, (documents, characters) in ordered}

    def by_source(self) -> dict[str, dict[str, int]]:
        """Characters of each source as they came and after each stage."""
        found: dict[str, dict[str, int]] = {}
        for counts in self.stages:
            if counts.stage in {"pool", "filtered", "clean"}:
                row = found.setdefault(counts.source, {})
                row.setdefault("extracted", counts.seen[1])
                row[counts.stage] = counts.kept[1]
        return found

    def table(self) -> str:
        """Both as Markdown."""
        lines = [
            "| source | extracted, kB | pool | filtered | clean | kept |",
            "|---|--:|--:|--:|--:|--:|",
        ]
        for source, row in self.by_source().items():
            cells = [row.get(stage, 0) for stage in ("extracted", "pool", "filtered", "clean")]
            share = cells[3] / max(1, cells[0])
            shown = " | ".join(f"{cell / 1000:,.0f}" for cell in cells)
            lines.append(f"| {source} | {shown} | {share:.0%} |")
        lines += ["", "| refused because | documents | kB |", "|---|--:|--:|"]
        for reason, (documents, characters) in self.refusals().items():
            lines.append(f"| {reason} | {documents:,} | {characters / 1000:,.0f} |")
        lines += [
            "",
            "| shards | documents | tokens | bytes | bytes per token |",
            "|---|--:|--:|--:|--:|",
        ]
        for name, (documents, tokens, size) in self.shards.items():
            lines.append(
                f"| {name} | {documents:,} | {tokens:,} | {size:,} | {size / tokens:.2f} |"
            )
        for source, reason in self.left_out.items():
            lines += ["", f"Left out: {source}: {reason}"]
        return "\n".join(lines) + "\n"

    def save(self, folder: Path) -> None:
        """Write `report.json` and `report.md`."""
        folder.mkdir(parents=True, exist_ok=True)
        data = {
            "stages": [counts.to_json() for counts in self.stages],
            "left_out": dict(self.left_out),
            "shards": dict(self.shards),
            "vocabulary": self.vocabulary,
        }
        with whole_file(folder / "report.json") as file:
            file.write(json.dumps(data, indent=1).encode())
        with whole_file(folder / "report.md") as file:
            file.write(self.table().encode())

    @classmethod
    def load(cls, folder: Path) -> "Report":
        """Read `report.json`."""
        data = json.loads((folder / "report.json").read_text("utf-8"))
        return cls(
            stages=tuple(StageCounts.from_json(counts) for counts in data["stages"]),
            left_out=data["left_out"],
            shards={name: tuple(numbers) for name, numbers in data["shards"].items()},
            vocabulary=data["vocabulary"],
        )

    def draw(self, path: Path) -> None:
        """A plot: what stays of each source, and what each rule took.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("matplotlib", "language") from error
        sources = sorted(self.by_source().items(), key=lambda item: -item[1]["extracted"])[:25]
        reasons = list(self.refusals().items())[:20]
        figure = Figure(figsize=(11, 8), layout="constrained")
        left, right = figure.subplots(1, 2)
        names = [name for name, _ in sources]
        for stage, colour in (
            ("extracted", "#d9d9d9"), ("pool", "#a6bddb"),
            ("filtered", "#3690c0"), ("clean", "#034e7b"),
        ):  # fmt: skip
            left.barh(
                names, [row.get(stage, 0) / 1e6 for _, row in sources], color=colour, label=stage
            )
        left.invert_yaxis()
        left.set_xlabel("million characters")
        left.set_title("What stays of each source")
        left.legend()
        right.barh(
            [reason for reason, _ in reasons], [n[1] / 1e6 for _, n in reasons], color="#b30000"
        )
        right.invert_yaxis()
        right.set_xlabel("million characters")
        right.set_title("What each rule took")
        figure.savefig(path, dpi=110)
