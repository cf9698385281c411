import base64
import io
import json
import socket

import numpy as np
import pytest
import soundfile

from voxhaus.core import tag_reader
from voxhaus.products.server.speech import input_tokens, output_tokens

TWO = "Hello. Good morning."


def body(**more):
    return {"model": "tts-1", "voice": "anna", "input": TWO, **more}


def events(text):
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize(
    ("format", "type_"),
    [("mp3", "audio/mpeg"), ("opus", "audio/ogg; codecs=opus"), ("flac", "audio/flac")],
)
def test_formats(client, streamed, with_length, format, type_):
    answer = client.post("/v1/audio/speech", json=body(response_format=format))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == type_
    assert tag_reader.detect(answer.content) == format
    samples = streamed(TWO).samples
    whole = with_length(answer.content, len(samples)) if format == "flac" else answer.content
    heard, _ = soundfile.read(io.BytesIO(whole))
    assert len(heard) / 24_000 == pytest.approx(len(samples) / 24_000, abs=0.15)


def test_pcm_and_wav_are_exactly_what_the_voice_says(client, streamed):
    wanted = np.round(streamed(TWO).samples * 32767).astype("<i2").tobytes()
    pcm = client.post("/v1/audio/speech", json=body(response_format="pcm"))
    wav = client.post("/v1/audio/speech", json=body(response_format="wav"))
    assert pcm.content == wanted
    assert wav.content.endswith(b"data\xff\xff\xff\xff" + wanted)
    assert "x-request-id" in pcm.headers


def test_aac(client):
    pytest.importorskip("av")
    answer = client.post("/v1/audio/speech", json=body(response_format="aac"))
    assert answer.headers["content-type"] == "audio/aac"
    assert tag_reader.detect(answer.content) == "aac"


def test_mp3_is_the_default(client):
    assert client.post("/v1/audio/speech", json=body()).headers["content-type"] == "audio/mpeg"


def test_headers_tell_how_it_was_served(client, house):
    answer = client.post("/v1/audio/speech", json=body(voice="nova", style="sad"))
    told = {k: v for k, v in answer.headers.items() if k.startswith("x-voxhaus")}
    assert told == {
        "x-voxhaus-model": "tts-1",
        "x-voxhaus-engine": "in-process",
        "x-voxhaus-route-reason": "asked for by name %E2%80%93 100 %25 local",
        "x-voxhaus-voice": "ella for nova",
        "x-voxhaus-style": "sad",
    }
    request, caller = house.room.asked[0]
    assert (request.voice, request.style, caller.id) == ("ella", "sad", "ada")


def test_voice_by_id_and_our_extensions_reach_the_engine(client, house):
    more = {"voice": {"id": "ben"}, "pitch": -1.5, "seed": 7, "speed": 2, "style": "calm"}
    assert client.post("/v1/audio/speech", json=body(**more)).status_code == 200
    request = house.room.asked[0][0]
    asked = (request.voice, request.pitch, request.seed, request.speed, request.style)
    assert asked == ("ben", -1.5, 7, 2.0, "calm")


def test_instructions_become_a_style_and_the_rest_is_named(client, house):
    answer = client.post("/v1/audio/speech", json=body(instructions="Whisper, with a lisp"))
    assert answer.headers["x-voxhaus-style"] == "whisper from instructions"
    assert answer.headers["x-voxhaus-instructions-unused"] == "a lisp"
    assert house.room.asked[0][0].style == "whisper"


def test_instructions_that_mean_no_style_are_named_as_ignored(client, house):
    answer = client.post("/v1/audio/speech", json=body(instructions="Wie ein Pirat – rau!"))
    assert answer.headers["x-voxhaus-ignored"] == "instructions"
    assert answer.headers["x-voxhaus-instructions-unused"] == "Wie ein Pirat %E2%80%93 rau"
    assert house.room.asked[0][0].style is None


def test_a_style_by_name_comes_before_instructions(client, house):
    answer = client.post("/v1/audio/speech", json=body(instructions="whisper", style="sad"))
    assert house.room.asked[0][0].style == "sad"
    assert answer.headers["x-voxhaus-ignored"] == "instructions"


def test_events_carry_the_same_sound_and_a_right_usage(client, streamed):
    answer = client.post("/v1/audio/speech", json=body(stream_format="sse", response_format="pcm"))
    assert answer.headers["content-type"] == "text/event-stream"
    *deltas, done = events(answer.text)
    assert {d["type"] for d in deltas} == {"speech.audio.delta"}
    sound = b"".join(base64.b64decode(d["audio"]) for d in deltas)
    samples = streamed(TWO).samples
    assert sound == np.round(samples * 32767).astype("<i2").tobytes()
    made = -(-len(samples) * 20 // 24_000)
    assert done == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 5, "output_tokens": made, "total_tokens": 5 + made},
    }


def test_tokens_are_counted_by_the_documented_rule():
    assert [input_tokens(t) for t in ("", "a", "abcd", "abcde", "äöü")] == [0, 1, 1, 2, 2]
    assert [output_tokens(s) for s in (0, 0.05, 0.051, 1.0)] == [0, 1, 2, 20]


def test_timestamps_are_those_of_the_voice(client, streamed):
    answer = client.post("/v1/audio/speech", json=body(stream_format="sse", timestamps=True))
    told = [e for e in events(answer.text) if e["type"] == "speech.audio.timestamps"]
    assert [t["text"] for t in told] == ["Hello.", "Good morning."]
    words = [w for t in told for w in t["words"]]
    wanted = streamed(TWO).words
    assert [(w["text"], w["start"], w["end"]) for w in words] == [
        (w.text, round(w.start, 4), round(w.end, 4)) for w in wanted
    ]
    assert (told[0]["start"], told[0]["end"]) == (words[0]["start"], words[0]["end"])
    assert (told[1]["start"], told[1]["end"]) == (words[1]["start"], words[2]["end"])


def test_timestamps_without_events_are_refused(client):
    answer = client.post("/v1/audio/speech", json=body(timestamps=True))
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "timestamps")


@pytest.mark.parametrize("format", ["mp3", "opus", "flac", "wav", "pcm"])
def test_first_bytes_come_before_the_last_sentence_is_made(house, client, format):
    house.room.hold_after = 1  # the second sentence waits until the client has read of the first
    with client.stream("POST", "/v1/audio/speech", json=body(response_format=format)) as answer:
        chunks = answer.iter_raw()
        first = b""
        while len(first) < 3000:
            first += next(chunks)
        assert house.room.made == 1
        house.room.go_on.set()
        rest = b"".join(chunks)
    assert house.room.made == 2
    assert len(rest) > 3000


def test_the_first_event_comes_before_the_last_sentence_is_made(house, client):
    house.room.hold_after = 1
    with client.stream("POST", "/v1/audio/speech", json=body(stream_format="sse")) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "event: speech.audio.delta"
        assert house.room.made == 1
        house.room.go_on.set()
        assert "event: speech.audio.done" in list(lines)


def test_a_client_that_hangs_up_stops_the_work(house, client, eventually):
    house.room.hold_after = 1
    with client.stream("POST", "/v1/audio/speech", json=body(input="One. Two. Three. Four.")) as a:
        next(a.iter_raw())
    assert eventually(lambda: house.room.closed == 1)
    assert house.room.made == 1
    assert eventually(lambda: house.door.books)
    taken = house.door.books[0]
    assert taken["status"] == 499
    assert taken["audio_seconds"] > 0.3


def test_a_client_that_hangs_up_before_the_first_sound_stops_the_work(house, eventually):
    house.room.hold_after = 0
    raw = json.dumps(body()).encode()
    head = (
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer vh-test-key\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(raw)
    )
    with socket.create_connection(house.url.removeprefix("http://").split(":")) as line:
        line.sendall(head + raw)
        assert eventually(lambda: house.room.asked)
    assert eventually(lambda: house.room.closed == 1)
    assert house.room.made == 0


def test_books_say_what_was_taken(house, client, streamed, eventually):
    client.post("/v1/audio/speech", json=body())
    assert eventually(lambda: house.door.books)
    taken = house.door.books[0]
    seconds = len(streamed(TWO).samples) / 24_000
    assert taken.pop("audio_seconds") == pytest.approx(seconds)
    assert taken == {
        "caller": "ada",
        "model": "tts-1",
        "task": "speech",
        "status": 200,
        "characters": len(TWO),
        "input_tokens": 5,
        "output_tokens": output_tokens(seconds),
    }


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"voice": "nobody"}, "voice"),
        ({"style": "drunk"}, "style"),
        ({"speed": 5}, "speed"),
        ({"speed": 0.1}, "speed"),
        ({"response_format": "mid"}, "response_format"),
        ({"stream_format": "tape"}, "stream_format"),
        ({"voice": {"name": "anna"}}, "voice.id"),
        ({"input": ""}, "input"),
        ({"pitch": 30}, "pitch"),
        ({"volume": 3}, "volume"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(client, wrong, param):
    answer = client.post("/v1/audio/speech", json=body(**wrong))
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param), error
    assert error["type"] == "invalid_request_error"


def test_an_engine_that_falls_over_in_the_middle_cuts_the_sound(house, client, eventually):
    import httpx

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/v1/audio/speech", json=body(model="breaks"))
    assert eventually(lambda: house.door.books)
    assert house.door.books[0]["status"] == 502


def test_an_engine_that_falls_over_in_the_middle_is_an_event(house, client, eventually):
    answer = client.post("/v1/audio/speech", json=body(model="breaks", stream_format="sse"))
    last = events(answer.text)[-1]
    assert last["error"]["message"] == "The engine fell over."
    assert set(last["error"]) == {"message", "type", "param", "code"}
    assert eventually(lambda: house.door.books)
    assert house.door.books[0]["status"] == 502
