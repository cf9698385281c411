"""Home Assistant's client against the port."""

import asyncio

import numpy as np
import pytest

pytest.importorskip("wyoming")

from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from voxhaus.products.server.app import new_desk
from voxhaus.products.server.running import listening
from voxhaus.products.server.settings import ServerSettings
from voxhaus.products.server.wyoming_port import WyomingPort


@pytest.fixture
def talk(house, eventually):
    """Runs a story with a client that is connected to a port of its own."""

    def run(story, *, key="vh-test-key", model=None, **settings):
        desk = new_desk(conductor=house.room, gate=house.door, settings=ServerSettings(**settings))

        async def told():
            port = WyomingPort(desk, model=model, key=key)
            bound = listening("127.0.0.1", 0)
            await port.start(bound)
            try:
                async with AsyncTcpClient(*bound.getsockname()) as client:
                    async with asyncio.timeout(20):
                        return await story(client)
            finally:
                await port.stop()

        return asyncio.run(told())

    return run


async def until(client, last):
    """Events up to and with one of that type, or the end."""
    events = []
    while (event := await client.read_event()) is not None:
        events.append(event)
        if event.type == last:
            break
    return events


def asked_for(event, last="audio-stop"):
    async def story(client):
        await client.write_event(event.event())
        return await until(client, last)

    return story


def sound(events):
    return b"".join(e.payload for e in events if e.type == "audio-chunk")


@pytest.fixture(scope="session")
def pcm(streamed):
    """What is heard of a text."""

    def heard(text, name="anna"):
        return np.round(streamed(text, name).samples * 32767).astype("<i2").tobytes()

    return heard


def test_info_names_the_voices(talk):
    told = Info.from_event(talk(asked_for(Describe(), "info"))[0])
    (program,) = told.tts
    assert program.supports_synthesize_streaming
    assert program.installed
    assert [v.name for v in program.voices][:2] == ["anna", "ben"]
    assert program.voices[2].languages == ["en-GB"]


def test_ping(talk):
    (pong,) = talk(asked_for(Ping(text="x"), "pong"))
    assert (pong.type, pong.data) == ("pong", {"text": "x"})


def test_a_text_is_spoken(talk, pcm, house):
    events = talk(asked_for(Synthesize(text="Hello. Bye.", voice=SynthesizeVoice(name="ben"))))
    assert [events[0].type, events[-1].type] == ["audio-start", "audio-stop"]
    assert events[0].data["rate"] == 24_000
    assert (events[0].data["width"], events[0].data["channels"]) == (2, 1)
    assert {e.type for e in events[1:-1]} == {"audio-chunk"}
    assert sound(events) == pcm("Hello. Bye.", "ben")
    assert house.door.books[0]["status"] == 200
    assert house.door.books[0]["characters"] == 11


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        (None, None),
        (SynthesizeVoice(name="alloy"), "anna"),
        (SynthesizeVoice(language="en_GB"), "clara"),
        (SynthesizeVoice(language="en"), "anna"),
        (SynthesizeVoice(language="fi"), None),
    ],
)
def test_voices_by_name_and_language(talk, house, wanted, asked):
    talk(asked_for(Synthesize(text="Hi.", voice=wanted)))
    assert house.room.asked[0][0].voice == asked


def test_a_text_that_is_typed_is_spoken_sentence_by_sentence(talk, house, pcm):
    typed = ("Hel", "lo the", "re. How ar", "e you, Dr. Wh", "o? Fi", "ne.")

    async def story(client):
        await client.write_event(SynthesizeStart(voice=SynthesizeVoice(name="ella")).event())
        for part in typed[:3]:
            await client.write_event(SynthesizeChunk(text=part).event())
        # The first sentence is heard although nobody has said how the text ends.
        first = await until(client, "audio-chunk")
        assert [r.text for r, _ in house.room.asked] == ["Hello there. "]
        for part in typed[3:]:
            await client.write_event(SynthesizeChunk(text=part).event())
        # Clients send the whole text as well, for servers that know no streams.
        await client.write_event(Synthesize(text="".join(typed)).event())
        await client.write_event(SynthesizeStop().event())
        return first + await until(client, "synthesize-stopped")

    events = talk(story)
    types = [e.type for e in events]
    assert types[0] == "audio-start"
    assert types[-2:] == ["audio-stop", "synthesize-stopped"]
    assert types.count("audio-start") == types.count("audio-stop") == 1
    said = [r.text for r, _ in house.room.asked]
    assert said == ["Hello there. ", "How are you, Dr. Who? ", "Fine."]
    assert sound(events) == b"".join(pcm(t, "ella") for t in said)


def test_markup_is_not_torn_apart(talk, house):
    async def story(client):
        await client.write_event(SynthesizeStart().event())
        for part in ("[style sad]One. ", "Two.[/style] Three. ", "Four."):
            await client.write_event(SynthesizeChunk(text=part).event())
        await client.write_event(SynthesizeStop().event())
        return await until(client, "synthesize-stopped")

    assert talk(story)[-1].type == "synthesize-stopped"
    said = [r.text for r, _ in house.room.asked]
    assert said == ["[style sad]One. Two.[/style] Three. ", "Four."]


def test_nothing_typed_is_still_an_answer(talk):
    async def story(client):
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeStop().event())
        return await until(client, "synthesize-stopped")

    assert [e.type for e in talk(story)] == ["audio-start", "audio-stop", "synthesize-stopped"]


def test_two_texts_on_one_connection(talk, pcm):
    async def story(client):
        heard = []
        for text in ("One.", "Two."):
            await client.write_event(Synthesize(text=text).event())
            heard.append(sound(await until(client, "audio-stop")))
        return heard

    assert talk(story) == [pcm("One."), pcm("Two.")]


def told_why(events):
    *_, last = events
    assert last.type == "error"
    return last.data["text"], last.data.get("code")


def test_a_voice_that_is_not_there(talk):
    asked = Synthesize(text="Hi.", voice=SynthesizeVoice(name="nobody"))
    text, _ = told_why(talk(asked_for(asked)))
    assert text.startswith("There is no voice 'nobody'.")


def test_without_the_key_the_door_stays_shut(talk, house):
    _, code = told_why(talk(asked_for(Synthesize(text="Hi.")), key=None))
    assert code == "invalid_api_key"
    assert house.room.asked == []


def test_a_model_that_is_not_there(talk):
    asked = asked_for(Synthesize(text="Hi."))
    assert "no speech model 'nobody'" in told_why(talk(asked, model="nobody"))[0]
    assert talk(asked_for(Describe(), "info"), model="nobody")[0].data["tts"] == []


def test_a_text_that_is_too_long(talk):
    asked = asked_for(Synthesize(text="Hello."))
    assert told_why(talk(asked, max_speech_characters=5))[1] == "string_above_max_length"


def test_a_text_that_is_typed_without_end(talk):
    async def story(client):
        await client.write_event(SynthesizeStart().event())
        for _ in range(10):
            await client.write_event(SynthesizeChunk(text="and so on ").event())
        return await until(client, "error")

    assert told_why(talk(story, max_speech_characters=50))[1] == "string_above_max_length"


def test_an_answer_that_does_not_come(talk, house):
    house.room.hold_after = 0
    asked = asked_for(Synthesize(text="Hello."))
    assert told_why(talk(asked, request_seconds=0.2))[1] == "timeout"
    assert house.room.closed == 1


def test_an_event_without_its_fields(talk):
    async def story(client):
        await client.write_event(Event(type="synthesize", data={}))
        return await until(client, "error")

    assert told_why(talk(story))[1] == "invalid_event"


@pytest.mark.parametrize(
    "raw", [b"nonsense\n", b'{"type": "describe", "data_length": 99999999999}\n', b"[1]\n"]
)
def test_nonsense_ends_the_conversation(talk, raw):
    async def story(client):
        client._writer.write(raw)
        await client._writer.drain()
        return await until(client, "info")

    assert [e.type for e in talk(story)] in ([], ["error"])


def test_events_of_other_services_are_passed_over(talk):
    async def story(client):
        await client.write_event(Event(type="transcribe", data={"language": "en"}))
        await client.write_event(Ping().event())
        return await until(client, "pong")

    assert [e.type for e in talk(story)] == ["pong"]


def test_a_client_that_leaves_stops_the_work(talk, house):
    house.room.hold_after = 1

    async def story(client):
        await client.write_event(Synthesize(text="One. Two. Three.").event())
        await until(client, "audio-chunk")
        await client.disconnect()
        while not house.door.books:
            await asyncio.sleep(0.01)

    talk(story)
    assert (house.room.made, house.room.closed) == (1, 1)
    assert house.door.books[0]["status"] == 499
