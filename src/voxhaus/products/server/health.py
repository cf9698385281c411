"""For machines that watch: alive, ready, figures.

Knows: the three routes, and who may read the figures.
Refuses to know: what is counted.
"""

import ipaddress
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from voxhaus.products.server import failures, metrics
from voxhaus.products.server.desk import Desk, Knock
from voxhaus.products.server.errors import ApiError

_TOLD: dict[int | str, dict[str, Any]] = failures.DOCUMENTED
_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Figures.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    **_TOLD,
}


class Health(BaseModel):
    """Whether the process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether requests can be served, and by how many of the models."""

    status: str = "ready"
    models: int
    ready: int


def router(desk: Desk) -> APIRouter:
    """The routes, for a desk."""
    made = APIRouter(tags=["operation"])

    @made.get("/healthz")
    async def alive() -> Health:
        """Say that the process answers."""
        return Health()

    @made.get("/readyz", responses=_TOLD)
    async def ready() -> Readiness:
        """Say whether a model is ready."""
        models = desk.conductor.models()
        count = sum(m.ready for m in models)
        if not count:
            raise ApiError(503, "No model is ready.", code="not_ready", retry_after=5)
        return Readiness(models=len(models), ready=count)

    @made.get("/metrics", responses=_PAGE, response_class=Response)
    async def figures(request: Request) -> Response:
        """Figures for Prometheus: from this machine, or with a key."""
        if not _from_here(request):
            await desk.admitted(Knock.of(request))
        return Response(desk.metrics.page(), media_type=metrics.CONTENT_TYPE)

    return made


def _from_here(request: Request) -> bool:
    try:
        return bool(request.client and ipaddress.ip_address(request.client.host).is_loopback)
    except ValueError:
        return False
