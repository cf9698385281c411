"""Who may pass, how often, how much, and what is written down."""

import asyncio
import logging

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("fastapi")

from voxhaus.products.orchestrator.contract import Caller
from voxhaus.products.server.access.addresses import is_loopback, neighbourhood
from voxhaus.products.server.access.gate import Gate
from voxhaus.products.server.access.rates import Rates
from voxhaus.products.server.errors import ApiError
from voxhaus.products.store.clock import DAY, HOUR, next_month

FAR, NEAR = "203.0.113.7", "127.0.0.1"


def admit(gate, secret=None, *, host=FAR, task="speech", model="voxhaus-voice-1", **headers):
    asked = {"authorization": None, "api_key": None, **headers}
    if secret is not None:
        asked["authorization"] = f"Bearer {secret}"
    return asyncio.run(gate.admit(**asked, client_host=host, task=task, model=model))


def refused(gate, *args, **kwargs):
    with pytest.raises(ApiError) as failure:
        admit(gate, *args, **kwargs)
    return failure.value


def record(gate, admitted, **used):
    asyncio.run(
        gate.record(
            admitted, **{"model": "voxhaus-voice-1", "task": "speech", "status": 200, **used}
        )
    )


def test_a_key_makes_a_caller(gate, make):
    secret, key_id = make(models=frozenset({"voxhaus-voice-1"}), local_only=True)
    admitted = admit(gate, secret)
    assert isinstance(admitted.caller, Caller)
    assert (admitted.id, admitted.key_id) == (key_id, key_id)
    assert admitted.models == {"voxhaus-voice-1"} and admitted.local_only
    assert admit(gate, api_key=secret) == admitted


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer   "},
        {"api_key": ""},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"authorization": "nonsense"},
        {"api_key": "vx-" + "A" * 43},
        {"authorization": "Bearer \xff\x00"},
    ],
)
def test_from_afar_nobody_passes_without_a_key(gate, make, headers):
    make()
    error = refused(gate, **headers)
    assert (error.status, error.code) == (401, "invalid_api_key")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_on_this_machine_a_key_is_not_needed(gate, host):
    admitted = admit(gate, host=host)
    assert (admitted.id, admitted.key_id, admitted.models) == ("anonymous", None, None)


@pytest.mark.parametrize("host", [None, "", "10.0.0.1", "::", "localhost", "127.0.0.1.evil.org"])
def test_what_is_not_this_machine(gate, host):
    assert refused(gate, host=host).status == 401


def test_on_this_machine_a_key_made_up_for_a_program_says_nothing(gate):
    """The official client does not start without one."""
    assert admit(gate, "sk-anything", host=NEAR).id == "anonymous"
    assert admit(gate, host=NEAR, api_key="none").id == "anonymous"


def test_a_wrong_key_is_refused_on_this_machine_too(gate):
    assert refused(gate, "vx-" + "A" * 43, host=NEAR).status == 401
    assert refused(gate, host=NEAR, authorization="Basic x").status == 401


def test_a_server_that_is_not_open_wants_a_key_from_all(store):
    assert refused(Gate(store, open_on_loopback=False), host=NEAR).status == 401


def test_the_header_for_keys_goes_before_the_other(gate, make):
    secret, key_id = make()
    assert admit(gate, authorization="Bearer other", api_key=secret).id == key_id
    assert refused(gate, authorization=f"Bearer {secret}", api_key="wrong").status == 401


def test_an_ended_or_revoked_key(gate, make, store, clock):
    ends, _ = make(expires=clock.now + HOUR)
    revoked, key_id = make()
    store.keys.revoke(key_id, actor="test")
    clock.now += HOUR
    for secret in (ends, revoked):
        assert refused(gate, secret).code == "invalid_api_key"


def test_scopes(gate, make):
    secret, _ = make(scopes=frozenset({"chat"}))
    assert admit(gate, secret, task="chat")
    error = refused(gate, secret, task="speech")
    assert (error.status, error.code) == (403, "insufficient_permissions")
    assert "'speech', only chat" in str(error)
    assert refused(gate, secret, task="something new").status == 403
    assert admit(gate, secret, task=None, model=None)


def test_administering_is_not_speaking(gate, make):
    secret, _ = make(scopes=frozenset({"admin"}))
    assert refused(gate, secret).status == 403


def test_models(gate, make):
    secret, _ = make(models=frozenset({"a", "b"}))
    assert admit(gate, secret, model="a")
    error = refused(gate, secret, model="c")
    assert (error.status, error.code, error.param) == (403, "model_not_allowed", "model")
    assert "a, b" in str(error)
    nothing, _ = make(models=frozenset())
    assert refused(gate, nothing, model="a").status == 403


def test_rates(gate, make, ticking):
    secret, _ = make({"per_minute": 3})
    other, _ = make({"per_minute": 3})
    for _ in range(3):
        admit(gate, secret)
    error = refused(gate, secret)
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert error.headers() == {"Retry-After": "20"}
    assert admit(gate, other)  # each key has its own
    ticking.now += 20
    assert admit(gate, secret)
    assert refused(gate, secret).status == 429


def test_looking_at_lists_costs_nothing(gate, make):
    secret, _ = make({"per_minute": 1, "month_requests": 1})
    for _ in range(5):
        assert admit(gate, secret, task=None, model=None).charged == 0
    assert admit(gate, secret)


def test_a_rate_of_nothing(gate, make):
    secret, _ = make({"per_minute": 0})
    assert refused(gate, secret).retry_after == 60


@pytest.mark.parametrize("jump", [-(10**9), 10**9, float("inf")])
def test_a_clock_that_jumps_fills_a_bucket_once_at_most(ticking, jump):
    rates = Rates(ticking)
    for _ in range(3):
        assert rates.wait("a", 3, 60) == 0
    ticking.now += jump
    admitted = sum(rates.wait("a", 3, 60) == 0 for _ in range(20))
    assert admitted == (3 if jump > 0 else 0)
    assert rates.wait("a", 3, 60) > 0


def test_buckets_do_not_pile_up(ticking):
    rates = Rates(ticking, most_known=100)
    for n in range(1000):
        rates.wait(str(n), 1, 60)
    assert len(rates._buckets) <= 100
    ticking.now += 60
    rates.wait("new", 1, 60)
    assert len(rates._buckets) <= 100


def test_a_budget_of_requests(gate, make, clock):
    secret, _ = make({"month_requests": 2})
    for _ in range(2):
        record(gate, admit(gate, secret))
    error = refused(gate, secret)
    assert (error.status, error.code) == (429, "insufficient_quota")
    assert error.retry_after == next_month(clock.now) - clock.now
    clock.now = next_month(clock.now)
    assert admit(gate, secret)


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        ({"month_audio_seconds": 30}, {"audio_seconds": 30.0}),
        ({"month_tokens": 100}, {"input_tokens": 60, "output_tokens": 40}),
    ],
)
def test_other_budgets(gate, make, limits, used):
    secret, _ = make(limits)
    record(gate, admit(gate, secret), **used)
    assert refused(gate, secret).code == "insufficient_quota"


def test_what_was_used_is_recorded_without_a_key_too(gate, make, store, clock):
    secret, key_id = make()
    record(gate, admit(gate, secret), audio_seconds=1.5, characters=20)
    record(gate, admit(gate, host=NEAR), audio_seconds=2.0, status=502)
    (bucket,) = store.usage.buckets(
        start=clock.now, end=clock.now + 1, width=DAY, group_by=["api_key_id"]
    )
    found = {t.api_key_id: (t.requests, t.audio_seconds, t.characters) for t in bucket.totals}
    assert found == {None: (1, 2.0, 0), key_id: (1, 1.5, 20)}


def test_a_record_that_fails_does_not_break_an_answer(gate, make, store, caplog):
    secret, _ = make()
    admitted = admit(gate, secret)
    with store.database.schema_change() as connection:
        connection.exec_driver_sql("DROP TABLE usage")
    with caplog.at_level(logging.ERROR):
        record(gate, admitted, model=secret)
    assert "not recorded: StoreError" in caplog.text
    assert secret not in caplog.text


def test_after_closing_a_record_does_not_break_an_answer(gate, make, caplog):
    admitted = admit(gate, make()[0])
    gate.close()
    record(gate, admitted)
    assert "the gate is closed" in caplog.text


def test_a_client_that_hangs_up_is_recorded(gate, make, store, clock, monkeypatch):
    admitted = admit(gate, make()[0])

    async def hang_up():
        task = asyncio.create_task(
            gate.record(admitted, model="m", task="speech", audio_seconds=3.0, status=499)
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(hang_up())
    gate.close()
    assert store.usage.spent(admitted.key_id).audio_seconds == 3.0


def test_a_store_that_fails_is_not_an_open_door(gate, make, store):
    secret, _ = make()
    with store.database.schema_change() as connection:
        connection.exec_driver_sql("DROP TABLE key_secrets")
    error = refused(gate, secret)
    assert (error.status, error.code, error.retry_after) == (503, "store_unavailable", 5)


def test_a_budget_holds_for_many_at_once(gate, make):
    secret, _ = make({"month_requests": 7})

    async def ask():
        asked = {"authorization": f"Bearer {secret}", "api_key": None, "client_host": FAR}
        calls = [gate.admit(**asked, task="speech", model="m") for _ in range(25)]
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = asyncio.run(ask())
    assert sum(not isinstance(a, ApiError) for a in answers) == 7


def test_addresses():
    assert is_loopback("fe80::1%eth0") is False
    assert neighbourhood("2001:db8:1:2:3::9") == neighbourhood("2001:db8:1:2::1")
    assert neighbourhood("2001:db8:1:2::1") != neighbourhood("2001:db8:1:3::1")
    assert neighbourhood("::ffff:192.0.2.1") == neighbourhood("192.0.2.1") == "192.0.2.1"
    assert neighbourhood("testclient") == neighbourhood(None) == "unknown"
