"""A ledger in memory, a clock that tests move, and an upstream that misbehaves on demand."""

import asyncio
import copy
import json

import pytest

from voxhaus.core.chat import ChatRequest, Message
from voxhaus.products.orchestrator.clock import Clock
from voxhaus.products.orchestrator.conductor import Orchestrator
from voxhaus.products.orchestrator.config import parse
from voxhaus.products.orchestrator.contract import Caller


class MemoryLedger:
    """What the store promises: documents survive as JSON, and every save is in the audit log."""

    def __init__(self):
        self.documents, self.audit = {}, []
        self.broken = False

    def load(self, name):
        found = self.documents.get(name)
        return None if found is None else json.loads(found)

    def save(self, name, document, *, actor, action, detail=None):
        if self.broken:
            raise OSError(28, "No space left on device")
        self.documents[name] = json.dumps(document, allow_nan=False)
        self.audit.append((actor, action, name, copy.deepcopy(dict(detail or {}))))

    def names(self, prefix):
        return sorted(n for n in self.documents if n.startswith(prefix))

    def actions(self):
        return [(actor, action) for actor, action, *_ in self.audit if action != "rollout.count"]


class Hands:
    """A clock moved by hand; waiting takes no time but is written down."""

    def __init__(self):
        self.time, self.calendar, self.slept = 1000.0, 1_800_000_000.0, []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds

    def clock(self):
        return Clock(
            now=lambda: self.time, wall=lambda: self.calendar, sleep=self.sleep, chance=lambda: 0.5
        )


CHUNKS = ["Good ", "morning", "."]


def sse(*events):
    return "".join(f"data: {json.dumps(e)}\n\n" for e in events).encode()


def delta(text=None, reason=None):
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}
    return {"id": "x", "object": "chat.completion.chunk", "choices": [choice]}


USAGE = {
    "id": "x",
    "object": "chat.completion.chunk",
    "choices": [],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


class Upstream:
    """A real HTTP server on a free loopback port, in the test's own event loop.

    Attributes:
        mode: how the next requests are answered; a list is used up one by one.
        seen: (path, headers, body) of every request.
        hung_up: whether a client went away in the middle of an answer.
    """

    def __init__(self):
        self.mode, self.seen, self.hung_up = "well", [], asyncio.Event()
        self.words = CHUNKS
        self.open = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in list(self.open):
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)

    async def stop_listening(self):
        self._server.close()
        await asyncio.sleep(0)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.open.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            self.open.discard(task)
            writer.close()

    async def _one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines) if v}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = request.split()[1]
        self.seen.append((path, headers, body))
        mode = self.mode.pop(0) if isinstance(self.mode, list) else self.mode
        return await Reply(self, path, body, reader, writer).send(mode)


class Reply:
    """One answer; each method is one way to behave."""

    def __init__(self, server, path, body, reader, writer):
        self.server, self.path, self.body = server, path, body
        self.reader, self.writer = reader, writer

    async def send(self, mode):
        return bool(await getattr(self, mode.replace(" ", "_"))())

    def whole(self, status, content, kind="application/json", more=()):
        head = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(content)}"]
        self.writer.write(("\r\n".join([*head, *more]) + "\r\n\r\n").encode() + content)

    def begin(self, kind="text/event-stream"):
        self.writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )

    def part(self, data):
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def error(self, status, message, more=(), **fields):
        body = {"error": {"message": message, "type": "x", "param": None, "code": None, **fields}}
        self.whole(status, json.dumps(body).encode(), more=more)
        return True

    async def well(self):
        if self.path.endswith("/models") or "/models?" in self.path:
            self.whole(200, b'{"object": "list", "data": []}')
        elif "/audio/speech" in self.path:
            self.begin("audio/pcm")
            for _ in range(4):
                self.part(b"\x00\x10" * 1201 + b"\x00")
                self.part(b"\x10")
            self.part(b"")
        elif "/audio/transcriptions" in self.path:
            heard = {
                "text": " Good morning.",
                "language": "english",
                "duration": 1.5,
                "segments": [{"id": 0, "text": " Good morning.", "start": 0.1, "end": 1.2}],
                "words": [{"word": "Good", "start": 0.1, "end": 0.5}],
            }
            self.whole(200, json.dumps(heard).encode())
        else:
            self.begin()
            for word in self.server.words:
                self.part(sse(delta(word)))
            self.part(sse(delta(reason="stop"), USAGE) + b"data: [DONE]\n\n")
            self.part(b"")
        await self.writer.drain()
        return True

    async def without_usage(self):
        self.begin()
        self.part(sse(delta("12345"), delta(reason="length")) + b"data: [DONE]\n\n")
        self.part(b"")
        return True

    async def slow_to_begin(self):
        await self.gone()

    async def slow_in_mid_stream(self):
        self.begin()
        self.part(sse(delta("Good ")))
        await self.gone()

    async def endless(self):
        self.begin()
        while True:
            self.part(sse(delta("and ")))
            await self.writer.drain()
            await asyncio.sleep(0.005)

    async def gone(self):
        """Wait for the client to go away."""
        await self.reader.read()
        self.server.hung_up.set()

    async def html(self):
        self.whole(200, b"<html>Welcome to our router!</html>", "text/html")
        return True

    async def garbage(self):
        self.begin()
        self.part(b"data: {not json\n\n")
        self.part(b"")
        return True

    async def other_json(self):
        self.begin()
        self.part(sse({"answer": 42}))
        self.part(b"")
        return True

    async def cut(self):
        """The connection ends in mid-stream."""
        self.begin()
        self.part(sse(delta("Good ")))
        await self.writer.drain()

    async def ended_early(self):
        """The stream ends in good order, but without a reason."""
        self.begin()
        self.part(sse(delta("Good ")))
        self.part(b"")
        return True

    async def error_event(self):
        self.begin()
        self.part(sse(delta("Good "), {"error": {"message": "out of memory"}}))
        self.part(b"")
        return True

    async def cut_at_once(self):
        return False

    async def unauthorized(self):
        return self.error(401, "Incorrect API key provided: sk-secret")

    async def rate_limited(self):
        return self.error(429, "Slow down", ["retry-after: 17"])

    async def briefly_limited(self):
        return self.error(429, "Slow down", ["retry-after: 1"])

    async def no_quota(self):
        return self.error(429, "You exceeded your quota", code="insufficient_quota")

    async def broken(self):
        return self.error(500, "cuda error")

    async def bad_request(self):
        return self.error(400, "temperature must be below 1", param="temperature")

    async def unknown_model(self):
        return self.error(404, "model 'x' not found")

    async def redirect(self):
        self.whole(307, b"", more=["location: http://203.0.113.1/v1/chat/completions"])
        return True


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def hands():
    return Hands()


ENGINE = """
[engines.{name}]
kind = "openai"
task = "{task}"
models = {{ "{model}" = "own-{model}" }}
base_url = "{url}"
{more}
"""


def engine(name, url, *, task="chat", model=None, more=""):
    return ENGINE.format(name=name, task=task, model=model or f"{name}-model", url=url, more=more)


def conductor(text, ledger, **more):
    return Orchestrator(parse(text, "engines.toml"), ledger, **more)


def ask(model, text="Hello?", **more):
    return ChatRequest(messages=(Message(role="user", content=text),), model=model, **more)


ANNA = Caller(id="anna")


async def heard(answer):
    """All events of an answer."""
    return [event async for event in answer.events]


@pytest.fixture
def kit():
    """What test modules would import if tests were a package."""

    class Kit:
        pass

    for name, value in globals().items():
        if name in {"Upstream", "MemoryLedger", "Hands", "ANNA", "USAGE"}:
            setattr(Kit, name, value)
        if name in {"engine", "conductor", "ask", "heard", "sse", "delta"}:
            setattr(Kit, name, staticmethod(value))
    return Kit
