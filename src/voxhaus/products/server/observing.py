"""What surrounds every request: its id, its limits, its figures, its trace and its line in the log.

Knows: ASGI messages, and what is measured between them.
Refuses to know: routes and models; what those want to be logged they leave in the request's state.
"""

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voxhaus.products.server import failures, logs
from voxhaus.products.server.desk import HUNG_UP
from voxhaus.products.server.errors import ApiError
from voxhaus.products.server.metrics import Metrics
from voxhaus.products.server.settings import ServerSettings
from voxhaus.products.server.streaming import CutShortError, header_text

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = ("/healthz", "/readyz", "/metrics")  # asked every few seconds by machines


class Observed:
    """ASGI middleware, the outermost one."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, settings: ServerSettings) -> None:
        self.app, self.metrics, self.settings = app, metrics, settings
        self._tracer = trace.get_tracer("voxhaus.server")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, watched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = _Seen(scope)
        incoming = _limited(receive, seen, self.settings)
        self.metrics.in_flight.inc()
        try:
            with self._span(seen):
                await self._answered(seen, incoming, seen.watching(send))
        finally:
            self.metrics.in_flight.dec()
            self._count(seen)

    async def _answered(self, seen: "_Seen", receive: Receive, send: Send) -> None:
        try:
            if self._is_misled(seen):
                await failures.answer(_wrong_host(seen.host))(seen.scope, receive, send)
                return
            await self.app(seen.scope, receive, send)
        except CutShortError as error:
            # Returning without the end of the body makes the server close the connection.
            logs.get().warning("an answer was cut short", exc_info=error, extra=seen.extra())
            return
        except Exception as error:
            logs.get().error("unexpected exception", exc_info=error, extra=seen.extra())
            if seen.status is None:
                response = failures.answer(failures.unexpected())
                await response(seen.scope, receive, send)

    def _is_misled(self, seen: "_Seen") -> bool:
        hosts = self.settings.hosts
        return hosts is not None and seen.host not in hosts

    @contextmanager
    def _span(self, seen: "_Seen") -> Iterator[None]:
        carried = propagate.extract(dict(seen.headers))
        method = seen.method
        with self._tracer.start_as_current_span(
            method, carried, trace.SpanKind.SERVER, record_exception=False
        ) as span:
            try:
                yield
            finally:
                span.update_name(f"{method} {seen.route}")
                span.set_attributes(
                    {
                        "http.request.method": method,
                        "http.route": seen.route,
                        "http.response.status_code": seen.status or HUNG_UP,
                        **{f"voxhaus.{k}": v for k, v in seen.told().items()},
                    }
                )

    def _count(self, seen: "_Seen") -> None:
        labels = (seen.route, seen.method)
        status, seconds = seen.status or HUNG_UP, time.perf_counter() - seen.begun
        self.metrics.requests.labels(*labels, str(status)).inc()
        self.metrics.duration.labels(*labels).observe(seconds)
        if seen.first is not None:
            self.metrics.first_byte.labels(*labels).observe(seen.first)
        if seen.hung_up:
            self.metrics.hung_up.labels(*labels).inc()
        if seen.route not in _QUIET:
            fields = {"status": status, "seconds": round(seconds, 4), **seen.fields()}
            logs.get().info("request", extra={"fields": fields})


class _Seen:
    """What is known of one request."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.begun = scope, time.perf_counter()
        self.headers = Headers(scope=scope)
        self.state: dict[str, Any] = scope.setdefault("state", {})
        self.id = f"req_{uuid.uuid4().hex}"
        self.state["request_id"] = self.id
        self.status: int | None = None
        self.first: float | None = None

    @property
    def route(self) -> str:
        """Its path with names in place of values; all that fit no route are one."""
        # A route that is found but refuses the method is no partial answer: its path is a label.
        return getattr(self.scope.get("route"), "path", None) or "unmatched"

    @property
    def host(self) -> str:
        """The name it was called by, without the port."""
        name = self.headers.get("host", "").lower()
        return name.rpartition(":")[0] if re.search(r":\d*$", name) else name

    @property
    def method(self) -> str:
        """One of HTTP's, or `other`: anyone can invent more, and labels stay in memory."""
        return self.scope["method"] if self.scope["method"] in _METHODS else "other"

    @property
    def hung_up(self) -> bool:
        """Whether the client left."""
        return self.status is None or bool(self.state.get("hung_up"))

    def told(self) -> dict[str, str]:
        """What the route left to be logged: model, engine, caller."""
        return {k: str(v) for k, v in self.state.get("told", {}).items()}

    def fields(self) -> dict[str, Any]:
        """For the log."""
        first = None if self.first is None else round(self.first, 4)
        return {
            "request_id": self.id,
            "method": self.method,
            "route": self.route,
            "first_byte_seconds": first,
            "hung_up": self.hung_up,
            **self.told(),
        }

    def extra(self) -> dict[str, Any]:
        """The same, as logging takes it."""
        return {"fields": self.fields()}

    def watching(self, send: Send) -> Send:
        """Notes status and first byte, and puts the id on the answer."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = header_text(self.id)
            elif self.first is None and message.get("body"):
                self.first = time.perf_counter() - self.begun
            await send(message)

        return watched


def _wrong_host(host: str) -> ApiError:
    message = (
        f"This server is not called '{host}'. Call it by its address, or tell it that name: "
        "voxhaus serve --proxied-as NAME."
    )
    return ApiError(403, message, code="unknown_host")


def _limited(receive: Receive, seen: _Seen, settings: ServerSettings) -> Receive:
    """Ends a body that is too large or too slow.

    HTTPException is what FastAPI lets through while it reads a body.
    """
    taken, complete = 0, False
    said = seen.headers.get("content-length", "")
    form = seen.headers.get("content-type", "").lower().startswith("multipart/form-data")
    most = settings.max_body_bytes if form else settings.max_json_bytes
    too_large = HTTPException(
        413, f"The body is larger than {most} bytes, the limit of this server."
    )

    async def limited() -> Message:
        nonlocal taken, complete
        if complete:
            return await receive()
        if said.isdecimal() and int(said) > most:
            raise too_large
        try:
            message = await asyncio.wait_for(receive(), settings.read_seconds)
        except TimeoutError:
            message_text = f"The body did not arrive in {settings.read_seconds:g} seconds."
            raise HTTPException(408, message_text) from None
        taken += len(message.get("body", b""))
        complete = message["type"] != "http.request" or not message.get("more_body")
        if taken > most:
            raise too_large
        return message

    return limited
