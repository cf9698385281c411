"""Routes for asking for a key, and for answering.

Knows: `/v1/access/...` of applicants and `/v1/admin/access/requests` of administrators.
Refuses to know: pages, and how requests are kept.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request

from voxhaus.products.server.access.administrator import Administrator, Reception
from voxhaus.products.server.access.answering import Answering
from voxhaus.products.server.access.applicant import Desk
from voxhaus.products.server.access.bodies import (
    Approve,
    AskForKey,
    Refuse,
    key_body,
    list_body,
    own_request_body,
    request_body,
)

RequestId = Annotated[str, Path(min_length=1, max_length=60)]
State = Literal["pending", "approved", "refused", "collected"]


def applicants_router(desk: Desk) -> APIRouter:
    """Routes for everybody."""
    routes = APIRouter(prefix="/v1/access", tags=["access"], route_class=Answering)

    def now() -> int:
        return int(desk.store.clock())

    @routes.post("/requests", status_code=201)
    def ask(request: Request, body: AskForKey) -> dict[str, Any]:
        """Ask for a key. `token` is in this answer and nowhere else: it shows the answer."""
        made = desk.ask(
            request, name=body.name, email=body.email, reason=body.reason, models=body.models
        )
        shown = own_request_body(made.request, now())
        return {**shown, "token": made.token, "path": f"/access/{made.token}"}

    @routes.get("/request")
    def look(request: Request) -> dict[str, Any]:
        """See whether a request was answered; send its token as 'Authorization: Bearer TOKEN'."""
        return own_request_body(desk.look(request, desk.token_of(request)), now())

    @routes.post("/request/key")
    def collect(request: Request) -> dict[str, Any]:
        """Pick up the key of an approved request, once; send the token as above."""
        made = desk.collect(request, desk.token_of(request))
        return key_body(made.key, now(), made.secret)

    return routes


def administrators_router(reception: Reception) -> APIRouter:
    """Routes for administrators."""
    routes = APIRouter(
        prefix="/v1/admin/access/requests",
        tags=["administration"],
        route_class=Answering,
    )
    requests = reception.store.requests
    Admin = Annotated[Administrator, Depends(reception.administrator)]

    @routes.get("")
    def list_requests(
        admin: Admin,
        state: State | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        """List requests: those that wait the oldest first, else the newest first."""
        found = requests.all(state, limit + 1)
        return list_body([request_body(r) for r in found[:limit]], has_more=len(found) > limit)

    @routes.post("/{request_id}/approve")
    def approve(admin: Admin, request_id: RequestId, body: Approve) -> dict[str, Any]:
        """Say yes. The applicant picks the key up by their link."""
        return request_body(
            requests.approve(request_id, body.terms(), actor=admin.actor, answer=body.answer)
        )

    @routes.post("/{request_id}/refuse")
    def refuse(admin: Admin, request_id: RequestId, body: Refuse) -> dict[str, Any]:
        """Say no, and why."""
        return request_body(requests.refuse(request_id, reason=body.reason, actor=admin.actor))

    return routes
