"""Pages for applicants, and the door to the administrator's.

Knows: `/access`, `/access/TOKEN`, `/admin/enter/TOKEN` and signing out.
Refuses to know: what administrators do then (`admin_pages`).
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.routing import APIRoute

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.products.server.access.administrator import (
    COOKIE,
    CSRF_FIELD,
    Reception,
    check_csrf,
)
from voxhaus.products.server.access.answering import told
from voxhaus.products.server.access.applicant import Desk
from voxhaus.products.server.access.forms import Form, read_form
from voxhaus.products.server.access.render import WEB, page, protect
from voxhaus.products.server.errors import ApiError

SEE_OTHER = 303
NO_FORM = Form({})
Filled = Annotated[Form, Depends(read_form)]


class Paged(APIRoute):
    """A route whose failures are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, with its failures shown."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return protect(await handle(request))
            except VoxhausError as error:
                return protect(failure(request, told(error)))

        return handled


def failure(request: Request, error: ApiError) -> Response:
    """The page of an error."""
    if error.status == 401:
        return page(request, "access/sign_in.html", 401, used=False)
    response = page(request, "access/error.html", error.status, message=str(error))
    response.headers.update(error.headers())
    return response


def router(desk: Desk, reception: Reception) -> APIRouter:
    """The pages."""
    routes = APIRouter(route_class=Paged, include_in_schema=False)
    store, sessions = desk.store, desk.store.sessions

    def asking(request: Request, form: Form, message: str = "", status: int = 200) -> Response:
        return page(
            request,
            "access/ask.html",
            status,
            open=desk.settings.requests_open,
            offered=list(desk.settings.offered()),
            form=form,
            message=message,
        )

    @routes.get("/web/voxhaus.css")
    def style() -> Response:
        caching = {"Cache-Control": "public, max-age=3600"}
        return FileResponse(WEB / "voxhaus.css", media_type="text/css", headers=caching)

    @routes.get("/access")
    def form_for_a_key(request: Request) -> Response:
        return asking(request, NO_FORM)

    @routes.post("/access")
    def ask(request: Request, form: Filled) -> Response:
        reception.check_origin(request)
        try:
            made = desk.ask(
                request,
                name=form.one("name"),
                email=form.one("email"),
                reason=form.one("reason"),
                models=form.listed("models"),
            )
        except InputError as error:
            # What was written stays in the form.
            return asking(request, form, str(error), told(error).status)
        return RedirectResponse(f"/access/{made.token}", SEE_OTHER)

    @routes.get("/access/{token}")
    def state_of_a_request(request: Request, token: str) -> Response:
        found = desk.look(request, token)
        ready = found.can_be_collected(int(store.clock()))
        return page(request, "access/request.html", asked=found, ready=ready, token=token)

    @routes.post("/access/{token}")
    def collect(request: Request, token: str) -> Response:
        reception.check_origin(request)
        made = desk.collect(request, token)
        back = f"/access/{token}"
        return page(request, "access/key.html", key=made.key, secret=made.secret, back=back)

    @routes.get("/admin/enter/{token}")
    def door(request: Request, token: str) -> Response:
        # A page with a button: a program that looks at links must not use them up.
        return page(request, "access/enter.html", token=token)

    @routes.post("/admin/enter/{token}")
    def enter(request: Request, token: str) -> Response:
        reception.check_origin(request)
        desk.check_tries(request)
        opened = sessions.enter(token)
        if opened is None:
            return page(request, "access/sign_in.html", 403, used=True)
        response = RedirectResponse("/admin", SEE_OTHER)
        reception.set_cookie(response, request, opened)
        return response

    @routes.post("/admin/leave")
    def leave(request: Request, form: Filled) -> Response:
        reception.check_origin(request)
        admin = reception.by_cookie(request)
        if admin is not None:
            check_csrf(admin, form.one(CSRF_FIELD))
            sessions.leave(request.cookies[COOKIE])
        response = RedirectResponse("/access", SEE_OTHER)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return routes
