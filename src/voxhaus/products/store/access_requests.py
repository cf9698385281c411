"""Requests for a key: asked, decided, and the key picked up once.

Knows: the states of a request and who may move it on: pending → approved or refused, approved →
collected.
Refuses to know: forms, letters, and how a link travels. The key is made when it is picked up, so
none is kept meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voxhaus.core.errors import InputError
from voxhaus.products.store import fields, keys, tokens
from voxhaus.products.store.audit import note
from voxhaus.products.store.clock import DAY, Clock, holds
from voxhaus.products.store.database import Database
from voxhaus.products.store.failures import FullError, NoSuchError, TooLateError
from voxhaus.products.store.tables import RequestRow

State = Literal["pending", "approved", "refused", "collected"]
MAX_REASON, MAX_ANSWER = 2000, 1000
MAX_PENDING = 1000
PICK_UP = 30 * DAY  # an approval that nobody picks up lapses


@dataclass(frozen=True, kw_only=True)
class AccessRequest:
    """Somebody asks for a key. `answer`: what the administrator wrote."""

    id: str
    name: str
    email: str
    reason: str
    wanted: tuple[str, ...]
    state: State
    created: int
    decided: int | None
    decided_by: str | None
    answer: str
    terms: keys.Terms | None
    key_id: str | None

    def can_be_collected(self, now: int) -> bool:
        """Whether its key is there to be picked up."""
        if self.state != "approved" or self.decided is None or self.terms is None:
            return False
        ends = min(self.decided + PICK_UP, self.terms.expires or self.decided + PICK_UP)
        return holds(self.decided, ends, now)


@dataclass(frozen=True, kw_only=True)
class NewRequest:
    """A request with the token of its private link, which is known this once."""

    request: AccessRequest
    token: str = field(repr=False)


class AccessRequests:
    """All requests."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def ask(self, *, name: str, email: str, reason: str, models: Sequence[str] = ()) -> NewRequest:
        """Ask for a key.

        Raises:
            InputError: a field is empty, too long or not text.
            FullError: too many wait already.
        """
        token = tokens.new_token()
        row = RequestRow(
            id=tokens.new_id("req"),
            link_digest=tokens.digest(token),
            name=fields.line(name, "name"),
            email=fields.email(email),
            reason=fields.paragraph(reason, "reason", MAX_REASON),
            wanted=fields.names(models, "models"),
            state="pending",
            created=int(self._clock()),
            answer="",
        )
        waiting = select(func.count()).where(RequestRow.state == "pending")
        with self._database.write() as session:
            if (session.scalar(waiting) or 0) >= MAX_PENDING:
                raise FullError("Too many requests wait for an answer; ask again another day.")
            session.add(row)
            note(session, row.created, actor="applicant", action="request.ask", subject=row.id)
        return NewRequest(request=_read(row), token=token)

    def by_token(self, token: str) -> AccessRequest | None:
        """The request whose private link that is."""
        if not tokens.is_token(token):
            return None
        with self._database.read() as session:
            row = session.scalar(_by_link(token))
        return None if row is None else _read(row)

    def get(self, id: str) -> AccessRequest:
        """A request by its id.

        Raises:
            NoSuchError: there is none.
        """
        with self._database.read() as session:
            return _read(_row(session, id))

    def all(self, state: State | None = None, limit: int = 1000) -> list[AccessRequest]:
        """Requests, the oldest first where they wait, else the newest."""
        order = RequestRow.created.asc() if state == "pending" else RequestRow.created.desc()
        query = select(RequestRow).order_by(order, RequestRow.id).limit(limit)
        if state is not None:
            query = query.where(RequestRow.state == state)
        with self._database.read() as session:
            return [_read(r) for r in session.scalars(query)]

    def approve(self, id: str, terms: keys.Terms, *, actor: str, answer: str = "") -> AccessRequest:
        """Say yes; the applicant can now pick up a key with these terms.

        Raises:
            NoSuchError: no such request.
            TooLateError: it was decided before.
            InputError: terms that have ended.
        """
        if terms.expires is not None and terms.expires <= int(self._clock()):
            raise InputError("The key would have expired already.", param="expires")
        if "admin" in terms.scopes:
            raise InputError("A key that was asked for cannot administer.", param="scopes")
        kept = keys.terms_as_json(terms)
        return self._decide(id, "approved", actor, answer, kept, kept)

    def refuse(self, id: str, *, reason: str, actor: str) -> AccessRequest:
        """Say no, with the reason that the applicant reads.

        Raises:
            NoSuchError: no such request.
            TooLateError: it was decided before.
            InputError: no reason.
        """
        reason = fields.paragraph(reason, "reason", MAX_ANSWER)
        return self._decide(id, "refused", actor, reason, None, {"reason": reason})

    def _decide(
        self,
        id: str,
        state: State,
        actor: str,
        answer: str,
        terms: Mapping[str, Any] | None,
        told: Mapping[str, object],
    ) -> AccessRequest:
        now = int(self._clock())
        answer = fields.paragraph(answer, "answer", MAX_ANSWER, required=False)
        with self._database.write() as session:
            row = _row(session, id, lock=True)
            if row.state != "pending":
                raise TooLateError(f"{id} was {row.state} before.", param="id")
            row.state, row.decided, row.decided_by = state, now, fields.storable(actor)
            row.answer = answer
            row.terms = None if terms is None else dict(terms)
            action = "request.approve" if state == "approved" else "request.refuse"
            note(session, now, actor=actor, action=action, subject=id, detail=told)
            return _read(row)

    def collect(self, token: str) -> keys.NewKey:
        """Make the key of an approved request; only the first who comes gets it.

        Raises:
            NoSuchError: no such link.
            TooLateError: not approved, lapsed, or picked up before.
        """
        now = int(self._clock())
        with self._database.write() as session:
            # Locked, so that one who comes at the same time waits and then finds it collected.
            link = _by_link(token).with_for_update()
            row = session.scalar(link) if tokens.is_token(token) else None
            if row is None:
                raise NoSuchError("There is no such request.", param="token")
            request = _read(row)
            if request.terms is None or not request.can_be_collected(now):
                raise TooLateError(_not_there(request), param="token")
            made = keys.make(
                session,
                now,
                name=request.name,
                owner=request.email,
                terms=request.terms,
                actor="applicant",
            )
            row.state, row.key_id = "collected", made.key.id
            told = {"key": made.key.id}
            note(
                session,
                now,
                actor="applicant",
                action="request.collect",
                subject=row.id,
                detail=told,
            )
        return made


def request_as_json(request: AccessRequest) -> dict[str, Any]:
    """A request as plain values, as administrators see it."""
    return {
        "id": request.id,
        "state": request.state,
        "name": request.name,
        "email": request.email,
        "reason": request.reason,
        "models": list(request.wanted),
        "created_at": request.created,
        "decided_at": request.decided,
        "decided_by": request.decided_by,
        "answer": request.answer,
        "terms": None if request.terms is None else keys.terms_as_json(request.terms),
        "key_id": request.key_id,
    }


def _not_there(request: AccessRequest) -> str:
    match request.state:
        case "pending":
            return "The request is not decided yet."
        case "refused":
            return "The request was refused."
        case "collected":
            return "The key was picked up before; it is shown only once."
    return "The approval has lapsed; ask again."


def _by_link(token: str) -> Any:  # noqa: ANN401 - a select of one row
    return select(RequestRow).where(RequestRow.link_digest == tokens.digest(token))


def _row(session: Session, id: str, *, lock: bool = False) -> RequestRow:
    row = session.get(RequestRow, id, with_for_update=lock) if id.isprintable() else None
    if row is None:
        raise NoSuchError(f"There is no request '{fields.storable(id, 60)}'.", param="id")
    return row


def _read(row: RequestRow) -> AccessRequest:
    return AccessRequest(
        id=row.id,
        name=row.name,
        email=row.email,
        reason=row.reason,
        wanted=tuple(row.wanted),
        state=cast(State, row.state),
        created=row.created,
        decided=row.decided,
        decided_by=row.decided_by,
        answer=row.answer,
        terms=None if row.terms is None else keys.terms_from_json(row.terms),
        key_id=row.key_id,
    )
