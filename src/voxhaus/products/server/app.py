"""The application: every route behind one door.

Knows: which parts it is put together from.
Refuses to know: what they do, and where it listens (`running.py`).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from voxhaus.products.orchestrator.contract import Conductor
from voxhaus.products.server import (
    azure,
    chat,
    failures,
    health,
    models,
    responses,
    speech,
    transcriptions,
)
from voxhaus.products.server.desk import Desk
from voxhaus.products.server.gate import Gate
from voxhaus.products.server.metrics import Metrics
from voxhaus.products.server.observing import Observed
from voxhaus.products.server.places import Places
from voxhaus.products.server.settings import ServerSettings

_PARTS = (models, speech, transcriptions, chat, responses, azure)

# For the OpenAPI document only: the gate reads the headers itself, and judges.
_KEYS = [
    Security(HTTPBearer(scheme_name="bearer", auto_error=False)),
    Security(APIKeyHeader(name="api-key", scheme_name="api-key", auto_error=False)),
]


def create_app(
    *,
    conductor: Conductor,
    gate: Gate,
    settings: ServerSettings | None = None,
    routers: Sequence[APIRouter] = (),
    metrics: Metrics | None = None,
) -> FastAPI:
    """An application, ready to be served; at its end it closes the conductor.

    Args:
        conductor: who has the work done.
        gate: who watches the door.
        settings: limits.
        routers: further routes, of the store and of rollouts.
        metrics: the figures, if somebody else counts in them too.
    """
    desk = new_desk(conductor=conductor, gate=gate, settings=settings, metrics=metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await conductor.close()

    app = FastAPI(
        title="Voxhaus",
        summary="Speech and text models of your own, in the shape of OpenAI's API.",
        version=metadata.version("voxhaus"),
        lifespan=lifespan,
        # Their pages would fetch scripts from a content network.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect has no error object
        # Newer versions would trace every request a second time, and log what exceptions say.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.desk = desk
    for part in _PARTS:
        app.include_router(part.router(desk), dependencies=_KEYS)
    app.include_router(models.open_lists(desk))
    app.include_router(health.router(desk))
    for router in routers:
        app.include_router(router, responses=failures.DOCUMENTED)
    failures.install(app)
    app.add_middleware(Observed, metrics=desk.metrics, settings=desk.settings)
    return app


def new_desk(
    *,
    conductor: Conductor,
    gate: Gate,
    settings: ServerSettings | None = None,
    metrics: Metrics | None = None,
) -> Desk:
    """What all routes, and Home Assistant's port, share."""
    chosen = settings or ServerSettings()
    places = Places(chosen.concurrent, chosen.waiting, chosen.wait_seconds)
    return Desk(
        conductor=conductor,
        gate=gate,
        settings=chosen,
        metrics=metrics or Metrics(),
        places=places,
    )
