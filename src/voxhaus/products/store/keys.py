"""API keys: making, finding, rotating and revoking them.

Knows: what a key may do and until when; of its secret only a prefix and a digest.
Refuses to know: requests, rates and budgets as they are used up, and how a key travels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voxhaus.core.errors import InputError
from voxhaus.products.store import fields, tokens
from voxhaus.products.store.audit import note
from voxhaus.products.store.clock import DAY, Clock, holds
from voxhaus.products.store.database import Database
from voxhaus.products.store.failures import NoSuchError, TooLateError
from voxhaus.products.store.tables import KeyRow, SecretRow

SCOPES = ("speech", "chat", "transcription", "admin")
USUAL_SCOPES = frozenset(SCOPES) - {"admin"}
DEFAULT_GRACE = DAY
MAX_GRACE = 90 * DAY
NOBODY = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a key may use; None is without limit.

    Attributes:
        per_minute: requests a minute.
        month_requests, month_audio_seconds, month_tokens: per calendar month (UTC); audio is what
            was spoken or heard, tokens are read plus written.
    """

    per_minute: int | None = None
    month_requests: int | None = None
    month_audio_seconds: float | None = None
    month_tokens: int | None = None

    def __post_init__(self) -> None:
        fields.limit(self.per_minute, "per_minute", 1_000_000)
        fields.limit(self.month_requests, "month_requests")
        fields.limit(self.month_audio_seconds, "month_audio_seconds")
        fields.limit(self.month_tokens, "month_tokens")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a key may do.

    Attributes:
        scopes: of SCOPES.
        models: public names; None for all.
        local_only: nothing it asks for may leave the machine.
        expires: seconds since 1970; None for never.
    """

    scopes: frozenset[str] = USUAL_SCOPES
    models: frozenset[str] | None = None
    local_only: bool = False
    expires: int | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if unknown := sorted(self.scopes - set(SCOPES)):
            known = ", ".join(SCOPES)
            raise InputError(f"There is no scope '{unknown[0]}', only {known}.", param="scopes")
        if not self.scopes:
            raise InputError(f"A key needs a scope: {', '.join(SCOPES)}.", param="scopes")
        if self.models is not None:
            fields.names(sorted(self.models), "models")


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key without its secret. `prefix` is how the newest secret begins."""

    id: str
    prefix: str
    name: str
    owner: str
    terms: Terms
    created: int
    revoked: int | None = None

    def state(self, now: int) -> str:
        """Whether it is active, expired or revoked."""
        if self.revoked is not None:
            return "revoked"
        return "active" if holds(self.created, self.terms.expires, now) else "expired"


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key with its secret, which is known this once."""

    key: ApiKey
    secret: str = field(repr=False)


class Keys:
    """All API keys."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def create(self, *, name: str, owner: str, terms: Terms | None = None, actor: str) -> NewKey:
        """Make a key.

        Raises:
            InputError: a name that is no line of text, or an end that has passed.
        """
        with self._database.write() as session:
            return make(
                session,
                int(self._clock()),
                name=name,
                owner=owner,
                terms=terms or Terms(),
                actor=actor,
            )

    def find(self, secret: str) -> ApiKey | None:
        """The key that belongs to a secret, if it is one that is valid now."""
        prefix = tokens.prefix_of(secret)
        if prefix is None:
            return None
        with self._database.read() as session:
            kept = session.get(SecretRow, prefix)
            right = tokens.matches(secret, kept.digest if kept else NOBODY)
            if kept is None or not right:
                return None
            now = int(self._clock())
            key = _read(session.get_one(KeyRow, kept.key_id), kept.prefix)
        valid = holds(kept.created, kept.expires, now) and key.state(now) == "active"
        return key if valid else None

    def get(self, id: str) -> ApiKey:
        """A key by its id.

        Raises:
            NoSuchError: there is none.
        """
        with self._database.read() as session:
            return _read(_row(session, id), _prefixes(session, [id])[id])

    def all(self) -> list[ApiKey]:
        """Every key that was ever made, the newest first."""
        with self._database.read() as session:
            rows = session.scalars(select(KeyRow).order_by(KeyRow.created.desc(), KeyRow.id)).all()
            prefixes = _prefixes(session)
        return [_read(r, prefixes[r.id]) for r in rows]

    def any_admin(self) -> bool:
        """Whether a valid key can administer."""
        now = int(self._clock())
        return any("admin" in k.terms.scopes and k.state(now) == "active" for k in self.all())

    def rotate(self, id: str, *, grace: int = DEFAULT_GRACE, actor: str) -> NewKey:
        """Give a key a new secret; the old one works for `grace` more seconds.

        Raises:
            NoSuchError: no such key.
            TooLateError: it is revoked or expired.
            InputError: a grace out of range.
        """
        if not 0 <= grace <= MAX_GRACE:
            days = MAX_GRACE // DAY
            raise InputError(f"'grace' must be from 0 seconds to {days} days.", param="grace")
        now = int(self._clock())
        with self._database.write() as session:
            row = _row(session, id, lock=True)
            before = _prefixes(session, [id])[id]
            if (state := _read(row, before).state(now)) != "active":
                raise TooLateError(f"{id} is {state} and cannot be rotated.", param="id")
            # A secret that was replaced before keeps its earlier end.
            session.execute(
                update(SecretRow)
                .where(SecretRow.key_id == id)
                .where((SecretRow.expires.is_(None)) | (SecretRow.expires > now + grace))
                .values(expires=now + grace)
            )
            secret = _new_secret(session, id, now)
            note(
                session, now, actor=actor, action="key.rotate", subject=id, detail={"grace": grace}
            )
        return NewKey(key=_read(row, secret[: len(before)]), secret=secret)

    def revoke(self, id: str, *, actor: str) -> ApiKey:
        """End a key at once. Once more does nothing.

        Raises:
            NoSuchError: no such key.
        """
        now = int(self._clock())
        with self._database.write() as session:
            row = _row(session, id, lock=True)
            if row.revoked is None:
                row.revoked = now
                note(session, now, actor=actor, action="key.revoke", subject=id)
            return _read(row, _prefixes(session, [id])[id])


def make(session: Session, now: int, *, name: str, owner: str, terms: Terms, actor: str) -> NewKey:
    """Make a key within a transaction; see `Keys.create`."""
    if terms.expires is not None and terms.expires <= now:
        raise InputError("The key would have expired already.", param="expires")
    row = KeyRow(
        id=tokens.new_id("key"),
        name=fields.line(name, "name"),
        owner=fields.line(owner, "owner", 320),
        scopes=sorted(terms.scopes),
        models=None if terms.models is None else fields.names(sorted(terms.models), "models"),
        local_only=terms.local_only,
        created=now,
        expires=terms.expires,
        revoked=None,
        per_minute=terms.limits.per_minute,
        month_requests=terms.limits.month_requests,
        month_audio_seconds=terms.limits.month_audio_seconds,
        month_tokens=terms.limits.month_tokens,
    )
    session.add(row)
    session.flush()  # the secret's row points to it
    secret = _new_secret(session, row.id, now)
    told = {"name": row.name, "owner": row.owner, **terms_as_json(terms)}
    note(session, now, actor=actor, action="key.create", subject=row.id, detail=told)
    prefix = tokens.prefix_of(secret) or ""
    return NewKey(key=_read(row, prefix), secret=secret)


def terms_as_json(terms: Terms) -> dict[str, Any]:
    """Terms as plain values, as the API and the audit log show them."""
    limits = terms.limits
    return {
        "scopes": sorted(terms.scopes),
        "models": None if terms.models is None else sorted(terms.models),
        "local_only": terms.local_only,
        "expires_at": terms.expires,
        "per_minute": limits.per_minute,
        "month_requests": limits.month_requests,
        "month_audio_seconds": limits.month_audio_seconds,
        "month_tokens": limits.month_tokens,
    }


def terms_from_json(kept: Mapping[str, Any]) -> Terms:
    """Terms from what `terms_as_json` made of them."""
    models = kept["models"]
    return Terms(
        scopes=frozenset(kept["scopes"]),
        models=None if models is None else frozenset(models),
        local_only=kept["local_only"],
        expires=kept["expires_at"],
        limits=Limits(**{name: kept[name] for name in Limits.__dataclass_fields__}),
    )


def key_as_json(key: ApiKey, now: int) -> dict[str, Any]:
    """A key as plain values."""
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "owner": key.owner,
        "state": key.state(now),
        "created_at": key.created,
        "revoked_at": key.revoked,
        **terms_as_json(key.terms),
    }


def _new_secret(session: Session, key_id: str, now: int) -> str:
    secret = tokens.new_key()
    prefix = tokens.prefix_of(secret) or ""
    session.add(
        SecretRow(
            prefix=prefix, key_id=key_id, digest=tokens.digest(secret), created=now, expires=None
        )
    )
    return secret


def _row(session: Session, id: str, *, lock: bool = False) -> KeyRow:
    """A key's row; locked where it is changed, so that two changes follow each other."""
    row = session.get(KeyRow, id, with_for_update=lock) if id.isprintable() else None
    if row is None:
        raise NoSuchError(f"There is no key '{fields.storable(id, 60)}'.", param="id")
    return row


def _prefixes(session: Session, ids: Iterable[str] | None = None) -> dict[str, str]:
    """The newest secret's prefix of each key (None: of all): the one that has no end."""
    query = select(SecretRow)
    if ids is not None:
        query = query.where(SecretRow.key_id.in_(list(ids)))
    newest = sorted(session.scalars(query), key=lambda r: (r.expires is None, r.created))
    return {r.key_id: r.prefix for r in newest}


def _read(row: KeyRow, prefix: str) -> ApiKey:
    limits = Limits(
        per_minute=row.per_minute,
        month_requests=row.month_requests,
        month_audio_seconds=row.month_audio_seconds,
        month_tokens=row.month_tokens,
    )
    terms = Terms(
        scopes=frozenset(row.scopes),
        models=None if row.models is None else frozenset(row.models),
        local_only=row.local_only,
        expires=row.expires,
        limits=limits,
    )
    return ApiKey(
        id=row.id,
        prefix=prefix,
        name=row.name,
        owner=row.owner,
        terms=terms,
        created=row.created,
        revoked=row.revoked,
    )
