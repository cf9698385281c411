"""What a run writes down while it goes on.

Knows: a JSON-lines log, running means, a line for the terminal, and a plot of the curves.
Refuses to know: what the numbers mean.
"""

import json
import time
from pathlib import Path
from typing import Any


class Metrics:
    """Averages of named numbers between two log lines, kept in `metrics.jsonl`.

    Args:
        folder: of the run.
        quiet: print nothing.
        silent: write nothing either; for all processes but one.
    """

    def __init__(self, folder: Path, *, quiet: bool = False, silent: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "metrics.jsonl"
        self._quiet, self._silent = quiet or silent, silent
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.monotonic()

    def add(self, values: dict[str, float]) -> None:
        """Take in one step's numbers."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def flush(self, step: int, total: int, **extra: float) -> dict[str, float]:
        """Write the means since the last flush, with the time a step took; return them."""
        now = time.monotonic()
        means = {k: v / max(1, self._count) for k, v in self._sums.items()}
        means["seconds_per_step"] = (now - self._since) / max(1, self._count)
        self.write({"step": step, **means, **extra})
        if not self._quiet:
            shown = " ".join(f"{k} {v:.4g}" for k, v in {**means, **extra}.items())
            print(f"{step}/{total} {shown}", flush=True)
        self._sums, self._count, self._since = {}, 0, now
        return means

    def write(self, row: dict[str, Any]) -> None:
        """Append one row to the log."""
        if self._silent:
            return
        with self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a log; after a resumed run the later row of a step wins."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return list({(r["step"], "held_out" in r): r for r in rows}.values())


def plot(path: Path, out: Path) -> None:
    """Draw every logged number over steps to `out` (any format that matplotlib writes)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = read(path)
    names = sorted(
        {k for r in rows for k in r} - {"step", "seconds_per_step", "rate", "flops", "seconds"}
    )
    figure, axes = pyplot.subplots(
        len(names), 1, figsize=(8, 1.8 * len(names)), sharex=True, squeeze=False
    )
    for axis, name in zip(axes[:, 0], names, strict=True):
        points = [(r["step"], r[name]) for r in rows if name in r]
        axis.plot(*zip(*points, strict=True), lw=1)
        axis.set_ylabel(name, fontsize=8)
        axis.grid(alpha=0.3)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    figure.savefig(out)
    pyplot.close(figure)
