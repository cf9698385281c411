"""What every JSON body has in common.

Knows: what becomes of unknown parameters, and that JSON must say that it is JSON.
Refuses to know: any single parameter.
"""

from fastapi import Depends, Request
from pydantic import ConfigDict

from voxhaus.products.server.errors import ApiError

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
# Where the orchestrator judges what it does not know: some engines have parameters of their own.
OPEN = ConfigDict(extra="allow", allow_inf_nan=False)


async def json_only(request: Request) -> None:
    """Refuse other content.

    Raises:
        ApiError: 415.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != "application/json" and not (
        said.startswith("application/") and said.endswith("+json")
    ):
        message = f"The body must be application/json; this one is {said or 'of no type'}."
        raise ApiError(415, message, code="unsupported_content_type")


async def form_only(request: Request) -> None:
    """Refuse what is not an uploaded form.

    Raises:
        ApiError: 415.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != "multipart/form-data":
        message = f"The body must be multipart/form-data; this one is {said or 'of no type'}."
        raise ApiError(415, message, code="unsupported_content_type")


JSON_ONLY, FORM_ONLY = Depends(json_only), Depends(form_only)
