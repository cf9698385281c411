"""The store: one database with all that the server must remember.

Knows: its parts, and that a database is migrated before it is used.
Refuses to know: HTTP, the orchestrator and what its parts are used for.
"""

from types import TracebackType
from typing import Self

from voxhaus.products.store.access_requests import AccessRequests
from voxhaus.products.store.audit import Audit
from voxhaus.products.store.clock import Clock, system_clock
from voxhaus.products.store.database import Database, default_url
from voxhaus.products.store.keys import Keys
from voxhaus.products.store.ledger import StoredLedger
from voxhaus.products.store.migrate import upgrade
from voxhaus.products.store.sessions import AdminSessions
from voxhaus.products.store.usage import Usage


class Store:
    """Everything that survives a restart. All parts may be used from any thread.

    Attributes:
        keys, requests, usage, audit, ledger, sessions: its parts.
        clock: seconds since 1970; every part goes by it.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.keys = Keys(database, clock)
        self.requests = AccessRequests(database, clock)
        self.usage = Usage(database, clock)
        self.audit = Audit(database, clock)
        self.ledger = StoredLedger(database, clock)
        self.sessions = AdminSessions(database, clock)

    @classmethod
    def open(cls, url: str | None = None, *, clock: Clock = system_clock) -> Self:
        """Open a database, and bring its schema up to date.

        Args:
            url: such as sqlite:////folder/voxhaus.db or postgresql+psycopg://user@host/name; None
                for `default_url()`.
            clock: the time, in seconds since 1970.

        Raises:
            InputError: that is no address of a database.
            StoreError: it cannot be opened or migrated; the message says why.
        """
        database = Database(url or default_url())
        try:
            upgrade(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock)

    def needs_admin(self) -> bool:
        """Whether nobody can administer: no key may, and no session is open."""
        return not (self.keys.any_admin() or self.sessions.any())

    def admin_link(self, base_url: str = "") -> str:
        """A link that opens the administrator's pages once, within a day.

        Args:
            base_url: where the server is, such as http://127.0.0.1:8080.
        """
        return f"{base_url.rstrip('/')}/admin/enter/{self.sessions.make_link()}"

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
