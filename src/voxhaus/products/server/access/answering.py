"""How routes of access answer when something cannot be done.

Knows: which status each of the store's refusals has.
Refuses to know: the routes, and how an error is written (the application does that).
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from voxhaus.core.errors import VoxhausError
from voxhaus.products.server.errors import ApiError, as_api_error
from voxhaus.products.store.failures import FullError, NoSuchError, StoreError, TooLateError


def told(error: VoxhausError) -> ApiError:
    """A refusal of the store as an answer."""
    param = getattr(error, "param", None)
    match error:
        case NoSuchError():
            return ApiError(404, str(error), code="not_found", param=param)
        case TooLateError():
            return ApiError(409, str(error), code="conflict", param=param)
        case FullError():
            return ApiError(429, str(error), code="too_many_requests", retry_after=3600)
        case StoreError():
            return ApiError(503, str(error), code="store_unavailable", retry_after=5)
    return as_api_error(error)


class Answering(APIRoute):
    """A route of the API whose failures are all ApiErrors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, with its failures told."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response = await handle(request)
            except VoxhausError as error:
                raise told(error) from error
            # Answers here can hold keys, and are nobody's business in between.
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return handled
