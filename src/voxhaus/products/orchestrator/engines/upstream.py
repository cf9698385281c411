"""Engines elsewhere that speak OpenAI's or Azure's interface, through the official client.

Knows: how our requests become calls of the client, and its answers our events.
Refuses to know: retries and fallbacks; the client's own are switched off because ours do them.
"""

import io
import math
import os
from collections.abc import AsyncGenerator, Mapping
from typing import Any, get_args

import numpy as np

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatEvent, ChatRequest, StopReason, TokenUsage
from voxhaus.core.errors import MissingExtraError
from voxhaus.core.hearing import Segment, Transcript, TranscriptionRequest
from voxhaus.core.speech import AudioChunk, SpeechRequest, VoiceInfo, WordTiming
from voxhaus.products.orchestrator.config import OPENAI, EngineConfig
from voxhaus.products.orchestrator.contract import EngineError
from voxhaus.products.orchestrator.engine import set_by_caller

try:
    import openai
except ImportError:
    raise MissingExtraError("openai", "server") from None

from voxhaus.products.orchestrator.engines.foreign import garbage, told
from voxhaus.products.orchestrator.engines.messages import published

CHARACTERS_A_TOKEN = 4  # where an upstream counts no tokens
CHUNK_SECONDS = 0.1
_CHAT = frozenset(
    "temperature top_p max_tokens stop seed frequency_penalty presence_penalty logit_bias "
    "response_format reasoning_effort verbosity user safety_identifier prompt_cache_key "
    "service_tier metadata".split()
)
_REASONS: Mapping[str, StopReason] = {reason: reason for reason in get_args(StopReason)}


def make_client(name: str, config: EngineConfig) -> openai.AsyncOpenAI:
    """The official client for one engine.

    Raises:
        EngineError: the environment variable with its key is not set.
    """
    key = "none"  # many engines at home want none, but the client insists
    if config.api_key_env:
        key = os.environ.get(config.api_key_env, "")
        if not key:
            raise EngineError(
                f"Engine '{name}' needs its key in the environment variable {config.api_key_env}; "
                "set it and start again.",
                retriable=False,
            )
    # What is local must not leave the machine through a proxy or a redirect.
    http = openai.DefaultAsyncHttpxClient(
        trust_env=not config.local,
        follow_redirects=False,
        timeout=config.timeout.total,
    )
    shared: dict[str, Any] = {"api_key": key, "max_retries": 0, "http_client": http}
    if config.kind == "azure":
        return openai.AsyncAzureOpenAI(
            azure_endpoint=config.address, api_version=config.api_version, **shared
        )
    client = openai.AsyncOpenAI(base_url=config.address, **shared)
    if config.address != OPENAI:
        # Taken from the environment by the client; nobody else's business.
        client.organization = client.project = None
    return client


class _Upstream:
    """What the three kinds have in common."""

    def __init__(self, name: str, config: EngineConfig) -> None:
        self._name, self._config = name, config
        self._client = make_client(name, config)

    def voices(self) -> tuple[VoiceInfo, ...]:
        """Those that the configuration names; nothing but their names is known."""
        return tuple(
            VoiceInfo(
                id=voice,
                name=voice,
                sex="",
                accent="",
                language="",
                styles=(),
                consent="known to the owner of the engine only",
            )
            for voice in self._config.voices
        )

    async def ping(self) -> None:
        """Ask for its models, which costs nothing.

        Raises:
            EngineError: it does not answer as it should.
        """
        async with told(self._name, self._config):
            await self._client.models.list()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class UpstreamChat(_Upstream):
    """A text model elsewhere."""

    def cannot(self, request: ChatRequest) -> tuple[str, ...]:
        """What is neither published and tellable in our events nor declared in `extra`."""
        return tuple(sorted(set_by_caller(request) - _CHAT - self._config.extra))

    async def answer(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent, None]:
        """Answer; the stream is asked for even where the caller wants none, to fail early."""
        count = _Counted(request)
        reason: StopReason | None = None
        chunks = 0
        async with told(self._name, self._config):
            stream: Any = await self._client.chat.completions.create(**self._body(request, model))
            async with stream:
                async for chunk in stream:
                    chunks += 1
                    choices = getattr(chunk, "choices", None)
                    if not isinstance(choices, list):
                        raise garbage(self._name)
                    count.usage(getattr(chunk, "usage", None))
                    for choice in choices:
                        text = getattr(choice.delta, "content", None)
                        if text:
                            count.text(text)
                            yield ChatDelta(text=text)
                        if choice.finish_reason:
                            reason = _REASONS.get(choice.finish_reason, "stop")
        if not chunks:  # a page, for instance
            raise garbage(self._name)
        if reason is None:
            raise EngineError(f"Engine '{self._name}' broke off in the middle of its answer.")
        yield ChatEnd(reason=reason, usage=count.result())

    def _body(self, request: ChatRequest, model: str) -> dict[str, Any]:
        config = self._config
        openais = config.kind == "azure" or config.address == OPENAI
        limit = config.max_tokens_as or ("max_completion_tokens" if openais else "max_tokens")
        said = {
            "temperature": request.temperature,
            "top_p": request.top_p,
            limit: request.max_tokens,
            "stop": list(request.stop) or None,
            "seed": request.seed,
        }
        known = _CHAT | config.extra
        extra = {k: v for k, v in request.extra.items() if k in known and v is not None}
        return {
            "model": model,
            "messages": published(request.messages, developers=openais),
            "stream": True,
            "stream_options": {"include_usage": True},
            "extra_body": extra,
            **{name: value for name, value in said.items() if value is not None},
        }


class _Counted:
    """Tokens of one answer: the upstream's count, or an estimate."""

    def __init__(self, request: ChatRequest) -> None:
        self._asked = sum(len(m.content) for m in request.messages)
        self._said = 0
        self._told: TokenUsage | None = None

    def text(self, text: str) -> None:
        self._said += len(text)

    def usage(self, usage: Any) -> None:  # noqa: ANN401 - upstreams leave fields out
        prompt = getattr(usage, "prompt_tokens", None)
        completion = getattr(usage, "completion_tokens", None)
        if isinstance(prompt, int) and isinstance(completion, int):
            self._told = TokenUsage(prompt=prompt, completion=completion)

    def result(self) -> TokenUsage:
        return self._told or TokenUsage(
            prompt=math.ceil(self._asked / CHARACTERS_A_TOKEN),
            completion=math.ceil(self._said / CHARACTERS_A_TOKEN),
        )


class UpstreamSpeech(_Upstream):
    """A voice elsewhere."""

    def cannot(self, request: SpeechRequest) -> tuple[str, ...]:
        """Everything but voice and speed; a style only where `instructions` are understood."""
        known = {"voice", "speed"} | ({"style"} if self._config.instructions else set())
        return tuple(sorted(set_by_caller(request) - known))

    async def answer(self, request: SpeechRequest, model: str) -> AsyncGenerator[AudioChunk, None]:
        """Speak; raw 16-bit samples are asked for, so that nothing has to be unpacked."""
        rate = self._config.sample_rate
        size = 2 * round(CHUNK_SECONDS * rate)
        made = 0
        async with (
            told(self._name, self._config),
            self._client.audio.speech.with_streaming_response.create(
                **self._body(request, model)
            ) as response,
        ):
            if "json" in (kind := response.headers.get("content-type", "")) or "text" in kind:
                raise garbage(self._name)
            rest = b""
            async for data in response.iter_bytes(size):
                whole = rest + data
                rest = whole[len(whole) & ~1 :]
                integers = np.frombuffer(whole[: len(whole) & ~1], "<i2")
                samples = integers.astype(np.float32) / np.float32(32768)
                if len(samples):
                    yield AudioChunk(samples=samples, sample_rate=rate, start=made / rate)
                    made += len(samples)
        if not made:
            raise EngineError(f"Engine '{self._name}' answered without a sound.")

    def _body(self, request: SpeechRequest, model: str) -> dict[str, Any]:
        config = self._config
        voice = request.voice or config.default_voice or next(iter(config.voices), "alloy")
        body: dict[str, Any] = {
            "model": model,
            "input": request.text,
            "voice": config.voices.get(voice, voice),
            "response_format": "pcm",
        }
        if request.speed != 1.0:
            body["speed"] = request.speed
        if request.style and config.instructions:
            body["instructions"] = f"Speak in a style that is {request.style}."
        return body


class UpstreamTranscription(_Upstream):
    """A recogniser elsewhere."""

    def cannot(self, request: TranscriptionRequest) -> tuple[str, ...]:
        """Nothing: the request is made of published parameters."""
        return ()

    async def answer(
        self, request: TranscriptionRequest, model: str
    ) -> AsyncGenerator[Transcript, None]:
        """Write it down, with times where the upstream tells them."""
        async with told(self._name, self._config):
            heard: Any = await self._client.audio.transcriptions.create(
                **self._body(request, model)
            )
        if not isinstance(getattr(heard, "text", None), str):
            raise garbage(self._name)
        yield _transcript(heard, request)

    def _body(self, request: TranscriptionRequest, model: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "file": (_file_name(request.audio), request.audio),
            "model": model,
            "response_format": "json",
        }
        if self._config.timestamps:
            body["response_format"] = "verbose_json"
            body["timestamp_granularities"] = ["word", "segment"]
        said = {
            "language": request.language,
            "prompt": request.prompt,
            "temperature": request.temperature,
        }
        return body | {name: value for name, value in said.items() if value is not None}


def _transcript(heard: Any, request: TranscriptionRequest) -> Transcript:  # noqa: ANN401 - upstreams leave fields out
    seconds = getattr(heard, "duration", None)
    return Transcript(
        text=heard.text.strip(),
        language=getattr(heard, "language", None) or request.language or "",
        seconds=float(seconds) if seconds is not None else _length(request.audio),
        segments=tuple(
            Segment(text=s.text.strip(), start=s.start, end=s.end)
            for s in getattr(heard, "segments", None) or ()
        ),
        words=tuple(
            WordTiming(text=w.word.strip(), start=w.start, end=w.end)
            for w in getattr(heard, "words", None) or ()
        ),
    )


def _length(audio: bytes) -> float:
    import soundfile

    try:
        return float(soundfile.info(io.BytesIO(audio)).duration)
    except (soundfile.SoundFileError, RuntimeError):
        return 0.0


_MAGIC = ((b"RIFF", "wav"), (b"fLaC", "flac"), (b"OggS", "ogg"), (b"ID3", "mp3"), (b"\xff", "mp3"))


def _file_name(audio: bytes) -> str:
    """Upstreams tell the format by the suffix."""
    for start, suffix in _MAGIC:
        if audio.startswith(start):
            return f"audio.{suffix}"
    return "audio.m4a" if audio[4:8] == b"ftyp" else "audio.wav"
