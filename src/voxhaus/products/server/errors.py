"""Errors as the published API shapes them.

Knows: the error object with its four fields, and which status and type each kind of failure has.
Refuses to know: what was asked for.

Source: OpenAI's API reference, "Error codes"; Azure OpenAI answers in the same shape.
"""

import math

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.products.orchestrator.contract import BusyError, EngineError, UnknownModelError

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    409: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    502: "server_error",
    503: "server_error",
    504: "server_error",
}


class ApiError(VoxhausError):
    """An answer that is an error.

    Attributes:
        status: HTTP status, one of TYPES.
        code: machine-readable, or None.
        param: the offending parameter, or None.
        retry_after: whole seconds, for the header of that name.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))

    def body(self) -> dict[str, dict[str, str | None]]:
        """The published error object."""
        return {
            "error": {
                "message": str(self),
                "type": TYPES[self.status],
                "param": self.param,
                "code": self.code,
            }
        }

    def headers(self) -> dict[str, str]:
        """Headers that belong to it."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


def as_api_error(error: VoxhausError) -> ApiError:
    """Any failure of ours as an answer."""
    match error:
        case ApiError():
            return error
        case InputError():
            return ApiError(400, str(error), param=error.param)
        case UnknownModelError():
            return ApiError(404, str(error), code="model_not_found", param="model")
        case BusyError():
            return ApiError(503, str(error), code="overloaded", retry_after=error.retry_after or 1)
        case EngineError():
            return ApiError(502, str(error), code="engine_error", retry_after=error.retry_after)
    return ApiError(500, str(error))
