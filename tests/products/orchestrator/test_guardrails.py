"""What may be concluded from counts, and who is on which side."""

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from voxhaus.products.orchestrator.guardrails import (
    LEAST,
    Bound,
    Counts,
    Evidence,
    Guardrails,
    Score,
    Z,
    breaches,
    certainly_at_least,
    objections,
)
from voxhaus.products.orchestrator.rollout import STEPS, Plan, place

RAILS = Guardrails()


def counts(well=0, errors=0, latency=0.1, slow=0, slow_latency=5.0):
    made = Counts()
    for _ in range(well):
        made = made.plus(latency)
    for _ in range(slow):
        made = made.plus(slow_latency)
    for _ in range(errors):
        made = made.plus(None)
    return made


GOOD = Evidence(stable=counts(200, 1), candidate=counts(200, 1))


def plan(**more):
    return Plan(name="new", route="r", candidate="c", **more)


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_caller_stands_in_one_place_for_ever(name, caller):
    assert place(name, caller) == place(name, caller)
    assert 0 <= place(name, caller) < 100


@given(st.text(max_size=30), st.integers(0, 4), st.integers(0, 4))
def test_who_is_in_at_a_step_is_in_at_every_later_one(caller, one, other):
    early, late = sorted((one, other))
    if plan(step=early).arm(caller) == "candidate":
        assert plan(step=late).arm(caller) == "candidate"
    assert plan(step=4).arm(caller) == "candidate"
    assert plan(step=4, phase="shadow").arm(caller) == "stable"
    assert plan(step=4, phase="stopped").arm(caller) == "stable"


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_shares_are_what_the_step_says(step):
    callers = [f"key-{n}" for n in range(20_000)]
    share = sum(plan(step=step).arm(c) == "candidate" for c in callers) / len(callers) * 100
    # Four standard deviations of a fair draw.
    spread = 4 * math.sqrt(STEPS[step] * (100 - STEPS[step]) / len(callers))
    assert share == pytest.approx(STEPS[step], abs=spread + 1e-9)


def test_two_rollouts_draw_independently():
    both = sum(place("a", f"k{n}") < 50 and place("b", f"k{n}") < 50 for n in range(4000))
    assert both / 4000 == pytest.approx(0.25, abs=0.03)


def test_the_place_of_a_caller_never_changes_between_versions():
    """Whoever changes the hash moves every user of a running rollout."""
    assert place("spring", "key-1") == pytest.approx(59.610682, abs=1e-5)


@pytest.mark.parametrize("steps", [(5, 1), (1, 1), (), (0, 5), (50, 101)])
def test_steps_must_grow(steps):
    with pytest.raises(ValidationError):
        plan(steps=steps)


@given(st.integers(0, 500), st.integers(1, 500))
def test_interval_lies_below_the_share_and_narrows(hits, of):
    assume(hits <= of)
    low = certainly_at_least(hits, of)
    assert 0 <= low <= hits / of
    assert certainly_at_least(10 * hits, 10 * of) >= low - 1e-12


@given(st.integers(LEAST, 500), st.integers(LEAST, 500))
def test_interval_is_where_the_share_would_be_z_deviations_away(hits, of):
    assume(hits <= of)
    low = certainly_at_least(hits, of)
    assert hits / of - low == pytest.approx(Z * math.sqrt(low * (1 - low) / of), abs=1e-9)


@pytest.mark.parametrize(("hits", "of"), [(0, 0), (0, 9), (LEAST - 1, LEAST - 1)])
def test_accidents_are_no_certainty(hits, of):
    assert certainly_at_least(hits, of) == 0


def test_a_candidate_as_good_as_the_other_is_seldom_stopped():
    """A thousand requests, a look after each: what the decision page says of false alarms."""
    chance, alarms = random.Random(1), 0
    for _ in range(400):
        errors = 0
        for requests in range(1, 1001):
            errors += chance.random() < 0.01
            if certainly_at_least(errors, requests) > 0.01 + RAILS.max_error_increase:
                alarms += 1
                break
    assert alarms / 400 < 0.02


def test_a_bad_candidate_is_stopped_soon():
    chance, needed = random.Random(1), []
    for _ in range(400):
        errors = requests = 0
        while certainly_at_least(errors, requests) <= 0.01 + RAILS.max_error_increase:
            requests += 1
            errors += chance.random() < 0.2
        needed.append(requests)
    assert sorted(needed)[200] < 40


@given(st.lists(st.floats(0.0005, 900), min_size=1, max_size=200))
def test_p95_is_at_most_a_tenth_too_long(latencies):
    seen = Counts()
    for latency in latencies:
        seen = seen.plus(latency)
    true = sorted(latencies)[math.ceil(0.95 * len(latencies)) - 1]
    assert true <= seen.p95 * (1 + 1e-9)
    assert seen.p95 <= max(0.001, 1.1 * true) * (1 + 1e-9)


def test_a_good_candidate_may_go_on():
    assert breaches(RAILS, GOOD) == []
    assert objections(RAILS, GOOD, 100) == []


def test_no_data_is_no_breach_but_objects():
    nothing = Evidence()
    assert breaches(RAILS, nothing) == []
    assert "The candidate arm has 0 requests in this step; 100 are needed." in objections(
        RAILS, nothing, 100
    )
    assert "There are no latencies of both arms to compare." in objections(RAILS, nothing, 1)


def test_one_failure_is_no_certainty_but_many_are():
    one = Evidence(stable=counts(200), candidate=counts(0, 1))
    assert breaches(RAILS, one) == []
    all_failed = Evidence(stable=counts(200), candidate=counts(0, LEAST))
    assert "3 of 3 requests failed" in breaches(RAILS, all_failed)[0]
    few = Evidence(stable=counts(200), candidate=counts(20, 1))
    assert breaches(RAILS, few) == []
    assert any("error rate is 4.8%" in o for o in objections(RAILS, few, 10))
    many = Evidence(stable=counts(200), candidate=counts(180, 20))
    assert "20 of 200 requests failed" in breaches(RAILS, many)[0]


def test_errors_are_measured_against_the_stable_arm():
    both_bad = Evidence(stable=counts(180, 20), candidate=counts(180, 20))
    assert breaches(RAILS, both_bad) == []
    absolute = Guardrails(max_error_rate=0.01)
    assert "the limit is 1.0%" in breaches(absolute, both_bad)[0]


def test_slowness_is_a_breach_once_it_is_certain():
    slow = Evidence(stable=counts(200, latency=0.1), candidate=counts(80, slow=20))
    assert "20 of 100 first events took longer than" in breaches(RAILS, slow)[0]
    few = Evidence(stable=counts(200, latency=0.1), candidate=counts(90, slow=7))
    assert breaches(RAILS, few) == []
    assert any("p95 latency is 5" in o for o in objections(RAILS, few, 10))
    slightly = Evidence(stable=counts(200, latency=0.1), candidate=counts(200, latency=0.15))
    assert objections(RAILS, slightly, 100) == []


RATED = Guardrails(
    scores={
        "rating": Bound(max_drop=20, min_count=50),
        "seeming": Bound(max=0.05, min_count=10),
    }
)


def scored(**more):
    scores = {"rating": Score(value=1200, count=60), "seeming": Score(value=0.01, count=10)}
    return GOOD.model_copy(update={"candidate_scores": {**scores, **more}, "stable_scores": scores})


def test_scores_from_outside_bind():
    assert objections(RATED, scored(), 100) == []
    low = scored(rating=Score(value=1170, count=60))
    assert breaches(RATED, low) == ["The candidate's rating of 1170 is too low."]
    high = scored(seeming=Score(value=0.2, count=10))
    assert breaches(RATED, high) == ["The candidate's seeming of 0.2 is too high."]


def test_missing_scores_never_let_a_candidate_go_on():
    assert breaches(RATED, GOOD) == []
    assert objections(RATED, GOOD, 100) == [
        "There is no rating of the candidate arm in this step that rests on 50 or more.",
        "There is no rating of the stable arm in this step that rests on 50 or more.",
        "There is no seeming of the candidate arm in this step that rests on 10 or more.",
    ]
    thin = scored(rating=Score(value=900, count=49))
    assert breaches(RATED, thin) == []
    assert len(objections(RATED, thin, 100)) == 1


@given(
    st.integers(0, 300), st.integers(0, 50), st.integers(0, 300), st.integers(0, 50),
    st.integers(1, 200),
)  # fmt: skip
def test_what_breaches_also_objects_and_too_little_never_goes_on(good, bad, well, ill, least):
    seen = Evidence(stable=counts(good, bad), candidate=counts(well, ill))
    reasons = objections(RAILS, seen, least)
    assert set(breaches(RAILS, seen)) <= set(reasons)
    if well + ill < least or good + bad < least:
        assert reasons
