"""A request goes one way: asked, decided once, picked up once."""

import threading

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from voxhaus.core.errors import InputError
from voxhaus.products.store import access_requests
from voxhaus.products.store.access_requests import PICK_UP
from voxhaus.products.store.clock import DAY
from voxhaus.products.store.failures import FullError
from voxhaus.products.store.keys import Limits, Terms

ANN = {"name": "Ann", "email": "ann@example.org", "reason": "A radio play.\nWith two voices."}


@pytest.fixture
def asked(store):
    return store.requests.ask(**ANN, models=["voxhaus-voice-1", "voxhaus-voice-1"])


def test_what_was_asked_is_seen_by_its_link_only(store, asked):
    seen = store.requests.by_token(asked.token)
    assert seen == asked.request and seen.state == "pending"
    assert (seen.name, seen.reason, seen.wanted) == ("Ann", ANN["reason"], ("voxhaus-voice-1",))
    for other in ("", asked.request.id, "A" * 43, asked.token + "A", "'" * 43, "\0" * 43):
        assert store.requests.by_token(other) is None


def test_from_request_to_key(store, asked, clock):
    terms = Terms(
        scopes=frozenset({"speech"}),
        models=frozenset({"voxhaus-voice-1"}),
        expires=clock.now + DAY,
        limits=Limits(per_minute=6, month_audio_seconds=60),
    )
    store.requests.approve(asked.request.id, terms, actor="boss", answer="Welcome")
    assert store.keys.all() == []  # no key before somebody comes for it
    new = store.requests.collect(asked.token)
    assert store.keys.find(new.secret).terms == terms
    assert (new.key.name, new.key.owner) == ("Ann", "ann@example.org")
    seen = store.requests.by_token(asked.token)
    assert (seen.state, seen.key_id, seen.answer) == ("collected", new.key.id, "Welcome")
    deeds = [(e.action, e.actor) for e in reversed(store.audit.entries())]
    assert deeds == [
        ("request.ask", "applicant"),
        ("request.approve", "boss"),
        ("key.create", "applicant"),
        ("request.collect", "applicant"),
    ]


def test_a_key_is_picked_up_once(store, asked):
    store.requests.approve(asked.request.id, Terms(), actor="boss")
    store.requests.collect(asked.token)
    with pytest.raises(InputError, match="shown only once"):
        store.requests.collect(asked.token)
    assert len(store.keys.all()) == 1


def test_of_many_who_come_at_once_one_gets_it(store, asked):
    store.requests.approve(asked.request.id, Terms(), actor="boss")
    got, refused = [], []

    def come():
        try:
            got.append(store.requests.collect(asked.token))
        except InputError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1 and len(refused) == 5
    assert len(store.keys.all()) == 1


def test_before_it_is_decided_and_after_it_was_refused(store, asked):
    with pytest.raises(InputError, match="not decided yet"):
        store.requests.collect(asked.token)
    store.requests.refuse(asked.request.id, reason="Not for <b>this</b>.", actor="boss")
    assert store.requests.by_token(asked.token).answer == "Not for <b>this</b>."
    with pytest.raises(InputError, match="was refused"):
        store.requests.collect(asked.token)


def test_a_decision_stands(store, asked):
    store.requests.refuse(asked.request.id, reason="No.", actor="boss")
    with pytest.raises(InputError, match="was refused before"):
        store.requests.approve(asked.request.id, Terms(), actor="boss")
    with pytest.raises(InputError, match="was refused before"):
        store.requests.refuse(asked.request.id, reason="No.", actor="boss")


@pytest.mark.parametrize("after", [PICK_UP, 10 * PICK_UP, -PICK_UP])
def test_an_approval_lapses_and_a_wrong_clock_does_not_revive_it(store, asked, clock, after):
    store.requests.approve(asked.request.id, Terms(), actor="boss")
    clock.now += after
    assert not store.requests.by_token(asked.token).can_be_collected(clock.now)
    with pytest.raises(InputError, match="lapsed"):
        store.requests.collect(asked.token)
    # What was refused changed nothing: at the right time it can still be had.
    clock.now -= after
    assert store.requests.collect(asked.token).secret


def test_an_approval_does_not_outlive_its_key(store, asked, clock):
    terms = Terms(expires=clock.now + DAY)
    store.requests.approve(asked.request.id, terms, actor="boss")
    clock.now += DAY
    with pytest.raises(InputError, match="lapsed"):
        store.requests.collect(asked.token)


def test_terms_that_cannot_be_given(store, asked, clock):
    with pytest.raises(InputError, match="cannot administer"):
        store.requests.approve(asked.request.id, Terms(scopes=frozenset({"admin"})), actor="boss")
    with pytest.raises(InputError, match="expired already"):
        store.requests.approve(asked.request.id, Terms(expires=clock.now), actor="boss")
    with pytest.raises(InputError, match="'reason' must not be empty"):
        store.requests.refuse(asked.request.id, reason=" \n ", actor="boss")
    with pytest.raises(InputError, match="no request"):
        store.requests.approve("req_0' OR 1=1", Terms(), actor="boss")
    assert store.requests.get(asked.request.id).state == "pending"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("email", "nobody"),
        ("email", "a@b@c"),
        ("email", "a b@c"),
        ("email", "a@b\nBcc: c@d"),
        ("reason", "\n\n"),
        ("reason", "x" * 2001),
        ("reason", "a\0b"),
        ("models", [f"m{n}" for n in range(101)]),
        ("models", [""]),
    ],
)
def test_what_is_no_request(store, field, wrong):
    with pytest.raises(InputError) as failure:
        store.requests.ask(**{**ANN, field: wrong})
    assert failure.value.param == field
    assert store.requests.all() == []


def test_not_more_than_somebody_can_answer(store, monkeypatch):
    monkeypatch.setattr(access_requests, "MAX_PENDING", 2)
    first = store.requests.ask(**ANN)
    store.requests.ask(**ANN)
    with pytest.raises(FullError):
        store.requests.ask(**ANN)
    store.requests.refuse(first.request.id, reason="No.", actor="boss")
    store.requests.ask(**ANN)


def test_lists(store, clock):
    ids = []
    for _ in range(3):
        ids.append(store.requests.ask(**ANN).request.id)
        clock.now += 1
    store.requests.refuse(ids[1], reason="No.", actor="boss")
    assert [r.id for r in store.requests.all("pending")] == [ids[0], ids[2]]
    assert [r.id for r in store.requests.all()] == ids[::-1]


@pytest.mark.parametrize("odd", ["", "x" * 43, "\0" * 43, "\ud800" * 43, "'; --"])
def test_what_is_no_token(store, asked, odd):
    assert store.requests.by_token(odd) is None
    with pytest.raises(InputError, match="no such request"):
        store.requests.collect(odd)
