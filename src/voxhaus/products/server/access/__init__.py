"""Access: asking for keys, giving them, and seeing what was used.

Knows: which routers belong to it.
Refuses to know: the application that includes them, and how it writes errors.
"""

from fastapi import APIRouter

from voxhaus.products.server.access import (
    admin_pages,
    key_routes,
    pages,
    request_routes,
    usage_routes,
)
from voxhaus.products.server.access.administrator import Reception
from voxhaus.products.server.access.applicant import Desk
from voxhaus.products.server.access.gate import Gate
from voxhaus.products.server.access.settings import AccessSettings
from voxhaus.products.store.store import Store


def routers(store: Store, gate: Gate, settings: AccessSettings | None = None) -> list[APIRouter]:
    """All routes of access. Their VoxhausErrors are the application's to answer and document."""
    chosen = settings or AccessSettings()
    desk, reception = Desk(store, chosen), Reception(store=store, gate=gate, settings=chosen)
    return [
        request_routes.applicants_router(desk),
        request_routes.administrators_router(reception),
        key_routes.router(reception),
        usage_routes.router(reception),
        pages.router(desk, reception),
        admin_pages.router(reception),
    ]
