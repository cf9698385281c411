"""Whatever goes wrong, the answer has the published shape with all four fields."""

import asyncio
import json
import socket
import threading
import time

import pytest

from voxhaus.products.server.observing import Observed

CHAT = {"model": "voxhaus-1-preview", "messages": [{"role": "user", "content": "Hi"}]}


def refused(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"].endswith(".")
    return error


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/embeddings", "/v1/models/", "/docs", "/v2/models"]
)
def test_unknown_path(client, path):
    error = refused(client.get(path), 404)
    assert error["type"] == "invalid_request_error"


def test_embeddings_are_not_pretended(client):
    answer = client.post("/v1/embeddings", json={"model": "m", "input": "text"})
    error = refused(answer, 404)
    assert (error["code"], error["param"]) == ("unknown_url", None)
    assert error["message"] == "Unknown request URL: POST /v1/embeddings."


def test_wrong_method_names_the_right_one(client):
    answer = client.get("/v1/chat/completions")
    assert refused(answer, 405)["code"] == "method_not_allowed"
    assert answer.headers["allow"] == "POST"


def test_wrong_method_names_all_right_ones():
    from fastapi import APIRouter
    from starlette.testclient import TestClient

    from voxhaus.products.server.app import create_app

    more = APIRouter()
    for method in ("GET", "POST"):
        more.add_api_route("/more/{id}", lambda id: None, methods=[method])
    app = create_app(conductor=None, gate=None, routers=[more])
    answer = TestClient(app).put("/more/5")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


def test_broken_json(client):
    answer = client.post(
        "/v1/chat/completions", content=b'{"a": ', headers={"content-type": "application/json"}
    )
    error = refused(answer, 400)
    assert error["code"] == "invalid_json"
    assert "not valid JSON" in error["message"]


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"7", b"null", b""])
def test_json_that_is_no_object(client, content):
    answer = client.post(
        "/v1/responses", content=content, headers={"content-type": "application/json"}
    )
    refused(answer, 400)


def test_json_that_is_no_unicode(client):
    raw = b'{"model": "tts-1", "voice": "anna", "input": "\xff\xfe"}'
    answer = client.post(
        "/v1/audio/speech", content=raw, headers={"content-type": "application/json"}
    )
    refused(answer, 400)


def test_half_a_letter_is_refused(client):
    raw = b'{"model": "tts-1", "voice": "anna", "input": "\\ud800"}'
    answer = client.post(
        "/v1/audio/speech", content=raw, headers={"content-type": "application/json"}
    )
    assert refused(answer, 400)["code"] == "invalid_json"


@pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded", None])
def test_wrong_content_type(client, type_):
    headers = {"content-type": type_} if type_ else {}
    answer = client.post(
        "/v1/audio/speech", content=json.dumps({"model": "tts-1"}).encode(), headers=headers
    )
    assert refused(answer, 415)["code"] == "unsupported_content_type"


def test_form_where_a_form_is_due(client):
    answer = client.post("/v1/audio/transcriptions", json={"model": "whisper-1"})
    assert refused(answer, 415)["code"] == "unsupported_content_type"


def test_missing_parameter(client):
    error = refused(client.post("/v1/chat/completions", json={"model": "m"}), 400)
    assert error == {
        "message": "Missing required parameter: 'messages'.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "missing_required_parameter",
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", {"model": "voxhaus-1-preview", "input": "Hi"}),
        ("/v1/audio/speech", {"model": "tts-1", "input": "Hi"}),
    ],
)
def test_unknown_parameter(client, path, body):
    error = refused(client.post(path, json={**body, "frobnicate": 1}), 400)
    assert error["message"] == "Unknown parameter: 'frobnicate'."
    assert (error["param"], error["code"]) == ("frobnicate", "unknown_parameter")


def test_parameters_of_engines_of_their_own_are_passed_on(client, house):
    assert client.post("/v1/chat/completions", json={**CHAT, "top_k": 5}).status_code == 200
    assert house.room.asked[0][0].extra == {"top_k": 5}
    error = refused(client.post("/v1/chat/completions", json={**CHAT, "frobnicate": 1}), 400)
    assert error["param"] == "frobnicate"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"web_search_options": {}}, "web_search_options"),
    ],
)
def test_published_parameters_that_are_not_honoured(client, more, param):
    error = refused(client.post("/v1/chat/completions", json=CHAT | more), 400)
    assert (error["param"], error["code"]) == (param, "unsupported_parameter")
    assert error["message"].startswith(f"Unsupported parameter: '{param}'. ")


def test_a_deep_mistake_is_named_by_its_place(client):
    parts = [{"type": "image_url", "image_url": {"url": "data:"}}]
    body = {**CHAT, "messages": [{"role": "user", "content": parts}]}
    error = refused(client.post("/v1/chat/completions", json=body), 400)
    assert error["param"] == "messages[0].content[0].type"


@pytest.mark.parametrize(
    ("model", "status", "type_", "code"),
    [
        ("nobody", 404, "invalid_request_error", "model_not_found"),
        ("down", 502, "server_error", "engine_error"),
        ("busy", 503, "server_error", "overloaded"),
        ("bug", 500, "server_error", None),
        ("forbidden", 403, "permission_error", "model_not_allowed"),
        ("spent", 429, "rate_limit_error", "insufficient_quota"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_of_models_and_doors(client, model, status, type_, code, stream):
    answer = client.post("/v1/chat/completions", json={**CHAT, "model": model, "stream": stream})
    error = refused(answer, status)
    assert (error["type"], error["code"]) == (type_, code)
    assert ("retry-after" in answer.headers) == (status in (429, 503))


def test_busy_engines_say_when_to_come_back(client):
    answer = client.post("/v1/chat/completions", json={**CHAT, "model": "busy"})
    assert answer.headers["retry-after"] == "3"


def test_a_bug_tells_nothing_of_itself(client):
    answer = client.post("/v1/chat/completions", json={**CHAT, "model": "bug"})
    assert "secret words" not in answer.text
    assert "Traceback" not in answer.text


def test_wrong_key(house):
    with house.client(headers={"authorization": "Bearer other"}) as stranger:
        for answer in (
            stranger.get("/v1/models"),
            stranger.get("/v1/models/tts-1"),
            stranger.post("/v1/chat/completions", json=CHAT),
        ):
            error = refused(answer, 401)
            assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")


def test_unknown_model_of_the_list(client):
    error = refused(client.get("/v1/models/gpt-9"), 404)
    assert (error["param"], error["code"]) == ("model", "model_not_found")


class TestHosts:
    """A web page that leads its own name to 127.0.0.1 gets nothing."""

    def ask(self, own_house, host):
        hosts = frozenset({"localhost", "127.0.0.1", "[::1]"})
        with own_house(hosts=hosts).client(headers={"host": host}) as client:
            return client.get("/v1/models")

    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:8000"]
    )
    def test_its_own_names(self, own_house, host):
        assert self.ask(own_house, host).status_code == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"]
    )
    def test_another_name(self, own_house, host):
        assert refused(self.ask(own_house, host), 403)["code"] == "unknown_host"


class TestLimits:
    def test_body_by_its_announced_length(self, own_house):
        with own_house(max_json_bytes=1000).client() as client:
            error = refused(client.post("/v1/responses", json={"input": "x" * 2000}), 413)
            assert "1000 bytes" in error["message"]

    def test_body_without_a_length(self, own_house):
        def parts():
            for _ in range(40):
                yield b"x" * 100

        with own_house(max_json_bytes=1000).client() as client:
            answer = client.post(
                "/v1/responses", content=parts(), headers={"content-type": "application/json"}
            )
            refused(answer, 413)

    def test_json_has_a_limit_of_its_own(self, own_house, recording):
        with own_house(max_json_bytes=1000).client() as client:
            refused(client.post("/v1/responses", json={"input": "x" * 2000}), 413)
            form = {"data": {"model": "whisper-1"}, "files": {"file": ("a.wav", recording)}}
            assert client.post("/v1/audio/transcriptions", **form).status_code == 200

    def test_upload(self, own_house, recording):
        with own_house(max_body_bytes=1000).client() as client:
            form = {"data": {"model": "whisper-1"}, "files": {"file": ("a.wav", recording)}}
            refused(client.post("/v1/audio/transcriptions", **form), 413)

    def test_text_to_speak(self, own_house):
        with own_house(max_speech_characters=10).client() as client:
            body = {"model": "tts-1", "voice": "anna", "input": "eleven char"}
            error = refused(client.post("/v1/audio/speech", json=body), 400)
            assert (error["param"], error["code"]) == ("input", "string_above_max_length")

    def test_conversation(self, own_house):
        with own_house(max_chat_characters=10).client() as client:
            body = {**CHAT, "messages": [{"role": "user", "content": "eleven char"}]}
            error = refused(client.post("/v1/chat/completions", json=body), 400)
            assert error["code"] == "context_length_exceeded"

    def test_a_body_that_does_not_come(self, own_house):
        house = own_house(read_seconds=0.1)
        head = (
            b"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        with socket.create_connection(house.url.removeprefix("http://").split(":")) as line:
            line.sendall(head)
            line.settimeout(5)
            answer = b""
            while not answer.endswith(b"}}"):
                answer += line.recv(4000)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"did not arrive in 0.1 seconds" in answer

    def test_an_answer_that_does_not_come(self, own_house, eventually):
        house = own_house(request_seconds=0.1)
        house.room.hold_after = 0
        with house.client() as client:
            assert refused(client.post("/v1/chat/completions", json=CHAT), 504)["code"] == "timeout"
        assert eventually(lambda: house.room.closed == 1)

    def test_places_and_their_queue(self, own_house, eventually):
        house = own_house(concurrent=1, waiting=1, wait_seconds=30)
        house.room.hold_after = 1
        places = house.app.state.desk.places
        stream = {**CHAT, "stream": True}
        with house.client() as one, house.client() as two, house.client() as three:
            first = one.stream("POST", "/v1/chat/completions", json=stream)
            with first as answer:
                lines = answer.iter_lines()  # when it is let go of, httpx hangs up
                next(lines)
                found = {}
                second = threading.Thread(
                    target=lambda: found.update(second=two.post("/v1/chat/completions", json=CHAT))
                )
                second.start()
                assert eventually(lambda: places.waiting == 1)
                told = three.post("/v1/chat/completions", json=CHAT)
                assert refused(told, 503)["code"] == "overloaded"
                assert int(told.headers["retry-after"]) >= 1
                house.room.go_on.set()
            second.join(10)
            assert found["second"].status_code == 200
            # Overload passes: the next is served as if nothing had been.
            assert three.post("/v1/chat/completions", json=CHAT).status_code == 200

    def test_nobody_waits_for_ever(self, own_house):
        house = own_house(concurrent=1, waiting=5, wait_seconds=0.1)
        house.room.hold_after = 1
        with house.client() as one, house.client() as two:
            with one.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as held:
                lines = held.iter_lines()
                next(lines)
                begun = time.monotonic()
                error = refused(two.post("/v1/chat/completions", json=CHAT), 503)
                assert time.monotonic() - begun < 3
            assert error["message"].startswith("No place became free in time.")

    def test_a_client_that_leaves_the_queue_leaves_no_gap(self):
        from voxhaus.products.server.places import Places

        async def story():
            places = Places(1, 2, 30)
            async with places.one():
                waiting = asyncio.create_task(places.one().__aenter__())
                await asyncio.sleep(0)
                assert places.waiting == 1
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                assert places.waiting == 0
            async with asyncio.timeout(1), places.one():
                pass

        asyncio.run(story())


def test_other_protocols_pass_untouched():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(Observed(app, metrics=None, settings=None)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
