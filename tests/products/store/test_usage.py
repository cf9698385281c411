"""What was used is added up, and budgets end where they should."""

import threading
from datetime import UTC, datetime

import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("alembic")

from voxhaus.products.store.clock import DAY, HOUR, month_of, next_month
from voxhaus.products.store.keys import Limits, Terms
from voxhaus.products.store.usage import Spent, Work


@pytest.fixture
def make(store):
    def made(**limits):
        terms = Terms(limits=Limits(**limits))
        return store.keys.create(name="app", owner="me", terms=terms, actor="me").key

    return made


def work(**changes):
    return Work(**{"key_id": None, "model": "m", "task": "speech", "status": 200, **changes})


def test_sums_by_day_model_and_key(store, make, clock):
    a, b = make(), make()
    midnight = clock.now - clock.now % DAY
    for at, key, model, seconds in [
        (midnight, a, "voice", 1.5),
        (midnight + DAY - 1, a, "voice", 2.0),
        (midnight + DAY - 1, b, "other", 4.0),
        (midnight + DAY, b, "voice", 8.0),
    ]:
        clock.now = at
        store.usage.record(
            work(key_id=key.id, model=model, audio_seconds=seconds, characters=10, status=200)
        )
    span = {"start": midnight, "end": midnight + 2 * DAY, "width": DAY}

    first, second = store.usage.buckets(**span)
    assert (first.start, first.end) == (midnight, midnight + DAY)
    assert [(t.requests, t.audio_seconds, t.characters) for t in first.totals] == [(3, 7.5, 30)]
    assert [(t.requests, t.audio_seconds) for t in second.totals] == [(1, 8.0)]

    first, second = store.usage.buckets(**span, group_by=["api_key_id", "model"])
    found = {(t.model, t.api_key_id): t.audio_seconds for t in first.totals}
    assert found == {("voice", a.id): 3.5, ("other", b.id): 4.0}
    assert [(t.model, t.api_key_id) for t in second.totals] == [("voice", b.id)]

    only = store.usage.buckets(**span, models=["voice"], api_key_ids=[b.id])
    assert [[t.audio_seconds for t in bucket.totals] for bucket in only] == [[], [8.0]]


def test_times_at_the_edges(store, clock):
    start = clock.now - clock.now % HOUR + 600
    for at in (start - 1, start, start + 1799, start + 1800):
        clock.now = at
        store.usage.record(work(input_tokens=1, output_tokens=2))
    (bucket,) = store.usage.buckets(start=start, end=start + 1800, width=HOUR)
    assert (bucket.start, bucket.end) == (start - 600, start + 3000)
    assert [(t.requests, t.input_tokens, t.output_tokens) for t in bucket.totals] == [(2, 2, 4)]


def test_tasks_are_kept_apart(store, clock):
    store.usage.record(work(task="speech"))
    store.usage.record(work(task="chat", input_tokens=7))
    span = {"start": clock.now, "end": clock.now + 1, "width": DAY}
    (bucket,) = store.usage.buckets(**span, task="chat")
    assert [(t.requests, t.input_tokens) for t in bucket.totals] == [(1, 7)]


def test_whatever_a_caller_names_can_be_recorded(store, clock):
    for model in ("'; DROP TABLE usage; --", "\0", "\ud800", "", "x" * 5000, "%_"):
        store.usage.record(work(model=model, audio_seconds=-1, input_tokens=-5))
    span = {"start": clock.now, "end": clock.now + 1, "width": DAY}
    (bucket,) = store.usage.buckets(**span, group_by=["model"])
    assert sum(t.requests for t in bucket.totals) == 6
    assert all(t.audio_seconds == 0 and t.input_tokens == 0 for t in bucket.totals)
    (bucket,) = store.usage.buckets(**span, models=["'; DROP TABLE usage; --"])
    assert bucket.totals[0].requests == 1


def test_what_a_key_spent_of_its_month(store, make, clock):
    key = make()
    store.usage.record(work(key_id=key.id, audio_seconds=2.5, input_tokens=3, output_tokens=4))
    store.usage.record(work(key_id=key.id, status=500))
    assert store.usage.spent(key.id) == Spent(requests=2, audio_seconds=2.5, tokens=7)
    clock.now = next_month(clock.now)
    assert store.usage.spent(key.id) == Spent()


@pytest.mark.parametrize(
    ("limits", "used", "told"),
    [
        ({"month_audio_seconds": 10}, {"audio_seconds": 10.0}, "seconds of audio"),
        ({"month_tokens": 10}, {"input_tokens": 4, "output_tokens": 6}, "tokens"),
        ({"month_requests": 1}, {}, "requests"),
    ],
)
def test_a_budget_ends_and_the_next_month_begins(store, make, clock, limits, used, told):
    key = make(**limits)
    charge = store.usage.charge(key)
    assert charge.exhausted is None
    store.usage.record(work(key_id=key.id, **used), charged=charge.requests)
    charge = store.usage.charge(key)
    assert charge.exhausted == told and charge.requests == 0
    assert charge.resets == next_month(clock.now)
    clock.now = charge.resets
    assert store.usage.charge(key).exhausted is None


def test_no_budget_at_all(store, make):
    assert store.usage.charge(make(month_requests=0)).exhausted == "requests"
    assert store.usage.charge(make(month_tokens=0)).exhausted == "tokens"


def test_requests_are_counted_once(store, make):
    key = make(month_requests=5)
    charge = store.usage.charge(key)
    assert store.usage.spent(key.id).requests == charge.requests == 1
    store.usage.record(work(key_id=key.id), charged=charge.requests)
    assert store.usage.spent(key.id).requests == 1
    store.usage.record(work(key_id=key.id, requests=3), charged=1)
    assert store.usage.spent(key.id).requests == 3


def test_many_at_once_get_exactly_what_is_left(store, make):
    key, admitted = make(month_requests=20), []

    def ask():
        for _ in range(8):
            admitted.append(store.usage.charge(key).requests)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 48 and sum(admitted) == 20


def test_a_clock_that_jumps_does_not_open_a_budget_for_long(store, make, clock):
    key = make(month_requests=1)
    now = clock.now
    assert store.usage.charge(key).requests == 1
    for wrong in (0, now - 40 * DAY, now + 40 * DAY, now + 4000 * DAY):
        clock.now = wrong
        assert store.usage.charge(key).requests == 1
        assert store.usage.charge(key).exhausted == "requests"
    clock.now = now
    assert store.usage.charge(key).exhausted == "requests"


def test_months():
    end = int(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert (month_of(end), month_of(end + 1)) == ("2026-12", "2027-01")
    assert next_month(end) == end + 1
    assert next_month(end + 1) == int(datetime(2027, 2, 1, tzinfo=UTC).timestamp())
