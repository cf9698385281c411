import json

import pytest

WHISPER = {"model": "whisper-1"}


@pytest.fixture
def heard(client, recording):
    def ask(file=None, path="/v1/audio/transcriptions", **form):
        files = {"file": ("a.wav", recording if file is None else file, "audio/wav")}
        return client.post(path, data={**WHISPER, **form}, files=files)

    return ask


def test_json(heard):
    told = heard().json()
    assert told == {
        "text": "Good morning. Bye.",
        "usage": {"type": "duration", "seconds": 1.0},
    }


def test_text(heard):
    answer = heard(response_format="text")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "Good morning. Bye.\n"


def test_srt(heard):
    assert heard(response_format="srt").text == (
        "1\n00:00:00,000 --> 00:00:00,800\nGood morning.\n\n"
        "2\n00:00:00,900 --> 00:00:01,000\nBye.\n"
    )


def test_vtt(heard):
    assert heard(response_format="vtt").text == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.800\nGood morning.\n\n"
        "00:00:00.900 --> 00:00:01.000\nBye.\n"
    )


def test_verbose(heard):
    told = heard(response_format="verbose_json").json()
    assert (told["language"], told["duration"], told["task"]) == ("en", 1.0, "transcribe")
    assert told["segments"][1] == {"id": 1, "text": " Bye.", "start": 0.9, "end": 1.0}
    assert "words" not in told


def test_words_if_they_are_wanted(heard):
    more = {"response_format": "verbose_json", "timestamp_granularities[]": ["word"]}
    told = heard(**more).json()
    assert told["words"] == [{"word": "Good", "start": 0.0, "end": 0.3}]
    assert "segments" not in told


def test_stream(heard):
    answer = heard(stream="true")
    told = [json.loads(x[6:]) for x in answer.text.splitlines() if x.startswith("data: ")]
    assert [e["type"] for e in told] == [*["transcript.text.delta"] * 2, "transcript.text.done"]
    assert told[-1]["text"] == "Good morning. Bye."


def test_parameters_reach_the_engine(heard, house, recording):
    answer = heard(language="en", prompt="Names: Ada.", temperature="0.5")
    assert answer.status_code == 200, answer.text
    request = house.room.asked[0][0]
    assert request.audio == recording
    assert (request.language, request.prompt, request.temperature) == ("en", "Names: Ada.", 0.5)


def test_books(heard, house, eventually):
    heard()
    assert eventually(lambda: house.door.books)
    assert house.door.books[0]["audio_seconds"] == 1.0


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"model": ""}, "model"),
        ({"language": "Englisch!"}, "language"),
        ({"temperature": "2"}, "temperature"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"timestamp_granularities[]": ["word"]}, "timestamp_granularities"),
        ({"stream": "true", "response_format": "srt"}, "response_format"),
        ({"include[]": ["logprobs"]}, "include"),
        ({"known_speaker_names[]": ["Ada"]}, "known_speaker_names"),
        ({"speed": "2"}, "speed"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(heard, form, param):
    answer = heard(**form)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param), error


@pytest.mark.parametrize("file", [b"", b"this is no sound"])
def test_what_is_no_recording_is_refused(heard, file):
    answer = heard(file=file)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


def test_a_form_without_a_file_is_refused(client):
    answer = client.post("/v1/audio/transcriptions", data=WHISPER, files={"x": b"1"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file")


def test_a_broken_form_is_refused(client):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/audio/transcriptions", content=b"--y\r\nnope", headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
