"""How an administrator comes in without a key: one-time links, and the sessions they open.

Knows: digests of tokens, how long each holds, and that a link opens one session.
Refuses to know: cookies, pages, and what a session may do.
"""

from dataclasses import dataclass, field

from sqlalchemy import delete, select, update

from voxhaus.products.store import tokens
from voxhaus.products.store.audit import note
from voxhaus.products.store.clock import DAY, HOUR, Clock, holds
from voxhaus.products.store.database import Database
from voxhaus.products.store.tables import SessionRow

LINK_HOLDS, SESSION_HOLDS = DAY, 12 * HOUR


@dataclass(frozen=True, kw_only=True)
class AdminSession:
    """An open session. `id` names it in the audit log and says nothing about its token."""

    id: str
    expires: int


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """A session with its token, which is known this once."""

    session: AdminSession
    token: str = field(repr=False)


class AdminSessions:
    """All links and sessions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def make_link(self, *, actor: str = "server") -> str:
        """The token of a new one-time link; links made before end."""
        now = int(self._clock())
        token, row = _made("link", now, LINK_HOLDS)
        with self._database.write() as session:
            # Also whatever ended a while ago: this is the rare moment to clear up.
            over = SessionRow.expires < now - DAY
            session.execute(delete(SessionRow).where((SessionRow.kind == "link") | over))
            session.add(row)
            note(session, now, actor=actor, action="admin.link", subject=row.id)
        return token

    def enter(self, token: str) -> NewSession | None:
        """Open a session with a link; None if it is unknown, over or was used."""
        if not tokens.is_token(token):
            return None
        now, kept = int(self._clock()), tokens.digest(token)
        new_token, row = _made("session", now, SESSION_HOLDS)
        with self._database.write() as session:
            # One statement decides who is first, also between processes.
            link = session.scalar(
                update(SessionRow)
                .where(SessionRow.digest == kept, SessionRow.kind == "link")
                .where(SessionRow.used.is_(None))
                .values(used=now)
                .returning(SessionRow)
            )
            if link is None or not holds(link.created, link.expires, now):
                return None
            session.add(row)
            note(session, now, actor=row.id, action="admin.enter", subject=link.id)
        return NewSession(session=AdminSession(id=row.id, expires=row.expires), token=new_token)

    def find(self, token: str) -> AdminSession | None:
        """The open session of a token."""
        if not tokens.is_token(token):
            return None
        query = select(SessionRow).where(
            SessionRow.digest == tokens.digest(token), SessionRow.kind == "session"
        )
        with self._database.read() as session:
            row = session.scalar(query)
        if row is None or not holds(row.created, row.expires, int(self._clock())):
            return None
        return AdminSession(id=row.id, expires=row.expires)

    def leave(self, token: str) -> None:
        """Close a session."""
        now = int(self._clock())
        with self._database.write() as session:
            left = session.scalar(
                delete(SessionRow)
                .where(SessionRow.digest == tokens.digest(token), SessionRow.kind == "session")
                .returning(SessionRow.id)
            )
            if left is not None:
                note(session, now, actor=left, action="admin.leave", subject=left)

    def any(self) -> bool:
        """Whether a session was ever opened that still holds."""
        now = int(self._clock())
        query = select(SessionRow).where(SessionRow.kind == "session", SessionRow.expires > now)
        with self._database.read() as session:
            return session.scalar(query.limit(1)) is not None


def _made(kind: str, now: int, lasts: int) -> tuple[str, SessionRow]:
    token = tokens.new_token()
    row = SessionRow(
        digest=tokens.digest(token),
        id=tokens.new_id("adm"),
        kind=kind,
        created=now,
        expires=now + lasts,
    )
    return token, row
