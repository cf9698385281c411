"""The audit log: who did what to what, when.

Knows: entries, which are added in the transaction of the deed itself and never changed.
Refuses to know: what the deeds mean. Secrets never come here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from voxhaus.products.store.clock import Clock
from voxhaus.products.store.database import Database
from voxhaus.products.store.fields import storable
from voxhaus.products.store.tables import AuditRow

MAX_ENTRIES = 1000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One deed. `at`: seconds since 1970; `id` grows."""

    id: int
    at: int
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def note(
    session: Session,
    now: int,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry to a transaction, so that the deed and its entry are kept both or neither."""
    session.add(
        AuditRow(
            at=now,
            actor=storable(actor),
            action=storable(action, 80),
            subject=storable(subject),
            detail=dict(detail or {}),
        )
    )


class Audit:
    """The log, for reading, and for deeds that leave no other trace."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def add(
        self,
        *,
        actor: str,
        action: str,
        subject: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down a deed that changes nothing in the store."""
        with self._database.write() as session:
            note(
                session,
                int(self._clock()),
                actor=actor,
                action=action,
                subject=subject,
                detail=detail,
            )

    def entries(self, limit: int = 100, before: int | None = None) -> list[Entry]:
        """The latest entries first; `before` is the id of the last one of the page before."""
        query = select(AuditRow).order_by(AuditRow.id.desc())
        if before is not None:
            query = query.where(AuditRow.id < before)
        with self._database.read() as session:
            rows = session.scalars(query.limit(max(1, min(limit, MAX_ENTRIES)))).all()
        return [
            Entry(
                id=r.id, at=r.at, actor=r.actor, action=r.action, subject=r.subject, detail=r.detail
            )
            for r in rows
        ]
