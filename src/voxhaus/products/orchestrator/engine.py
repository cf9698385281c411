"""What the orchestrator asks of anything that answers.

Knows: the one shape that all engines have.
Refuses to know: which engines there are, and when they are asked.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol, TypeVar

from voxhaus.core.chat import ChatRequest
from voxhaus.core.hearing import TranscriptionRequest
from voxhaus.core.speech import SpeechRequest, VoiceInfo

Request = SpeechRequest | ChatRequest | TranscriptionRequest
Asked_contra = TypeVar("Asked_contra", contravariant=True)
Told_co = TypeVar("Told_co", covariant=True)

# What a request has when the caller did not say anything.
_DEFAULTS: Mapping[str, object] = {"speed": 1.0, "pitch": 0.0, "seed": 0, "breaths": False}


class Engine(Protocol[Asked_contra, Told_co]):
    """One thing that answers one kind of request. It lives on one event loop."""

    def cannot(self, request: Asked_contra) -> tuple[str, ...]:
        """Names of the parameters that the caller set and that it cannot honour."""
        ...

    def answer(self, request: Asked_contra, model: str) -> AsyncGenerator[Told_co, None]:
        """Answer piece by piece; closing the generator stops the work.

        Args:
            request: parameters that `cannot` named are to be left out.
            model: the engine's own name of the model.

        Raises:
            InputError: the request itself is at fault; no other engine need be asked.
            EngineError: the engine is.
        """
        ...

    def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices to choose from; empty if it does not know or does not speak."""
        ...

    async def ping(self) -> None:
        """See whether it could answer, without asking it to.

        Raises:
            VoxhausError: it could not; the message says why.
        """
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...


def set_by_caller(request: Request) -> frozenset[str]:
    """Names of the parameters that differ from "not said"; for chat with those of `extra`."""
    unsaid: tuple[object, ...] = (None, (), "")
    names = {
        name
        for name in type(request).__dataclass_fields__
        if name not in ("extra", "model", "text", "messages", "audio")
        and getattr(request, name) not in unsaid
        and not (
            isinstance(request, SpeechRequest) and getattr(request, name) == _DEFAULTS.get(name)
        )
    }
    extra = request.extra if isinstance(request, ChatRequest) else {}
    return frozenset(names | {name for name, value in extra.items() if value is not None})
