"""Routes, policies, fallbacks and the other promises of the contract."""

import asyncio

import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.hearing import TranscriptionRequest
from voxhaus.core.speech import SpeechRequest
from voxhaus.products.orchestrator.contract import (
    BusyError,
    Caller,
    EngineError,
    UnknownModelError,
)

pytest.importorskip("openai", reason="needs the extra 'server'")

NONE = "http://127.0.0.1:9/v1"  # the port "discard": nobody listens


def declared(kit):
    """Three engines behind one route; nothing is asked of them here."""
    return (
        kit.engine("slow", NONE, more="speed = 10\nprice = 1\nrating = 1300")
        + kit.engine("quick", NONE, more="speed = 90\nprice = 3")
        + kit.engine("here", NONE, more="price = 0\nrating = 900\nlocal = true")
    )


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        ("in-order", "slow"),
        ("fastest", "quick"),
        ("cheapest", "here"),
        ("best-rated", "slow"),
        ("local-only", "here"),
    ],
)
def test_policy_chooses(kit, ledger, policy, first):
    text = declared(kit) + (
        f'[routes.any]\nengines = ["slow", "quick", "here"]\npolicy = "{policy}"\n'
    )
    orchestrator = kit.conductor(text, ledger)
    assert orchestrator.engine_for("any", kit.ANNA) == (first, "stable")
    home = Caller(id="x", local_only=True)
    assert orchestrator.engine_for("any", home) == ("here", "stable")


def run_two(kit, ledger, modes, *, more="retries = 0", caller=None, asks=1, **with_more):
    """Requests to a route of two engines: (orchestrator, answers or errors, requests of each)."""

    async def run():
        async with kit.Upstream() as one, kit.Upstream() as two:
            one.mode, two.mode = modes
            text = (
                kit.engine("one", one.url, more=more)
                + kit.engine("two", two.url, more="retries = 0")
                + '[routes.both]\nengines = ["one", "two"]\n'
            )
            orchestrator = kit.conductor(text, ledger, **with_more)
            results = []
            for _ in range(asks):
                try:
                    answer = await orchestrator.chat(kit.ask("both"), caller or kit.ANNA)
                    await kit.heard(answer)
                    results.append(answer.decision)
                except Exception as error:
                    results.append(error)
            await orchestrator.close()
            return orchestrator, results, (len(one.seen), len(two.seen))

    return asyncio.run(run())


def test_the_next_engine_answers_when_one_fails(kit, ledger):
    _, (decision,), asked = run_two(kit, ledger, ("broken", "well"))
    assert (decision.engine, decision.model, decision.route) == ("two", "two-model", "both")
    assert [t.engine for t in decision.tried] == ["one"]
    assert "failed (500)" in decision.tried[0].failure
    assert "'one' did not answer" in decision.reason
    assert asked == (1, 1)


def test_reasons_are_sentences(kit, ledger):
    _, (decision,), _ = run_two(kit, ledger, ("well", "well"))
    assert decision.reason == (
        "Engine 'one' answers because it is the first engine that route 'both' names."
    )


def test_when_all_fail_each_is_told(kit, ledger):
    _, (error,), _ = run_two(kit, ledger, ("broken", "unauthorized"))
    assert isinstance(error, EngineError)
    assert not isinstance(error, BusyError)
    assert "No engine of 'both' answered. Engine 'one' failed (500)" in str(error)
    assert "Engine 'two' refuses our key" in str(error)


def test_when_all_are_busy_it_is_busy(kit, ledger):
    _, (error,), _ = run_two(kit, ledger, ("rate limited", "rate limited"))
    assert isinstance(error, BusyError)
    assert error.retry_after == 17


def test_the_callers_mistake_is_not_tried_elsewhere(kit, ledger):
    _, (error,), asked = run_two(kit, ledger, ("bad request", "well"))
    assert isinstance(error, InputError)
    assert asked == (1, 0)


def test_after_the_first_event_nothing_is_tried_elsewhere(kit, ledger):
    _, (error,), asked = run_two(kit, ledger, ("cut", "well"))
    assert isinstance(error, EngineError)
    assert asked == (1, 0)


def test_an_engine_that_keeps_failing_is_left_alone_and_then_probed(kit, ledger, hands):
    orchestrator, results, asked = run_two(
        kit, ledger, ("broken", "well"), more="retries = 0\nfailures = 3", asks=6,
        clock=hands.clock(),
    )  # fmt: skip
    assert asked == (3, 6)
    assert "is left alone for now" in results[-1].tried[0].failure
    assert hands.slept == []
    health = orchestrator.health()["one"]
    assert (health["breaker"], health["ready"]) == ("open", False)
    assert {m.id: m.ready for m in orchestrator.models()} == {
        "both": True,
        "one-model": False,
        "two-model": True,
    }
    hands.time += 5
    assert orchestrator.health()["one"]["breaker"] == "half-open"


def test_cutting_off_every_answer_opens_the_breaker_too(kit, ledger, hands):
    orchestrator, _, asked = run_two(
        kit, ledger, ("cut", "well"), more="failures = 3", asks=5, clock=hands.clock()
    )
    assert asked[0] == 3
    assert orchestrator.health()["one"]["breaker"] == "open"


def test_a_model_at_two_engines_has_a_fallback_of_its_own(kit, ledger):
    async def run():
        async with kit.Upstream() as two:
            text = kit.engine("one", NONE, model="same", more="retries = 0")
            text += kit.engine("two", two.url, model="same")
            orchestrator = kit.conductor(text, ledger)
            answer = await orchestrator.chat(kit.ask("same"), kit.ANNA)
            await kit.heard(answer)
            await orchestrator.close()
            return answer.decision, [m.id for m in orchestrator.models()]

    decision, models = asyncio.run(run())
    assert (decision.engine, decision.tried[0].engine) == ("two", "one")
    assert models == ["same"]


def test_an_engine_that_cannot_honour_a_parameter_is_passed_over(kit, ledger):
    async def run():
        async with kit.Upstream() as two:
            text = kit.engine("one", NONE) + kit.engine("two", two.url, more='extra = ["top_k"]')
            text += '[routes.both]\nengines = ["one", "two"]\n'
            orchestrator = kit.conductor(text, ledger)
            ask = kit.ask("both", extra={"top_k": 3})
            answer = await orchestrator.chat(ask, kit.ANNA)
            await kit.heard(answer)
            with pytest.raises(InputError, match="cannot honour 'tools'") as refused:
                await orchestrator.chat(kit.ask("both", extra={"tools": []}), kit.ANNA)
            await orchestrator.close()
            return answer.decision, refused.value.param

    decision, param = asyncio.run(run())
    assert (decision.engine, param) == ("two", "tools")
    assert decision.tried[0].failure == "Engine 'one' cannot honour 'top_k'; leave it out."


def test_places_are_bounded(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            upstream.mode = "endless"
            more = "concurrency = 2\nqueue = 1\npatience = 0.1\nretries = 0"
            orchestrator = kit.conductor(kit.engine("home", upstream.url, more=more), ledger)

            async def ask():
                return await orchestrator.chat(kit.ask("home-model"), kit.ANNA)

            held = [await ask(), await ask()]
            late = await asyncio.gather(ask(), ask(), return_exceptions=True)
            assert [type(error).__mro__[1] for error in late] == [BusyError, BusyError]
            assert orchestrator.health()["home"]["breaker"] == "closed"
            waiting = asyncio.ensure_future(ask())
            await asyncio.sleep(0.02)
            await held[0].events.aclose()
            held[0] = await waiting
            for answer in held:
                await answer.events.aclose()
            await orchestrator.close()
            return len(upstream.seen)

    assert asyncio.run(run()) == 3


def test_names_that_a_caller_may_not_use_do_not_exist_for_it(kit, ledger):
    orchestrator = kit.conductor(declared(kit), ledger)
    few = Caller(id="x", models=frozenset({"slow-model"}))
    assert [m.id for m in orchestrator.models(few)] == ["slow-model"]
    for model in ("quick-model", "nonsense"):
        with pytest.raises(
            UnknownModelError, match=rf"no model '{model}' for chat. Use one of: slow"
        ):
            asyncio.run(orchestrator.chat(kit.ask(model), few))


def test_a_model_of_another_task_is_unknown(kit, ledger):
    orchestrator = kit.conductor(declared(kit), ledger)
    with pytest.raises(UnknownModelError, match="no model for speech"):
        asyncio.run(orchestrator.speak(SpeechRequest(text="Hi", model="slow-model"), kit.ANNA))


def test_what_is_declared_too_small_is_not_asked(kit, ledger):
    text = kit.engine("small", NONE, more="context = 10")
    text += kit.engine("ear", NONE, task="transcription", more='languages = ["de", "en"]')
    orchestrator = kit.conductor(text, ledger)
    with pytest.raises(InputError, match="about 25 tokens; at most 10 fit") as long:
        asyncio.run(orchestrator.chat(kit.ask("small-model", "a" * 100), kit.ANNA))
    assert long.value.param == "messages"
    request = TranscriptionRequest(audio=b"", model="ear-model", language="fr")
    with pytest.raises(InputError, match="'fr' is not understood here; there is de, en"):
        asyncio.run(orchestrator.transcribe(request, kit.ANNA))


def test_every_attempt_is_observed_from_start_to_end(kit, ledger):
    seen = []
    run_two(kit, ledger, ("broken", "well"), more="retries = 1", observe=seen.append)
    ended = [o for o in seen if o.moment == "ended"]
    assert [(o.engine, o.repeat, o.outcome) for o in ended] == [
        ("one", 0, "failed"),
        ("one", 1, "failed"),
        ("two", 0, "ok"),
    ]
    assert [o.number for o in seen] == [n for o in ended for n in (o.number, o.number)]
    assert ended[0].first_event_seconds is None
    assert 0 < ended[2].first_event_seconds <= ended[2].total_seconds
    assert (ended[2].route, ended[2].model, ended[2].task) == ("both", "two-model", "chat")


def test_an_observer_that_fails_harms_nobody(kit, ledger):
    def observe(_):
        raise RuntimeError("no disk for metrics")

    _, (decision,), _ = run_two(kit, ledger, ("well", "well"), observe=observe)
    assert decision.engine == "one"


def test_latencies_come_from_a_clock_that_does_not_jump(kit, ledger, hands, monkeypatch):
    seen = []
    monkeypatch.setattr("time.time", lambda: 0.0)  # a wall clock that was set back to 1970
    run_two(kit, ledger, ("well", "well"), observe=seen.append)
    assert seen[-1].outcome == "ok"
    assert 0 < seen[-1].total_seconds < 5


def test_an_engine_whose_package_is_missing_is_said_and_passed_over(kit, ledger, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", None)

    async def run():
        async with kit.Upstream() as two:
            text = '[engines.one]\nkind = "llama"\nmodels = ["smollm2-135m-instruct"]\n'
            text += kit.engine("two", two.url) + '[routes.both]\nengines = ["one", "two"]\n'
            orchestrator = kit.conductor(text, ledger)
            answer = await orchestrator.chat(kit.ask("both"), kit.ANNA)
            await kit.heard(answer)
            await orchestrator.close()
            return answer.decision, orchestrator.health()["one"]

    decision, health = asyncio.run(run())
    assert decision.tried[0].failure.endswith("pip install 'voxhaus[text]'")
    assert health["ready"] is False
