"""The same routes where Azure's clients look for them.

Knows: deployments in the path, `api-version`, and the newer path without either.
Refuses to know: anything about models; a deployment's name is a model's.

Source: Azure OpenAI REST reference, data plane; version-less "v1" API of August 2025.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from voxhaus.products.server import chat, failures, models, responses, speech, transcriptions
from voxhaus.products.server.answering import ANSWERS
from voxhaus.products.server.bodies import FORM_ONLY, JSON_ONLY
from voxhaus.products.server.desk import Desk
from voxhaus.products.server.errors import ApiError
from voxhaus.products.server.streaming import Made

Version = Annotated[
    str | None, Query(alias="api-version", description="Any; the routes are the same in all.")
]
Deployment = Annotated[str, Path(max_length=200)]
_TOLD: dict[int | str, dict[str, Any]] = failures.DOCUMENTED


async def version(api_version: Version = None) -> None:
    """Refuse what names no version, with Azure's status and code.

    Raises:
        ApiError: 404.
    """
    if not api_version:
        message = "Resource not found: the query parameter 'api-version' is missing."
        raise ApiError(404, message, code="404", param="api-version")


async def any_version(api_version: Version = None) -> None:
    """Take a version, and do nothing with it."""


class DeployedSpeech(speech.SpeechBody):
    """The deployment in the path is the model."""

    model: str = ""


class DeployedChat(chat.ChatBody):
    """The deployment in the path is the model."""

    model: str = ""


def router(desk: Desk) -> APIRouter:
    """All routes, for a desk."""
    made = APIRouter()
    made.include_router(_deployments(desk))
    made.include_router(_shared(desk, "/openai", version))
    made.include_router(_shared(desk, "/openai/v1", any_version))
    made.include_router(_v1(desk))
    return made


def _deployments(desk: Desk) -> APIRouter:
    made = APIRouter(
        prefix="/openai/deployments/{deployment}", tags=["azure"], dependencies=[Depends(version)]
    )
    how: dict[str, Any] = {"response_class": Made, "status_code": 200, "responses": speech.ANSWERS}

    @made.post("/audio/speech", dependencies=[JSON_ONLY], **how)
    async def deployed_speech(
        request: Request, deployment: Deployment, body: DeployedSpeech
    ) -> Made:
        """Speak a text."""
        return speech.spoken(desk, request, body.model_copy(update={"model": deployment}))

    how = {"response_class": Made, "status_code": 200, "responses": ANSWERS}

    @made.post("/chat/completions", dependencies=[JSON_ONLY], **how)
    async def deployed_chat(request: Request, deployment: Deployment, body: DeployedChat) -> Made:
        """Answer a conversation."""
        return chat.completed(desk, request, body.model_copy(update={"model": deployment}))

    how = {"response_class": Made, "status_code": 200, "responses": transcriptions.ANSWERS}

    @made.post("/audio/transcriptions", dependencies=[FORM_ONLY], **how)
    async def deployed_transcription(
        request: Request,
        recording: Annotated[transcriptions.Recording, Depends(transcriptions.uploaded_to)],
    ) -> Made:
        """Write a recording down."""
        return transcriptions.heard(desk, request, recording)

    return made


def _shared(desk: Desk, prefix: str, versioned: Any) -> APIRouter:  # noqa: ANN401 - a dependency
    """What both generations of Azure's API have at the same place below their prefix."""
    made = APIRouter(prefix=prefix, tags=["azure"], dependencies=[Depends(versioned)])

    @made.get("/models", responses=_TOLD)
    async def azure_models(request: Request) -> models.ModelList:
        """List the models."""
        return await models.listed(desk, request)

    @made.get("/models/{model}", responses=_TOLD)
    async def azure_model(request: Request, model: str) -> models.Model:
        """Describe one."""
        return await models.described(desk, request, model)

    @made.post(
        "/responses",
        responses=ANSWERS,
        response_class=Made,
        status_code=200,
        dependencies=[JSON_ONLY],
    )
    async def azure_response(request: Request, body: responses.ResponseBody) -> Made:
        """Answer a conversation."""
        return responses.responded(desk, request, body)

    return made


def _v1(desk: Desk) -> APIRouter:
    made = APIRouter(prefix="/openai/v1", tags=["azure"], dependencies=[Depends(any_version)])
    how: dict[str, Any] = {"response_class": Made, "status_code": 200, "responses": speech.ANSWERS}

    @made.post("/audio/speech", dependencies=[JSON_ONLY], **how)
    async def azure_speech(request: Request, body: speech.SpeechBody) -> Made:
        """Speak a text."""
        return speech.spoken(desk, request, body)

    how = {"response_class": Made, "status_code": 200, "responses": ANSWERS}

    @made.post("/chat/completions", dependencies=[JSON_ONLY], **how)
    async def azure_chat(request: Request, body: chat.ChatBody) -> Made:
        """Answer a conversation."""
        return chat.completed(desk, request, body)

    how = {"response_class": Made, "status_code": 200, "responses": transcriptions.ANSWERS}

    @made.post("/audio/transcriptions", dependencies=[FORM_ONLY], **how)
    async def azure_transcription(
        request: Request,
        recording: Annotated[transcriptions.Recording, Depends(transcriptions.uploaded)],
    ) -> Made:
        """Write a recording down."""
        return transcriptions.heard(desk, request, recording)

    return made
