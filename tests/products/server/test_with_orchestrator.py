"""The server over the real orchestrator: what it promises is what the routes expect."""

import threading

import numpy as np
import openai
import pytest
import uvicorn

from voxhaus.products.orchestrator.conductor import Orchestrator
from voxhaus.products.orchestrator.config import parse
from voxhaus.products.server.app import create_app
from voxhaus.products.server.metrics import Metrics

CONFIG = """
[engines.ours]
kind = "voice"
models = { "voxhaus-voice-1" = "voxhaus-voice-1", "tts-1" = "voxhaus-voice-1" }

[engines.down]
kind = "openai"
task = "chat"
base_url = "http://127.0.0.1:9/v1"
models = ["nobody-home"]
local = true
retries = 0
"""


class Memory(dict):
    """A ledger for as long as the test."""

    def load(self, name):
        return self.get(name)

    def save(self, name, document, *, actor, action, detail=None):
        self[name] = dict(document)

    def names(self, prefix):
        return sorted(n for n in self if n.startswith(prefix))


@pytest.fixture(scope="module")
def served(house_parts):
    metrics = Metrics()
    conductor = Orchestrator.from_config(
        parse(CONFIG, "engines.toml"), Memory(), observe=metrics.observe, threads=1
    )
    app = create_app(conductor=conductor, gate=house_parts.Door(), metrics=metrics)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", metrics
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def sdk(served):
    how = {"base_url": f"{served[0]}/v1", "api_key": "vh-test-key", "max_retries": 0}
    with openai.OpenAI(**how) as client:
        yield client


def attempts(served, engine, outcome):
    page = served[1].page().decode()
    lines = [x for x in page.splitlines() if x.startswith("voxhaus_engine_attempts_total")]
    return sum(
        float(x.split()[-1])
        for x in lines
        if f'engine="{engine}"' in x and f'outcome="{outcome}"' in x
    )


def test_speech_is_the_voices_own(sdk, served, streamed):
    how = {"model": "tts-1", "voice": "alloy", "input": "Hello there. Bye."}
    made = sdk.audio.speech.with_raw_response.create(**how, response_format="pcm")
    wanted = np.round(streamed(how["input"]).samples * 32767).astype("<i2").tobytes()
    assert made.content == wanted
    assert made.headers["x-voxhaus-engine"] == "ours"
    assert made.headers["x-voxhaus-voice"] == "anna for alloy"
    assert attempts(served, "ours", "ok") >= 1


def test_a_bad_voice_is_the_callers_fault(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.audio.speech.create(model="tts-1", voice="nobody", input="Hi.")
    assert caught.value.param == "voice"


def test_a_client_that_hangs_up_cancels_the_attempt(sdk, served, eventually):
    before = attempts(served, "ours", "cancelled")
    text = "This is one of very many sentences. " * 300
    create = sdk.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="anna", input=text, response_format="pcm") as made:
        next(made.iter_bytes(1000))
    assert eventually(lambda: attempts(served, "ours", "cancelled") == before + 1, 10)


def test_an_upstream_that_is_down_is_a_bad_gateway(sdk, served):
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.chat.completions.create(
            model="nobody-home", messages=[{"role": "user", "content": "Hi"}]
        )
    assert caught.value.status_code == 502
    assert caught.value.body["code"] == "engine_error"
    assert attempts(served, "down", "failed") == 1


def test_parameters_that_no_engine_knows_are_refused_by_name(sdk):
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(
            model="nobody-home",
            messages=[{"role": "user", "content": "Hi"}],
            extra_body={"frobnicate": 1},
        )
    assert caught.value.param == "frobnicate"


def test_unknown_models_are_not_there(sdk):
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "Hi"}])
    assert caught.value.code == "model_not_found"


def test_lists(sdk):
    assert {m.id for m in sdk.models.list()} >= {"voxhaus-voice-1", "tts-1", "nobody-home"}
