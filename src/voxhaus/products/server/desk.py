"""A request's way through the house: door, place, orchestrator, books.

Knows: the order of these steps, and the headers that tell how a request was served.
Refuses to know: what is asked, and how the answer is written.
"""

from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from fastapi import Request

from voxhaus.core.errors import VoxhausError
from voxhaus.products.orchestrator.contract import Answer, Caller, Conductor, Decision, Task
from voxhaus.products.server.errors import ApiError, as_api_error
from voxhaus.products.server.gate import Admitted, Gate
from voxhaus.products.server.metrics import Metrics
from voxhaus.products.server.places import Places
from voxhaus.products.server.settings import ServerSettings
from voxhaus.products.server.streaming import closing

Event = TypeVar("Event")
HUNG_UP = 499  # nginx's status for a client that left before its answer ended; never sent


@dataclass(frozen=True, kw_only=True)
class Knock:
    """Who is at the door.

    Attributes:
        told: what the log is to say of the request; filled on its way.
    """

    authorization: str | None = None
    api_key: str | None = None
    client_host: str | None = None
    told: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request) -> Self:
        """Whoever sent an HTTP request."""
        knock = cls(
            authorization=request.headers.get("authorization"),
            api_key=request.headers.get("api-key"),
            client_host=request.client.host if request.client else None,
        )
        request.state.told = knock.told
        return knock


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What all routes share."""

    conductor: Conductor
    gate: Gate
    settings: ServerSettings
    metrics: Metrics
    places: Places

    @asynccontextmanager
    async def visit(self, knock: Knock, task: Task, model: str) -> AsyncIterator["Visit"]:
        """From the door to the books. What it took is written down also if it fails.

        Raises:
            ApiError: not admitted, or no place.
        """
        admitted = await self.admitted(knock, task, model)
        visit = Visit(desk=self, knock=knock, task=task, model=model, admitted=admitted)
        status = HUNG_UP  # unless it ends otherwise
        try:
            async with self.places.one():
                yield visit
            status = visit.status
        except VoxhausError as error:
            status = as_api_error(error).status
            raise
        except Exception:
            status = 500
            raise
        finally:
            await visit.write_down(status)

    async def admitted(
        self, knock: Knock, task: Task | None = None, model: str | None = None
    ) -> Admitted:
        """Whoever asks, if they may.

        Raises:
            ApiError: they may not.
        """
        return await self.gate.admit(
            authorization=knock.authorization,
            api_key=knock.api_key,
            client_host=knock.client_host,
            task=task,
            model=model,
        )


@dataclass(kw_only=True)
class Visit:
    """One admitted request, and what it takes.

    Attributes:
        model: as it was asked for; after `asking`, the one that answers.
        ignored: parameters that the server itself does not honour.
        taken: figures for the books, by their names at the gate.
        status: for the books, if nothing is raised.
    """

    desk: Desk
    knock: Knock
    task: Task
    model: str
    admitted: Admitted
    ignored: list[str] = field(default_factory=list)
    taken: dict[str, Any] = field(default_factory=dict)
    decision: Decision | None = None
    status: int = 200

    @property
    def caller(self) -> Caller:
        """On whose behalf."""
        return self.admitted.caller

    @asynccontextmanager
    async def asking(
        self, question: Awaitable[Answer[Event]]
    ) -> AsyncIterator[tuple[Decision, AsyncIterator[Event]]]:
        """The answer, closed at the end.

        Its first event is there before this is entered, so a failure still has its own status.
        """
        answer = await question
        async with closing(answer.events):
            self.decision, self.model = answer.decision, answer.decision.model
            self._tell(answer.decision)
            first = await anext(answer.events, None)
            yield answer.decision, _again(first, answer.events)

    def headers(self, **more: str) -> dict[str, str]:
        """How the request was served; for a caller's eyes and logs."""
        decision = self.decision
        assert decision is not None
        told = {
            "x-voxhaus-model": decision.model,
            "x-voxhaus-engine": decision.engine,
            "x-voxhaus-route-reason": decision.reason,
        }
        ignored = unique([*self.ignored, *decision.ignored])
        if ignored:
            told["x-voxhaus-ignored"] = ", ".join(ignored)
        return told | {f"x-voxhaus-{k.replace('_', '-')}": v for k, v in more.items()}

    def failed(self, error: VoxhausError) -> ApiError:
        """An error that is told inside an answer because that has begun."""
        told = as_api_error(error)
        self.status = told.status
        return told

    async def write_down(self, status: int) -> None:
        """Put what was taken into books and figures."""
        metrics, model = self.desk.metrics, self.model
        if seconds := self.taken.get("audio_seconds"):
            metrics.audio_seconds.labels(self.task, model).inc(seconds)
        for direction in ("input", "output"):
            if tokens := self.taken.get(f"{direction}_tokens"):
                metrics.tokens.labels(model, direction).inc(tokens)
        await self.desk.gate.record(
            self.admitted, model=model, task=self.task, status=status, **self.taken
        )

    def _tell(self, decision: Decision) -> None:
        self.knock.told.update(
            model=decision.model, engine=decision.engine, arm=decision.arm, caller=self.caller.id
        )


def unique(names: Iterable[str]) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(names))


async def _again(first: Event | None, rest: AsyncIterator[Event]) -> AsyncIterator[Event]:
    if first is None:
        return
    yield first
    async for event in rest:
        yield event
