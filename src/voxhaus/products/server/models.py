"""Lists: which models and voices there are.

Knows: the published list of models, and the two lists that Open WebUI reads.
Refuses to know: where models come from.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from voxhaus.products.orchestrator.contract import ModelInfo
from voxhaus.products.server import failures
from voxhaus.products.server.desk import Desk, Knock
from voxhaus.products.server.errors import ApiError


class Model(BaseModel):
    """A model or route, as published; `task`, `local` and `ready` are ours."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    task: str
    local: bool
    ready: bool


class ModelList(BaseModel):
    """All that this caller may use."""

    object: str = "list"
    data: list[Model]


class Named(BaseModel):
    """Something to choose, as Open WebUI reads it."""

    id: str
    name: str


class VoiceNamed(Named):
    """A voice; all but id and name is ours."""

    model: str
    sex: str
    accent: str
    language: str
    styles: list[str]


class Voices(BaseModel):
    """Voices of all speech models."""

    voices: list[VoiceNamed]


class SpeechModels(BaseModel):
    """Models that speak."""

    models: list[Named]


_TOLD: dict[int | str, dict[str, Any]] = failures.DOCUMENTED


def router(desk: Desk) -> APIRouter:
    """The routes, for a desk."""
    made = APIRouter(tags=["models"])

    @made.get("/v1/models", responses=_TOLD)
    async def list_models(request: Request) -> ModelList:
        """List the models and routes that the caller may use."""
        return await listed(desk, request)

    @made.get("/v1/models/{model:path}", responses=_TOLD)
    async def retrieve_model(request: Request, model: str) -> Model:
        """Describe one of them."""
        return await described(desk, request, model)

    return made


def open_lists(desk: Desk) -> APIRouter:
    """The two lists that Open WebUI asks for without a key; nothing in them needs one."""
    made = APIRouter(tags=["models"])

    @made.get("/v1/audio/voices", responses=_TOLD)
    async def list_voices(model: str | None = None) -> Voices:
        """List the voices, of one model or of all."""
        return Voices(voices=_voices(desk.conductor.models(), model))

    @made.get("/v1/audio/models", responses=_TOLD)
    async def list_speech_models() -> SpeechModels:
        """List the models that speak."""
        ids = dict.fromkeys(m.id for m in desk.conductor.models() if m.task == "speech")
        return SpeechModels(models=[Named(id=i, name=i) for i in ids])

    return made


async def listed(desk: Desk, request: Request) -> ModelList:
    """The list for whoever asks."""
    caller = (await desk.admitted(Knock.of(request))).caller
    # A route and a model, or two tasks, may share a name; clients want each id once.
    by_id = {m.id: m for m in reversed(desk.conductor.models(caller))}
    return ModelList(data=[_model(m) for m in reversed(by_id.values())])


async def described(desk: Desk, request: Request, name: str) -> Model:
    """One model.

    Raises:
        ApiError: 404, there is none of that name for this caller.
    """
    caller = (await desk.admitted(Knock.of(request))).caller
    for model in desk.conductor.models(caller):
        if model.id == name:
            return _model(model)
    message = f"The model '{name}' does not exist or you do not have access to it."
    raise ApiError(404, message, param="model", code="model_not_found")


def _model(model: ModelInfo) -> Model:
    return Model(
        id=model.id,
        created=model.created,
        owned_by=model.owner,
        task=model.task,
        local=model.local,
        ready=model.ready,
    )


def _voices(models: Iterable[ModelInfo], only: str | None) -> list[VoiceNamed]:
    found: dict[str, VoiceNamed] = {}
    for model in models:
        if model.task == "speech" and only in (None, model.id):
            for v in model.voices:
                voice = VoiceNamed(
                    id=v.id,
                    name=v.name,
                    model=model.id,
                    sex=v.sex,
                    accent=v.accent,
                    language=v.language,
                    styles=list(v.styles),
                )
                found.setdefault(v.id, voice)
    return list(found.values())
