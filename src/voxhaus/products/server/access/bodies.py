"""What the routes of access read and write, as JSON.

Knows: fields, their limits, and how they become the store's nouns.
Refuses to know: who may send them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from voxhaus.products.store import keys
from voxhaus.products.store.access_requests import (
    MAX_ANSWER,
    MAX_REASON,
    AccessRequest,
    request_as_json,
)
from voxhaus.products.store.audit import Entry
from voxhaus.products.store.fields import MAX_LIST, MAX_NAME
from voxhaus.products.store.keys import DEFAULT_GRACE, MAX_GRACE, ApiKey, Limits, Terms

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Names = Annotated[list[Name], Field(max_length=MAX_LIST)]
Scope = Literal["speech", "chat", "transcription", "admin"]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Body(BaseModel):
    """Unknown fields are refused, and "1" is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TermsBody(Body):
    """What a key may do.

    Times are seconds since 1970; null is without end or limit.
    """

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = [
        "speech",
        "chat",
        "transcription",
    ]
    models: Names | None = None
    local_only: bool = False
    expires_at: Count | None = None
    per_minute: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    month_requests: Count | None = None
    month_audio_seconds: Annotated[float, Field(ge=0, le=2**53)] | None = None
    month_tokens: Count | None = None

    def terms(self) -> Terms:
        """As the store has it."""
        return Terms(
            scopes=frozenset(self.scopes),
            models=None if self.models is None else frozenset(self.models),
            local_only=self.local_only,
            expires=self.expires_at,
            limits=Limits(
                per_minute=self.per_minute,
                month_requests=self.month_requests,
                month_audio_seconds=self.month_audio_seconds,
                month_tokens=self.month_tokens,
            ),
        )


class CreateKey(TermsBody):
    """A key to be made."""

    name: Name
    owner: Annotated[str, Field(min_length=1, max_length=320)] = "administrator"


class RotateKey(Body):
    """How long the old secret still works."""

    grace_seconds: Annotated[int, Field(ge=0, le=MAX_GRACE)] = DEFAULT_GRACE


class AskForKey(Body):
    """A request for a key."""

    name: Name
    email: Annotated[str, Field(min_length=3, max_length=254)]
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]
    models: Names = []


class Approve(TermsBody):
    """Yes, under these terms."""

    answer: Annotated[str, Field(max_length=MAX_ANSWER)] = ""


class Refuse(Body):
    """No, for this reason, which the applicant reads."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER)]


def key_body(key: ApiKey, now: int, secret: str | None = None) -> dict[str, Any]:
    """A key; `value` is its secret, which is there when it was just made."""
    body = {"object": "voxhaus.key", **keys.key_as_json(key, now)}
    return body if secret is None else {**body, "value": secret}


def request_body(request: AccessRequest) -> dict[str, Any]:
    """A request, as administrators see it."""
    return {"object": "voxhaus.access_request", **request_as_json(request)}


def own_request_body(request: AccessRequest, now: int) -> dict[str, Any]:
    """A request, as whoever made it sees it: not who decided."""
    hidden = {"decided_by", "key_id"}
    shown = {k: v for k, v in request_body(request).items() if k not in hidden}
    return {**shown, "collectable": request.can_be_collected(now)}


def entry_body(entry: Entry) -> dict[str, Any]:
    """An entry of the audit log."""
    return {
        "object": "voxhaus.audit_entry",
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": dict(entry.detail),
    }


def list_body(data: list[dict[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    """A list in the published shape."""
    return {"object": "list", "data": data, "has_more": has_more}
