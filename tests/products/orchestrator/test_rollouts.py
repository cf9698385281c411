"""Rollouts: steps by people, stops by guardrails, and what survives a restart."""

import asyncio

import pytest

from voxhaus.core.errors import InputError
from voxhaus.products.orchestrator.conductor import Orchestrator
from voxhaus.products.orchestrator.config import parse
from voxhaus.products.orchestrator.contract import Caller, EngineError
from voxhaus.products.orchestrator.rollout import place
from voxhaus.products.orchestrator.rollouts import KEEP, REFRESH, Rollouts

NONE = "http://127.0.0.1:9/v1"
EARLY = {"min_seconds": 60, "min_samples": 20}
INSIDE = next(f"k{n}" for n in range(1000) if place("new", f"k{n}") < 1)
OUTSIDE = next(f"k{n}" for n in range(1000) if place("new", f"k{n}") > 60)


@pytest.fixture
def rollouts(ledger, hands):
    return Rollouts(ledger, hands.clock(), lambda route, candidate: None)


def begin(rollouts, **more):
    settings = {**EARLY, **more}
    return rollouts.start("new", route="chat", candidate="c", actor="Ada", **settings)


def feed(rollouts, requests=30, *, candidate=0.1, stable=0.1):
    """Requests of both arms; a latency of None fails."""
    for caller, latency in ((INSIDE, candidate), (OUTSIDE, stable)):
        for _ in range(requests):
            side = rollouts.side("chat", caller)
            if side is None:
                return
            rollouts.count(side, side.arm, latency)


def watch(rollouts, hands, seconds=60):
    """Time with a server that is asked now and then."""
    for _ in range(4):
        hands.time += seconds / 4
        rollouts.side("chat", "somebody")


def test_goes_step_by_step_when_all_is_well(rollouts, hands, ledger):
    assert begin(rollouts)["percent"] == 1
    for percent in (5, 25, 50):
        feed(rollouts)
        watch(rollouts, hands)
        assert rollouts.show("new")["objections"] == []
        assert rollouts.advance("new", "Ada")["percent"] == percent
        assert rollouts.show("new")["arms"]["candidate"]["requests"] == 0  # counted anew
    feed(rollouts)
    watch(rollouts, hands)
    assert rollouts.advance("new", "Ada")["percent"] == 100
    with pytest.raises(InputError, match=r"at 100 % already\. Put 'c' first among the engines"):
        rollouts.advance("new", "Ada")
    assert ledger.actions() == [("Ada", "rollout.start")] + 4 * [("Ada", "rollout.advance")]
    detail = next(d for _, action, _, d in ledger.audit if action == "rollout.advance")
    assert (detail["from_percent"], detail["to_percent"]) == (1, 5)
    assert (ledger.audit[0][3]["from_percent"], ledger.audit[0][3]["to_percent"]) == (0, 1)
    assert detail["seen"]["candidate"]["requests"] == 30


def test_too_early_is_refused_with_the_reason(rollouts, hands):
    begin(rollouts)
    feed(rollouts)
    watch(rollouts, hands, 30)
    with pytest.raises(
        InputError, match=r"stays where it is\. It was watched for 30 s in this step; 60"
    ):
        rollouts.advance("new", "Ada")
    assert rollouts.show("new")["percent"] == 1


def test_too_few_requests_are_refused_with_the_reason(rollouts, hands):
    begin(rollouts)
    feed(rollouts, 19)
    watch(rollouts, hands)
    with pytest.raises(InputError, match="The candidate arm has 19 requests in this step; 20"):
        rollouts.advance("new", "Ada")


def test_missing_scores_are_refused_and_reported_ones_let_it_go_on(rollouts, hands):
    begin(rollouts, guardrails={"scores": {"rating": {"max_drop": 10}}})
    feed(rollouts)
    watch(rollouts, hands)
    with pytest.raises(InputError, match="There is no rating of the candidate arm"):
        rollouts.advance("new", "Ada")
    rollouts.record_score("new", "candidate", "rating", 1200, 40)
    rollouts.record_score("new", "stable", "rating", 1205, 40)
    assert rollouts.advance("new", "Ada")["percent"] == 5
    assert rollouts.show("new")["arms"]["candidate"]["scores"] == {}  # of the step before


def test_a_bad_score_stops_it(rollouts, ledger):
    begin(rollouts, guardrails={"scores": {"seeming": {"max": 0.05}}})
    shown = rollouts.record_score("new", "candidate", "seeming", 0.3, 50, "evaluation")
    assert (shown["phase"], shown["changed_by"]) == ("stopped", "guardrail")
    assert ledger.actions()[1:] == [("evaluation", "rollout.score"), ("guardrail", "rollout.stop")]


@pytest.mark.parametrize("latency", [None, 30.0])
def test_errors_and_slowness_stop_it(rollouts, latency, ledger, hands):
    begin(rollouts)
    feed(rollouts, stable=0.1, candidate=0.1)
    feed(rollouts, candidate=latency)
    shown = rollouts.show("new")
    assert (shown["phase"], shown["percent"]) == ("stopped", 0)
    assert rollouts.side("chat", INSIDE) is None
    assert ledger.actions()[-1] == ("guardrail", "rollout.stop")
    assert ("failed" if latency is None else "longer") in shown["reason"]
    # What was seen stays to be looked at.
    assert shown["arms"]["candidate"]["requests"] > 30
    again = Rollouts(ledger, hands.clock(), lambda *_: None).show("new")
    assert again["arms"] == shown["arms"]
    assert begin(rollouts)["arms"]["candidate"]["requests"] == 0


def test_it_may_step_back_instead(rollouts, hands):
    begin(rollouts, on_breach="back", steps=(1, 50, 100))
    feed(rollouts)
    watch(rollouts, hands)
    rollouts.advance("new", "Ada")
    feed(rollouts, 5, candidate=None)
    shown = rollouts.show("new")
    assert (shown["phase"], shown["percent"], shown["changed_by"]) == ("running", 1, "guardrail")
    feed(rollouts, 5, candidate=None)
    assert rollouts.show("new")["phase"] == "stopped"


def test_nothing_but_a_person_goes_forward(rollouts, hands, ledger):
    begin(rollouts)
    for _ in range(20):
        feed(rollouts)
        watch(rollouts, hands, 3600)
    assert rollouts.show("new")["percent"] == 1
    assert ledger.actions() == [("Ada", "rollout.start")]


def test_from_shadow_the_first_step_follows(rollouts, hands):
    begin(rollouts, shadow=True)
    for _ in range(30):
        side = rollouts.side("chat", INSIDE)
        assert (side.arm, side.shadow) == ("stable", True)
        rollouts.count(side, "stable", 0.1)
        rollouts.count(side, "candidate", 0.1)
    watch(rollouts, hands)
    shown = rollouts.advance("new", "Ada")
    assert (shown["phase"], shown["percent"]) == ("running", 1)


def test_people_may_always_go_back_and_stop(rollouts, hands):
    begin(rollouts)
    feed(rollouts)
    watch(rollouts, hands)
    rollouts.advance("new", "Ada")
    assert rollouts.back("new", "Bob", "feels odd")["percent"] == 1
    assert rollouts.show("new")["reason"] == "feels odd"
    assert rollouts.back("new", "Bob")["phase"] == "stopped"
    for act in (rollouts.back, rollouts.stop, rollouts.shadow):
        with pytest.raises(InputError, match="is stopped"):
            act("new", "Bob")
    with pytest.raises(InputError, match="is stopped; start it again"):
        rollouts.advance("new", "Bob")
    assert begin(rollouts)["percent"] == 1
    assert rollouts.stop("new", "Ada", "enough")["phase"] == "stopped"


def test_starting_is_refused_where_it_would_mix(rollouts):
    begin(rollouts)
    with pytest.raises(InputError, match="Rollout 'new' runs already; stop it first"):
        begin(rollouts)
    with pytest.raises(InputError, match="Rollout 'new' runs on 'chat' already"):
        rollouts.start("second", route="chat", candidate="c", actor="Ada")
    with pytest.raises(InputError, match=r"no rollout 'x'\. Rollouts: new"):
        rollouts.show("x")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": [5, 1]}, "steps must grow"),
        ({"min_samples": 0}, "'min_samples': input should be greater"),
        ({"pace": 3}, "'pace': extra inputs are not permitted"),
        ({"guardrails": {"max_eror_rate": 1}}, "'guardrails.max_eror_rate'"),
    ],
)
def test_wrong_settings_are_refused(rollouts, settings, message):
    with pytest.raises(InputError, match=message):
        begin(rollouts, **settings)


def test_everything_survives_a_restart(rollouts, hands, ledger):
    begin(rollouts)
    feed(rollouts)
    watch(rollouts, hands)
    rollouts.record_score("new", "candidate", "rating", 1200, 40)
    rollouts.keep()
    before = rollouts.show("new")
    hands.time = 5.0  # the monotonic clock of another boot
    again = Rollouts(ledger, hands.clock(), lambda *_: None)
    assert again.show("new") == before
    assert again.advance("new", "Ada")["percent"] == 5


def test_counts_are_written_once_a_minute_and_only_if_they_changed(rollouts, hands, ledger):
    begin(rollouts)
    feed(rollouts)
    for _ in range(10):
        watch(rollouts, hands, KEEP)
    written = [a for a in ledger.audit if a[1] == "rollout.count"]
    assert len(written) == 10
    rollouts.stop("new", "Ada")
    watch(rollouts, hands, 10 * KEEP)
    assert len([a for a in ledger.audit if a[1] == "rollout.count"]) <= 11


def test_another_processes_command_is_seen_and_its_steps_counts_are_kept_apart(
    rollouts, hands, ledger
):
    begin(rollouts)
    feed(rollouts)
    watch(rollouts, hands)
    late = rollouts.side("chat", INSIDE)
    rollouts.keep()
    command = Rollouts(ledger, hands.clock(), lambda *_: None)
    command.advance("new", "Bob")
    hands.time += REFRESH
    assert rollouts.side("chat", INSIDE).percent == 5
    rollouts.count(late, "candidate", None)  # began in the step before
    assert rollouts.show("new")["arms"]["candidate"]["requests"] == 0
    command.stop("new", "Bob")
    hands.time += REFRESH
    assert rollouts.side("chat", INSIDE) is None


def test_clock_jumps_change_nothing(rollouts, hands):
    begin(rollouts)
    feed(rollouts)
    for jump in (-86_400 * 400, 86_400 * 800):
        hands.calendar += jump
        assert rollouts.show("new")["watched_seconds"] == 0
    with pytest.raises(InputError, match="watched for 0 s"):
        rollouts.advance("new", "Ada")
    watch(rollouts, hands)
    hands.calendar = 0.0
    assert rollouts.advance("new", "Ada")["percent"] == 5


def test_time_without_a_server_does_not_count(rollouts, hands, ledger):
    begin(rollouts)
    rollouts.keep()
    hands.time += 86_400
    again = Rollouts(ledger, hands.clock(), lambda *_: None)
    assert again.show("new")["watched_seconds"] == 0


def test_a_full_disk_stops_no_request_and_no_guardrail(rollouts, hands, ledger):
    begin(rollouts)
    feed(rollouts)
    ledger.broken = True
    watch(rollouts, hands, 2 * KEEP)
    feed(rollouts, candidate=None)
    assert rollouts.side("chat", INSIDE) is None  # stopped, although nothing could be written
    assert ledger.load("rollout/new")["phase"] == "running"
    with pytest.raises(OSError, match="No space left"):
        rollouts.list()  # people are told
    ledger.broken = False
    hands.time += REFRESH
    assert rollouts.side("chat", INSIDE) is None
    assert ledger.load("rollout/new")["phase"] == "stopped"
    assert ledger.actions()[-1] == ("guardrail", "rollout.stop")


def test_the_last_step_is_judged_by_the_stable_arm_of_before(rollouts, hands):
    begin(rollouts, steps=(50, 100))
    feed(rollouts)
    watch(rollouts, hands)
    rollouts.advance("new", "Ada")
    for _ in range(40):
        side = rollouts.side("chat", OUTSIDE)
        assert side.arm == "candidate"
        rollouts.count(side, "candidate", 9.0)
        if rollouts.show("new")["phase"] == "stopped":
            break
    assert "took longer" in rollouts.show("new")["reason"]


# With engines.


def two(kit, one, other, *, policy="in-order", more=""):
    return (
        kit.engine("old", one, more="retries = 0\n" + more)
        + kit.engine("fresh", other, more="retries = 0\nconcurrency = 1\n" + more)
        + f'[routes.chat]\nengines = ["old"]\npolicy = "{policy}"\n'
    )


def test_rollouts_that_could_answer_nothing_are_refused(kit, ledger):
    text = two(kit, NONE, NONE) + kit.engine("ear", NONE, task="transcription")
    start = kit.conductor(text, ledger).rollouts.start
    for route, candidate, message in (
        ("chta", "fresh", "no model 'chta'. Use one of: chat"),
        ("chat", "nobody", "here is no engine 'nobody'"),
        ("chat", "ear", "'ear' is for transcription, and 'chat' for chat"),
        ("chat", "old", "'chat' has no engine but 'old'"),
    ):
        with pytest.raises(InputError, match=message):
            start("new", route=route, candidate=candidate, actor="Ada")
    local = kit.conductor(two(kit, NONE, NONE, policy="local-only", more="local = true"), ledger)
    local.rollouts.start("near", route="chat", candidate="fresh", actor="Ada")


def test_a_candidate_that_the_route_names_too_is_kept_from_the_other_side(kit, ledger):
    text = (
        kit.engine("fresh", NONE, more="retries = 0")
        + kit.engine("old", NONE, more="retries = 0")
        + '[routes.chat]\nengines = ["fresh", "old"]\n'
    )
    pytest.importorskip("openai", reason="needs the extra 'server'")
    orchestrator = kit.conductor(text, ledger)
    orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
    assert orchestrator.engine_for("chat", Caller(id=OUTSIDE)) == ("old", "stable")
    assert orchestrator.engine_for("chat", Caller(id=INSIDE)) == ("fresh", "candidate")
    with pytest.raises(EngineError) as outside:
        asyncio.run(orchestrator.chat(kit.ask("chat"), Caller(id=OUTSIDE)))
    assert "'fresh'" not in str(outside.value)


def with_two(kit, ledger, work, **more):
    pytest.importorskip("openai", reason="needs the extra 'server'")

    async def run():
        async with kit.Upstream() as old, kit.Upstream() as fresh:
            orchestrator = kit.conductor(two(kit, old.url, fresh.url, **more), ledger)
            try:
                return await work(orchestrator, old, fresh)
            finally:
                await orchestrator.close()

    return asyncio.run(run())


def test_the_candidates_callers_get_the_candidate_and_others_never(kit, ledger):
    async def work(orchestrator, old, fresh):
        start = orchestrator.rollouts.start
        start("new", route="chat", candidate="fresh", actor="Ada", steps=[5, 100])
        engines = {}
        for n in range(60):
            answer = await orchestrator.chat(kit.ask("chat"), Caller(id=f"k{n}"))
            await kit.heard(answer)
            expected = "candidate" if place("new", f"k{n}") < 5 else "stable"
            assert answer.decision.arm == expected
            engines[expected] = answer.decision
        assert (engines["stable"].engine, engines["candidate"].engine) == ("old", "fresh")
        assert "rollout 'new' gives it 5 % of the callers of 'chat'" in engines["candidate"].reason
        return orchestrator.rollouts.show("new")["arms"], len(old.seen), len(fresh.seen)

    arms, old, fresh = with_two(kit, ledger, work)
    assert (arms["stable"]["requests"], arms["candidate"]["requests"]) == (old, fresh)
    assert arms["candidate"]["errors"] == 0
    assert 0 < arms["candidate"]["p95_seconds"] < 2


def test_who_gets_a_failing_candidate_is_answered_all_the_same_until_it_is_stopped(kit, ledger):
    async def work(orchestrator, old, fresh):
        fresh.mode = "broken"
        orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
        decisions = []
        for _ in range(8):
            answer = await orchestrator.chat(kit.ask("chat"), Caller(id=INSIDE))
            await kit.heard(answer)
            decisions.append(answer.decision)
        return decisions, orchestrator.rollouts.show("new"), len(fresh.seen)

    decisions, shown, asked = with_two(kit, ledger, work)
    assert {d.engine for d in decisions} == {"old"}
    assert decisions[0].tried[0].engine == "fresh"
    assert {d.arm for d in decisions} == {"stable"}
    assert decisions[-1].tried == ()
    assert (shown["phase"], asked) == ("stopped", 3)


def test_a_failure_in_mid_stream_counts(kit, ledger):
    async def work(orchestrator, old, fresh):
        fresh.mode = "cut"
        orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
        for _ in range(3):
            with pytest.raises(EngineError):
                await kit.heard(await orchestrator.chat(kit.ask("chat"), Caller(id=INSIDE)))
        return orchestrator.rollouts.show("new")

    assert "3 of 3 requests failed" in with_two(kit, ledger, work)["reason"]


def test_callers_at_fault_and_callers_who_leave_do_not_count(kit, ledger):
    async def work(orchestrator, old, fresh):
        orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
        fresh.mode = old.mode = "bad request"
        with pytest.raises(InputError):
            await orchestrator.chat(kit.ask("chat"), Caller(id=INSIDE))
        fresh.mode = "endless"
        answer = await orchestrator.chat(kit.ask("chat"), Caller(id=INSIDE))
        await answer.events.aclose()
        return orchestrator.rollouts.show("new")["arms"]["candidate"]["requests"]

    assert with_two(kit, ledger, work) == 0


def test_a_candidate_that_refuses_what_the_other_side_answers_has_an_error(kit, ledger):
    async def work(orchestrator, old, fresh):
        orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
        fresh.mode = "bad request"
        answer = await orchestrator.chat(kit.ask("chat"), Caller(id=INSIDE))
        assert len(await kit.heard(answer)) == 4
        seen = orchestrator.rollouts.show("new")["arms"]
        return answer.decision, seen["candidate"]["errors"], seen["stable"]["requests"]

    decision, errors, stable = with_two(kit, ledger, work)
    assert (decision.engine, decision.arm, errors, stable) == ("old", "stable", 1, 0)
    assert "temperature must be below 1" in decision.tried[0].failure


def test_a_document_that_nobody_understands_stops_nothing(ledger, hands, caplog):
    first = Rollouts(ledger, hands.clock(), lambda *_: None)
    begin(first)
    ledger.save("rollout/odd", {"name": "odd", "colour": "red"}, actor="x", action="x")
    again = Rollouts(ledger, hands.clock(), lambda *_: None)
    assert [r["name"] for r in again.list()] == ["new"]
    assert "'rollout/odd' is left out" in caplog.text


async def settled(orchestrator):
    await asyncio.gather(*orchestrator._shadows)


def test_in_shadow_mode_the_candidate_answers_unseen(kit, ledger):
    async def work(orchestrator, old, fresh):
        fresh.words = ["Good ", "evening", "."]
        start = orchestrator.rollouts.start
        start("new", route="chat", candidate="fresh", actor="Ada", shadow=True)
        for n in range(3):
            answer = await orchestrator.chat(kit.ask("chat"), Caller(id=f"k{n}"))
            assert (
                "".join(getattr(e, "text", "") for e in await kit.heard(answer)) == "Good morning."
            )
            assert (answer.decision.engine, answer.decision.arm) == ("old", "stable")
            await settled(orchestrator)
        return orchestrator.rollouts.show("new"), len(fresh.seen)

    shown, asked = with_two(kit, ledger, work)
    assert asked == 3
    assert (shown["phase"], shown["percent"]) == ("shadow", 0)
    assert shown["arms"]["candidate"]["requests"] == shown["arms"]["stable"]["requests"] == 3
    assert shown["shadow"] == {
        "compared": 3,
        "skipped": 0,
        "mean_similarity": pytest.approx(0.5),  # one word of two is the same
        "mean_length_ratio": pytest.approx(1.0),
    }


def test_a_shadow_that_fails_or_hangs_harms_no_caller(kit, ledger):
    async def work(orchestrator, old, fresh):
        start = orchestrator.rollouts.start
        start("new", route="chat", candidate="fresh", actor="Ada", shadow=True, min_samples=5)
        fresh.mode = "slow to begin"
        for _ in range(4):
            answer = await orchestrator.chat(kit.ask("chat"), kit.ANNA)
            assert len(await kit.heard(answer)) == 4
        await asyncio.sleep(0.05)
        busy = orchestrator.rollouts.show("new")["shadow"]["skipped"]
        await asyncio.wait_for(settled(orchestrator), 3)
        return busy, orchestrator.rollouts.show("new"), len(old.seen)

    more = "timeout = { first = 0.5 }"
    busy, shown, asked = with_two(kit, ledger, work, more=more)
    assert (busy, asked) == (3, 4)
    assert shown["arms"]["candidate"] == {
        "requests": 1,
        "errors": 1,
        "error_rate": 1.0,
        "p95_seconds": None,
        "scores": {},
    }


def test_unseen_answers_are_few_at_a_time(kit, ledger, monkeypatch):
    monkeypatch.setattr("voxhaus.products.orchestrator.conductor.SHADOWS", 0)

    async def work(orchestrator, old, fresh):
        start = orchestrator.rollouts.start
        start("new", route="chat", candidate="fresh", actor="Ada", shadow=True)
        await kit.heard(await orchestrator.chat(kit.ask("chat"), kit.ANNA))
        return orchestrator.rollouts.show("new")["shadow"]["skipped"], fresh.seen

    assert with_two(kit, ledger, work) == (1, [])


def test_who_may_not_leave_this_machine_is_in_no_rollout_that_does(kit, ledger):
    async def work(orchestrator, old, fresh):
        for shadow in (False, True):
            name = f"new{shadow}"
            orchestrator.rollouts.start(
                name, route="both", candidate="far", actor="Ada", steps=[100], shadow=shadow
            )
            home = Caller(id="x", local_only=True)
            answer = await orchestrator.chat(kit.ask("both"), home)
            await kit.heard(answer)
            await settled(orchestrator)
            assert (answer.decision.engine, answer.decision.arm) == ("near", "stable")
            orchestrator.rollouts.stop(name, "Ada")
        assert fresh.seen == []

    async def run():
        async with kit.Upstream() as old, kit.Upstream() as fresh:
            text = (
                kit.engine("near", old.url, more="local = true")
                + kit.engine("far", fresh.url)
                + '[routes.both]\nengines = ["near"]\n'
            )
            orchestrator = kit.conductor(text, ledger)
            await work(orchestrator, old, fresh)
            await orchestrator.close()

    pytest.importorskip("openai", reason="needs the extra 'server'")
    asyncio.run(run())


def test_a_candidate_that_engines_toml_lost_harms_no_caller(kit, ledger):
    async def work(orchestrator, old, fresh):
        orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
        text = kit.engine("old", old.url) + '[routes.chat]\nengines = ["old"]\n'
        later = Orchestrator(parse(text, "engines.toml"), ledger)
        answer = await later.chat(kit.ask("chat"), Caller(id=INSIDE))
        await kit.heard(answer)
        await later.close()
        return answer.decision.engine

    assert with_two(kit, ledger, work) == "old"


def test_openfeature_resolves_routes(kit, ledger):
    pytest.importorskip("openfeature", reason="needs the extra 'server'")
    from openfeature import api
    from openfeature.evaluation_context import EvaluationContext

    from voxhaus.products.orchestrator.flags import RouteFlags

    orchestrator = kit.conductor(two(kit, NONE, NONE), ledger)
    orchestrator.rollouts.start("new", route="chat", candidate="fresh", actor="Ada")
    api.set_provider(RouteFlags(orchestrator), "voxhaus-test")
    client = api.get_client("voxhaus-test")
    for caller, engine, arm in ((INSIDE, "fresh", "candidate"), (OUTSIDE, "old", "stable")):
        found = client.get_string_details("route.chat", "none", EvaluationContext(caller))
        assert (found.value, found.variant, found.reason) == (engine, arm, "SPLIT")
    found = client.get_string_details("route.old-model", "none", EvaluationContext(INSIDE))
    assert (found.value, found.variant, found.reason) == ("old", "stable", "STATIC")
    for flag, context, code in (
        ("route.nothing", EvaluationContext("x"), "FLAG_NOT_FOUND"),
        ("chat", EvaluationContext("x"), "FLAG_NOT_FOUND"),
        ("route.chat", EvaluationContext(), "TARGETING_KEY_MISSING"),
    ):
        found = client.get_string_details(flag, "none", context)
        assert (found.value, found.error_code) == ("none", code)
    found = client.get_boolean_details("route.chat", True, EvaluationContext("x"))
    assert (found.value, found.error_code) == (True, "TYPE_MISMATCH")
    api.clear_providers()
