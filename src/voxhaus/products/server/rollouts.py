"""Seeing and steering rollouts over HTTP.

Knows: the routes under /v1/admin/rollouts, and what is in their bodies.
Refuses to know: what a rollout is, which `orchestrator.rollouts` does, and who may steer it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from voxhaus.products.orchestrator.conductor import Orchestrator
from voxhaus.products.orchestrator.contract import Arm

Told = dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartBody(_Body):
    """A new rollout; what is left out has the defaults of `rollout.Plan`."""

    name: str
    route: str
    candidate: str
    shadow: bool = False
    steps: list[float] | None = None
    min_seconds: float | None = None
    min_samples: int | None = None
    guardrails: dict[str, Any] | None = None
    on_breach: Literal["back", "stop"] | None = None
    reason: str = Field("", max_length=500)


class ReasonBody(_Body):
    """Why something is done; may be left out."""

    reason: str = Field("", max_length=500)


class ScoreBody(_Body):
    """A figure from outside."""

    arm: Arm
    metric: str = Field(min_length=1, max_length=100)
    value: float
    count: int


def actor_of(admin: Any) -> str:  # noqa: ANN401 - whatever says who is an administrator
    """The name for the audit log: a string itself, or what an object calls itself."""
    if isinstance(admin, str):
        return admin
    names = (getattr(admin, name, None) for name in ("actor", "name", "id"))
    return str(next((name for name in names if name), "admin"))


def router(orchestrator: Orchestrator, require_admin: Callable[..., Any]) -> APIRouter:
    """The routes.

    Args:
        orchestrator: whose rollouts.
        require_admin: a dependency that refuses everybody else; its value names the actor.
    """
    made = APIRouter(prefix="/v1/admin/rollouts", tags=["rollouts"])
    rollouts = orchestrator.rollouts
    admin = Depends(require_admin)
    Who = Annotated[Any, admin]

    # All of them `async`, so that they run on the event loop, where rollouts live.

    @made.get("", dependencies=[admin])
    async def list_rollouts() -> Told:
        """Every rollout with what was seen of it."""
        return {"object": "list", "data": rollouts.list()}

    @made.get("/{name}", dependencies=[admin])
    async def show_rollout(name: str) -> Told:
        """One rollout, and what keeps it from going on."""
        return rollouts.show(name)

    @made.post("", status_code=201)
    async def start_rollout(body: StartBody, who: Who) -> Told:
        """Begin, at the first step or in shadow mode."""
        said = body.model_dump(exclude_none=True)
        return rollouts.start(said.pop("name"), actor=actor_of(who), **said)

    @made.post("/{name}/advance")
    async def advance_rollout(name: str, who: Who) -> Told:
        """One step forward; refused while data is missing, too little or bad."""
        return rollouts.advance(name, actor_of(who))

    @made.post("/{name}/back")
    async def step_back(name: str, who: Who, body: ReasonBody | None = None) -> Told:
        """One step back; from the first one that is a stop."""
        return rollouts.back(name, actor_of(who), body.reason if body else "")

    @made.post("/{name}/stop")
    async def stop_rollout(name: str, who: Who, body: ReasonBody | None = None) -> Told:
        """Give the candidate nothing more."""
        return rollouts.stop(name, actor_of(who), body.reason if body else "")

    @made.post("/{name}/shadow")
    async def shadow_rollout(name: str, who: Who) -> Told:
        """Let the candidate answer beside only."""
        return rollouts.shadow(name, actor_of(who))

    @made.post("/{name}/scores")
    async def record_score(name: str, body: ScoreBody, who: Who) -> Told:
        """Report a figure from outside; the latest of a metric in a step holds."""
        return rollouts.record_score(
            name, body.arm, body.metric, body.value, body.count, actor_of(who)
        )

    return made
