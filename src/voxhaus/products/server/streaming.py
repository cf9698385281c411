"""Answers that are made while they are sent.

Knows: how a response's head comes from the same generator as its body, that a client which hangs up
ends the work, the time limit, and server-sent events.
Refuses to know: what is sent.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from voxhaus.products.server.errors import ApiError

EVENTS = "text/event-stream"
# For the OpenAPI document: what one event is.
EVENT_SCHEMA = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
_PRINTABLE = "".join(chr(c) for c in range(0x20, 0x7F) if chr(c) != "%")
_LONGEST = 600  # characters of a header


@dataclass(frozen=True, kw_only=True)
class Head:
    """How an answer begins.

    Attributes:
        length: bytes of the body, if they are known.
    """

    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


Parts = AsyncGenerator[Head | bytes, None]


class Made(Response):
    """A response whose head is the first thing that a generator yields, and its body the rest.

    What the generator raises before its head becomes an error response; later, the connection is
    cut so that no client takes a part for the whole. However it ends, the generator is closed.
    """

    def __init__(self, parts: Parts, *, seconds: float) -> None:
        self.parts, self.seconds = parts, seconds
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; ends early when the client does."""
        work = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                scope.setdefault("state", {})["hung_up"] = True
            for task in (work, gone):
                task.cancel()
            # The generator must have ended before this call does: it holds a place and an engine.
            await asyncio.wait({work, gone})
        if not work.cancelled():
            work.result()

    async def _send(self, send: Send) -> None:
        started = False
        try:
            async with asyncio.timeout(self.seconds):
                async for part in self.parts:
                    if isinstance(part, Head):
                        await send(_start(part))
                        started = True
                    else:
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            if started:
                raise CutShortError("the time of a request was over") from None
            message = f"The answer took longer than {self.seconds:g} seconds."
            raise ApiError(504, message, code="timeout") from None
        except Exception as error:
            if started:
                raise CutShortError(type(error).__name__) from error
            raise
        finally:
            await self.parts.aclose()


class CutShortError(Exception):
    """An answer could not be finished after it had begun."""


def _start(head: Head) -> dict[str, Any]:
    headers = {"content-type": head.media_type, **head.headers}
    if head.media_type == EVENTS:
        # Proxies would otherwise collect events until they have a few kilobytes.
        headers |= {"cache-control": "no-cache", "x-accel-buffering": "no"}
    if head.length is not None:
        headers["content-length"] = str(head.length)
    raw = [(k.encode(), header_text(v).encode()) for k, v in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": raw}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def closing(events: AsyncIterator[Any]) -> AsyncIterator[None]:
    """Close an iterator at the end, however that comes; an engine then stops its work."""
    try:
        yield
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            with suppress(RuntimeError):  # it is closed already
                await close()


def event(data: Mapping[str, Any] | str, name: str | None = None) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"{f'event: {name}{chr(10)}' if name else ''}data: {text}\n\n".encode()


def header_text(text: str) -> str:
    """A text as a header may carry it: ASCII; other signs and % become %XX; cut if very long."""
    safe = quote(text, safe=_PRINTABLE)
    return safe if len(safe) <= _LONGEST else safe[: _LONGEST - 3] + "..."
