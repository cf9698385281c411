"""The breaker and the gate: when an engine is asked."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from voxhaus.products.orchestrator.breaker import Breaker, BreakerSettings
from voxhaus.products.orchestrator.contract import BusyError
from voxhaus.products.orchestrator.gate import Gate, GateSettings

SETTINGS = BreakerSettings(failures=3, cooldown=10, longest=25)


def made(hands):
    return Breaker(SETTINGS, lambda: hands.time)


def fail(breaker, times):
    for _ in range(times):
        breaker.enter().failed()


def test_opens_after_failures_in_a_row(hands):
    breaker = made(hands)
    fail(breaker, 2)
    breaker.enter().succeeded()
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"
    assert breaker.enter() is None
    assert breaker.wait_seconds() == 10


def test_one_probe_decides(hands):
    breaker = made(hands)
    fail(breaker, 3)
    hands.time += 10
    assert breaker.state == "half-open"
    probe = breaker.enter()
    assert probe.probe
    assert breaker.enter() is None
    probe.succeeded()
    assert breaker.state == "closed"


def test_every_failed_probe_doubles_the_cooldown_up_to_a_limit(hands):
    breaker = made(hands)
    fail(breaker, 3)
    for cooldown in (10, 20, 25, 25):
        assert breaker.wait_seconds() == cooldown
        hands.time += cooldown
        breaker.enter().failed()
    hands.time += 25
    breaker.enter().succeeded()
    fail(breaker, 3)
    assert breaker.wait_seconds() == 10


def test_a_probe_that_tells_nothing_lets_another_through(hands):
    breaker = made(hands)
    fail(breaker, 3)
    hands.time += 10
    breaker.enter().said_nothing()
    assert breaker.enter().probe


def test_a_pass_counts_once(hands):
    breaker = made(hands)
    leave = breaker.enter()
    for _ in range(5):
        leave.failed()
    assert breaker.state == "closed"


def test_rest_is_kept(hands):
    breaker = made(hands)
    breaker.rest(7)
    breaker.rest(3)
    assert (breaker.enter(), breaker.wait_seconds()) == (None, 7)
    hands.time += 7
    assert breaker.enter() is not None


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    def __init__(self):
        super().__init__()
        self.time, self.passes, self.in_a_row = 0.0, [], 0
        self.breaker = Breaker(SETTINGS, lambda: self.time)

    @rule()
    def enter(self):
        leave = self.breaker.enter()
        if leave is not None:
            self.passes.append(leave)

    @precondition(lambda self: self.passes)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "failed", "said_nothing"]))
    def end(self, data, how):
        at = data.draw(st.integers(0, len(self.passes) - 1))
        before = self.breaker.state
        getattr(self.passes.pop(at), how)()
        if how == "succeeded":
            assert self.breaker.state == "closed"
        if how == "said_nothing":
            assert self.breaker.state == before

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds):
        self.time += seconds

    @invariant()
    def never_two_probes(self):
        assert sum(p.probe for p in self.passes) <= 1

    @invariant()
    def open_lets_nobody_in_and_ends(self):
        if self.breaker.state == "open":
            assert 0 < self.breaker.wait_seconds() <= SETTINGS.longest
            assert self.breaker.enter() is None


TestAnyOrder = AnyOrder.TestCase


def test_gate_is_bounded_and_says_when_to_come_again(hands):
    async def run():
        gate = Gate("home", GateSettings(places=2, queue=1, patience=0.05), lambda: hands.time)
        first, second = await gate.enter(), await gate.enter()
        waiting = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        assert (gate.inside, gate.waiting) == (2, 1)
        with pytest.raises(BusyError, match="'home' works on 2 requests and 1 wait") as full:
            await gate.enter()
        assert full.value.retry_after >= 1
        with pytest.raises(BusyError):
            await waiting  # patience ends
        hands.time += 30
        first.leave()
        first.leave()
        third = await gate.enter()
        assert gate.inside == 2
        assert await gate.enter_if_idle() is None
        second.leave()
        third.leave()
        assert (await gate.enter_if_idle()) is not None
        assert (gate.inside, gate.waiting) == (1, 0)

    asyncio.run(run())


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 4))
def test_gate_never_holds_more_than_its_places(steps, places):
    async def run():
        gate = Gate("x", GateSettings(places=places, queue=0, patience=1), lambda: 0.0)
        held = []
        for enter in steps:
            if not enter:
                if held:
                    held.pop().leave()
                continue
            try:
                held.append(await gate.enter())
            except BusyError:
                assert len(held) == places
        assert gate.inside == len(held) <= places

    asyncio.run(run())
