"""Pages for administrators: requests, keys and the audit log.

Knows: `/admin`, `/admin/keys` and `/admin/audit`, and their forms.
Refuses to know: how an administrator is recognised, and how anything is kept.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from voxhaus.core.errors import InputError
from voxhaus.products.server.access.administrator import (
    CSRF_FIELD,
    Administrator,
    Reception,
    check_csrf,
)
from voxhaus.products.server.access.forms import Form
from voxhaus.products.server.access.pages import NO_FORM, SEE_OTHER, Filled, Paged
from voxhaus.products.server.access.render import page
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.clock import HOUR
from voxhaus.products.store.keys import SCOPES, USUAL_SCOPES, NewKey

SHOWN = 100


def router(reception: Reception) -> APIRouter:
    """The pages."""
    routes = APIRouter(prefix="/admin", route_class=Paged, include_in_schema=False)
    store = reception.store

    def signed_in(request: Request) -> Administrator:
        admin = reception.by_cookie(request)
        if admin is None:
            raise ApiError(401, "", code="invalid_session")
        return admin

    def changing(request: Request, form: Filled) -> Administrator:
        admin = signed_in(request)
        reception.check_origin(request)
        check_csrf(admin, form.one(CSRF_FIELD))
        return admin

    Reader = Annotated[Administrator, Depends(signed_in)]
    Changer = Annotated[Administrator, Depends(changing)]

    def requests_page(request: Request, admin: Administrator, message: str = "") -> Response:
        decided = [r for r in store.requests.all(limit=SHOWN) if r.state != "pending"]
        return page(
            request,
            "access/requests.html",
            400 if message else 200,
            csrf=admin.csrf,
            waiting=store.requests.all("pending", SHOWN),
            decided=decided,
            scopes=[(s, s in USUAL_SCOPES) for s in SCOPES if s != "admin"],
            message=message,
        )

    def keys_page(
        request: Request,
        admin: Administrator,
        message: str = "",
        made: NewKey | None = None,
        form: Form = NO_FORM,
    ) -> Response:
        now = int(store.clock())
        return page(
            request,
            "access/keys.html",
            400 if message else 200,
            csrf=admin.csrf,
            keys=[(k, k.state(now), store.usage.spent(k.id)) for k in store.keys.all()[:SHOWN]],
            scopes=[(s, s in USUAL_SCOPES) for s in SCOPES],
            made=made,
            form=form,
            message=message,
        )

    @routes.get("")
    def requests(request: Request, admin: Reader) -> Response:
        return requests_page(request, admin)

    @routes.post("/requests/{request_id}/approve")
    def approve(request: Request, admin: Changer, form: Filled, request_id: str) -> Response:
        try:
            terms = form.terms(int(store.clock()))
            answer = form.one("answer")
            store.requests.approve(request_id, terms, actor=admin.actor, answer=answer)
        except InputError as error:
            return requests_page(request, admin, str(error))
        return RedirectResponse("/admin", SEE_OTHER)

    @routes.post("/requests/{request_id}/refuse")
    def refuse(request: Request, admin: Changer, form: Filled, request_id: str) -> Response:
        try:
            store.requests.refuse(request_id, reason=form.one("reason"), actor=admin.actor)
        except InputError as error:
            return requests_page(request, admin, str(error))
        return RedirectResponse("/admin", SEE_OTHER)

    @routes.get("/keys")
    def keys(request: Request, admin: Reader) -> Response:
        return keys_page(request, admin)

    @routes.post("/keys")
    def create(request: Request, admin: Changer, form: Filled) -> Response:
        try:
            made = store.keys.create(
                name=form.one("name"),
                owner=form.one("owner"),
                terms=form.terms(int(store.clock())),
                actor=admin.actor,
            )
        except InputError as error:
            return keys_page(request, admin, str(error), form=form)
        # No redirect: the secret exists in this answer only.
        return keys_page(request, admin, made=made)

    @routes.post("/keys/{key_id}/rotate")
    def rotate(request: Request, admin: Changer, form: Filled, key_id: str) -> Response:
        try:
            hours = form.number("grace_hours") or 0.0
            made = store.keys.rotate(key_id, grace=round(hours * HOUR), actor=admin.actor)
        except InputError as error:
            return keys_page(request, admin, str(error))
        return keys_page(request, admin, made=made)

    @routes.post("/keys/{key_id}/revoke")
    def revoke(request: Request, admin: Changer, form: Filled, key_id: str) -> Response:
        try:
            store.keys.revoke(key_id, actor=admin.actor)
        except InputError as error:
            return keys_page(request, admin, str(error))
        return RedirectResponse("/admin/keys", SEE_OTHER)

    @routes.get("/audit")
    def audit(request: Request, admin: Reader, before: str = "") -> Response:
        latest = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
        entries = store.audit.entries(SHOWN + 1, latest)
        shown = entries[:SHOWN]
        more = shown[-1].id if len(entries) > SHOWN else None
        return page(request, "access/audit.html", csrf=admin.csrf, entries=shown, more=more)

    return routes
