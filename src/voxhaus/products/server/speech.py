"""`/v1/audio/speech`: a text becomes a stream of sound.

Knows: the published parameters and ours, what becomes of instructions and foreign voices' names,
and both kinds of stream.
Refuses to know: how sound is made (the orchestrator has it made) or encoded (`audio_stream.py`).
"""

import asyncio
import base64
import math
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from voxhaus.core.audio_tags import Origin
from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.provenance import spoken_by
from voxhaus.core.speech import AudioChunk, SpeechRequest, VoiceInfo
from voxhaus.models.text.cast import cast
from voxhaus.models.text.markup import MAX_PITCH
from voxhaus.products.orchestrator.contract import Decision, ModelInfo
from voxhaus.products.server import audio_stream, failures
from voxhaus.products.server.bodies import JSON_ONLY, STRICT
from voxhaus.products.server.desk import Desk, Knock, Visit
from voxhaus.products.server.errors import ApiError
from voxhaus.products.server.instructions import understood
from voxhaus.products.server.streaming import EVENT_SCHEMA, EVENTS, Head, Made, Parts, event
from voxhaus.products.server.voices import stand_in

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

# How `usage` is counted. No token is charged for here; the figures keep the order of magnitude that
# dashboards made for OpenAI's expect: four bytes a token of text, 50 ms a token of sound.
BYTES_A_TOKEN, TOKENS_A_SECOND = 4, 20

_SAMPLE_RATE_WITHOUT_SOUND = 24_000


class VoiceId(BaseModel):
    """A voice by its id."""

    model_config = STRICT
    id: str = Field(min_length=1, max_length=200)


class SpeechBody(BaseModel):
    """What is to be spoken. `style`, `pitch`, `seed` and `timestamps` are ours."""

    model_config = ConfigDict(**STRICT, title="CreateSpeechRequest")
    model: str = Field(min_length=1, max_length=200)
    input: str = Field(min_length=1, description="Plain text, the project's markup, or SSML.")
    voice: Annotated[str, Field(min_length=1, max_length=200)] | VoiceId | None = None
    instructions: str | None = Field(None, max_length=4096)
    response_format: Format = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] = "audio"
    style: str | None = Field(None, max_length=100, description="Ours: a style of the voice.")
    pitch: float = Field(0.0, ge=-MAX_PITCH, le=MAX_PITCH, description="Ours: semitones up.")
    seed: int = Field(0, ge=0, lt=2**63, description="Ours: the same seed, the same sound.")
    timestamps: bool = Field(
        False, description="Ours: with stream_format sse, an event tells when words are heard."
    )


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Sound, or events that carry it, while it is made.",
        "content": {
            **{
                t.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
                for t in audio_stream.MEDIA_TYPES.values()
            },
            EVENTS: {"schema": EVENT_SCHEMA},
        },
    },
    **failures.DOCUMENTED,
}


def router(desk: Desk) -> APIRouter:
    """The route, for a desk."""
    made = APIRouter(tags=["audio"])

    @made.post(
        "/v1/audio/speech",
        responses=ANSWERS,
        response_class=Made,
        status_code=200,
        dependencies=[JSON_ONLY],
    )
    async def create_speech(request: Request, body: SpeechBody) -> Made:
        """Speak a text."""
        return spoken(desk, request, body)

    return made


def spoken(desk: Desk, request: Request, body: SpeechBody) -> Made:
    """The answer to a request for speech, wherever it came in."""
    return Made(_parts(desk, request, body), seconds=desk.settings.request_seconds)


async def _parts(desk: Desk, request: Request, body: SpeechBody) -> Parts:
    _check(body, desk.settings.max_speech_characters)
    async with desk.visit(Knock.of(request), "speech", body.model) as visit:
        order = _order(body, _model(desk, visit, body.model))
        visit.ignored += order.ignored
        visit.taken["characters"] = len(body.input)
        question = desk.conductor.speak(order.request, visit.caller)
        async with visit.asking(question) as (decision, chunks):
            encoded = _encoded(_counted(chunks, visit, body), body, _origin(order, decision))
            headers = visit.headers(**order.told)
            if body.stream_format == "sse":
                yield Head(media_type=EVENTS, headers=headers)
                async for part in _events(encoded, body, visit):
                    yield part
                return
            type_ = audio_stream.MEDIA_TYPES[body.response_format]
            yield Head(media_type=type_, headers=headers)
            async for _, sound in encoded:
                if sound:
                    yield sound


def _check(body: SpeechBody, longest: int) -> None:
    if len(body.input) > longest:
        message = f"The input has {len(body.input)} characters; this server takes {longest}."
        raise ApiError(400, message, param="input", code="string_above_max_length")
    if body.timestamps and body.stream_format != "sse":
        raise InputError(
            "Timestamps come as events: set stream_format to 'sse'.", param="timestamps"
        )
    audio_stream.check(body.response_format)


def _model(desk: Desk, visit: Visit, name: str) -> ModelInfo | None:
    models = desk.conductor.models(visit.caller)
    return next((m for m in models if m.id == name and m.task == "speech"), None)


@dataclass(frozen=True, kw_only=True)
class _Order:
    """A request as the orchestrator takes it, and how it came about."""

    request: SpeechRequest
    voices: tuple[VoiceInfo, ...]
    ignored: list[str]
    told: dict[str, str]


def _order(body: SpeechBody, model: ModelInfo | None) -> _Order:
    voices = model.voices if model else ()
    wanted = body.voice.id if isinstance(body.voice, VoiceId) else body.voice
    voice = wanted and stand_in(wanted, voices)
    style, told, ignored = _style(body, voice, voices)
    if voice:
        told["voice"] = voice if voice == wanted else f"{voice} for {wanted}"
    request = SpeechRequest(
        text=body.input,
        model=body.model,
        voice=voice,
        style=style,
        speed=body.speed,
        pitch=body.pitch,
        seed=body.seed,
    )
    return _Order(request=request, voices=voices, ignored=ignored, told=told)


def _style(
    body: SpeechBody, voice: str | None, voices: tuple[VoiceInfo, ...]
) -> tuple[str | None, dict[str, str], list[str]]:
    """The style, what is told of it, and whether the instructions were of no use."""
    instructions = (body.instructions or "").strip()
    if not instructions:
        return body.style, {"style": body.style} if body.style else {}, []
    if body.style:
        told = {"style": body.style, "instructions_unused": instructions}
        return body.style, told, ["instructions"]
    reading = understood(instructions)
    unused, style = list(reading.unused), reading.style
    speaker = next((v for v in voices if v.id == (voice or voices[0].id)), None)
    if style and speaker and style not in speaker.styles:
        style, unused = None, [instructions]
    told = {"style": f"{style} from instructions"} if style else {}
    if unused:
        told["instructions_unused"] = "; ".join(unused)
    return style, told, [] if style else ["instructions"]


async def _counted(
    chunks: AsyncIterator[AudioChunk], visit: Visit, body: SpeechBody
) -> AsyncIterator[AudioChunk]:
    """Puts what was made into the books, chunk by chunk: a client may leave at any time."""
    visit.taken["input_tokens"] = input_tokens(body.input)
    async for chunk in chunks:
        seconds = visit.taken.get("audio_seconds", 0.0) + len(chunk.samples) / chunk.sample_rate
        visit.taken |= {"audio_seconds": seconds, "output_tokens": output_tokens(seconds)}
        yield chunk


async def _encoded(
    chunks: AsyncIterator[AudioChunk], body: SpeechBody, origin: Origin
) -> AsyncIterator[tuple[AudioChunk | None, bytes]]:
    """Each chunk with the bytes that can be sent after it, and at last the rest.

    Encoding runs in a thread: a sentence takes tens of milliseconds, and others are listening.
    """
    encoder = None
    async for chunk in chunks:
        if encoder is None:
            encoder = audio_stream.encoder(body.response_format, chunk.sample_rate, origin)
        yield chunk, await asyncio.to_thread(encoder.add, chunk.samples)
    if encoder is None:
        encoder = audio_stream.encoder(body.response_format, _SAMPLE_RATE_WITHOUT_SOUND, origin)
    yield None, await asyncio.to_thread(encoder.end)


async def _events(
    encoded: AsyncIterator[tuple[AudioChunk | None, bytes]], body: SpeechBody, visit: Visit
) -> AsyncIterator[bytes]:
    seconds = 0.0
    try:
        async for chunk, sound in encoded:
            if chunk is not None:
                seconds += len(chunk.samples) / chunk.sample_rate
            if chunk is not None and body.timestamps and chunk.words:
                yield _sent(_times(chunk))
            if sound:
                audio = base64.b64encode(sound).decode()
                yield _sent({"type": "speech.audio.delta", "audio": audio})
    except VoxhausError as error:
        # The status was sent long ago; clients look for an event with this field.
        yield event(visit.failed(error).body(), "error")
        return
    yield _sent({"type": "speech.audio.done", "usage": usage(body.input, seconds)})


def _sent(data: dict[str, Any]) -> bytes:
    return event(data, data["type"])


def _times(chunk: AudioChunk) -> dict[str, Any]:
    """When the words of a sentence are heard.

    Where a sentence is made in pieces, the first tells of all of it.
    """
    return {
        "type": "speech.audio.timestamps",
        "text": chunk.text,
        "start": round(chunk.words[0].start, 4),
        "end": round(chunk.words[-1].end, 4),
        "words": [
            {**asdict(w), "start": round(w.start, 4), "end": round(w.end, 4)} for w in chunk.words
        ],
    }


def input_tokens(text: str) -> int:
    """Tokens of a text, by the rule above."""
    return math.ceil(len(text.encode()) / BYTES_A_TOKEN)


def output_tokens(seconds: float) -> int:
    """Tokens of sound, by the rule above."""
    return math.ceil(round(seconds * TOKENS_A_SECOND, 6))


def usage(text: str, seconds: float) -> dict[str, int]:
    """The published object."""
    said, made = input_tokens(text), output_tokens(seconds)
    return {"input_tokens": said, "output_tokens": made, "total_tokens": said + made}


@dataclass(frozen=True)
class _Spoke:
    """What `spoken_by` asks of a model; routes do not tell versions."""

    name: str
    known: tuple[VoiceInfo, ...]
    version: str = "(version not told)"

    def voices(self) -> list[VoiceInfo]:
        return list(self.known)


def _origin(order: _Order, decision: Decision) -> Origin:
    """What the stream says of where it comes from."""
    default = order.request.voice or (order.voices[0].id if order.voices else "default")
    try:
        heard = cast(order.request.text, default)
    except InputError:  # an engine without our markup reads it as text
        heard = (default,)
    return spoken_by(_Spoke(decision.model, order.voices), heard).origin()
