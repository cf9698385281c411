"""What every JSON body has in common.

Knows: what becomes of unknown parameters, and that JSON must say that it is JSON.
Refuses to know: any single parameter.
"""

import json
import re
from typing import NoReturn

from fastapi import Depends, Request
from pydantic import ConfigDict

from voxhaus.products.server.errors import ApiError

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
# Where the orchestrator judges what it does not know: some engines have parameters of their own.
OPEN = ConfigDict(extra="allow", allow_inf_nan=False)


async def json_only(request: Request) -> None:
    """Refuse other content, and what JSON does not have although Python reads it.

    Raises:
        ApiError: 415 or 400.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said != "application/json" and not (
        said.startswith("application/") and said.endswith("+json")
    ):
        message = f"The body must be application/json; this one is {said or 'of no type'}."
        raise ApiError(415, message, code="unsupported_content_type")
    check_json(await request.body())


def check_json(body: bytes) -> None:
    """Refuse NaN, Infinity and halves of letters; engines could not be told of them.

    Raises:
        ApiError: 400.
    """
    if not _SUSPECT.search(body):
        return
    try:
        value = json.loads(body, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        message = "The body has an escape such as \\ud800 that is half a letter."
        raise ApiError(400, message, code="invalid_json") from None
    except (ValueError, RecursionError):
        return  # whoever reads it in earnest says why it cannot be read


def _refuse(name: str) -> NoReturn:
    raise ApiError(400, f"The body is not valid JSON: there is no {name}.", code="invalid_json")


_SUSPECT = re.compile(rb"NaN|Infinity|\\u[dD][89a-fA-F]")


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
