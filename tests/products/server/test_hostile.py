"""Bodies that are meant to break things."""

import pytest

HEAD = {"content-type": "application/json"}
CHAT = b'{"model": "voxhaus-1-preview", "messages": [{"role": "user", "content": "Hi"}], %s}'


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + b"1" * (opening == b'{"a":') + closing * depth


@pytest.mark.parametrize("depth", [100, 300, 900, 5_000, 200_000])
@pytest.mark.parametrize("name", [b"response_format", b"logit_bias", b"whatever", b"messages"])
def test_deep_json(client, depth, name):
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        raw = CHAT % (b'"%s": ' % name + nested(depth, opening, closing))
        answer = client.post("/v1/chat/completions", content=raw, headers=HEAD)
        assert answer.status_code in (200, 400), answer.text
        assert answer.json()


@pytest.mark.parametrize(
    "more",
    [
        b'"temperature": NaN',
        b'"logit_bias": {"5": Infinity}',
        b'"response_format": {"type": -Infinity}',
        b'"whatever": NaN',
        b'"response_format": {"type": "\\ud800"}',
        b'"\\udfff": 1',
        b'"whatever": "\\uD800x"',
        b'"user": "\\ud800"',
        b'"seed": 1' + b"0" * 5000,
        b'"whatever": 1' + b"0" * 5000,
    ],
)
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_what_json_does_not_have(client, more, path):
    raw = CHAT % more
    if path == "responses":
        raw = b'{"model": "voxhaus-1-preview", "input": "Hi", %s}' % more
    answer = client.post(f"/v1/{path}", content=raw, headers=HEAD)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("more", [b'"whatever": null', b'"user": "NaN \\u00e4 \\ud83d\\ude00"'])
def test_what_json_has(client, more):
    answer = client.post("/v1/chat/completions", content=CHAT % more, headers=HEAD)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "path", ["/v1/%ff%fe", "/v1/models/%00", "/v1/models/%ED%A0%80", "//", "/%"]
)
def test_strange_paths(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("name", ["x" * 10_000, "ä", "\r\nx: y", "a\x00b"])
def test_strange_names_of_parameters(client, name):
    answer = client.post("/v1/responses", json={"model": "m", "input": "Hi", name: 1})
    assert answer.status_code == 400


@pytest.mark.parametrize("text", ["\x00", "\ufeff", "\u202e\u2066", "🜁" * 50, "a\u0301" * 200])
def test_strange_texts_are_spoken_or_refused(client, text):
    body = {"model": "tts-1", "voice": "anna", "input": f"One {text} two."}
    answer = client.post("/v1/audio/speech", json={**body, "instructions": text})
    assert answer.status_code in (200, 400)
    assert all(v.isascii() for v in answer.headers.values())
