"""Keys are shown once, found by their prefix, rotated, revoked, and end when they should."""

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from sqlalchemy import text

from voxhaus.core.errors import InputError
from voxhaus.products.store.clock import DAY, HOUR
from voxhaus.products.store.keys import Limits, Terms


@pytest.fixture
def make(store):
    def made(**terms):
        return store.keys.create(name="app", owner="a@b.example", terms=Terms(**terms), actor="me")

    return made


def everything(store):
    """All that is kept, as text."""
    tables = ("keys", "key_secrets", "audit", "documents", "admin_sessions", "access_requests")
    with store.database.read() as session:
        return "".join(str(session.execute(text(f"SELECT * FROM {t}")).all()) for t in tables)


def test_a_key_is_found_by_its_secret_and_by_nothing_like_it(store, make):
    new = make()
    assert new.secret.startswith("vx-") and len(new.secret) == 46
    assert store.keys.find(new.secret) == new.key
    wrong = new.secret[:-1] + ("A" if new.secret[-1] != "A" else "B")
    for other in (wrong, new.secret + "A", new.secret[3:], new.key.prefix, "", "vx-", "Bearer x"):
        assert store.keys.find(other) is None


@pytest.mark.parametrize(
    "odd", ["vx-' OR 1=1 --" + "x" * 32, "vx-" + "%" * 43, "vx-" + "\0" * 43, "vx-" + "é" * 43]
)
def test_odd_characters_are_no_key(store, make, odd):
    make()
    assert store.keys.find(odd) is None


def test_the_secret_is_kept_nowhere(store, make):
    new = make()
    rotated = store.keys.rotate(new.key.id, actor="me")
    kept = everything(store)
    assert new.key.prefix in kept  # the look is in the right place
    for secret in (new.secret, rotated.secret):
        assert secret not in kept and secret[13:] not in kept
        assert secret not in repr(new) + repr(rotated)


def test_what_it_may_do_is_kept(store, make):
    terms = {
        "scopes": frozenset({"speech", "admin"}),
        "models": frozenset({"voxhaus-voice-1", "größe/模型"}),
        "local_only": True,
        "expires": int(store.clock()) + 10,
        "limits": Limits(per_minute=3, month_requests=0, month_audio_seconds=1.5, month_tokens=9),
    }
    assert store.keys.find(make(**terms).secret).terms == Terms(**terms)
    assert store.keys.find(make(models=frozenset()).secret).terms.models == frozenset()
    assert store.keys.find(make().secret).terms.models is None


def test_names_with_odd_characters_are_names(store):
    name = "'; DROP TABLE keys; -- \"<b>%s{0}\\ ñ 名 🎧"
    new = store.keys.create(name=name, owner="O'Hara", actor="me")
    assert store.keys.get(new.key.id).name == name
    assert len(store.keys.all()) == 1


@pytest.mark.parametrize(
    "name", ["", "   ", "a\nb", "a\0b", "\ud800", "x" * 201, "evil \u202egpj.exe", "\x1b[31mred"]
)
def test_what_is_no_name(store, name):
    with pytest.raises(InputError, match="'name'"):
        store.keys.create(name=name, owner="me", actor="me")
    assert store.keys.all() == []


def test_terms_that_make_no_sense(store, make):
    with pytest.raises(InputError, match="no scope 'everything'"):
        make(scopes=frozenset({"everything"}))
    with pytest.raises(InputError, match="needs a scope"):
        make(scopes=frozenset())
    with pytest.raises(InputError, match="expired already"):
        make(expires=int(store.clock()))
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="month_audio_seconds"):
            make(limits=Limits(month_audio_seconds=wrong))


def test_it_ends_when_it_should(store, make, clock):
    new = make(expires=clock.now + HOUR)
    clock.now += HOUR - 1
    assert store.keys.find(new.secret)
    clock.now += 1
    assert store.keys.find(new.secret) is None
    assert store.keys.get(new.key.id).state(clock.now) == "expired"


def test_a_clock_that_goes_back_keeps_nothing_open(store, make, clock):
    """A machine that wakes in 1970 must not give an expired key fifty more years."""
    ends, endless = make(expires=clock.now + HOUR), make()
    clock.now += 2 * HOUR
    assert store.keys.find(ends.secret) is None
    clock.now = 0
    assert store.keys.find(ends.secret) is None
    assert store.keys.find(endless.secret)
    clock.now = 2**40
    assert store.keys.find(ends.secret) is None


def test_rotation_lets_the_old_secret_work_for_a_while(store, make, clock):
    first = make()
    second = store.keys.rotate(first.key.id, grace=HOUR, actor="me")
    assert second.key.id == first.key.id and second.secret != first.secret
    assert store.keys.get(first.key.id).prefix == second.key.prefix != first.key.prefix
    clock.now += HOUR - 1
    assert store.keys.find(first.secret).id == store.keys.find(second.secret).id
    clock.now += 1
    assert store.keys.find(first.secret) is None
    assert store.keys.find(second.secret)


def test_a_later_rotation_does_not_lengthen_an_earlier_one(store, make, clock):
    first = make()
    second = store.keys.rotate(first.key.id, grace=HOUR, actor="me")
    third = store.keys.rotate(first.key.id, grace=DAY, actor="me")
    clock.now += HOUR
    assert store.keys.find(first.secret) is None
    assert store.keys.find(second.secret) and store.keys.find(third.secret)
    fourth = store.keys.rotate(first.key.id, grace=0, actor="me")
    assert store.keys.find(second.secret) is None and store.keys.find(third.secret) is None
    assert store.keys.find(fourth.secret)


def test_a_clock_that_goes_back_does_not_bring_a_rotated_secret_back(store, make, clock):
    first = make()
    store.keys.rotate(first.key.id, grace=HOUR, actor="me")
    clock.now = 1
    assert store.keys.find(first.secret) is None


def test_revoked_is_revoked(store, make, clock):
    new = make()
    store.keys.rotate(new.key.id, actor="me")
    store.keys.revoke(new.key.id, actor="me")
    again = store.keys.revoke(new.key.id, actor="somebody else")
    assert again.state(clock.now) == "revoked"
    assert store.keys.find(new.secret) is None
    clock.now = 0
    assert store.keys.find(new.secret) is None
    with pytest.raises(InputError, match="is revoked and cannot be rotated"):
        store.keys.rotate(new.key.id, actor="me")
    deeds = [e.action for e in store.audit.entries()]
    assert deeds == ["key.revoke", "key.rotate", "key.create"]


@pytest.mark.parametrize("odd", ["key_0", "' OR ''='", "\0", "\ud800", ""])
def test_there_is_no_such_key(store, odd):
    for act in (store.keys.get, lambda k: store.keys.revoke(k, actor="me")):
        with pytest.raises(InputError, match="no key"):
            act(odd)


@pytest.mark.parametrize("grace", [-1, 91 * DAY])
def test_a_grace_out_of_range(store, make, grace):
    with pytest.raises(InputError, match="'grace'"):
        store.keys.rotate(make().key.id, grace=grace, actor="me")


def test_who_can_administer(store, make, clock):
    assert store.needs_admin()
    make()
    assert store.needs_admin()
    admin = make(scopes=frozenset({"admin"}), expires=clock.now + HOUR)
    assert not store.needs_admin()
    store.keys.revoke(admin.key.id, actor="me")
    assert store.needs_admin()
