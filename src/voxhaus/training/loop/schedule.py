"""Learning rate over a run.

Knows: warm-up, a stable stretch and a final decay. Refuses to know: what is trained.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Warm-up, stable, decay (WSD; Hu et al. 2024, MiniCPM).

    The stable stretch has no end of its own, so a run can be lengthened from any checkpoint made
    before its decay began.

    Attributes:
        peak: learning rate of the stable stretch.
        steps: length of the whole run.
        warmup: steps of linear rise.
        decay: share of the run, at its end, that falls linearly to `floor * peak`.
    """

    peak: float
    steps: int
    warmup: int = 100
    decay: float = 0.3
    floor: float = 0.02

    def rate(self, step: int) -> float:
        """Learning rate at a step counted from 0."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        tail = max(1.0, self.decay * self.steps)
        left = max(0.0, min(1.0, (self.steps - step) / tail))
        return self.peak * rise * (self.floor + (1 - self.floor) * left)
