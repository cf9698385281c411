"""What was used, in the shape of OpenAI's organisation usage routes.

Knows: their parameters, pages and results.
Refuses to know: how usage is kept.

Source: OpenAI's API reference, "Usage"; the official client sends lists as `group_by[]`.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from voxhaus.products.server.access.administrator import Administrator, Reception
from voxhaus.products.server.access.answering import Answering
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.clock import DAY, HOUR, MINUTE
from voxhaus.products.store.store import Store
from voxhaus.products.store.usage import Bucket, Grouping, Totals

Width = Literal["1m", "1h", "1d"]
WIDTHS: dict[Width, int] = {"1m": MINUTE, "1h": HOUR, "1d": DAY}
# How many buckets a page has: unless asked, and at most.
SIZES: dict[Width, tuple[int, int]] = {"1m": (60, 1440), "1h": (24, 168), "1d": (7, 31)}
LAST_SECOND = 2**40
Second = Annotated[int, Query(ge=0, le=LAST_SECOND)]
Some = Annotated[list[str], Query(max_length=100)]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a page of usage is asked for."""

    start: int
    end: int | None
    width: Width
    limit: int
    first: int | None
    group_by: tuple[Grouping, ...]
    models: tuple[str, ...]
    api_key_ids: tuple[str, ...]


def asked(
    start_time: Second,
    end_time: Second | None = None,
    bucket_width: Width = "1d",
    limit: Annotated[int | None, Query(ge=1, le=1440)] = None,
    page: str | None = None,
    group_by: Annotated[list[Grouping], Query(max_length=10)] = [],  # noqa: B006 - FastAPI copies
    group_by_: Annotated[list[Grouping], Query(alias="group_by[]", max_length=10)] = [],  # noqa: B006
    models: Some = [],  # noqa: B006
    models_: Annotated[list[str], Query(alias="models[]", max_length=100)] = [],  # noqa: B006
    api_key_ids: Some = [],  # noqa: B006
    api_key_ids_: Annotated[list[str], Query(alias="api_key_ids[]", max_length=100)] = [],  # noqa: B006
) -> Asked:
    """The parameters, checked.

    Raises:
        ApiError: 400, times that do not follow each other, a limit over the width's, or a page that
            is none.
    """
    usual, most = SIZES[bucket_width]
    if limit is not None and limit > most:
        message = f"'limit' is {most} at most for {bucket_width}."
        raise ApiError(400, message, param="limit", code="invalid_value")
    if end_time is not None and end_time <= start_time:
        message = "'end_time' must be after 'start_time'."
        raise ApiError(400, message, param="end_time", code="invalid_value")
    return Asked(
        start=start_time,
        end=end_time,
        width=bucket_width,
        limit=limit or usual,
        first=None if page is None else _first(page),
        group_by=tuple(dict.fromkeys([*group_by, *group_by_])),
        models=(*models, *models_),
        api_key_ids=(*api_key_ids, *api_key_ids_),
    )


def _first(page: str) -> int:
    if not re.fullmatch(r"page_[0-9]{1,13}", page):
        message = "'page' must be the 'next_page' of an answer."
        raise ApiError(400, message, param="page", code="invalid_value")
    return min(int(page.removeprefix("page_")), LAST_SECOND)


def router(reception: Reception) -> APIRouter:
    """The routes."""
    routes = APIRouter(
        prefix="/v1/organization/usage",
        tags=["usage"],
        route_class=Answering,
    )
    store = reception.store
    Admin = Annotated[Administrator, Depends(reception.administrator)]
    Question = Annotated[Asked, Depends(asked)]

    @routes.get("/completions")
    def completions(admin: Admin, question: Question) -> dict[str, Any]:
        """Tokens of conversations."""
        return _page(store, question, "completions", "chat")

    @routes.get("/audio_speeches")
    def audio_speeches(admin: Admin, question: Question) -> dict[str, Any]:
        """Characters spoken."""
        return _page(store, question, "audio_speeches", "speech")

    @routes.get("/audio_transcriptions")
    def audio_transcriptions(admin: Admin, question: Question) -> dict[str, Any]:
        """Seconds heard."""
        return _page(store, question, "audio_transcriptions", "transcription")

    return routes


def _page(store: Store, question: Asked, kind: str, task: str) -> dict[str, Any]:
    width = WIDTHS[question.width]
    # Now belongs to what has been; the end is excluded.
    end = int(store.clock()) + 1 if question.end is None else question.end
    start = max(question.start, question.first or 0)
    stop = min(end, start - start % width + question.limit * width)
    buckets = store.usage.buckets(
        start=start,
        end=stop,
        width=width,
        task=task,
        group_by=question.group_by,
        models=question.models,
        api_key_ids=question.api_key_ids,
    )
    more = stop < end
    return {
        "object": "page",
        "data": [_bucket(b, kind) for b in buckets],
        "has_more": more,
        "next_page": f"page_{stop}" if more else None,
    }


def _bucket(bucket: Bucket, kind: str) -> dict[str, Any]:
    return {
        "object": "bucket",
        "start_time": bucket.start,
        "end_time": bucket.end,
        "results": [_result(t, kind) for t in bucket.totals],
    }


def _result(totals: Totals, kind: str) -> dict[str, Any]:
    measured: dict[str, dict[str, Any]] = {
        "completions": {
            "input_tokens": totals.input_tokens,
            "output_tokens": totals.output_tokens,
            "input_cached_tokens": 0,
            "input_audio_tokens": 0,
            "output_audio_tokens": 0,
            "batch": None,
        },
        # `seconds` is ours: theirs counts characters only.
        "audio_speeches": {"characters": totals.characters, "seconds": totals.audio_seconds},
        "audio_transcriptions": {"seconds": round(totals.audio_seconds)},
    }
    return {
        "object": f"organization.usage.{kind}.result",
        **measured[kind],
        "num_model_requests": totals.requests,
        "project_id": None,
        "user_id": None,
        "api_key_id": totals.api_key_id,
        "model": totals.model,
    }
