"""What Open WebUI sends, replayed: its routers/audio.py and routers/openai.py of 2025."""

import json

import httpx
import pytest

AS_USER = {
    "Content-Type": "application/json",
    "Authorization": "Bearer vh-test-key",
    "X-OpenWebUI-User-Name": "Ada",
    "X-OpenWebUI-User-Id": "1",
    "X-OpenWebUI-User-Email": "ada@example.org",
    "X-OpenWebUI-User-Role": "user",
}


@pytest.fixture
def base(house):
    """Its setting "API Base URL"."""
    return f"{house.url}/v1"


def test_lists_of_voices_and_models_are_asked_without_a_key(base):
    voices = httpx.get(f"{base}/audio/voices").json()["voices"]
    assert {v["id"]: v["name"] for v in voices}["anna"] == "Anna"
    models = httpx.get(f"{base}/audio/models").json()["models"]
    assert models[0] == {"id": "voxhaus-voice-1", "name": "voxhaus-voice-1"}
    assert [m["id"] for m in models] == ["voxhaus-voice-1", "tts-1"]


def test_voices_of_one_model(base):
    assert httpx.get(f"{base}/audio/voices?model=nobody").json() == {"voices": []}
    assert len(httpx.get(f"{base}/audio/voices?model=tts-1").json()["voices"]) == 8


def test_a_message_is_spoken(base):
    payload = {"model": "tts-1", "input": "Hello there.", "voice": "alloy"}
    answer = httpx.post(f"{base}/audio/speech", json=payload, headers=AS_USER)
    answer.raise_for_status()
    assert answer.content[:3] == b"ID3"  # it keeps the bytes as an .mp3


def test_a_recording_is_heard(base, recording):
    answer = httpx.post(
        f"{base}/audio/transcriptions",
        headers={"Authorization": AS_USER["Authorization"]},
        files={"file": ("b0e6.wav", recording)},
        data={"model": "whisper-1"},
    )
    assert answer.json()["text"] == "Good morning. Bye."


def test_models_of_a_connection(base):
    told = httpx.get(f"{base}/models", headers=AS_USER).json()
    assert all({"id", "object", "owned_by"} <= set(m) for m in told["data"])


def test_a_conversation_as_its_pages_send_it(base):
    payload = {
        "stream": True,
        "model": "voxhaus-1-preview",
        "messages": [
            {"role": "system", "content": "User Context: Ada"},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        ],
        "stream_options": {"include_usage": True},
        "temperature": 0.8,
        "max_tokens": 128,
        "logit_bias": {},
        "user": "1",
    }
    how = {"json": payload, "headers": AS_USER}
    with httpx.stream("POST", f"{base}/chat/completions", **how) as answer:
        assert "text/event-stream" in answer.headers["content-type"]
        lines = [x.removeprefix("data: ") for x in answer.iter_lines() if x]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(x) for x in lines[:-1]]
    said = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert said == "Good morning, Ada."


def test_a_title_as_its_tasks_ask_for_it(base):
    payload = {
        "model": "voxhaus-1-preview",
        "messages": [{"role": "user", "content": "### Task: a title"}],
        "stream": False,
        "max_completion_tokens": 1000,
    }
    answer = httpx.post(f"{base}/chat/completions", json=payload, headers=AS_USER)
    assert answer.json()["choices"][0]["message"]["content"]


def test_its_error_text_is_where_it_looks(base):
    payload = {"model": "tts-1", "input": "Hello", "voice": "nobody"}
    answer = httpx.post(f"{base}/audio/speech", json=payload, headers=AS_USER)
    assert "There is no voice 'nobody'" in answer.json()["error"]["message"]
