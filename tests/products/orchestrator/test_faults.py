"""What upstreams do wrong, each over a real connection with the official client."""

import asyncio
import json
import socket
import time
from dataclasses import replace

import pytest

from voxhaus.core.chat import ChatDelta, ChatEnd, Message, TokenUsage
from voxhaus.core.errors import InputError
from voxhaus.core.hearing import TranscriptionRequest
from voxhaus.core.speech import SpeechRequest
from voxhaus.products.orchestrator.contract import BusyError, EngineError

pytest.importorskip("openai", reason="needs the extra 'server'")

QUICK = "retries = 0\ntimeout = { first = 1, idle = 0.5, total = 9 }"


def try_one(kit, ledger, mode, *, more=QUICK, ask=None, clock=None, caller=None):
    """One request to an upstream in a mode: (orchestrator, upstream, events or error)."""

    async def run():
        async with kit.Upstream() as upstream:
            upstream.mode = mode
            orchestrator = kit.conductor(
                kit.engine("home", upstream.url, more=more), ledger, clock=clock
            )
            events = []
            try:
                answer = await orchestrator.chat(ask or kit.ask("home-model"), caller or kit.ANNA)
                async for event in answer.events:
                    events.append(event)
            except Exception as error:
                return orchestrator, upstream, events, error
            finally:
                await orchestrator.close()
            return orchestrator, upstream, events, None

    return asyncio.run(run())


def test_a_good_answer(kit, ledger):
    orchestrator, upstream, events, error = try_one(kit, ledger, "well")
    assert error is None
    assert events == [
        ChatDelta(text="Good "),
        ChatDelta(text="morning"),
        ChatDelta(text="."),
        ChatEnd(reason="stop", usage=TokenUsage(prompt=7, completion=3)),
    ]
    assert orchestrator.health()["home"]["in_flight"] == 0
    assert b'"model":"own-home-model"' in upstream.seen[0][2].replace(b" ", b"")


def test_tokens_are_estimated_where_the_upstream_counts_none(kit, ledger):
    *_, events, error = try_one(kit, ledger, "without usage")
    assert error is None
    assert events[-1] == ChatEnd(reason="length", usage=TokenUsage(prompt=2, completion=2))


@pytest.mark.parametrize(
    ("mode", "before", "message"),
    [
        ("slow to begin", 0, "did not begin within 1 s"),
        ("slow in mid stream", 1, "sent nothing for 0.5 s in mid-answer"),
        ("html", 0, "something else than the published format"),
        ("garbage", 0, "something else than the published format; check its 'base_url'"),
        ("other json", 0, "something else than the published format"),
        ("cut", 1, "broke off"),
        ("cut at once", 0, "broke off: Server disconnected"),
        ("ended early", 1, "broke off in the middle of its answer"),
        ("error event", 1, "broke off: out of memory"),
        ("broken", 0, "failed (500)"),
        ("unknown model", 0, "does not know this model"),
        ("no quota", 0, "has no quota left"),
    ],
)
def test_fault_is_told(kit, ledger, mode, before, message):
    orchestrator, _, events, error = try_one(kit, ledger, mode)
    assert isinstance(error, EngineError)
    assert not isinstance(error, BusyError)
    assert message in str(error)
    assert "'home'" in str(error)
    assert len(events) == before
    health = orchestrator.health()["home"]
    assert (health["in_flight"], health["last_error"]) == (0, str(error))


def test_a_key_that_is_refused_is_told_without_it(kit, ledger, monkeypatch):
    monkeypatch.setenv("HOME_KEY", "sk-secret")
    more = f'api_key_env = "HOME_KEY"\n{QUICK}'
    orchestrator, upstream, _, error = try_one(kit, ledger, "unauthorized", more=more)
    assert "refuses our key (401); check the environment variable HOME_KEY" in str(error)
    assert error.retriable is False
    assert "secret" not in str(error) + str(orchestrator.health())
    assert upstream.seen[0][1]["authorization"] == "Bearer sk-secret"


def test_a_key_that_is_not_set_is_told(kit, ledger, monkeypatch):
    monkeypatch.delenv("HOME_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    _, upstream, _, error = try_one(kit, ledger, "well", more='api_key_env = "HOME_KEY"')
    assert "needs its key in the environment variable HOME_KEY" in str(error)
    assert upstream.seen == []


def test_nothing_of_the_environment_is_sent_to_an_engine_at_home(kit, ledger, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "private")
    _, upstream, _, error = try_one(kit, ledger, "well")
    assert error is None
    assert "private" not in str(upstream.seen[0][1])


def test_a_busy_upstream_says_when_to_come_again_and_is_left_alone(kit, ledger, hands):
    orchestrator, upstream, _, error = try_one(
        kit, ledger, "rate limited", more="retries = 3", clock=hands.clock()
    )
    assert isinstance(error, BusyError)
    assert error.retry_after == 17
    assert (len(upstream.seen), hands.slept) == (1, [])  # 17 s is longer than we wait ourselves
    assert orchestrator.health()["home"]["ready"] is False
    hands.time += 17
    assert orchestrator.health()["home"]["ready"] is True


def test_a_short_wait_that_the_upstream_asks_for_is_kept(kit, ledger, hands):
    _, upstream, events, error = try_one(
        kit, ledger, ["briefly limited", "well"], more="retries = 1", clock=hands.clock()
    )
    assert error is None
    assert (len(upstream.seen), hands.slept, len(events)) == (2, [1.0], 4)


def test_retries_wait_longer_each_time_with_chance(kit, ledger, hands):
    _, upstream, _, error = try_one(kit, ledger, "broken", more="retries = 4", clock=hands.clock())
    assert "failed (500)" in str(error)
    assert len(upstream.seen) == 5
    assert hands.slept == pytest.approx([0.1, 0.2, 0.4, 0.8])  # half of 0.2, 0.4, ... by chance


def test_what_no_retry_can_cure_is_not_tried_again(kit, ledger):
    _, upstream, _, error = try_one(kit, ledger, "unknown model", more="retries = 4")
    assert isinstance(error, EngineError)
    assert len(upstream.seen) == 1


def test_a_request_at_fault_is_the_callers(kit, ledger):
    orchestrator, upstream, _, error = try_one(kit, ledger, "bad request", more="retries = 4")
    assert isinstance(error, InputError)
    assert error.param == "temperature"
    assert len(upstream.seen) == 1
    assert orchestrator.health()["home"]["last_error"] == ""


def test_a_redirect_is_not_followed(kit, ledger):
    *_, error = try_one(kit, ledger, "redirect")
    assert "sends us elsewhere (307); write its real address as 'base_url'" in str(error)


def test_an_upstream_that_is_down(kit, ledger):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    orchestrator = kit.conductor(kit.engine("home", url, more="retries = 0"), ledger)
    with pytest.raises(EngineError, match="cannot be reached; is it running"):
        asyncio.run(orchestrator.chat(kit.ask("home-model"), kit.ANNA))


def test_an_answer_that_never_ends_is_ended(kit, ledger):
    more = "retries = 0\ntimeout = { first = 1, idle = 1, total = 0.3 }"
    begun = time.monotonic()
    orchestrator, _, events, error = try_one(kit, ledger, "endless", more=more)
    assert "took longer than 0.3 s" in str(error)
    assert orchestrator.health()["home"]["last_error"] == str(error)
    assert len(events) > 3
    assert time.monotonic() - begun < 2


def test_a_reader_who_stops_reading_does_not_keep_the_place(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            upstream.mode = "endless"
            # Long, so that the time to the first event on a busy machine is the smaller part of it.
            more = "timeout = { first = 9, idle = 9, total = 2 }"
            text, seen = kit.engine("home", upstream.url, more=more), []
            orchestrator = kit.conductor(text, ledger, observe=seen.append)
            answer = await orchestrator.chat(kit.ask("home-model"), kit.ANNA)
            assert orchestrator.health()["home"]["in_flight"] == 1
            await asyncio.wait_for(upstream.hung_up.wait(), 9)
            assert orchestrator.health()["home"]["in_flight"] == 0
            with pytest.raises(EngineError, match="took longer"):
                await kit.heard(answer)
            assert orchestrator.health()["home"]["last_error"] == ""  # not the engine's fault
            await orchestrator.close()
            return [o.outcome for o in seen]

    assert asyncio.run(run()) == [None, "cancelled"]


def test_a_caller_who_hangs_up_stops_the_upstream(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            upstream.mode = "endless"
            seen = []
            orchestrator = kit.conductor(
                kit.engine("home", upstream.url), ledger, observe=seen.append
            )
            answer = await orchestrator.chat(kit.ask("home-model"), kit.ANNA)
            await anext(answer.events)
            await answer.events.aclose()
            await asyncio.wait_for(upstream.hung_up.wait(), 2)
            health = orchestrator.health()["home"]
            assert (health["in_flight"], health["breaker"], health["last_error"]) == (
                0,
                "closed",
                "",
            )
            assert [(o.moment, o.outcome) for o in seen] == [
                ("started", None),
                ("ended", "cancelled"),
            ]
            await orchestrator.close()

    asyncio.run(run())


def test_an_answer_that_is_never_read_can_be_closed(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            orchestrator = kit.conductor(kit.engine("home", upstream.url), ledger)
            answer = await orchestrator.chat(kit.ask("home-model"), kit.ANNA)
            await answer.events.aclose()
            await answer.events.aclose()
            assert orchestrator.health()["home"]["in_flight"] == 0
            await orchestrator.close()

    asyncio.run(run())


def test_who_closes_after_the_last_event_was_answered(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            text = kit.engine("home", upstream.url) + kit.engine(
                "ear", upstream.url, task="transcription"
            )
            seen = []
            orchestrator = kit.conductor(text, ledger, observe=seen.append)
            answer = await orchestrator.chat(kit.ask("home-model"), kit.ANNA)
            while not isinstance(await anext(answer.events), ChatEnd):
                pass
            await answer.events.aclose()
            request = TranscriptionRequest(audio=b"RIFF", model="ear-model")
            answer = await orchestrator.transcribe(request, kit.ANNA)
            await anext(answer.events)
            await answer.events.aclose()
            await orchestrator.close()
            return [o.outcome for o in seen if o.moment == "ended"]

    assert asyncio.run(run()) == ["ok", "ok"]


def test_closing_ends_answers_that_nobody_reads_and_those_that_wait(kit, ledger, monkeypatch):
    monkeypatch.setattr("voxhaus.products.orchestrator.conductor.LAST_WORDS", 0.1)

    async def run():
        async with kit.Upstream() as upstream:
            upstream.mode = "slow in mid stream"
            orchestrator = kit.conductor(kit.engine("home", upstream.url), ledger)
            unread = await orchestrator.chat(kit.ask("home-model"), kit.ANNA)
            read = await orchestrator.chat(kit.ask("home-model"), kit.ANNA)
            reading = asyncio.ensure_future(kit.heard(read))
            await asyncio.sleep(0.05)
            await asyncio.wait_for(orchestrator.close(), 2)
            with pytest.raises(EngineError, match="was stopped in mid-answer"):
                await reading
            assert orchestrator.health()["home"]["last_error"] == ""
            assert await kit.heard(unread) == []

    asyncio.run(run())


def test_a_caller_who_gives_up_before_the_first_event_frees_the_place(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            upstream.mode = "slow to begin"
            orchestrator = kit.conductor(kit.engine("home", upstream.url), ledger)
            asked = asyncio.ensure_future(orchestrator.chat(kit.ask("home-model"), kit.ANNA))
            while not upstream.seen:
                await asyncio.sleep(0.01)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            await asyncio.wait_for(upstream.hung_up.wait(), 2)
            assert orchestrator.health()["home"]["in_flight"] == 0
            await orchestrator.close()

    asyncio.run(run())


def test_parameters_that_an_engine_does_not_know_are_refused_by_name(kit, ledger):
    ask = kit.ask("home-model", extra={"tools": [{"type": "function"}]})
    _, upstream, _, error = try_one(kit, ledger, "well", ask=ask)
    assert isinstance(error, InputError)
    assert error.param == "tools"
    assert "cannot honour 'tools'" in str(error)
    assert upstream.seen == []


def test_parameters_that_a_declaration_adds_are_sent(kit, ledger):
    ask = kit.ask("home-model", temperature=0.5, extra={"top_k": 3}, max_tokens=9, stop=("X",))
    _, upstream, _, error = try_one(kit, ledger, "well", ask=ask, more='extra = ["top_k"]')
    assert error is None
    body = upstream.seen[0][2].replace(b" ", b"")
    for part in (b'"top_k":3', b'"temperature":0.5', b'"max_tokens":9', b'"stop":["X"]'):
        assert part in body


def test_developers_are_the_system_where_that_role_is_unknown(kit, ledger):
    ask = replace(
        kit.ask("home-model"),
        messages=(
            Message(role="developer", content="Be brief."),
            Message(role="user", content="Hi", extra={"name": "ada"}),
        ),
    )
    _, upstream, _, error = try_one(kit, ledger, "well", ask=ask)
    assert error is None
    assert json.loads(upstream.seen[0][2])["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi", "name": "ada"},
    ]


def test_parameters_may_be_left_out_where_the_declaration_says_so(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            text = kit.engine("home", upstream.url, more='ignore = ["parallel_tool_calls"]')
            orchestrator = kit.conductor(text, ledger)
            ask = kit.ask("home-model", extra={"parallel_tool_calls": True, "user": "u"})
            answer = await orchestrator.chat(ask, kit.ANNA)
            await kit.heard(answer)
            await orchestrator.close()
            return answer.decision, upstream.seen[0][2]

    decision, body = asyncio.run(run())
    assert decision.ignored == ("parallel_tool_calls",)
    assert b"parallel_tool_calls" not in body
    assert b'"user"' in body


def test_an_upstream_speaks(kit, ledger):
    more = 'voices = { anna = "alloy" }'

    async def run():
        async with kit.Upstream() as upstream:
            text = kit.engine("far", upstream.url, task="speech", more=more)
            orchestrator = kit.conductor(text, ledger)
            request = SpeechRequest(text="Hi.", model="far-model", voice="anna", speed=1.5)
            chunks = await kit.heard(await orchestrator.speak(request, kit.ANNA))
            with pytest.raises(InputError, match="cannot honour 'pitch'"):
                odd = SpeechRequest(text="Hi.", model="far-model", pitch=2.0)
                await orchestrator.speak(odd, kit.ANNA)
            upstream.mode = "html"
            with pytest.raises(EngineError, match="published format"):
                await orchestrator.speak(request, kit.ANNA)
            voices = orchestrator.models()[0].voices
            await orchestrator.close()
            return chunks, upstream.seen[0][2], voices

    chunks, body, voices = asyncio.run(run())
    samples = [s for c in chunks for s in c.samples]
    assert len(samples) == 4 * 1202
    assert set(samples) == {0x1000 / 32768}
    assert [c.start for c in chunks][1:] == [
        sum(len(c.samples) for c in chunks[:n]) / 24_000 for n in range(1, len(chunks))
    ]
    for part in (b'"voice":"alloy"', b'"speed":1.5', b'"response_format":"pcm"'):
        assert part in body.replace(b" ", b"")
    assert [v.id for v in voices] == ["anna"]


def test_an_upstream_listens(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            text = kit.engine("ear", upstream.url, task="transcription")
            orchestrator = kit.conductor(text, ledger)
            request = TranscriptionRequest(audio=b"RIFF0000", model="ear-model", language="en")
            (heard,) = await kit.heard(await orchestrator.transcribe(request, kit.ANNA))
            await orchestrator.close()
            return heard, upstream.seen[0][2]

    heard, body = asyncio.run(run())
    assert (heard.text, heard.language, heard.seconds) == ("Good morning.", "english", 1.5)
    assert (heard.segments[0].start, heard.words[0].text) == (0.1, "Good")
    assert b'filename="audio.wav"' in body


def test_azure_is_asked_in_its_own_way(kit, ledger, monkeypatch):
    monkeypatch.setenv("AZURE_KEY", "k1")

    async def run():
        async with kit.Upstream() as upstream:
            text = f"""
            [engines.azure]
            kind = "azure"
            task = "chat"
            models = {{ "gpt" = "my-deployment" }}
            base_url = "http://127.0.0.1:{upstream.port}"
            api_version = "2024-10-21"
            api_key_env = "AZURE_KEY"
            """
            orchestrator = kit.conductor(text, ledger)
            events = await kit.heard(
                await orchestrator.chat(kit.ask("gpt", max_tokens=5), kit.ANNA)
            )
            await orchestrator.close()
            return events, upstream.seen[0]

    events, (path, headers, body) = asyncio.run(run())
    assert len(events) == 4
    assert path == ("/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21")
    assert headers["api-key"] == "k1"
    assert b'"max_completion_tokens"' in body


def test_engines_can_be_checked_without_asking_anything(kit, ledger):
    async def run():
        async with kit.Upstream() as upstream:
            text = kit.engine("home", upstream.url) + kit.engine("far", "http://127.0.0.1:9/v1")
            orchestrator = kit.conductor(text, ledger)
            health = await orchestrator.check()
            await orchestrator.close()
            return health, upstream.seen[0][0]

    health, path = asyncio.run(run())
    assert (health["home"]["ready"], path) == (True, "/v1/models")
    assert "cannot be reached" in health["far"]["last_error"]
