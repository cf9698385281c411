"""What can be seen of the orchestrator's work while it happens.

Knows: the two moments of an attempt, and what is measured between them.
Refuses to know: metrics, traces, and who looks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from voxhaus.products.orchestrator.contract import Arm, Task

Outcome = Literal["ok", "failed", "timeout", "busy", "refused", "cancelled"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One moment of one engine's attempt at a request.

    Attributes:
        moment: every "started" is followed by exactly one "ended" of the same number.
        number: of the attempt, counted through this process.
        route: what was asked for; a model's own name if it was asked for directly.
        arm: the side of a rollout.
        shadow: nobody is shown the answer.
        repeat: 0 for an engine's first try at a request, 1 for its first retry, ...
        outcome: how it ended; None while it runs. "refused" is the request's fault, "cancelled" the
            caller's wish.
        failure: why it failed, in a sentence; "" otherwise. It may quote the upstream.
        first_event_seconds: from the start to the first event; None if there was none.
        total_seconds: from the start to the end; None while it runs.
    """

    moment: Literal["started", "ended"]
    number: int
    task: Task
    route: str
    model: str
    engine: str
    arm: Arm = "stable"
    shadow: bool = False
    repeat: int = 0
    outcome: Outcome | None = None
    failure: str = ""
    first_event_seconds: float | None = None
    total_seconds: float | None = None


Observer = Callable[[Observation], None]


def quietly(observer: Observer | None) -> Observer:
    """The same observer, except that what goes wrong in it harms no request."""

    def observe(observation: Observation) -> None:
        if observer is None:
            return
        try:
            observer(observation)
        except Exception:
            _log.exception("An observer failed; the request goes on.")

    return observe
