"""Everything that can go wrong before a route answers, in the published shape.

Knows: what FastAPI and Starlette raise, and what it means for the caller.
Refuses to know: what the routes do. Which status a failure of ours has is `errors.py`'s matter.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from voxhaus.core.errors import VoxhausError
from voxhaus.products.server.errors import TYPES, ApiError, as_api_error
from voxhaus.products.server.parameters import UNSUPPORTED, unsupported


class ErrorFields(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(extra="forbid")
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The published error object."""

    model_config = ConfigDict(extra="forbid")
    error: ErrorFields


# For the OpenAPI document: any request can be refused, and any can fail.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "Refused; the message says why."},
    "5XX": {"model": ErrorBody, "description": "Failed, or too much to do; see Retry-After."},
}


def answer(error: VoxhausError, headers: dict[str, str] | None = None) -> JSONResponse:
    """A failure as a response."""
    told = as_api_error(error)
    return JSONResponse(told.body(), told.status, headers={**(headers or {}), **told.headers()})


def unexpected() -> ApiError:
    """What a caller learns of an exception that nobody foresaw: nothing."""
    return ApiError(500, "Something went wrong in the server; its log says what.")


def install(app: FastAPI) -> None:
    """Answer every exception of a kind that is foreseen."""
    app.add_exception_handler(VoxhausError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VoxhausError)
    return answer(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return answer(of_validation(error.errors()))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        told = ApiError(404, f"Unknown request URL: {request.method} {request.url.path}.")
        told.code = "unknown_url"
    elif error.status_code == 405:
        headers["Allow"] = _allowed(request, headers.get("Allow", ""))
        message = f"Not allowed to {request.method} on {request.url.path}."
        told = ApiError(405, message, code="method_not_allowed")
    else:
        known = 500 if error.status_code >= 500 else 400
        status = error.status_code if error.status_code in TYPES else known
        told = ApiError(status, f"{str(error.detail).rstrip('.')}.")
    return answer(told, headers)


def _allowed(request: Request, known: str) -> str:
    """All methods of a path. Starlette names those of the first route that fits it only."""
    methods = {m for m in known.split(", ") if m}
    for template, operations in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.url.path):
            methods |= {m.upper() for m in operations}
    return ", ".join(sorted(methods))


def of_validation(errors: Sequence[Any]) -> ApiError:
    """The first of several things that are wrong with a request, by the name of its parameter."""
    # Where one of several shapes was expected, the one that was read furthest is the one meant.
    first = max(errors, key=lambda e: len(e["loc"]))
    where = [str(p) for p in first["loc"]]
    kind = first["type"]
    if kind == "json_invalid":
        reason = first["ctx"]["error"].rstrip(".")
        return ApiError(400, f"The body is not valid JSON: {reason}.", code="invalid_json")
    param = _path(where[1:]) or None
    if kind == "missing":
        named = f"'{param}'" if param else "body"
        message = f"Missing required parameter: {named}."
        return ApiError(400, message, param=param, code="missing_required_parameter")
    if kind == "extra_forbidden" and param in UNSUPPORTED:
        return unsupported(param)
    if kind == "extra_forbidden":
        return ApiError(
            400, f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter"
        )
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    message = f"Invalid value for '{param}': {said}." if param else f"Invalid body: {said}."
    return ApiError(400, message, param=param, code="invalid_value")


def _path(parts: Sequence[str]) -> str:
    """`messages[0].content`, as the published errors write it."""
    text = ""
    for part in parts:
        # Pydantic names the branch of a union that it tried, which is no part of the parameter.
        if part.isdigit():
            text += f"[{part}]"
        elif part.isidentifier() and part.islower() and part not in _BRANCHES:
            text += f".{part}" if text else part
    return text


_BRANCHES = frozenset({"str", "list", "int", "float", "bool", "dict", "function"})
