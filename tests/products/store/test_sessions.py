"""A link opens one session, and both end."""

import threading

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from voxhaus.products.store.sessions import LINK_HOLDS, SESSION_HOLDS


def test_a_link_works_once(store):
    link = store.sessions.make_link()
    opened = store.sessions.enter(link)
    assert store.sessions.find(opened.token) == opened.session
    assert store.sessions.enter(link) is None
    assert opened.token not in repr(opened)


def test_of_many_who_use_a_link_at_once_one_comes_in(store):
    link, came = store.sessions.make_link(), []
    threads = [
        threading.Thread(target=lambda: came.append(store.sessions.enter(link))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([c for c in came if c]) == 1 and len(came) == 6


@pytest.mark.parametrize("after", [LINK_HOLDS, -LINK_HOLDS, -(10**9)])
def test_a_link_ends_and_a_wrong_clock_does_not_revive_it(store, clock, after):
    link = store.sessions.make_link()
    clock.now += after
    assert store.sessions.enter(link) is None


def test_a_new_link_ends_the_one_before(store):
    first, second = store.sessions.make_link(), store.sessions.make_link()
    assert store.sessions.enter(first) is None
    assert store.sessions.enter(second)


@pytest.mark.parametrize("after", [SESSION_HOLDS, -SESSION_HOLDS, 10**9])
def test_a_session_ends(store, clock, after):
    opened = store.sessions.enter(store.sessions.make_link())
    assert not store.needs_admin()
    clock.now += after
    assert store.sessions.find(opened.token) is None


def test_who_leaves_is_out(store):
    opened = store.sessions.enter(store.sessions.make_link())
    store.sessions.leave(opened.token)
    store.sessions.leave(opened.token)
    assert store.sessions.find(opened.token) is None
    deeds = [e.action for e in store.audit.entries()]
    assert deeds == ["admin.leave", "admin.enter", "admin.link"]


def test_a_link_is_no_session_and_a_session_no_link(store):
    link = store.sessions.make_link()
    assert store.sessions.find(link) is None
    opened = store.sessions.enter(link)
    assert store.sessions.enter(opened.token) is None


@pytest.mark.parametrize("odd", ["", "'", "x" * 43, "\0" * 43, "é" * 43, "\ud800" * 43])
def test_what_is_no_token(store, odd):
    store.sessions.make_link()
    assert store.sessions.enter(odd) is None
    assert store.sessions.find(odd) is None


def test_the_link_as_it_is_printed(store):
    link = store.admin_link("http://127.0.0.1:8080/")
    base, _, token = link.rpartition("/")
    assert base == "http://127.0.0.1:8080/admin/enter"
    assert store.sessions.enter(token)
    assert store.admin_link().startswith("/admin/enter/")
