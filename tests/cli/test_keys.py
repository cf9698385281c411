"""`voxhaus keys`: keys, requests and usage from the command line."""

import time

import pytest

pytest.importorskip("sqlalchemy", reason="needs the extra 'server'")
pytest.importorskip("alembic", reason="needs the extra 'server'")

from voxhaus.products.store.store import Store
from voxhaus.products.store.usage import Work

ANN = {"name": "Ann", "email": "ann@example.org", "reason": "A radio\nplay."}


@pytest.fixture(autouse=True)
def _own_database(monkeypatch, tmp_path):
    monkeypatch.setenv("VOXHAUS_DATABASE", str(tmp_path / "v.db"))


@pytest.fixture
def store():
    with Store.open() as opened:
        yield opened


def test_a_key_is_made_and_found_in_the_list(voxhaus, store):
    status, out, err = voxhaus("keys", "create", "ci", "--owner", "me")
    secret = out.strip()
    assert status == 0 and store.keys.find(secret).name == "ci"
    assert "shown only now" in err and secret not in err
    status, out, err = voxhaus("keys", "list")
    assert (status, err) == (0, "")
    assert "vx-" in out and "active" in out and secret not in out
    status, report, err = voxhaus("keys", "list", "--json")
    assert [k["name"] for k in report["keys"]] == ["ci"]


def test_its_terms(voxhaus, store):
    status, made, err = voxhaus(
        *"keys create ci --scope speech --scope admin --model a --model b --days 2".split(),
        *"--local-only --per-minute 6 --month-requests 100 --month-audio-seconds 9.5".split(),
        *"--month-tokens 7 --json".split(),
    )
    assert (status, err) == (0, "")
    key = store.keys.find(made["value"])
    assert key.id == made["id"]
    assert key.terms.scopes == {"speech", "admin"} and key.terms.models == {"a", "b"}
    assert key.terms.local_only and abs(key.terms.expires - time.time() - 2 * 86400) < 60
    limits = key.terms.limits
    assert (limits.per_minute, limits.month_requests) == (6, 100)
    assert (limits.month_audio_seconds, limits.month_tokens) == (9.5, 7)


def test_rotated_and_revoked(voxhaus, store):
    _, made, _ = voxhaus("keys", "create", "ci", "--json")
    status, turned, _ = voxhaus("keys", "rotate", made["id"], "--grace-hours", "0", "--json")
    assert status == 0
    assert store.keys.find(made["value"]) is None and store.keys.find(turned["value"])
    status, out, _ = voxhaus("keys", "revoke", made["id"])
    assert status == 0 and "is revoked" in out
    assert store.keys.find(turned["value"]) is None


def test_requests_are_answered(voxhaus, store):
    yes, no = store.requests.ask(**ANN), store.requests.ask(**ANN)
    status, out, _ = voxhaus("keys", "requests", "--state", "pending")
    assert status == 0 and out.count("A radio play.") == 2
    status, out, _ = voxhaus(
        "keys", "approve", yes.request.id, "--days", "3", "--answer", "Welcome"
    )
    assert status == 0 and "is approved" in out
    assert store.keys.find(store.requests.collect(yes.token).secret)
    status, report, _ = voxhaus("keys", "refuse", no.request.id, "--reason", "Too early.", "--json")
    assert status == 0 and report["state"] == "refused"
    assert store.requests.by_token(no.token).answer == "Too early."
    states = {r["state"] for r in voxhaus("keys", "requests", "--json")[1]["requests"]}
    assert states == {"collected", "refused"}


def test_usage(voxhaus, store):
    _, made, _ = voxhaus("keys", "create", "ci", "--json")
    for key, model, task in [
        (made["id"], "a", "speech"),
        (None, "a", "speech"),
        (None, "b", "chat"),
    ]:
        store.usage.record(Work(key_id=key, model=model, task=task, status=200, audio_seconds=1.5))
    today = time.strftime("%Y-%m-%d", time.gmtime())
    _, report, err = voxhaus("keys", "usage", "--json")
    assert err == ""
    assert {(r["key"], r["model"], r["task"]) for r in report["usage"]} == {
        (made["id"], "a", "speech"),
        (None, "a", "speech"),
        (None, "b", "chat"),
    }
    _, report, _ = voxhaus("keys", "usage", "--by", "day", "--json")
    assert [(r["day"], r["requests"], r["audio_seconds"]) for r in report["usage"]] == [
        (today, 3, 4.5)
    ]
    out = voxhaus("keys", "usage", "--by", "model")[1]
    assert out.splitlines()[0].startswith("MODEL  REQUESTS  AUDIO SECONDS")
    assert out.splitlines()[1].split() == ["a", "2", "3.0", "0", "0", "0"]


def test_a_link(voxhaus, store):
    status, out, _ = voxhaus("keys", "link", "--base-url", "http://127.0.0.1:8080")
    assert status == 0 and out.startswith("http://127.0.0.1:8080/admin/enter/")
    assert store.sessions.enter(out.strip().rpartition("/")[2])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("create x --scope all", "no scope 'all'"),
        ("create x --days -1", "--days must be"),
        ("create x --days nan", "--days must be"),
        ("create x --per-minute -1", "'per_minute' must be"),
        ("create x --database mysql://host/x", "not 'mysql'"),
        ("rotate key_0", "no key 'key_0'"),
        ("revoke key_0", "no key 'key_0'"),
        ("approve req_0", "no request 'req_0'"),
        ("refuse req_0 --reason x", "no request 'req_0'"),
        ("requests --state lost", "no state 'lost'"),
        ("usage --by colour", "no sum by 'colour'"),
        ("usage --days 0", "--days"),
        ("create", "Missing argument"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(voxhaus, words, told):
    status, out, err = voxhaus("keys", *words.split())
    assert (status, out) == (2, "")
    assert told in err and len(err.strip().splitlines()) == 1


def test_a_name_that_is_no_text(voxhaus):
    status, _, err = voxhaus("keys", "create", "a\x1b[31mb")
    assert status == 2 and "'name' has characters that are not text" in err


def test_without_the_extra_it_is_named(voxhaus, monkeypatch):
    import sys

    for name in [n for n in sys.modules if n.startswith("voxhaus.products.store.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    status, _, err = voxhaus("keys", "list")
    assert status == 1 and "pip install 'voxhaus[server]'" in err
