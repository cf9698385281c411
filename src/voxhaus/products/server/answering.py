"""What both chat APIs do with a request, whatever their words for it.

Knows: the order of steps from a question to an answer, whole or streamed.
Refuses to know: parameters and published objects (`chat.py`, `responses.py`), and how a model
answers.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol

from fastapi import Request
from pydantic import BaseModel

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatEvent, ChatRequest, TokenUsage
from voxhaus.products.orchestrator.contract import EngineError
from voxhaus.products.server import failures
from voxhaus.products.server.bodies import STRICT
from voxhaus.products.server.conversation import check_length
from voxhaus.products.server.desk import Desk, Knock, Visit
from voxhaus.products.server.errors import ApiError
from voxhaus.products.server.streaming import EVENT_SCHEMA, EVENTS, Head, Parts

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer, or with stream its events.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            EVENTS: {"schema": EVENT_SCHEMA},
        },
    },
    **failures.DOCUMENTED,
}


class StreamOptions(BaseModel):
    """What a stream has besides the text."""

    model_config = STRICT
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Body(Protocol):
    """What both kinds of request say of streaming."""

    stream: bool | None
    stream_options: StreamOptions | None


class Form(Protocol):
    """The published objects of one answer."""

    def stream(self, events: AsyncIterator[ChatEvent], visit: Visit) -> AsyncIterator[bytes]:
        """The answer as server-sent events; a failure is an event as well."""
        ...

    def answer(self, text: str, end: ChatEnd) -> dict[str, Any]:
        """The answer as one object."""
        ...


async def answered(
    desk: Desk,
    request: Request,
    body: Body,
    asked: ChatRequest,
    form_of: Callable[[str], Form],
    *,
    messages: str,
    ignored: Iterable[str],
) -> Parts:
    """The answer to a conversation: its head, then its body.

    Args:
        desk: where it is served.
        request: as it came in.
        body: of the request.
        asked: what the body asks for.
        form_of: the answering model's name -> how its answer is written.
        messages: the parameter that holds the conversation.
        ignored: parameters that the server itself does not honour.
    """
    check_length(asked.messages, desk.settings.max_chat_characters, messages)
    if body.stream_options and not body.stream:
        message = "'stream_options' is only allowed when 'stream' is true."
        raise ApiError(400, message, param="stream_options", code="invalid_value")
    async with desk.visit(Knock.of(request), "chat", asked.model) as visit:
        visit.ignored += sorted(ignored)
        async with visit.asking(desk.conductor.chat(asked, visit.caller)) as (decision, events):
            form = form_of(decision.model)
            if body.stream:
                yield Head(media_type=EVENTS, headers=visit.headers())
                async for part in form.stream(events, visit):
                    yield part
                return
            text, end = await _whole(events, visit)
            data = json.dumps(form.answer(text, end), ensure_ascii=False).encode()
            yield Head(media_type="application/json", headers=visit.headers(), length=len(data))
            yield data


async def _whole(events: AsyncIterator[ChatEvent], visit: Visit) -> tuple[str, ChatEnd]:
    text = []
    async for said in events:
        if isinstance(said, ChatDelta):
            text.append(said.text)
        else:
            visit.taken |= counted(said.usage)
            return "".join(text), said
    raise no_end()


def no_end() -> EngineError:
    """What is wrong with an answer whose events stop without an end."""
    return EngineError("The engine stopped in the middle of its answer.")


def counted(usage: TokenUsage) -> dict[str, int]:
    """Tokens, for the books."""
    return {"input_tokens": usage.prompt, "output_tokens": usage.completion}
