"""Routes of administrators: keys and the audit log.

Knows: `/v1/admin/keys` and `/v1/admin/audit`.
Refuses to know: how an administrator is recognised, and how keys are kept.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from voxhaus.products.server.access.administrator import Administrator, Reception
from voxhaus.products.server.access.answering import Answering
from voxhaus.products.server.access.bodies import (
    CreateKey,
    RotateKey,
    entry_body,
    key_body,
    list_body,
)
from voxhaus.products.store.audit import MAX_ENTRIES

KeyId = Annotated[str, Path(min_length=1, max_length=60)]


def router(reception: Reception) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/admin", tags=["administration"], route_class=Answering)
    store = reception.store
    Admin = Annotated[Administrator, Depends(reception.administrator)]

    def now() -> int:
        return int(store.clock())

    @routes.get("/keys")
    def list_keys(admin: Admin) -> dict[str, Any]:
        """List all keys, the newest first."""
        return list_body([key_body(k, now()) for k in store.keys.all()])

    @routes.post("/keys", status_code=201)
    def create_key(admin: Admin, body: CreateKey) -> dict[str, Any]:
        """Make a key. Its secret, `value`, is in this answer and nowhere else."""
        made = store.keys.create(
            name=body.name, owner=body.owner, terms=body.terms(), actor=admin.actor
        )
        return key_body(made.key, now(), made.secret)

    @routes.post("/keys/{key_id}/rotate")
    def rotate_key(admin: Admin, key_id: KeyId, body: RotateKey | None = None) -> dict[str, Any]:
        """Give a key a new secret; the old one works for a while."""
        grace = (body or RotateKey()).grace_seconds
        made = store.keys.rotate(key_id, grace=grace, actor=admin.actor)
        return key_body(made.key, now(), made.secret)

    @routes.post("/keys/{key_id}/revoke")
    def revoke_key(admin: Admin, key_id: KeyId) -> dict[str, Any]:
        """End a key at once."""
        return key_body(store.keys.revoke(key_id, actor=admin.actor), now())

    @routes.get("/audit")
    def read_audit(
        admin: Admin,
        limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES - 1)] = 100,
        before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    ) -> dict[str, Any]:
        """Who did what, the latest first; `before` is the id of the last entry that was seen."""
        entries = store.audit.entries(limit + 1, before)
        shown = [entry_body(e) for e in entries[:limit]]
        return list_body(shown, has_more=len(entries) > limit)

    return routes
