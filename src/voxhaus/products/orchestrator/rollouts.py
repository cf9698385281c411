"""All rollouts: who is on which side, and what people and guardrails may change.

Knows: that state lies in a Ledger which other processes write too, and who may do what: guardrails
stop or step back, people may do anything, but go forward only on enough data.
Refuses to know: engines, HTTP, and how evidence is judged.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from voxhaus.core.errors import InputError
from voxhaus.products.orchestrator.clock import Clock
from voxhaus.products.orchestrator.contract import Arm, Ledger
from voxhaus.products.orchestrator.guardrails import Counts, Score, breaches, objections
from voxhaus.products.orchestrator.rollout import Plan, Scores, Seen, evidence

PREFIX = "rollout/"
SEEN, SCORES = "/seen", "/scores"
REFRESH = 2.0  # seconds after which we look at what other processes wrote
KEEP = 60.0  # seconds after which counts are written; a crash loses no more than that
GUARD = "guardrail"  # the actor of what happens by itself

_log = logging.getLogger(__name__)
M = TypeVar("M", bound=BaseModel)
Reasons = list[str]
NO_SCORES: Mapping[str, Score] = {}


@dataclass(frozen=True, kw_only=True)
class Side:
    """Where a request stands in a rollout."""

    rollout: str
    generation: int
    arm: Arm
    percent: float
    candidate: str
    shadow: bool


class Nowhere:
    """A ledger that forgets, for commands that steer nothing."""

    def load(self, name: str) -> dict[str, Any] | None:
        """Nothing."""
        return None

    def save(
        self,
        name: str,
        document: Mapping[str, Any],
        *,
        actor: str,
        action: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse.

        Raises:
            InputError: always.
        """
        raise InputError("Rollouts cannot be kept without a database.")

    def names(self, prefix: str) -> "list[str]":
        """None."""
        return []


class Rollouts:
    """The rollouts of one ledger. It lives on the event loop, and each call is short."""

    def __init__(self, ledger: Ledger, clock: Clock, check: Callable[[str, str], None]) -> None:
        """Read what the ledger has.

        Args:
            ledger: where state survives.
            clock: for the time that steps are watched.
            check: raises InputError unless a candidate can answer for a route.
        """
        self._ledger, self._clock, self._check = ledger, clock, check
        self._plans: dict[str, Plan] = {}
        self._seen: dict[str, Seen] = {}
        self._kept: dict[str, Seen] = {}
        self._scored: dict[str, Scores] = {}
        self._unsaved: dict[str, Plan] = {}  # stopped by a guardrail while the ledger failed
        self._marked = self._read = self._saved = clock.now()
        self._load()

    # What requests ask.

    def side(self, route: str, caller: str) -> Side | None:
        """Where a caller stands if a rollout runs on this route."""
        self._refresh()
        for plan in self._plans.values():
            if plan.route == route and plan.phase != "stopped":
                return Side(
                    rollout=plan.name,
                    generation=plan.generation,
                    arm=plan.arm(caller),
                    percent=plan.percent,
                    candidate=plan.candidate,
                    shadow=plan.phase == "shadow",
                )
        return None

    def count(self, side: Side, arm: Arm, latency: float | None) -> None:
        """One more request of an arm; None for a failed one, else seconds to its first event.

        Never fails: a request must not fail because it is counted.
        """
        seen = self._current(side)
        if seen is not None:
            more = seen.candidate if arm == "candidate" else seen.stable
            self._seen[side.rollout] = seen.model_copy(update={arm: more.plus(latency)})
            self._guard(self._plans[side.rollout])

    def compare(self, side: Side, similarity: float, length_ratio: float) -> None:
        """One more pair of answers in shadow mode."""
        seen = self._current(side)
        if seen is not None:
            before = seen.shadow
            shadow = before.model_copy(
                update={
                    "compared": before.compared + 1,
                    "similarity": before.similarity + similarity,
                    "length_ratio": before.length_ratio + length_ratio,
                }
            )
            self._seen[side.rollout] = seen.model_copy(update={"shadow": shadow})

    def skip(self, side: Side) -> None:
        """One more request that shadow mode left out."""
        seen = self._current(side)
        if seen is not None:
            shadow = seen.shadow.model_copy(update={"skipped": seen.shadow.skipped + 1})
            self._seen[side.rollout] = seen.model_copy(update={"shadow": shadow})

    # What people ask.

    def list(self) -> list[dict[str, Any]]:
        """Every rollout, as `show` tells it."""
        self._refresh(now=True)
        return [self._shown(plan) for plan in self._plans.values()]

    def show(self, name: str) -> dict[str, Any]:
        """One rollout: what was decided, what was seen, and what keeps it from going on.

        Raises:
            InputError: there is none of this name.
        """
        self._refresh(now=True)
        return self._shown(self._plan(name))

    def start(
        self,
        name: str,
        *,
        route: str,
        candidate: str,
        actor: str,
        shadow: bool = False,
        **settings: Any,  # noqa: ANN401 - checked by Plan
    ) -> dict[str, Any]:
        """Begin, at the first step or in shadow mode.

        Args:
            name: of the rollout; who is on which side follows from it.
            route: the public name whose requests are shared out.
            candidate: "engine" or "engine/model".
            actor: who decided.
            shadow: answer beside first.
            settings: steps, min_seconds, min_samples, guardrails, on_breach, reason.

        Raises:
            InputError: something is wrong with that, or another rollout runs on the route.
        """
        self._refresh(now=True)
        self._check(route, candidate)
        old = self._plans.get(name)
        if old is not None and old.phase != "stopped":
            raise InputError(f"Rollout '{name}' runs already; stop it first.", param="name")
        for other in self._plans.values():
            if other.route == route and other.phase != "stopped":
                raise InputError(
                    f"Rollout '{other.name}' runs on '{route}' already; stop it first.",
                    param="route",
                )
        plan = _valid(
            Plan,
            {
                "name": name,
                "route": route,
                "candidate": candidate,
                "generation": 0 if old is None else old.generation,
                "phase": "stopped",  # until this is saved
                **settings,
            },
        )
        phase = "shadow" if shadow else "running"
        self._change(plan, actor, "start", phase=phase, step=0, reason=plan.reason)
        return self.show(name)

    def advance(self, name: str, actor: str) -> dict[str, Any]:
        """Go one step forward; a person's act.

        Raises:
            InputError: data is missing, too little or bad; the message says which.
        """
        self._refresh(now=True)
        plan = self._plan(name)
        if plan.phase == "stopped":
            raise InputError(f"Rollout '{name}' is stopped; start it again.", param="name")
        if plan.phase == "running" and plan.step == len(plan.steps) - 1:
            raise InputError(
                f"Rollout '{name}' is at {plan.percent:g} % already. Put '{plan.candidate}' first "
                f"among the engines of '{plan.route}' in engines.toml, then stop the rollout.",
                param="name",
            )
        if reasons := self._reasons(plan):
            raise InputError(f"Rollout '{name}' stays where it is. {' '.join(reasons)}")
        stable = self._seen[name].stable
        baseline = stable if stable.requests >= plan.min_samples else plan.baseline
        step = 0 if plan.phase == "shadow" else plan.step + 1
        self._change(plan, actor, "advance", phase="running", step=step, baseline=baseline)
        return self.show(name)

    def back(self, name: str, actor: str, reason: str = "") -> dict[str, Any]:
        """Go one step back; from the first step that is a stop.

        Raises:
            InputError: there is no such rollout, or it is stopped.
        """
        self._refresh(now=True)
        self._step_back(self._active(name), actor, reason)
        return self.show(name)

    def stop(self, name: str, actor: str, reason: str = "") -> dict[str, Any]:
        """Give the candidate nothing more.

        Raises:
            InputError: there is no such rollout, or it is stopped.
        """
        self._refresh(now=True)
        self._change(self._active(name), actor, "stop", phase="stopped", reason=reason)
        return self.show(name)

    def shadow(self, name: str, actor: str) -> dict[str, Any]:
        """Let the candidate answer beside only.

        Raises:
            InputError: there is no such rollout, or it is stopped.
        """
        self._refresh(now=True)
        self._change(self._active(name), actor, "shadow", phase="shadow", step=0)
        return self.show(name)

    def record_score(
        self, name: str, arm: Arm, metric: str, value: float, count: int, actor: str = "scores"
    ) -> dict[str, Any]:
        """Report a figure from outside; the latest report of a metric in a step holds.

        Args:
            name: of the rollout.
            arm: whose figure it is.
            metric: such as "arena_rating" or "seeming_consciousness_rate".
            value: mean, rate or rating over all that is known of this step.
            count: what it rests on.
            actor: who reports.

        Raises:
            InputError: there is no such rollout, or the figure is none.
        """
        self._refresh(now=True)
        plan = self._active(name)
        if arm not in ("stable", "candidate"):
            raise InputError("The arm is 'stable' or 'candidate'.", param="arm")
        score = _valid(Score, {"value": value, "count": count})
        before = self._scores(plan)
        arms = {**before.arms, arm: {**before.arms.get(arm, {}), metric: score}}
        scores = before.model_copy(update={"arms": arms})
        self._ledger.save(
            PREFIX + name + SCORES,
            scores.model_dump(mode="json"),
            actor=actor,
            action="rollout.score",
            detail={"rollout": name, "arm": arm, "metric": metric, "value": value, "count": count},
        )
        self._scored[name] = scores
        self._guard(plan)
        return self.show(name)

    def keep(self) -> None:
        """Write down what was counted; failures are logged and tried again later."""
        self._saved = self._clock.now()
        for name, seen in self._seen.items():
            if seen == self._kept.get(name):
                continue
            try:
                self._ledger.save(
                    PREFIX + name + SEEN,
                    seen.model_dump(mode="json"),
                    actor="server",
                    action="rollout.count",
                )
                self._kept[name] = seen
            except Exception:
                _log.exception("The counts of rollout '%s' cannot be written down yet.", name)

    # Inside.

    def _plan(self, name: str) -> Plan:
        if name not in self._plans:
            there = ", ".join(self._plans) or "none"
            raise InputError(f"There is no rollout '{name}'. Rollouts: {there}.", param="name")
        return self._plans[name]

    def _active(self, name: str) -> Plan:
        plan = self._plan(name)
        if plan.phase == "stopped":
            raise InputError(f"Rollout '{name}' is stopped.", param="name")
        return plan

    def _current(self, side: Side) -> Seen | None:
        """The counts that a request belongs to; None if its step has ended meanwhile."""
        self._refresh()
        plan, seen = self._plans.get(side.rollout), self._seen.get(side.rollout)
        same = plan is not None and plan.generation == side.generation
        return seen if same and plan is not None and plan.phase != "stopped" else None

    def _refresh(self, *, now: bool = False) -> None:
        """Count the time, and look at the ledger every few seconds."""
        time = self._clock.now()
        passed, self._marked = max(0.0, time - self._marked), time
        for name, seen in self._seen.items():
            if passed and self._plans[name].phase != "stopped":
                watched = seen.watched + passed
                self._seen[name] = seen.model_copy(update={"watched": watched})
        if time - self._saved >= KEEP:
            self.keep()
        if now or time - self._read >= REFRESH:
            self._read = time
            try:
                self._load()
            except Exception:
                if now:
                    raise
                _log.exception("The rollouts cannot be read; the last known ones hold.")

    def _load(self) -> None:
        self._save_again()
        for document in self._ledger.names(PREFIX):
            name = document.removeprefix(PREFIX)
            if "/" not in name and name not in self._unsaved:
                plan = self._read_as(Plan, document)
                if plan is not None:
                    self._adopt(plan)

    def _adopt(self, plan: Plan) -> None:
        """Take a plan as it is now, with the counts that belong to it."""
        self._plans[plan.name] = plan
        self._scored[plan.name] = self._scores(plan)
        seen = self._seen.get(plan.name)
        if seen is not None and seen.generation == plan.generation:
            return
        kept = self._read_as(Seen, PREFIX + plan.name + SEEN)
        if kept is None or kept.generation != plan.generation:
            kept = Seen(generation=plan.generation)
        self._seen[plan.name] = self._kept[plan.name] = kept

    def _read_as(self, kind: type[M], document: str) -> M | None:
        """A document; None if there is none, or it says something that we do not understand."""
        read = self._ledger.load(document)
        try:
            return None if read is None else kind.model_validate(read)
        except ValidationError as error:
            _log.error("The document '%s' is left out: %s", document, error)
            return None

    def _scores(self, plan: Plan) -> Scores:
        scores = self._read_as(Scores, PREFIX + plan.name + SCORES)
        if scores is None or scores.generation != plan.generation:
            return Scores(generation=plan.generation)
        return scores

    def _shown(self, plan: Plan) -> dict[str, Any]:
        seen, scores = self._seen[plan.name], self._scored[plan.name]
        pairs: tuple[tuple[Arm, Counts], ...] = (
            ("stable", seen.stable),
            ("candidate", seen.candidate),
        )
        arms = {
            arm: {
                "requests": counts.requests,
                "errors": counts.errors,
                "error_rate": counts.error_rate,
                "p95_seconds": counts.p95,
                "scores": {m: s.model_dump() for m, s in scores.arms.get(arm, NO_SCORES).items()},
            }
            for arm, counts in pairs
        }
        decided = plan.model_dump(mode="json", exclude={"baseline"})
        return {
            **decided,
            "percent": plan.percent,
            "watched_seconds": seen.watched,
            "arms": arms,
            "shadow": seen.shadow.shown(),
            "objections": [] if plan.phase == "stopped" else self._reasons(plan),
        }

    def _reasons(self, plan: Plan) -> Reasons:
        """Why the next step must wait."""
        seen = self._seen[plan.name]
        found = []
        if seen.watched < plan.min_seconds:
            found.append(
                f"It was watched for {seen.watched:.0f} s in this step; "
                f"{plan.min_seconds:.0f} are needed."
            )
        judged = evidence(plan, seen, self._scored[plan.name])
        return found + objections(plan.guardrails, judged, plan.min_samples)

    def _guard(self, plan: Plan) -> None:
        """Stop or step back if something is certainly wrong; never anything else."""
        seen = evidence(plan, self._seen[plan.name], self._scored[plan.name])
        found = breaches(plan.guardrails, seen)
        if not found:
            return
        reason = " ".join(found)
        _log.warning("Rollout '%s' breaches its guardrails: %s", plan.name, reason)
        try:
            if plan.on_breach == "back":
                self._step_back(plan, GUARD, reason)
            else:
                self._change(plan, GUARD, "stop", phase="stopped", reason=reason)
            self.keep()
        except Exception:
            # The candidate gets nothing more, whatever is wrong with the disk.
            _log.exception("Stopping rollout '%s' cannot be written down yet.", plan.name)
            self._unsaved[plan.name] = stopped = _next(
                plan, GUARD, self._clock.wall(), phase="stopped", reason=reason
            )
            self._plans[plan.name] = stopped

    def _save_again(self) -> None:
        for name, plan in list(self._unsaved.items()):
            self._save(plan, GUARD, "stop", None)
            del self._unsaved[name]

    def _step_back(self, plan: Plan, actor: str, reason: str) -> None:
        if plan.phase == "running" and plan.step > 0:
            self._change(plan, actor, "back", step=plan.step - 1, reason=reason)
        else:
            self._change(plan, actor, "stop", phase="stopped", reason=reason)

    def _change(self, plan: Plan, actor: str, action: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Plan
        """Save a changed plan; what was seen before it no longer counts."""
        changed = _next(plan, actor, self._clock.wall(), **changes)
        self._save(changed, actor, action, plan)
        self._adopt(changed)

    def _save(self, plan: Plan, actor: str, action: str, before: Plan | None) -> None:
        seen = self._seen.get(plan.name)
        self._ledger.save(
            PREFIX + plan.name,
            plan.model_dump(mode="json"),
            actor=actor,
            action=f"rollout.{action}",
            detail={
                "rollout": plan.name,
                "route": plan.route,
                "candidate": plan.candidate,
                "from_percent": before.percent if before else None,
                "to_percent": plan.percent,
                "phase": plan.phase,
                "reason": plan.reason,
                "seen": seen.model_dump(mode="json") if seen else None,
            },
        )


def _next(plan: Plan, actor: str, wall: float, **changes: Any) -> Plan:  # noqa: ANN401 - fields of Plan
    """The plan after a change; what was seen until a stop stays to be looked at."""
    generation = plan.generation + (changes.get("phase") != "stopped")
    noted = {"changed_by": actor, "changed_at": wall, "reason": "", "generation": generation}
    return plan.model_copy(update={**noted, **changes})


def _valid(kind: type[M], values: Mapping[str, Any]) -> M:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise InputError(f"'{where}': {said[:1].lower()}{said[1:]}.", param=where) from error
