"""Reading what a form sends.

Knows: the encoding of forms, and how large one may be.
Refuses to know: which fields a form has.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from fastapi import Request

from voxhaus.core.errors import InputError
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.clock import DAY
from voxhaus.products.store.keys import USUAL_SCOPES, Limits, Terms

MAX_BYTES, MAX_FIELDS = 64 * 1024, 300
KIND = "application/x-www-form-urlencoded"
MOST_DAYS = 36500


class Form:
    """Fields by name, each with its values; what is not there is empty."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """The field's only, or last, value."""
        values = self._fields.get(name)
        return values[-1] if values else ""

    def all(self, name: str) -> list[str]:
        """The boxes that are ticked."""
        return list(self._fields.get(name, ()))

    def listed(self, name: str) -> list[str]:
        """A field with names between commas or on lines."""
        parts = (part.strip() for v in self.all(name) for part in re.split(r"[,\n]", v))
        return [part for part in parts if part]

    def number(self, name: str) -> float | None:
        """A number; None if the field is empty.

        Raises:
            InputError: it is something else.
        """
        text = self.one(name).strip().replace(",", ".")
        if not text:
            return None
        # Python's own reading would take "1_000", "nan" and digits of any script.
        if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,6})?", text):
            raise InputError(f"'{name}' must be a number.", param=name)
        return float(text)

    def whole(self, name: str) -> int | None:
        """A whole number; None if the field is empty. Raises InputError as `number` does."""
        value = self.number(name)
        if value is not None and not value.is_integer():
            raise InputError(f"'{name}' must be a whole number.", param=name)
        return None if value is None else int(value)

    def terms(self, now: int) -> Terms:
        """What a key may do.

        Raises:
            InputError: a field is not right.
        """
        days = self.number("days")
        if days is not None and not 0 < days <= MOST_DAYS:
            raise InputError(f"'days' must be more than 0, and {MOST_DAYS} at most.", param="days")
        scopes = self.all("scopes")
        return Terms(
            scopes=frozenset(scopes) if "scopes_shown" in self._fields else USUAL_SCOPES,
            models=frozenset(self.listed("models")) or None,
            local_only=bool(self.one("local_only")),
            expires=None if days is None else now + round(days * DAY),
            limits=Limits(
                per_minute=self.whole("per_minute"),
                month_requests=self.whole("month_requests"),
                month_audio_seconds=self.number("month_audio_seconds"),
                month_tokens=self.whole("month_tokens"),
            ),
        )


async def read_form(request: Request) -> Form:
    """The form that a request carries.

    Raises:
        ApiError: 415 another kind of body, 413 too long, 400 not readable.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != KIND:
        raise ApiError(415, f"This takes a form ({KIND}).")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ApiError(413, "The form is too long.")
    try:
        pairs = parse_qsl(
            bytes(body).decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as error:
        raise ApiError(400, "The form cannot be read.") from error
    fields: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        fields[name].append(value)
    return Form(fields)
