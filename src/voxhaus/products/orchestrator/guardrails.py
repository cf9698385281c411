"""When a candidate is stopped, and when it may go on.

Knows: counts, latencies and scores of two arms, and what may be concluded from so few or so many.
Refuses to know: requests, engines, steps and people.

Two questions with two burdens of proof. A breach stops a rollout by itself, so it must be certain:
the lower end of Wilson's 99 % interval must lie beyond the limit, and one accident is none. An
objection keeps a person from going on, so appearance is enough, and missing data always objects.

Source of the interval: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953. We look after
every request, which makes a false alarm likelier than 1 in 200: decision 0063 has the figures.
"""

import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Z = 2.58  # of Wilson's interval: 99 %, both sides
LEAST = 3  # bad requests; fewer are an accident, however few requests there were
P95 = 0.95
FINEST, STEP = 0.001, 1.1  # seconds of the first bucket; every further one is a tenth wider
BUCKETS = 150  # the last one reaches beyond 1000 s
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _Noted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Counts(_Noted):
    """What was seen of one arm in one step.

    Attributes:
        latencies: to the first event, bucket -> requests that went well.
    """

    requests: int = 0
    errors: int = 0
    latencies: dict[int, int] = Field(default_factory=dict)

    def plus(self, latency: float | None) -> "Counts":
        """With one more request; None for one that failed."""
        if latency is None:
            return self.model_copy(
                update={"requests": self.requests + 1, "errors": self.errors + 1}
            )
        at = bucket(latency)
        latencies = {**self.latencies, at: self.latencies.get(at, 0) + 1}
        return self.model_copy(update={"requests": self.requests + 1, "latencies": latencies})

    @property
    def error_rate(self) -> float | None:
        """Share of requests that failed; None without requests."""
        return self.errors / self.requests if self.requests else None

    @property
    def p95(self) -> float | None:
        """Seconds within which 95 % had their first event, at most a tenth too long."""
        wanted = P95 * sum(self.latencies.values())
        seen = 0
        for at in sorted(self.latencies):
            seen += self.latencies[at]
            if seen >= wanted:
                return upper(at)
        return None

    def slower_than(self, seconds: float) -> tuple[int, int]:
        """Requests that certainly took longer, and all that went well."""
        slow = sum(n for at, n in self.latencies.items() if upper(at - 1) >= seconds)
        return slow, sum(self.latencies.values())


def bucket(seconds: float) -> int:
    """Number of the bucket of a latency."""
    if seconds <= FINEST:
        return 0
    return min(BUCKETS, math.ceil(math.log(seconds / FINEST) / math.log(STEP)))


def upper(at: int) -> float:
    """Upper end of a bucket, in seconds."""
    return FINEST * STEP**at


class Score(_Noted):
    """A figure from outside.

    Attributes:
        value: mean, rate or rating.
        count: how much it rests on: votes, conversations.
    """

    value: float = Field(allow_inf_nan=False)
    count: int = Field(ge=1)


class Bound(_Noted):
    """What a score of the candidate must keep to; None does not bind.

    Attributes:
        min, max: of the candidate alone.
        max_drop, max_rise: against the stable arm.
        min_count: below it a score counts as missing.
        required: whether going on needs it.
    """

    min: float | None = None
    max: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    min_count: int = Field(1, ge=1)
    required: bool = True

    @property
    def compares(self) -> bool:
        """Whether the stable arm's score is needed."""
        return self.max_drop is not None or self.max_rise is not None


class Guardrails(_Noted):
    """The limits of a rollout.

    Attributes:
        max_error_increase: points above the stable arm's error rate.
        max_error_rate: of the candidate alone; None does not bind.
        max_p95_ratio: times the stable arm's p95 latency to the first event.
        p95_slack: seconds that are always allowed on top.
        scores: name of a metric -> its bound.
    """

    max_error_increase: Share = 0.02
    max_error_rate: Share | None = None
    max_p95_ratio: Positive = 1.5
    p95_slack: NotNegative = 0.05
    scores: dict[str, Bound] = Field(default_factory=dict)


class Evidence(_Noted):
    """All that was seen of both arms in a step."""

    stable: Counts = Counts()
    candidate: Counts = Counts()
    stable_scores: dict[str, Score] = Field(default_factory=dict)
    candidate_scores: dict[str, Score] = Field(default_factory=dict)


def certainly_at_least(hits: int, of: int) -> float:
    """Lower end of Wilson's interval for a share; 0 where there is hardly anything to go by."""
    if hits < LEAST:
        return 0.0
    share, zz = hits / of, Z * Z
    middle = share + zz / (2 * of)
    spread = Z * math.sqrt(share * (1 - share) / of + zz / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + zz / of))


def breaches(rails: Guardrails, seen: Evidence) -> list[str]:
    """What is certainly wrong with the candidate, one sentence each."""
    found = []
    limit = _error_limit(rails, seen)
    certain = certainly_at_least(seen.candidate.errors, seen.candidate.requests)
    if certain > limit:
        found.append(
            f"{seen.candidate.errors} of {seen.candidate.requests} requests failed, "
            f"at least {certain:.1%}; the limit is {limit:.1%}."
        )
    if (slowest := _latency_limit(rails, seen)) is not None:
        slow, of = seen.candidate.slower_than(slowest)
        if certainly_at_least(slow, of) > 1 - P95:
            found.append(
                f"{slow} of {of} first events took longer than {slowest:.3g} s; {1 - P95:.0%} may."
            )
    return found + _bad_scores(rails, seen)


def objections(rails: Guardrails, seen: Evidence, min_samples: int) -> list[str]:
    """Why the candidate should not get more requests yet, one sentence each; empty if it may."""
    found = breaches(rails, seen)
    for arm, counts in (("candidate", seen.candidate), ("stable", seen.stable)):
        if counts.requests < min_samples:
            found.append(
                f"The {arm} arm has {counts.requests} requests in this step; "
                f"{min_samples} are needed."
            )
    rate, limit = seen.candidate.error_rate, _error_limit(rails, seen)
    if rate is not None and rate > limit:
        found.append(f"The candidate's error rate is {rate:.1%}; the limit is {limit:.1%}.")
    p95, slowest = seen.candidate.p95, _latency_limit(rails, seen)
    if p95 is None or slowest is None:
        found.append("There are no latencies of both arms to compare.")
    elif p95 > slowest:
        found.append(f"The candidate's p95 latency is {p95:.3g} s; the limit is {slowest:.3g} s.")
    return found + _missing_scores(rails, seen)


def _error_limit(rails: Guardrails, seen: Evidence) -> float:
    limit = (seen.stable.error_rate or 0.0) + rails.max_error_increase
    return limit if rails.max_error_rate is None else min(limit, rails.max_error_rate)


def _latency_limit(rails: Guardrails, seen: Evidence) -> float | None:
    p95 = seen.stable.p95
    return None if p95 is None else p95 * rails.max_p95_ratio + rails.p95_slack


def _bad_scores(rails: Guardrails, seen: Evidence) -> list[str]:
    found = []
    for metric, bound in rails.scores.items():
        ours = _enough(seen.candidate_scores, metric, bound)
        theirs = _enough(seen.stable_scores, metric, bound)
        if ours is None:
            continue
        low, high = [bound.min], [bound.max]
        if theirs is not None:
            low.append(None if bound.max_drop is None else theirs - bound.max_drop)
            high.append(None if bound.max_rise is None else theirs + bound.max_rise)
        if any(edge is not None and ours < edge for edge in low):
            found.append(f"The candidate's {metric} of {ours:g} is too low.")
        if any(edge is not None and ours > edge for edge in high):
            found.append(f"The candidate's {metric} of {ours:g} is too high.")
    return found


def _missing_scores(rails: Guardrails, seen: Evidence) -> list[str]:
    found = []
    for metric, bound in rails.scores.items():
        arms = {"candidate": seen.candidate_scores}
        if bound.compares:
            arms["stable"] = seen.stable_scores
        found += [
            f"There is no {metric} of the {arm} arm in this step that rests on {bound.min_count} "
            "or more."
            for arm, scores in arms.items()
            if bound.required and _enough(scores, metric, bound) is None
        ]
    return found


def _enough(scores: Mapping[str, Score], metric: str, bound: Bound) -> float | None:
    score = scores.get(metric)
    return score.value if score is not None and score.count >= bound.min_count else None
