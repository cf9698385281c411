"""What the orchestrator promises those who call it, and what it asks of engines and of a store.

Knows: the shapes of a request's way: caller, decision, answer, and what can go wrong.
Refuses to know: which engines there are, how routes are chosen, HTTP and SQL.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from voxhaus.core.chat import ChatEvent, ChatRequest
from voxhaus.core.errors import VoxhausError
from voxhaus.core.hearing import Transcript, TranscriptionRequest
from voxhaus.core.speech import AudioChunk, SpeechRequest, VoiceInfo

Task = Literal["speech", "chat", "transcription"]
Policy = Literal["in-order", "fastest", "cheapest", "best-rated", "local-only"]
Arm = Literal["stable", "candidate"]
Event = TypeVar("Event")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """On whose behalf a request runs.

    Attributes:
        id: stable for a user (key or session); rollouts keep a user on one side by it.
        models: public names that may be used; None for all.
        local_only: nothing may leave this machine.
    """

    id: str
    models: frozenset[str] | None = None
    local_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An engine that was asked before the one that answered, and why it did not."""

    engine: str
    failure: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Why this model answers: shown to users, logged, counted.

    Attributes:
        model: public name of the model that answers.
        engine: the engine that runs it.
        route: the route that was asked for; the model's own name if it was asked for directly.
        reason: one sentence.
        arm: the side of a rollout.
        ignored: parameters of the request that the engine cannot honour and that the caller
            allowed to be left out; named to the caller, never silently dropped.
        tried: engines that failed before.
    """

    task: Task
    model: str
    engine: str
    route: str
    policy: Policy
    reason: str
    arm: Arm = "stable"
    ignored: tuple[str, ...] = ()
    tried: tuple[Attempt, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Event]):
    """What an engine answers.

    Fallbacks happen before the first event; a failure after it is raised while iterating. Closing
    the iterator (`aclose`) stops the engine's work.
    """

    decision: Decision
    events: AsyncIterator[Event]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """A model or a route that can be asked for.

    Attributes:
        id: public name.
        owner: who made or runs it.
        created: seconds since 1970.
        local: it runs in this process or on this machine.
        ready: its engine's health, as last seen.
    """

    id: str
    task: Task
    owner: str
    created: int
    local: bool
    ready: bool
    voices: tuple[VoiceInfo, ...] = ()


class EngineError(VoxhausError):
    """An engine did not answer; the message says why and what to do.

    Attributes:
        retriable: another try or another engine may succeed.
        retry_after: seconds after which to try again, if known.
    """

    def __init__(
        self, message: str, *, retriable: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.retriable = retriable
        self.retry_after = retry_after


class BusyError(EngineError):
    """All places are taken (HTTP 503, or 429 where it is the caller's own share)."""


class UnknownModelError(VoxhausError):
    """There is no such model or route, or not for this caller; the message names the others."""

    exit_status = 2


class Conductor(Protocol):
    """What the server and the products call. All errors of a request are VoxhausErrors."""

    async def speak(self, request: SpeechRequest, caller: Caller) -> Answer[AudioChunk]:
        """Speak a text; chunks come as they are made."""
        ...

    async def chat(self, request: ChatRequest, caller: Caller) -> Answer[ChatEvent]:
        """Answer a conversation; deltas, then one end."""
        ...

    async def transcribe(self, request: TranscriptionRequest, caller: Caller) -> Answer[Transcript]:
        """Write a recording down; exactly one event."""
        ...

    def models(self, caller: Caller | None = None) -> list[ModelInfo]:
        """What this caller can ask for; everything if None."""
        ...

    async def close(self) -> None:
        """Let running work end, and give back what engines hold."""
        ...


class Ledger(Protocol):
    """Where state survives a restart, with its audit log; the store has one."""

    def load(self, name: str) -> dict[str, Any] | None:
        """The document saved last under a name."""
        ...

    def save(
        self,
        name: str,
        document: Mapping[str, Any],
        *,
        actor: str,
        action: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace a document and write down who did what, both or neither."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Names of saved documents that begin so, in order."""
        ...
