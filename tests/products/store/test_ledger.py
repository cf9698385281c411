"""Documents survive, together with the log of who changed them."""

import inspect

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from sqlalchemy import event

from voxhaus.core.errors import InputError
from voxhaus.products.orchestrator.contract import Ledger
from voxhaus.products.store.failures import StoreError
from voxhaus.products.store.ledger import StoredLedger
from voxhaus.products.store.store import Store

ODD = {"text": "ñ 🎧 \u0000 \ud800 '\"; --", "deep": [{"n": None, "yes": True, "x": 1.5}], "": 0}


def test_it_is_what_the_orchestrator_asks_for():
    for name in ("load", "save", "names"):
        asked, given = getattr(Ledger, name), getattr(StoredLedger, name)
        assert inspect.signature(given) == inspect.signature(asked)


def test_a_document_survives_a_restart(store, store_url, clock):
    assert store.ledger.load("rollout/x") is None
    store.ledger.save("rollout/x", {"percent": 1}, actor="me", action="rollout.start")
    store.ledger.save("rollout/x", ODD, actor="guard", action="rollout.stop", detail={"why": "p95"})
    store.close()
    with Store.open(store_url, clock=clock) as again:
        assert again.ledger.load("rollout/x") == ODD
        latest = again.audit.entries()[0]
        assert (latest.actor, latest.action, latest.subject) == (
            "guard",
            "rollout.stop",
            "rollout/x",
        )
        assert latest.detail == {"why": "p95"} and latest.at == clock.now


def test_names_by_prefix(store):
    for name in ("a/2", "a/1", "A/3", "a_x", "a%x", "b/1", "ä/1"):
        store.ledger.save(name, {}, actor="me", action="save")
    assert store.ledger.names("a/") == ["a/1", "a/2"]
    assert store.ledger.names("a%") == ["a%x"]
    assert store.ledger.names("a_") == ["a_x"]
    assert len(store.ledger.names("")) == 7


@pytest.mark.parametrize("wrong", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}])
def test_what_is_no_document(store, wrong):
    with pytest.raises(InputError, match="no JSON"):
        store.ledger.save("x", wrong, actor="me", action="save")
    with pytest.raises(InputError, match="'name'"):
        store.ledger.save("", {}, actor="me", action="save")
    assert store.ledger.names("") == [] and store.audit.entries() == []


def test_both_or_neither(store):
    """The log cannot be written, so the document is as it was."""
    store.ledger.save("x", {"n": 1}, actor="me", action="save")

    def broken(connection, cursor, statement, parameters, context, executemany):
        if "INTO audit" in statement:
            raise connection.dialect.loaded_dbapi.OperationalError("disk I/O error")

    event.listen(store.database.engine, "before_cursor_execute", broken)
    with pytest.raises(Exception, match="disk"):
        store.ledger.save("x", {"n": 2}, actor="me", action="save")
    event.remove(store.database.engine, "before_cursor_execute", broken)
    assert store.ledger.load("x") == {"n": 1}
    assert len(store.audit.entries()) == 1


def test_the_log_page_by_page(store):
    for n in range(5):
        store.audit.add(actor="\0odd", action="look", subject=str(n), detail={"n": n})
    first = store.audit.entries(limit=2)
    assert [e.subject for e in first] == ["4", "3"]
    second = store.audit.entries(limit=2, before=first[-1].id)
    assert [e.subject for e in second] == ["2", "1"]
    assert first[0].actor == "\ufffdodd"


def test_a_broken_database_is_said(url):
    store = Store.open(url)
    with store.database.schema_change() as connection:
        connection.exec_driver_sql("DROP TABLE documents")
    with pytest.raises(StoreError):
        store.ledger.load("x")
    store.close()
