"""A new engine enters a route step by step.

Knows: which callers are on which side, the steps, and that only a person goes forward.
Refuses to know: engines and HTTP; guardrails judge, a Ledger keeps.

Three documents for each rollout: what was decided (`rollout/NAME`), what this process saw
(`rollout/NAME/seen`) and what was scored from outside (`rollout/NAME/scores`). They are apart
because different processes write them: a person's command must not be undone by a server's counts.
"""

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from voxhaus.products.orchestrator.contract import Arm
from voxhaus.products.orchestrator.guardrails import Counts, Evidence, Guardrails, Score

Phase = Literal["shadow", "running", "stopped"]
STEPS = (1.0, 5.0, 25.0, 50.0, 100.0)
Percent = Annotated[float, Field(gt=0, le=100)]


class _Noted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(_Noted):
    """What was decided about a rollout.

    Attributes:
        route: the public name whose requests are shared out.
        candidate: "engine" or "engine/model".
        steps: percent of callers, growing.
        min_seconds: that a step is watched before the next; time without a server does not count.
        min_samples: requests of each arm before the next step.
        on_breach: what a guardrail does by itself: "back" is one step, "stop" all the way.
        phase: "shadow": the candidate answers beside, unseen; "running": it answers its share.
        step: index into `steps`.
        generation: counts the changes but stops; what was seen in one does not count in the next.
        baseline: the stable arm when it last had enough requests, for the step of 100 %.
        changed_at: seconds since 1970, to be shown; nothing is computed from it.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    route: str
    candidate: str
    steps: tuple[Percent, ...] = STEPS
    min_seconds: float = Field(3600.0, ge=0)
    min_samples: int = Field(100, ge=1)
    guardrails: Guardrails = Guardrails()
    on_breach: Literal["back", "stop"] = "stop"
    phase: Phase = "running"
    step: int = 0
    generation: int = 0
    baseline: Counts | None = None
    changed_by: str = ""
    changed_at: float = 0.0
    reason: str = ""

    @field_validator("steps")
    @classmethod
    def _growing(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        if not steps or list(steps) != sorted(set(steps)):
            raise ValueError("steps must grow, such as 1, 5, 25, 50, 100")
        return steps

    @property
    def percent(self) -> float:
        """Share of callers that the candidate answers."""
        return self.steps[self.step] if self.phase == "running" else 0.0

    def arm(self, caller: str) -> Arm:
        """The side of a caller; who is on the candidate's stays there in every later step."""
        return "candidate" if place(self.name, caller) < self.percent else "stable"


def place(name: str, caller: str) -> float:
    """Where a caller stands in a rollout, in [0, 100): evenly spread, the same for ever."""
    digest = hashlib.sha256(f"{name}\0{caller}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * 100


class Shadow(_Noted):
    """How the candidate's unseen answers compare; sums, so that they can be added to.

    Attributes:
        compared: pairs of answers.
        similarity: sum of 0 to 1; 1 says the same with the same words (texts only).
        length_ratio: sum of candidate's length over stable's, in characters or seconds.
        skipped: requests that were not tried because the candidate was busy.
    """

    compared: int = 0
    similarity: float = 0.0
    length_ratio: float = 0.0
    skipped: int = 0

    def shown(self) -> dict[str, Any]:
        """As means."""
        of = max(1, self.compared)
        return {
            "compared": self.compared,
            "skipped": self.skipped,
            "mean_similarity": self.similarity / of if self.compared else None,
            "mean_length_ratio": self.length_ratio / of if self.compared else None,
        }


class Seen(_Noted):
    """What was counted in one generation of a plan.

    Attributes:
        watched: seconds of a clock that does not jump, while a server was there.
    """

    generation: int
    watched: float = 0.0
    stable: Counts = Counts()
    candidate: Counts = Counts()
    shadow: Shadow = Shadow()


class Scores(_Noted):
    """What was reported from outside in one generation of a plan: arm -> metric -> score."""

    generation: int
    arms: dict[Arm, dict[str, Score]] = Field(default_factory=dict)


def evidence(plan: Plan, seen: Seen, scores: Scores) -> Evidence:
    """Everything that guardrails judge by."""
    stable = seen.stable
    if stable.requests < plan.min_samples and plan.baseline is not None:
        stable = plan.baseline
    return Evidence(
        stable=stable,
        candidate=seen.candidate,
        stable_scores=scores.arms.get("stable", {}),
        candidate_scores=scores.arms.get("candidate", {}),
    )
