"""`/v1/chat/completions`: a conversation is answered.

Knows: the published parameters, the whole answer and the stream of chunks.
Refuses to know: the steps to an answer (`answering.py`), and how a model answers.
"""

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatEvent, ChatRequest, TokenUsage
from voxhaus.core.errors import VoxhausError
from voxhaus.products.server.answering import ANSWERS, StreamOptions, answered, counted, no_end
from voxhaus.products.server.bodies import JSON_ONLY, OPEN
from voxhaus.products.server.conversation import ChatMessage
from voxhaus.products.server.desk import Desk, Visit
from voxhaus.products.server.parameters import LEFT_OUT, asked_for, check_supported
from voxhaus.products.server.streaming import Made, event

# Known to some engines only: passed on.
PASSED_ON = (
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "response_format",
    "reasoning_effort",
    "verbosity",
)


Stop = Annotated[str, Field(min_length=1, max_length=1000)]


class ChatBody(BaseModel):
    """A conversation and how it is to be answered.

    Further parameters are passed on; the orchestrator refuses those that no engine knows.
    """

    model_config = ConfigDict(**OPEN, title="CreateChatCompletionRequest")
    model: str = Field(min_length=1, max_length=200)
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1, lt=2**31)
    max_completion_tokens: int | None = Field(None, ge=1, lt=2**31)
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    n: Literal[1] | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None
    response_format: dict[str, Any] | None = None
    reasoning_effort: str | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    user: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _asked_for(cls, values: Any) -> Any:  # noqa: ANN401 - whatever a body holds
        return asked_for(values)

    def request(self) -> ChatRequest:
        """As the orchestrator takes it."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        extra = self.model_dump(include=set(PASSED_ON), exclude_none=True)
        extra |= {k: v for k, v in (self.model_extra or {}).items() if v is not None}
        if extra.get("response_format") == {"type": "text"}:
            del extra["response_format"]
        return ChatRequest(
            messages=tuple(m.message() for m in self.messages),
            model=self.model,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=tuple(stop),
            seed=self.seed,
            extra=extra,
        )


def router(desk: Desk) -> APIRouter:
    """The route, for a desk."""
    made = APIRouter(tags=["chat"])

    @made.post(
        "/v1/chat/completions",
        responses=ANSWERS,
        response_class=Made,
        status_code=200,
        dependencies=[JSON_ONLY],
    )
    async def create_chat_completion(request: Request, body: ChatBody) -> Made:
        """Answer a conversation."""
        return completed(desk, request, body)

    return made


def completed(desk: Desk, request: Request, body: ChatBody) -> Made:
    """The answer to a conversation, wherever it came in."""
    check_supported(body.model_extra or {})
    wants_usage = bool(body.stream_options and body.stream_options.include_usage)
    parts = answered(
        desk,
        request,
        body,
        body.request(),
        lambda model: _Form(model, wants_usage),
        messages="messages",
        ignored=[p for p in LEFT_OUT if getattr(body, p, None) is not None],
    )
    return Made(parts, seconds=desk.settings.request_seconds)


def usage_of(usage: TokenUsage) -> dict[str, Any]:
    """The published object."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }


@dataclass
class _Form:
    """The published objects of one answer."""

    model: str
    wants_usage: bool

    def __post_init__(self) -> None:
        self.id, self.created = f"chatcmpl-{uuid.uuid4().hex}", int(time.time())

    def _object(self, kind: str) -> dict[str, Any]:
        made: dict[str, Any] = {"id": self.id, "object": kind, "created": self.created}
        return made | {"model": self.model, "system_fingerprint": None}

    def chunk(
        self,
        delta: dict[str, Any],
        *,
        reason: str | None = None,
        **more: Any,  # noqa: ANN401 - further fields
    ) -> dict[str, Any]:
        """One piece."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._object("chat.completion.chunk") | {"choices": [choice]} | more

    async def stream(self, events: AsyncIterator[ChatEvent], visit: Visit) -> AsyncIterator[bytes]:
        """A role, pieces of text, the reason for the end, the usage if it is wanted."""
        more = {"usage": None} if self.wants_usage else {}
        yield event(self.chunk({"role": "assistant", "content": ""}, **more))
        end: ChatEnd | None = None
        try:
            async for said in events:
                if isinstance(said, ChatDelta):
                    yield event(self.chunk({"content": said.text}, **more))
                else:
                    end = said
            if end is None:
                raise no_end()
        except VoxhausError as error:
            yield event(visit.failed(error).body())
            return
        visit.taken |= counted(end.usage)
        yield event(self.chunk({}, reason=end.reason, **more))
        if self.wants_usage:
            yield event({**self.chunk({}), "choices": [], "usage": usage_of(end.usage)})
        yield event("[DONE]")

    def answer(self, text: str, end: ChatEnd) -> dict[str, Any]:
        """The whole."""
        message: dict[str, Any] = {"role": "assistant", "content": text}
        message |= {"refusal": None, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end.reason}
        more = {"choices": [choice], "usage": usage_of(end.usage)}
        return self._object("chat.completion") | more
