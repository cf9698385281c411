"""Documents that survive a restart, each with the log of its changes.

Knows: documents by name; it is the orchestrator's `Ledger`.
Refuses to know: what is in a document.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from voxhaus.core.errors import InputError
from voxhaus.products.store.audit import note
from voxhaus.products.store.clock import Clock
from voxhaus.products.store.database import Database
from voxhaus.products.store.fields import line
from voxhaus.products.store.tables import DocumentRow


class StoredLedger:
    """Documents in the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def load(self, name: str) -> dict[str, Any] | None:
        """The document saved last under a name."""
        with self._database.read() as session:
            row = session.get(DocumentRow, name)
            return None if row is None else dict(row.body)

    def save(
        self,
        name: str,
        document: Mapping[str, Any],
        *,
        actor: str,
        action: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace a document and write down who did what, both or neither.

        Raises:
            InputError: the name is not one line, or the document or detail is no JSON.
            StoreError: the database failed; the document is as it was.
        """
        name = line(name, "name")
        body, told = _plain(document, "document"), _plain(detail or {}, "detail")
        now = int(self._clock())
        values = {"body": body, "saved": now}
        upsert = self._database.insert(DocumentRow).values(name=name, **values)
        with self._database.write() as session:
            session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=values))
            note(session, now, actor=actor, action=action, subject=name, detail=told)

    def names(self, prefix: str) -> list[str]:
        """Names of saved documents that begin so, in order."""
        query = select(DocumentRow.name).where(DocumentRow.name.startswith(prefix, autoescape=True))
        with self._database.read() as session:
            found = session.scalars(query).all()
        # LIKE does not mind case in SQLite, and each database sorts by a collation of its own.
        return sorted(n for n in found if n.startswith(prefix))


def _plain(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Through JSON and back: what cannot be kept is refused before anything is written."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"The {what} is no JSON: {error}.", param=what) from error
    return plain
