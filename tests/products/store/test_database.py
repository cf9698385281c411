"""Addresses, failures said in a sentence, and what survives being killed."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

import voxhaus
from voxhaus.core.errors import InputError
from voxhaus.products.store.database import Database, default_url, file_url
from voxhaus.products.store.failures import StoreError
from voxhaus.products.store.store import Store
from voxhaus.products.store.usage import Work

SOURCE = str(Path(voxhaus.__file__).parents[1])


def work(**changes):
    return Work(**{"key_id": None, "model": "m", "task": "speech", "status": 200, **changes})


def rows(path, query):
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "no address of a database"),
        ("mysql://host/name", "not 'mysql'"),
        ("sqlite://", "in memory forgets"),
        ("sqlite:///:memory:", "in memory forgets"),
    ],
)
def test_other_addresses_are_refused(url, told):
    with pytest.raises(InputError, match=told):
        Store.open(url)


def test_where_it_is_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv("VOXHAUS_DATABASE", raising=False)
    assert default_url().startswith("sqlite:////") and default_url().endswith("voxhaus.db")
    monkeypatch.setenv("VOXHAUS_DATABASE", str(tmp_path / "my file.db"))
    Store.open().close()
    assert (tmp_path / "my file.db").exists()
    monkeypatch.setenv("VOXHAUS_DATABASE", "postgresql://vox@host/name")
    assert default_url() == "postgresql://vox@host/name"


def test_the_file_is_its_owners_only(tmp_path):
    Store.open(file_url(tmp_path / "new" / "v.db")).close()
    assert stat.S_IMODE((tmp_path / "new" / "v.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_sqlite_is_set_to_keep_what_it_accepted(tmp_path):
    database = Database(file_url(tmp_path / "v.db"))
    with database.engine.connect() as c:
        found = {
            name: c.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10000,
    }
    database.close()


def test_a_file_of_something_else(tmp_path):
    (tmp_path / "v.db").write_bytes(b"no database at all, just words " * 100)
    with pytest.raises(StoreError, match="damaged, or is not one of SQLite"):
        Store.open(file_url(tmp_path / "v.db"))


def test_a_server_that_is_away(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="does not answer") as failure:
        Store.open(f"postgresql://vox:hunter2@/x?host={tmp_path}")
    assert "hunter2" not in str(failure.value)


def test_a_full_disk_is_said_and_nothing_is_half_there(tmp_path):
    store = Store.open(file_url(tmp_path / "v.db"))
    store.ledger.save("a", {"n": 1}, actor="me", action="first")
    with store.database.engine.connect() as c:
        pages = c.exec_driver_sql("PRAGMA page_count").scalar()

    from sqlalchemy import event

    def small(connection, record, proxy):
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(store.database.engine.pool, "checkout", small)
    with pytest.raises(StoreError, match="disk is full"):
        store.ledger.save("a", {"n": "x" * 1_000_000}, actor="me", action="second")
    event.remove(store.database.engine.pool, "checkout", small)
    assert store.ledger.load("a") == {"n": 1}
    assert [e.action for e in store.audit.entries()] == ["first"]
    store.close()


def test_foreign_keys_hold(store):
    with pytest.raises(StoreError):
        store.usage.record(work(key_id="key_of_nobody"))


def test_writers_from_many_threads(store):
    failed = []

    def write():
        try:
            for _ in range(25):
                store.usage.record(work())
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    now = store.clock()
    (bucket,) = store.usage.buckets(start=now, end=now + 1, width=86400)
    assert bucket.totals[0].requests == 200


def test_two_programs_write_the_same_file(tmp_path):
    """Each has a lock of its own; between them it is SQLite that makes them wait."""
    url = file_url(tmp_path / "v.db")
    one, other = Store.open(url), Store.open(url)

    def write(store):
        for _ in range(40):
            store.usage.record(work())

    threads = [threading.Thread(target=write, args=(s,)) for s in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.close()
    other.close()
    assert rows(tmp_path / "v.db", "SELECT count(*) FROM usage") == [(80,)]


WRITER = """
import itertools, sys
from voxhaus.products.store.store import Store
from voxhaus.products.store.usage import Work
store = Store.open(sys.argv[1])
for n in itertools.count():
    store.usage.record(Work(key_id=None, model=f"m{n}", task="speech", status=200))
    store.ledger.save("last", {"n": n}, actor="writer", action=str(n))
    print(n, flush=True)
"""


def test_killed_in_mid_write_loses_nothing_that_was_accepted(tmp_path):
    path = tmp_path / "v.db"
    for wanted in (3, 30):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, file_url(path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": SOURCE},
            text=True,
        )
        accepted = [int(writer.stdout.readline()) for _ in range(wanted)]
        writer.send_signal(signal.SIGKILL)
        accepted += [int(line) for line in writer.stdout.read().split("\n") if line.strip()]
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()

        store = Store.open(file_url(path))
        kept = {name for (name,) in rows(path, "SELECT model FROM usage")}
        assert kept >= {f"m{n}" for n in accepted}
        # The document and the log of its changes stand at the same point.
        last = store.ledger.load("last")["n"]
        assert last >= accepted[-1]
        assert store.audit.entries(1)[0].action == str(last)
        store.close()
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_a_hundred_restarts(tmp_path):
    """Every second one does not close its connections, as a process that is killed does not."""
    path, left_open = tmp_path / "v.db", []
    for n in range(100):
        store = Store.open(file_url(path))
        store.usage.record(work(model=f"m{n}"))
        if n % 2:
            store.close()
        else:
            left_open.append(store)
    for store in left_open:
        store.close()
    assert rows(path, "SELECT count(*) FROM usage") == [(100,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA foreign_key_check") == []
