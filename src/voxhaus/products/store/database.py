"""The connection to SQLite or PostgreSQL, and its two kinds of transactions.

Knows: addresses of databases, SQLite's switches, and how writers take turns.
Refuses to know: tables and what is in them.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import platformdirs
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.products.store.failures import told

BUSY_SECONDS = 10.0
DRIVERS = ("sqlite", "postgresql")
Insert = Callable[..., Any]


def default_url() -> str:
    """Where the database is unless one is named: `VOXHAUS_DATABASE`, else the user's data folder.

    The variable holds an address or a file's path.
    """
    named = os.environ.get("VOXHAUS_DATABASE")
    if named:
        return url_of(named)
    return file_url(Path(platformdirs.user_data_dir("voxhaus")) / "voxhaus.db")


def url_of(place: str) -> str:
    """The address of a database that is named by its address or by a file's path."""
    return place if "://" in place else file_url(Path(place).expanduser())


def file_url(path: Path) -> str:
    """The address of a SQLite file."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


class Database:
    """One database, from any thread.

    SQLite has one writer at a time. A transaction that writes says so when it begins, so that it
    waits there and never fails half-way for having read first. Writers of this process take turns
    by a lock, since SQLite's own waiting is by guess and not in turn.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(_parsed(url))
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writers = self.engine.execution_options(voxhaus_writes=True)
        self._turn = threading.Lock() if self.is_sqlite else nullcontext()

    def insert(self, table: type[Any]) -> Any:  # noqa: ANN401 - two dialects' classes
        """An INSERT that has ON CONFLICT, which both databases spell the same."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only reads.

        Raises:
            StoreError: the database failed; the message says what to do.
        """
        with told(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that is on disk, whole, when this returns, or leaves nothing behind.

        Raises:
            StoreError: the database failed and nothing was written.
        """
        with (
            self._turn,
            told(),
            Session(self._writers, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def schema_change(self) -> Iterator[Connection]:
        """A connection in a transaction that no other process can interleave."""
        with self._turn, told(), self._writers.begin() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8267431)")
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputError(
            "That is no address of a database; write sqlite:////folder/voxhaus.db or "
            "postgresql+psycopg://user@host/name.",
            param="database",
        ) from error
    backend = parsed.get_backend_name()
    if backend not in DRIVERS:
        raise InputError(f"Databases are SQLite and PostgreSQL, not '{backend}'.", param="database")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InputError("A database in memory forgets; name a file.", param="database")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        try:
            return create_engine(url, pool_pre_ping=True, hide_parameters=True)
        except ImportError as error:
            raise MissingExtraError("psycopg", "postgres") from error
    Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The file holds digests, addresses of people and what they asked for: for its owner only.
    Path(str(url.database)).touch(mode=0o600)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _switches)
    event.listen(engine, "begin", _begin)
    return engine


def _switches(connection: sqlite3.Connection, _: object) -> None:
    # Python's driver would begin transactions by its own rules; `_begin` does it instead.
    connection.isolation_level = None
    _write_ahead(connection)
    for pragma in (
        "synchronous=FULL",  # in WAL mode NORMAL may lose the last transactions at a power cut
        "foreign_keys=ON",
        f"busy_timeout={int(BUSY_SECONDS * 1000)}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn WAL mode on, which is a property of the file.

    Where several start at once on a new file, SQLite answers all but one of them "locked" at once,
    without the wait of busy_timeout (https://www.sqlite.org/wal.html, "Sometimes Queries Return
    SQLITE_BUSY In WAL Mode").
    """
    latest = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > latest:
                raise
            time.sleep(0.01)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("voxhaus_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
