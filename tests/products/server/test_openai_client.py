"""The official client, unmodified, against every route."""

import asyncio
import base64
import json

import numpy as np
import openai
import pytest

SAID = "Good morning, Ada."
HI = [{"role": "user", "content": "Hi"}]
SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Hello. Good morning."}
RESPONSE_EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    *["response.output_text.delta"] * 5,
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def options(house, path="/v1"):
    return {"base_url": house.url + path, "api_key": "vh-test-key", "max_retries": 0, "timeout": 20}


@pytest.fixture(params=["openai", "azure", "azure-v1"])
def sdk(house, request):
    """OpenAI's client, and Azure's of both generations."""
    azure = {k: v for k, v in options(house).items() if k != "base_url"}
    made = {
        "openai": lambda: openai.OpenAI(**options(house)),
        "azure": lambda: openai.AzureOpenAI(
            azure_endpoint=house.url, api_version="2024-10-21", **azure
        ),
        "azure-v1": lambda: openai.OpenAI(**options(house, "/openai/v1/")),
    }
    with made[request.param]() as client:
        yield client


@pytest.fixture(params=["openai", "azure"])
def asking(house, request):
    """Runs a story with the asynchronous client."""

    async def told(story):
        azure = {k: v for k, v in options(house).items() if k != "base_url"}
        made = (
            openai.AsyncOpenAI(**options(house))
            if request.param == "openai"
            else openai.AsyncAzureOpenAI(
                azure_endpoint=house.url, api_version="2024-10-21", **azure
            )
        )
        async with made as client:
            return await story(client)

    return lambda story: asyncio.run(told(story))


@pytest.fixture(scope="session")
def pcm(streamed):
    """What is heard."""
    return np.round(streamed(SPEECH["input"]).samples * 32767).astype("<i2").tobytes()


def test_models(sdk):
    ids = [m.id for m in sdk.models.list()]
    assert ids == ["voxhaus-voice-1", "tts-1", "voxhaus-1-preview", "org/chat", "whisper-1"]
    model = sdk.models.retrieve("tts-1")
    assert (model.id, model.object, model.owned_by) == ("tts-1", "model", "voxhaus")


def test_a_model_whose_name_has_a_slash(house):
    with openai.OpenAI(**options(house)) as client:
        assert client.models.retrieve("org/chat").id == "org/chat"


def test_speech(sdk, pcm):
    made = sdk.audio.speech.create(**SPEECH, response_format="pcm", speed=1.0)
    assert made.content == pcm


def test_speech_into_a_file(sdk, tmp_path):
    with sdk.audio.speech.with_streaming_response.create(**SPEECH) as made:
        made.stream_to_file(tmp_path / "speech.mp3")
    assert (tmp_path / "speech.mp3").read_bytes()[:3] == b"ID3"


def test_speech_is_streamed(sdk, house):
    house.room.hold_after = 1
    create = sdk.audio.speech.with_streaming_response.create
    with create(**SPEECH, response_format="pcm") as made:
        chunks = made.iter_bytes(1024)
        assert len(next(chunks)) == 1024
        assert house.room.made == 1
        house.room.go_on.set()
        assert sum(map(len, chunks)) > 10_000
    assert house.room.made == 2


def test_speech_events(sdk, pcm):
    create = sdk.audio.speech.with_streaming_response.create
    with create(**SPEECH, response_format="pcm", stream_format="sse") as made:
        told = [json.loads(x[6:]) for x in made.iter_lines() if x.startswith("data: ")]
    sound = [base64.b64decode(e["audio"]) for e in told if e["type"] == "speech.audio.delta"]
    assert b"".join(sound) == pcm
    assert told[-1]["type"] == "speech.audio.done"


def test_our_extensions_go_as_extra_body(sdk, house):
    sdk.audio.speech.create(**SPEECH, extra_body={"style": "sad", "seed": 3})
    request = house.room.asked[0][0]
    assert (request.style, request.seed) == ("sad", 3)


def test_chat(sdk):
    told = sdk.chat.completions.create(model="voxhaus-1-preview", messages=HI)
    assert told.choices[0].message.content == SAID
    assert told.choices[0].finish_reason == "stop"
    assert told.usage.total_tokens == 12


def test_chat_stream(sdk):
    stream = sdk.chat.completions.create(
        model="voxhaus-1-preview",
        messages=HI,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == SAID
    assert chunks[-1].usage.completion_tokens == 5


def test_chat_stream_by_events(house):
    with openai.OpenAI(**options(house)) as client:
        how = {"model": "voxhaus-1-preview", "messages": HI}
        with client.chat.completions.stream(**how) as stream:
            deltas = [e.delta for e in stream if e.type == "content.delta"]
        assert "".join(deltas) == SAID
        assert stream.get_final_completion().choices[0].message.content == SAID


def test_chat_that_fails_in_the_middle(sdk):
    stream = sdk.chat.completions.create(model="breaks", messages=HI, stream=True)
    with pytest.raises(openai.APIError, match="fell over"):
        list(stream)


def test_responses(sdk):
    told = sdk.responses.create(model="voxhaus-1-preview", input="Hi", instructions="Be kind.")
    assert told.output_text == SAID
    assert (told.status, told.usage.total_tokens) == ("completed", 12)


def test_responses_stream(sdk):
    stream = sdk.responses.create(model="voxhaus-1-preview", input="Hi", stream=True)
    told = list(stream)
    assert [e.type for e in told] == RESPONSE_EVENTS
    assert told[-1].response.output_text == SAID


def test_responses_stream_by_events(house):
    how = {"model": "voxhaus-1-preview", "input": "Hi"}
    with openai.OpenAI(**options(house)) as client, client.responses.stream(**how) as stream:
        assert [e.type for e in stream] == RESPONSE_EVENTS
        assert stream.get_final_response().output_text == SAID


@pytest.mark.parametrize(
    ("shape", "look"),
    [
        ("json", lambda t: t.text),
        ("text", lambda t: t.strip()),
        ("verbose_json", lambda t: t.text),
    ],
)
def test_transcriptions(sdk, recording, shape, look):
    file = ("a.wav", recording)
    told = sdk.audio.transcriptions.create(model="whisper-1", file=file, response_format=shape)
    assert look(told) == "Good morning. Bye."


def test_transcriptions_with_words(sdk, recording):
    told = sdk.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", recording),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert [w.word for w in told.words] == ["Good"]
    assert told.segments[0].end == 0.8


def test_transcriptions_stream(sdk, recording):
    file = ("a.wav", recording)
    stream = sdk.audio.transcriptions.create(model="whisper-1", file=file, stream=True)
    told = list(stream)
    assert [e.type for e in told] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("nobody", openai.NotFoundError),
        ("forbidden", openai.PermissionDeniedError),
        ("spent", openai.RateLimitError),
        ("down", openai.InternalServerError),
    ],
)
def test_errors_are_those_that_the_client_knows(sdk, model, kind):
    with pytest.raises(kind) as caught:
        sdk.chat.completions.create(model=model, messages=HI)
    assert caught.value.request_id.startswith("req_")
    assert set(caught.value.body) == {"message", "type", "param", "code"}


def test_a_bad_request_names_its_parameter(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.audio.speech.create(**{**SPEECH, "voice": "nobody"})
    assert caught.value.param == "voice"


def test_embeddings_are_not_there(house):
    with openai.OpenAI(**options(house)) as client, pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="m", input="text")


def test_a_wrong_key(house):
    client = openai.OpenAI(**{**options(house), "api_key": "other"})
    with client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_busy_engines_are_asked_again_when_they_said(house, monkeypatch):
    slept = []
    monkeypatch.setattr("time.sleep", slept.append)
    client = openai.OpenAI(**{**options(house), "max_retries": 1})
    with client, pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="busy", messages=HI)
    assert slept == [3.0]


def test_asynchronous(asking, pcm, recording):
    async def story(client):
        models = [m.id async for m in client.models.list()]
        chat = await client.chat.completions.create(model="voxhaus-1-preview", messages=HI)
        stream = await client.chat.completions.create(
            model="voxhaus-1-preview", messages=HI, stream=True
        )
        streamed = [c.choices[0].delta.content or "" async for c in stream]
        response = await client.responses.create(model="voxhaus-1-preview", input="Hi")
        events = await client.responses.create(model="voxhaus-1-preview", input="Hi", stream=True)
        types = [e.type async for e in events]
        create = client.audio.speech.with_streaming_response.create
        async with create(**SPEECH, response_format="pcm") as made:
            sound = b"".join([c async for c in made.iter_bytes()])
        heard = await client.audio.transcriptions.create(
            model="whisper-1", file=("a.wav", recording)
        )
        return models, chat, streamed, response, types, sound, heard

    models, chat, streamed, response, types, sound, heard = asking(story)
    assert "tts-1" in models
    assert chat.choices[0].message.content == "".join(streamed) == response.output_text == SAID
    assert types == RESPONSE_EVENTS
    assert sound == pcm
    assert heard.text == "Good morning. Bye."


def test_many_at_the_same_time(asking, house):
    async def story(client):
        asked = [
            client.chat.completions.create(model="voxhaus-1-preview", messages=HI)
            for _ in range(40)
        ]
        return await asyncio.gather(*asked)

    assert {c.choices[0].message.content for c in asking(story)} == {SAID}
    assert house.metrics.in_flight._value.get() == 0


class TestAzure:
    PATH = "/openai/deployments/voxhaus-1-preview/chat/completions"

    def test_the_deployment_is_the_model(self, house):
        headers = {"api-key": "vh-test-key", "authorization": ""}
        with house.client(headers=headers) as client:
            answer = client.post(f"{self.PATH}?api-version=2024-10-21", json={"messages": HI})
            assert answer.json()["model"] == "voxhaus-1-preview"

    @pytest.mark.parametrize("version", ["", "?api-version="])
    def test_without_a_version_there_is_nothing(self, client, version):
        answer = client.post(self.PATH + version, json={"messages": HI})
        error = answer.json()["error"]
        assert answer.status_code == 404
        assert (error["code"], error["param"]) == ("404", "api-version")
        assert set(error) == {"message", "type", "param", "code"}

    def test_a_wrong_key(self, house):
        with (
            openai.AzureOpenAI(
                azure_endpoint=house.url, api_version="1", api_key="other", max_retries=0
            ) as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.chat.completions.create(model="voxhaus-1-preview", messages=HI)

    def test_a_token_in_place_of_a_key(self, house):
        with openai.AzureOpenAI(
            azure_endpoint=house.url, api_version="1", azure_ad_token="vh-test-key"
        ) as client:
            assert client.responses.create(model="voxhaus-1-preview", input="Hi").output_text
