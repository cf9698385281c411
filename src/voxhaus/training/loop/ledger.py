"""The book of FLOPs: how many were spent, on what, and how well the machine was used.

Knows: kinds of work, seconds, and a measured peak.
Refuses to know: models; whoever spends says how much.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

# learned: forward and backward of tokens that are in the loss. masked: the same of tokens that a
# selection left out of it; they cost as much. scoring: forward passes that choose data. reference:
# training of models that only serve to choose. optimiser: moving weights. evaluation: listed, but
# no part of what training cost.
Kind = Literal["learned", "masked", "scoring", "reference", "optimiser", "evaluation"]
KINDS: tuple[Kind, ...] = (
    "learned",
    "masked",
    "scoring",
    "reference",
    "optimiser",
    "evaluation",
)


@dataclass
class Entry:
    """What one kind of work took."""

    flops: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


class Ledger:
    """FLOPs by kind of work.

    Args:
        peak: FLOP/s that this machine reaches in a plain matrix product of the training precision
            (`measured_peak`); None if not measured.
    """

    def __init__(self, peak: float | None = None) -> None:
        self.peak = peak
        self.entries = {kind: Entry() for kind in KINDS}
        self.probes: list[float] = []
        self._since = time.monotonic()

    def add(self, kind: Kind, flops: float, *, tokens: int = 0, seconds: float = 0.0) -> None:
        """Enter work."""
        entry = self.entries[kind]
        entry.flops += flops
        entry.tokens += tokens
        entry.seconds += seconds

    def include(self, other: "Ledger", kind: Kind) -> None:
        """Enter everything that another run cost, under one kind: a reference model's training."""
        for name, entry in other.entries.items():
            if name != "evaluation":
                self.add(kind, entry.flops, tokens=entry.tokens, seconds=entry.seconds)

    def probe(self, share_fell: float) -> None:
        """Note which share of a probe's tokens had a lower loss than at the probe before."""
        self.probes.append(share_fell)

    @property
    def flops(self) -> float:
        """All that the model cost: training, choosing, references, optimiser."""
        return sum(e.flops for k, e in self.entries.items() if k != "evaluation")

    @property
    def seconds(self) -> float:
        """Time of the same."""
        return sum(e.seconds for k, e in self.entries.items() if k != "evaluation")

    def utilisation(self) -> float | None:
        """FLOP/s over the measured peak."""
        if not self.peak or not self.seconds:
            return None
        return self.flops / self.seconds / self.peak

    def report(self) -> dict[str, Any]:
        """All figures, for a file or a table."""
        fell = sum(self.probes) / len(self.probes) if self.probes else None
        return {
            "flops": self.flops,
            "seconds": self.seconds,
            "peak_flops_per_second": self.peak,
            "utilisation": self.utilisation(),
            "share_of_probed_tokens_whose_loss_fell": fell,
            "kinds": {k: asdict(e) for k, e in self.entries.items()},
        }

    def save(self, path: Path) -> None:
        """Write the report."""
        path.write_text(json.dumps(self.report(), indent=2) + "\n", "utf-8")

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"entries": {k: asdict(e) for k, e in self.entries.items()}, "probes": self.probes}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's books."""
        self.entries = {k: Entry(**state["entries"][k]) for k in KINDS}
        self.probes = list(state["probes"])


def measured_peak(device: torch.device, dtype: torch.dtype, *, size: int = 2048) -> float:
    """FLOP/s of a square matrix product, the best of a few, with the threads that torch has."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
