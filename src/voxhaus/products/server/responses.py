"""`/v1/responses`: the same conversations in OpenAI's newer shape.

Knows: the published parameters, the response object, and the order of its events.
Refuses to know: the steps to an answer (`answering.py`), how a model answers, and stored responses,
of which there are none.
"""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from voxhaus.core.chat import ChatEnd, ChatEvent, ChatRequest, Message
from voxhaus.core.errors import VoxhausError
from voxhaus.products.server.answering import ANSWERS, StreamOptions, answered, counted, no_end
from voxhaus.products.server.bodies import JSON_ONLY, STRICT
from voxhaus.products.server.conversation import InputMessage
from voxhaus.products.server.desk import Desk, Visit
from voxhaus.products.server.parameters import LEFT_OUT, asked_for
from voxhaus.products.server.streaming import Made, event


class TextFormat(BaseModel):
    """In what form the answer is wanted."""

    model_config = STRICT
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None

    def response_format(self) -> dict[str, Any] | None:
        """The same wish in the words of chat completions."""
        if self.type == "text":
            return None
        if self.type == "json_object":
            return {"type": "json_object"}
        fields = self.model_dump(by_alias=True, exclude={"type"}, exclude_none=True)
        return {"type": "json_schema", "json_schema": fields}


class TextOptions(BaseModel):
    """What is wished of the text."""

    model_config = STRICT
    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(BaseModel):
    """How much is to be thought."""

    model_config = STRICT
    effort: str | None = None


class ResponseBody(BaseModel):
    """A conversation and how it is to be answered."""

    model_config = ConfigDict(**STRICT, title="CreateResponse")
    model: str = Field(min_length=1, max_length=200)
    input: str | list[InputMessage] = Field(min_length=1)
    instructions: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_output_tokens: int | None = Field(None, ge=1, lt=2**31)
    metadata: dict[str, str] | None = None
    text: TextOptions | None = None
    reasoning: Reasoning | None = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    truncation: Literal["auto"] | None = None
    user: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _asked_for(cls, values: Any) -> Any:  # noqa: ANN401 - whatever a body holds
        return asked_for(values)

    def request(self) -> ChatRequest:
        """As the orchestrator takes it."""
        said = [Message(role="developer", content=self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            said.append(Message(role="user", content=self.input))
        else:
            said += [m.message() for m in self.input]
        return ChatRequest(
            messages=tuple(said),
            model=self.model,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_output_tokens,
            extra=self._extra(),
        )

    def _extra(self) -> dict[str, Any]:
        text = self.text or TextOptions()
        wanted = {
            "response_format": text.format and text.format.response_format(),
            "verbosity": text.verbosity,
            "reasoning_effort": self.reasoning and self.reasoning.effort,
        }
        return {k: v for k, v in wanted.items() if v is not None}


def router(desk: Desk) -> APIRouter:
    """The route, for a desk."""
    made = APIRouter(tags=["chat"])

    @made.post(
        "/v1/responses",
        responses=ANSWERS,
        response_class=Made,
        status_code=200,
        dependencies=[JSON_ONLY],
    )
    async def create_response(request: Request, body: ResponseBody) -> Made:
        """Answer a conversation."""
        return responded(desk, request, body)

    return made


def responded(desk: Desk, request: Request, body: ResponseBody) -> Made:
    """The answer, wherever the request came in."""
    left_out = set(LEFT_OUT) - {"metadata"}  # which is given back, as published
    parts = answered(
        desk,
        request,
        body,
        body.request(),
        lambda model: _Form(body, model),
        messages="input",
        ignored=[p for p in left_out if getattr(body, p, None) is not None],
    )
    return Made(parts, seconds=desk.settings.request_seconds)


class _Form:
    """The published objects of one response, and the count of its events."""

    def __init__(self, body: ResponseBody, model: str) -> None:
        self.body, self.model = body, model
        self.id, self.item_id = f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}"
        self.created = int(time.time())
        self._number = -1

    async def stream(self, events: AsyncIterator[ChatEvent], visit: Visit) -> AsyncIterator[bytes]:
        """The events in the published order."""
        yield self.event("response.created", response=self.response("in_progress"))
        yield self.event("response.in_progress", response=self.response("in_progress"))
        yield self.item_event("response.output_item.added", item=self.item("in_progress", None))
        yield self.part_event("response.content_part.added", part=self.part(""))
        text = ""
        try:
            async for said in events:
                if isinstance(said, ChatEnd):
                    visit.taken |= counted(said.usage)
                    for part in self._ending(text, said):
                        yield part
                    return
                text += said.text
                delta = {"delta": said.text, "logprobs": []}
                yield self.part_event("response.output_text.delta", **delta)
            raise no_end()
        except VoxhausError as error:
            told = {"code": "server_error", "message": str(visit.failed(error))}
            failed = self.response("failed", output=[self.item("incomplete", text)], error=told)
            yield self.event("response.failed", response=failed)

    def _ending(self, text: str, end: ChatEnd) -> list[bytes]:
        done = self.answer(text, end)
        return [
            self.part_event("response.output_text.done", text=text, logprobs=[]),
            self.part_event("response.content_part.done", part=self.part(text)),
            self.item_event("response.output_item.done", item=done["output"][0]),
            self.event(f"response.{done['status']}", response=done),
        ]

    def event(self, type_: str, **fields: Any) -> bytes:  # noqa: ANN401 - fields of the event
        """The next event."""
        self._number += 1
        return event({"type": type_, "sequence_number": self._number, **fields}, type_)

    def item_event(self, type_: str, **fields: Any) -> bytes:  # noqa: ANN401
        """An event of the message, the only item of an answer."""
        return self.event(type_, output_index=0, **fields)

    def part_event(self, type_: str, **fields: Any) -> bytes:  # noqa: ANN401
        """An event of the text, the only part of the message."""
        where = {"item_id": self.item_id, "content_index": 0}
        return self.item_event(type_, **where, **fields)

    @staticmethod
    def part(text: str) -> dict[str, Any]:
        """The text."""
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def item(self, status: str, text: str | None) -> dict[str, Any]:
        """The message; without content while that is still to come."""
        content = [] if text is None else [self.part(text)]
        return {
            "id": self.item_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def answer(self, text: str, end: ChatEnd) -> dict[str, Any]:
        """The response at its end."""
        reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
        why = reasons.get(end.reason)
        status = "incomplete" if why else "completed"
        usage = {
            "input_tokens": end.usage.prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": end.usage.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": end.usage.prompt + end.usage.completion,
        }
        return self.response(
            status,
            output=[self.item(status, text)],
            usage=usage,
            incomplete_details={"reason": why} if why else None,
            completed_at=int(time.time()) if not why else None,
        )

    def response(self, status: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """The response as it stands."""
        body = self.body
        made: dict[str, Any] = {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": None,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": body.instructions,
            "max_output_tokens": body.max_output_tokens,
            "metadata": body.metadata or {},
            "model": self.model,
            "output": [],
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "reasoning": {"effort": body.reasoning and body.reasoning.effort, "summary": None},
            "store": False,
            "temperature": body.temperature,
            "text": {"format": self._format()},
            "tool_choice": "none",
            "tools": [],
            "top_p": body.top_p,
            "truncation": "disabled",
            "usage": None,
            "user": None,
        }
        return made | fields

    def _format(self) -> dict[str, Any]:
        wanted = self.body.text and self.body.text.format
        if not wanted:
            return {"type": "text"}
        return wanted.model_dump(by_alias=True, exclude_none=True)
