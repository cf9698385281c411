"""Figures, logs and traces: they are there, and say nothing that they must not."""

import io
import json
import logging
from dataclasses import dataclass

import pytest

from voxhaus.products.server import logs
from voxhaus.products.server.metrics import Metrics

SECRET = "My secret is a purple cat."
CHAT = {"model": "voxhaus-1-preview", "messages": [{"role": "user", "content": SECRET}]}


@pytest.fixture
def log():
    """What the server logs, as lines of JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("voxhaus")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(x) for x in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)


def figure(house, name, **labels):
    return house.metrics.registry.get_sample_value(name, labels) or 0


def test_a_request_is_counted(client, house, streamed, eventually):
    route = {"route": "/v1/audio/speech", "method": "POST"}
    names = {
        "voxhaus_requests_total": {**route, "status": "200"},
        "voxhaus_first_byte_seconds_count": route,
        "voxhaus_request_seconds_count": route,
    }
    before = {n: figure(house, n, **x) for n, x in names.items()}
    audio = {"task": "speech", "model": "tts-1"}
    made = figure(house, "voxhaus_audio_seconds_total", **audio)
    body = {"model": "tts-1", "voice": "anna", "input": "Hello."}
    assert client.post("/v1/audio/speech", json=body).status_code == 200
    eventually(lambda: figure(house, "voxhaus_requests_in_flight") == 0)
    assert {n: figure(house, n, **x) - before[n] for n, x in names.items()} == dict.fromkeys(
        names, 1
    )
    seconds = figure(house, "voxhaus_audio_seconds_total", **audio) - made
    assert seconds == pytest.approx(streamed("Hello.").seconds)


def test_hang_ups_are_counted(client, house, eventually):
    labels = {"route": "/v1/chat/completions", "method": "POST"}
    before = figure(house, "voxhaus_hang_ups_total", **labels)
    house.room.hold_after = 1
    with client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
        next(answer.iter_lines())
    assert eventually(lambda: figure(house, "voxhaus_hang_ups_total", **labels) == before + 1)


def test_the_page_is_what_prometheus_reads(client, house):
    client.get("/no/such/page/at/all")
    client.request("BREW", "/v1/models")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'voxhaus_requests_total{method="other",route="/v1/models",status="405"}' in answer.text
    assert "/no/such/page" not in answer.text


def test_two_servers_have_figures_of_their_own():
    one, two = Metrics(), Metrics()
    one.requests.labels("/", "GET", "200").inc()
    assert b'route="/"' in one.page()
    assert b'route="/"' not in two.page()


@dataclass(frozen=True, kw_only=True)
class Seen:
    moment: str
    task: str = "chat"
    model: str = "m"
    engine: str = "e"
    arm: str = "candidate"
    shadow: bool = True
    outcome: str | None = None
    first_event_seconds: float | None = None


def test_attempts_of_engines_are_counted():
    metrics = Metrics()
    labels = {"task": "chat", "model": "m", "engine": "e", "arm": "candidate", "shadow": "yes"}
    value = metrics.registry.get_sample_value
    metrics.observe(Seen(moment="started"))
    assert value("voxhaus_engine_running", labels) == 1
    metrics.observe(Seen(moment="ended", outcome="timeout", first_event_seconds=0.2))
    assert value("voxhaus_engine_running", labels) == 0
    assert value("voxhaus_engine_attempts_total", {**labels, "outcome": "timeout"}) == 1
    assert value("voxhaus_engine_first_event_seconds_sum", labels) == pytest.approx(0.2)


def test_a_line_says_who_answered_and_nothing_that_was_said(client, house, log, eventually):
    answer = client.post("/v1/chat/completions", json=CHAT)
    assert eventually(log)
    (line,) = log()
    for varying in ("time", "seconds", "first_byte_seconds"):
        assert line.pop(varying) is not None
    assert line == {
        "level": "info",
        "logger": "voxhaus.server",
        "message": "request",
        "request_id": answer.headers["x-request-id"],
        "method": "POST",
        "route": "/v1/chat/completions",
        "status": 200,
        "hung_up": False,
        "model": "voxhaus-1-preview",
        "engine": "in-process",
        "arm": "stable",
        "caller": "ada",
    }


def test_a_bug_is_logged_by_its_place_and_not_by_its_words(client, log, eventually):
    client.post("/v1/chat/completions", json={**CHAT, "model": "bug"})
    assert eventually(lambda: len(log()) == 2)
    text = json.dumps(log())
    assert log()[0]["exception"]["kind"] == "ValueError"
    assert any("conftest.py" in at for at in log()[0]["exception"]["at"])
    for secret in ("secret words", SECRET, "vh-test-key"):
        assert secret not in text


def test_machines_that_watch_are_not_logged(client, log):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert client.get(path).status_code == 200
    assert log() == []


def test_health(client, house, monkeypatch):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "models": 5, "ready": 5}
    monkeypatch.setattr(house.room, "models", lambda caller=None: [])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"] == "5"


def test_figures_need_a_key_from_elsewhere(house):
    import asyncio

    async def asked(headers):
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/metrics",
            "raw_path": b"/metrics",
            "query_string": b"",
            "headers": headers,
            "client": ("192.0.2.7", 5),
            "server": ("x", 80),
            "scheme": "http",
            "root_path": "",
            "http_version": "1.1",
        }
        await house.app(scope, receive, send)
        return sent[0]["status"]

    assert asyncio.run(asked([])) == 401
    assert asyncio.run(asked([(b"authorization", b"Bearer vh-test-key")])) == 200


def test_traces(own_house, eventually):
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with own_house().client(headers={"traceparent": parent}) as client:
        client.post("/v1/chat/completions", json=CHAT)
    assert eventually(kept.get_finished_spans)
    (span,) = [s for s in kept.get_finished_spans() if s.kind is trace.SpanKind.SERVER]
    assert span.name == "POST /v1/chat/completions"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert span.attributes["voxhaus.engine"] == "in-process"
    assert span.attributes["http.response.status_code"] == 200
    assert SECRET not in span.to_json()
