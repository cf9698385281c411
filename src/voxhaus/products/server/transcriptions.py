"""`/v1/audio/transcriptions`: a recording is written down.

Knows: the uploaded form, and the five shapes of an answer.
Refuses to know: how anything is heard.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Path, Request, UploadFile

from voxhaus.core.hearing import Transcript, TranscriptionRequest
from voxhaus.products.orchestrator.contract import EngineError
from voxhaus.products.server import captions, failures
from voxhaus.products.server.bodies import FORM_ONLY
from voxhaus.products.server.desk import Desk, Knock, Visit
from voxhaus.products.server.errors import ApiError
from voxhaus.products.server.parameters import HARMLESS, UNSUPPORTED, unsupported
from voxhaus.products.server.streaming import EVENT_SCHEMA, EVENTS, Head, Made, Parts, event

Shape = Literal["json", "text", "srt", "vtt", "verbose_json"]
Grain = Literal["word", "segment"]

_KNOWN = {
    "file",
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "stream",
    "timestamp_granularities[]",
    "timestamp_granularities",
}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """An uploaded recording and what is wanted of it."""

    file: UploadFile
    model: str
    language: str | None
    prompt: str | None
    shape: Shape
    temperature: float | None
    grains: list[Grain]
    stream: bool

    def of(self, model: str) -> "Recording":
        """The same for another model."""
        return replace(self, model=model)


async def _fields(
    request: Request,
    file: Annotated[UploadFile, File(description="flac, mp3, ogg, opus or wav")],
    language: Annotated[str | None, Form(pattern="^[A-Za-z]{2,3}$")] = None,
    prompt: Annotated[str | None, Form(max_length=10_000)] = None,
    response_format: Annotated[Shape, Form()] = "json",
    temperature: Annotated[float | None, Form(ge=0, le=1, allow_inf_nan=False)] = None,
    timestamp_granularities: Annotated[
        list[Grain] | None, Form(alias="timestamp_granularities[]")
    ] = None,
    stream: Annotated[bool, Form()] = False,
) -> Recording:
    """The form.

    Raises:
        ApiError: it has a field that is not known, or fields that do not go together.
    """
    _check_fields(await request.form())
    if timestamp_granularities and response_format != "verbose_json":
        message = "'timestamp_granularities' needs response_format 'verbose_json'."
        raise ApiError(400, message, param="timestamp_granularities", code="invalid_value")
    if stream and response_format not in ("json", "text"):
        message = f"Streaming has no response_format '{response_format}'."
        raise ApiError(400, message, param="response_format", code="invalid_value")
    return Recording(
        file=file,
        model="",
        language=language,
        prompt=prompt,
        shape=response_format,
        temperature=temperature,
        grains=timestamp_granularities or ["segment"],
        stream=stream,
    )


_Fields = Annotated[Recording, Depends(_fields)]


async def uploaded(
    recording: _Fields, model: Annotated[str, Form(min_length=1, max_length=200)]
) -> Recording:
    """The form, as published."""
    return recording.of(model)


async def uploaded_to(
    deployment: Annotated[str, Path(max_length=200)],
    recording: _Fields,
    model: Annotated[str, Form(description="Of no meaning here.")] = "",
) -> Recording:
    """The form, as Azure has it: the deployment in the path is the model."""
    del model  # clients send it all the same
    return recording.of(deployment)


def _check_fields(form: Mapping[str, Any]) -> None:
    for name, value in form.items():
        plain = name.removesuffix("[]")
        if name in _KNOWN:
            continue
        if plain in UNSUPPORTED and value not in HARMLESS.get(plain, ()):
            raise unsupported(plain)
        if plain not in UNSUPPORTED:
            message = f"Unknown parameter: '{name}'."
            raise ApiError(400, message, param=name, code="unknown_parameter")


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What was heard.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/plain": {"schema": {"type": "string"}},
            "text/vtt": {"schema": {"type": "string"}},
            "application/x-subrip": {"schema": {"type": "string"}},
            EVENTS: {"schema": EVENT_SCHEMA},
        },
    },
    **failures.DOCUMENTED,
}


def heard(desk: Desk, request: Request, recording: Recording) -> Made:
    """The answer, wherever the request came in."""
    return Made(_parts(desk, request, recording), seconds=desk.settings.request_seconds)


async def _parts(desk: Desk, request: Request, recording: Recording) -> Parts:
    audio = await recording.file.read()
    if not audio:
        raise ApiError(400, "The file is empty.", param="file", code="invalid_value")
    asked = TranscriptionRequest(
        audio=audio,
        model=recording.model,
        language=recording.language,
        prompt=recording.prompt,
        temperature=recording.temperature,
    )
    async with desk.visit(Knock.of(request), "transcription", recording.model) as visit:
        question = desk.conductor.transcribe(asked, visit.caller)
        async with visit.asking(question) as (_, events):
            transcript = await anext(events, None)
            if transcript is None:
                raise EngineError("The engine heard nothing and did not say why.")
            visit.taken["audio_seconds"] = transcript.seconds
            for part in _answer(transcript, recording, visit):
                yield part


def _answer(transcript: Transcript, recording: Recording, visit: Visit) -> list[Head | bytes]:
    if recording.stream:
        sent = [event(e, e["type"]) for e in _events(transcript)]
        return [Head(media_type=EVENTS, headers=visit.headers()), *sent]
    match recording.shape:
        case "text":
            type_, text = "text/plain; charset=utf-8", transcript.text.strip() + "\n"
        case "srt":
            type_, text = "application/x-subrip; charset=utf-8", captions.srt(transcript)
        case "vtt":
            type_, text = "text/vtt; charset=utf-8", captions.vtt(transcript)
        case "json":
            type_, text = "application/json", _json(_short(transcript))
        case "verbose_json":
            type_, text = "application/json", _json(_verbose(transcript, recording.grains))
    data = text.encode()
    return [Head(media_type=type_, headers=visit.headers(), length=len(data)), data]


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _usage(transcript: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(transcript.seconds, 3)}


def _short(transcript: Transcript) -> dict[str, Any]:
    return {"text": transcript.text.strip(), "usage": _usage(transcript)}


def _verbose(transcript: Transcript, grains: list[Grain]) -> dict[str, Any]:
    """With times. Whisper's inner figures (`avg_logprob`, `tokens`, ...) are not told."""
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language,
        "duration": round(transcript.seconds, 3),
        "text": transcript.text.strip(),
        "usage": _usage(transcript),
    }
    if "segment" in grains:
        told["segments"] = [
            {"id": i, "start": s.start, "end": s.end, "text": s.text}
            for i, s in enumerate(captions.segments(transcript))
        ]
    if "word" in grains:
        told["words"] = [{"word": w.text, "start": w.start, "end": w.end} for w in transcript.words]
    return told


def _events(transcript: Transcript) -> list[dict[str, Any]]:
    """One delta a segment; engines hear a recording as a whole, so all come at once."""
    said = [s.text for s in captions.segments(transcript)]
    deltas = [{"type": "transcript.text.delta", "delta": t} for t in said]
    text = transcript.text.strip()
    done = {"type": "transcript.text.done", "text": text, "usage": _usage(transcript)}
    return [*deltas, done]


def router(desk: Desk) -> APIRouter:
    """The route, for a desk."""
    made = APIRouter(tags=["audio"])

    @made.post(
        "/v1/audio/transcriptions",
        responses=ANSWERS,
        response_class=Made,
        status_code=200,
        dependencies=[FORM_ONLY],
    )
    async def create_transcription(
        request: Request, recording: Annotated[Recording, Depends(uploaded)]
    ) -> Made:
        """Write a recording down."""
        return heard(desk, request, recording)

    return made
