"""The load bench counts what it says, against a real server."""

import http.server
import json
import threading

import pytest

from voxhaus.core.errors import InputError
from voxhaus.evals import server_load
from voxhaus.evals.server_load import Target, Visit, row_of


class Answering(http.server.BaseHTTPRequestHandler):
    """A tenth of a second of silence, three times refused first."""

    protocol_version = "HTTP/1.1"
    asked: list = []  # noqa: RUF012

    def do_GET(self):
        self._send(200, b"process_resident_memory_bytes 5e+07\n")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, self.headers.get("authorization"), body))
        if self.path == "/v1/chat/completions":
            self._send(200, b"data: [DONE]\n\n")
        elif body["voice"] == "nobody":
            self._send(400, b"no such voice")
        elif 1 < len(self.asked) < 5:
            self._send(503, b"", {"Retry-After": "0"})
        else:
            self._send(200, bytes(4800))

    def _send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def url():
    Answering.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_clients_ask_and_are_counted(url):
    noted = []
    target = Target(url=url, key="k")
    result = server_load.measure(target, ["speech"], [1, 3], seconds=0.6, note=noted.append)
    one, three = result["rows"]
    assert noted == [one, three]
    assert (one["refused"], three["refused"], three["failed"]) == (3, 0, 0)
    assert one["statuses"] == {"503": 3}
    assert three["answered"] >= 3
    assert 0 < three["first_p50_ms"] <= three["whole_p50_ms"] <= three["whole_p99_ms"]
    assert three["x_real_time"] == pytest.approx(three["a_second"] / 10)
    assert three["memory_last_mb"] == 50
    paths = {(path, key) for path, key, _ in Answering.asked}
    assert paths == {("/v1/audio/speech", "Bearer k")}


def test_chat(url):
    result = server_load.measure(Target(url=url), ["chat"], [2], seconds=0.2, note=lambda row: None)
    (row,) = result["rows"]
    assert row["answered"] > 0
    assert row["x_real_time"] is None
    assert Answering.asked[-1][2]["stream"] is True


def test_a_wrong_request_is_a_sentence(url):
    with pytest.raises(InputError, match="answers 400: no such voice"):
        server_load.measure(Target(url=url, voice="nobody"), ["speech"], [1], seconds=1, note=print)


def test_nobody_there_is_a_sentence():
    with pytest.raises(InputError, match=r"http://127.0.0.1:9 does not answer"):
        server_load.measure(
            Target(url="http://127.0.0.1:9"), ["speech"], [1], seconds=1, note=print
        )


def test_percentiles_are_of_what_was_answered():
    visits = [Visit(status=200, first=n / 1000, whole=n / 100, size=48_000) for n in range(1, 101)]
    visits += [Visit(status=429), Visit(status=500), Visit(status=0)]
    row = row_of("speech", 4, 10.0, visits, [])
    assert (row["answered"], row["a_second"], row["x_real_time"]) == (100, 10, 10)
    assert (row["refused"], row["failed"]) == (1, 2)
    assert row["statuses"] == {"0": 1, "429": 1, "500": 1}
    assert row["first_p95_ms"] == pytest.approx(95.05)
    assert row["whole_p99_ms"] == pytest.approx(990.1)
    assert row["memory_last_mb"] is None


def test_nothing_answered_has_no_times():
    row = row_of("chat", 1, 1.0, [Visit(status=503)], [])
    assert row["first_p50_ms"] is None


@pytest.mark.parametrize(
    ("kinds", "clients", "seconds", "why"),
    [
        (["song"], [1], 1, "no kind 'song'"),
        (["chat"], [0], 1, "--clients are numbers"),
        (["chat"], [2000], 1, "--clients are numbers"),
        (["chat"], [1], 0, "--seconds must lie"),
    ],
)
def test_what_cannot_be_measured_is_refused(kinds, clients, seconds, why):
    with pytest.raises(InputError, match=why):
        server_load.check(kinds, clients, seconds)


def test_a_record_is_written(url, tmp_path):
    log = []
    result = server_load.measure(Target(url=url), ["chat"], [1], seconds=0.1, note=log.append)
    server_load.write_record(tmp_path / "r", result, log)
    text = (tmp_path / "r" / "README.md").read_text()
    assert "## chat" in text
    assert "answers a second" in text
    assert json.loads((tmp_path / "r" / "raw.jsonl").read_text())["clients"] == 1
