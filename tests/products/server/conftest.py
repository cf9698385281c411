"""A server in this process: the real voice and a scripted text model behind real HTTP."""

import asyncio
import contextlib
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("openai")

import httpx
import soundfile
import uvicorn

from voxhaus import Voice
from voxhaus.core.chat import ChatDelta, ChatEnd, TokenUsage
from voxhaus.core.errors import InputError
from voxhaus.core.hearing import Segment, Transcript
from voxhaus.core.speech import WordTiming, join
from voxhaus.products.orchestrator.contract import (
    Answer,
    BusyError,
    Caller,
    Decision,
    EngineError,
    ModelInfo,
    UnknownModelError,
)
from voxhaus.products.server.app import create_app
from voxhaus.products.server.errors import ApiError
from voxhaus.products.server.metrics import Metrics
from voxhaus.products.server.settings import ServerSettings

WORDS = ("Good ", "morning", ", ", "Ada", ".")
KEY = "vh-test-key"


@dataclass
class Room:
    """A conductor that speaks with the real voice, and chats by script."""

    voice: Voice
    made: int = 0  # sentences or deltas
    closed: int = 0
    asked: list = field(default_factory=list)
    hold_after: int | None = None  # sentences or deltas, after which it waits
    go_on: threading.Event = field(default_factory=threading.Event)

    def info(self, id_, task, **more):
        return ModelInfo(
            id=id_, task=task, owner="voxhaus", created=1763000000, local=True, ready=True, **more
        )

    def models(self, caller=None):
        voices = tuple(self.voice.voices())
        there = [
            self.info("voxhaus-voice-1", "speech", voices=voices),
            self.info("tts-1", "speech", voices=voices),
            self.info("voxhaus-1-preview", "chat"),
            self.info("org/chat", "chat"),
            self.info("whisper-1", "transcription"),
        ]
        return [m for m in there if not caller or caller.models is None or m.id in caller.models]

    def decision(self, task, request, ignored=()):
        failures = {
            "busy": BusyError("All engines are busy.", retry_after=2.5),
            "down": EngineError("The engine does not answer."),
            "bug": ValueError("secret words of a user"),
        }
        if request.model in failures:
            raise failures[request.model]
        known = {m.id for m in self.models()} | {"breaks", "crashes", "unended"}
        if request.model not in known:
            raise UnknownModelError(f"There is no model '{request.model}'.")
        return Decision(
            task=task,
            model=request.model,
            engine="in-process",
            route=request.model,
            policy="local-only",
            reason="asked for by name – 100 % local",
            ignored=ignored,
        )

    async def paced(self, number):
        if self.hold_after is not None and number == self.hold_after:
            while not self.go_on.is_set():
                await asyncio.sleep(0.005)

    async def speak(self, request, caller):
        self.asked.append((request, caller))
        decision = self.decision("speech", request)
        stream = self.voice.stream(
            request.text,
            voice=request.voice,
            style=request.style,
            speed=request.speed,
            pitch=request.pitch,
            seed=request.seed,
        )

        async def events():
            try:
                number = 0
                while (chunk := await asyncio.to_thread(next, stream, None)) is not None:
                    if chunk.text:  # a sentence begins; its further pieces come without text
                        await self.paced(number)
                        self.made += 1
                        number += 1
                    yield chunk
                    if request.model == "breaks":
                        raise EngineError("The engine fell over.")
                    if request.model == "crashes":
                        raise ValueError("a bug")
            finally:
                self.closed += 1

        return Answer(decision=decision, events=events())

    async def chat(self, request, caller):
        self.asked.append((request, caller))
        ignored = ("logit_bias",) if "logit_bias" in request.extra else ()
        known = {"logit_bias", "presence_penalty", "frequency_penalty", "response_format"}
        known |= {"reasoning_effort", "verbosity", "top_k"}
        for name in request.extra:
            if name not in known:
                raise InputError(f"Engine 'x' cannot honour '{name}'; leave it out.", param=name)
        decision = self.decision("chat", request, ignored)

        async def events():
            try:
                for number, word in enumerate(WORDS):
                    await self.paced(number)
                    self.made += 1
                    yield ChatDelta(text=word)
                    if request.model == "breaks":
                        raise EngineError("The engine fell over.")
                    if request.model == "crashes":
                        raise ValueError("a bug")
                if request.model == "unended":
                    return
                reason = "length" if request.max_tokens == 5 else "stop"
                yield ChatEnd(reason=reason, usage=TokenUsage(prompt=7, completion=5))
            finally:
                self.closed += 1

        return Answer(decision=decision, events=events())

    async def transcribe(self, request, caller):
        self.asked.append((request, caller))
        decision = self.decision("transcription", request)

        async def events():
            try:
                samples, rate = soundfile.read(io.BytesIO(request.audio))
            except soundfile.LibsndfileError as error:
                raise InputError("The file is no recording.", param="file") from error
            seconds = len(samples) / rate
            yield Transcript(
                text=" Good morning. Bye.",
                language="en",
                seconds=seconds,
                segments=(
                    Segment(text=" Good morning.", start=0.0, end=0.8),
                    Segment(text=" Bye.", start=0.9, end=seconds),
                ),
                words=(WordTiming(text="Good", start=0.0, end=0.3),),
            )

        return Answer(decision=decision, events=events())

    async def close(self):
        self.asked.append("closed")


@dataclass
class Door:
    """A gate with one key, and its books."""

    key: str = KEY
    books: list[Mapping] = field(default_factory=list)

    async def admit(self, *, authorization, api_key, client_host, task, model):
        given = api_key or (authorization or "").removeprefix("Bearer ")
        if given != self.key:
            raise ApiError(401, "That key is not known.", code="invalid_api_key")
        if model == "forbidden":
            raise ApiError(403, "Not for this key.", code="model_not_allowed", param="model")
        if model == "spent":
            raise ApiError(429, "The budget is spent.", code="insufficient_quota", retry_after=60)
        return SimpleNamespace(caller=Caller(id="ada"))

    async def record(self, admitted, **taken):
        self.books.append({"caller": admitted.caller.id, **taken})


class Running:
    """A real server on a free port, with everything that one may look at."""

    def __init__(self, voice, settings=None, routers=()):
        self.room, self.door, self.metrics = Room(voice), Door(), Metrics()
        self.app = create_app(
            conductor=self.room,
            gate=self.door,
            settings=settings or ServerSettings(),
            metrics=self.metrics,
            routers=routers,
        )
        config = uvicorn.Config(self.app, port=0, log_config=None, access_log=False)
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self):
        self._thread.start()
        for _ in range(1000):
            if self.server.started:
                break
            threading.Event().wait(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_):
        self.room.go_on.set()
        self.server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def client(self, **more):
        headers = {"authorization": f"Bearer {KEY}", **more.pop("headers", {})}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **more)


@pytest.fixture(scope="session")
def voice():
    return Voice.load(threads=1)


@pytest.fixture(scope="session")
def _shared(voice):
    with Running(voice) as running:
        yield running


@pytest.fixture
def house(_shared):
    """The server that most tests share, with a clean slate."""
    for _ in range(500):  # books are closed after the last byte: those of the test before
        if not _shared.metrics.in_flight._value.get():
            break
        threading.Event().wait(0.01)
    fresh = Room(_shared.room.voice)
    _shared.room.__dict__.update(fresh.__dict__)
    _shared.door.books.clear()
    return _shared


@pytest.fixture
def own_house(voice):
    """Starts servers with settings of their own."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Running(voice, ServerSettings(**settings)))


@pytest.fixture
def client(house):
    with house.client() as made:
        yield made


@pytest.fixture
def eventually():
    """Waits for something that happens in the server's thread."""

    def wait(condition, seconds=5.0):
        for _ in range(int(seconds / 0.01)):
            if condition():
                return True
            threading.Event().wait(0.01)
        return bool(condition())

    return wait


@pytest.fixture(scope="session")
def recording():
    """A second of noise, as WAV."""
    import numpy as np

    stream = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    soundfile.write(stream, noise, 16_000, format="WAV")
    return stream.getvalue()


@pytest.fixture(scope="session")
def streamed(voice):
    """What the voice says in a stream; pieces of a sentence are rounded otherwise than the whole."""

    def say(text, name="anna", **how):
        return join(list(voice.stream(text, voice=name, **how)), 24_000)

    return say


@pytest.fixture(scope="session")
def with_length():
    """A FLAC stream, told its length: libsndfile reads none that says "unknown"."""

    def told(data, samples):
        assert data[:8] == b"fLaC\x00\x00\x00\x22"
        field = int.from_bytes(data[18:26], "big")
        assert field & (2**36 - 1) == 0
        return data[:18] + (field | samples).to_bytes(8, "big") + data[26:]

    return told


@pytest.fixture(scope="session")
def house_parts():
    """The doubles, for tests that put a house together themselves."""
    return SimpleNamespace(Door=Door, Room=Room)
