"""`voxhaus serve`, the whole house in a process of its own."""

import os
import signal
import socket
import subprocess
import sys

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("voxhaus.products.orchestrator.conductor")
pytest.importorskip("voxhaus.products.server.access")

import openai


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


@pytest.fixture
def serve(tmp_path):
    """Starts the command; waits until it listens."""
    started = []

    def start(*arguments):
        port = free_port()
        command = f"-m voxhaus serve --port {port} --threads 1".split()
        database = f"sqlite:///{tmp_path}/store.db"
        clean = {k: v for k, v in os.environ.items() if k != "VOXHAUS_ENGINES"}
        process = subprocess.Popen(
            [sys.executable, *command, "--database", database, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**clean, "VOXHAUS_CONFIG": str(tmp_path / "no.toml")},
        )
        started.append(process)
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith(("To administer", "Error")):
                break
        return port, process, said

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_speaks_to_the_official_client_and_prints_a_link_once(serve):
    port, process, said = serve()
    assert f"Listening on http://127.0.0.1:{port}/v1\n" in said
    assert f"http://127.0.0.1:{port}/admin/enter/" in said[-1]
    # The client insists on a key; where none is needed, one that it makes up counts as none.
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none") as client:
        assert "tts-1" in [m.id for m in client.models.list()]
        made = client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")
        assert made.content[:3] == b"ID3"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_without_a_key_this_machine_is_served(serve):
    import httpx

    port, _, _ = serve()
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello.", "response_format": "wav"}
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/audio/speech", json=body, timeout=60)
    assert answer.content[:4] == b"RIFF"
    assert answer.headers["x-voxhaus-voice"] == "anna for alloy"


def test_a_page_of_another_name_gets_nothing_here(serve):
    import httpx

    port, _, _ = serve()
    for host, status in (("evil.example", 403), (f"localhost:{port}", 200)):
        answer = httpx.get(f"http://127.0.0.1:{port}/v1/models", headers={"host": host})
        assert answer.status_code == status


def test_behind_a_proxy_everybody_needs_a_key(serve):
    import httpx

    port, _, _ = serve("--proxied-as", "voice.example")
    answer = httpx.get(f"http://127.0.0.1:{port}/v1/models", headers={"host": "voice.example"})
    assert answer.json()["error"]["code"] == "invalid_api_key"


def test_other_machines_are_not_let_in_while_nobody_has_a_key(serve):
    _, process, said = serve("--host", "0.0.0.0")
    assert said[-1].startswith("Error: 0.0.0.0 can be reached by other machines")
    assert process.wait(10) == 2


def test_the_database_may_be_named_by_its_file(serve, tmp_path):
    port, _, said = serve("--database", str(tmp_path / "other.db"))
    assert any(f":{port}/v1" in line for line in said)
    assert (tmp_path / "other.db").exists()


def test_what_was_used_is_in_the_books_when_it_stops(serve, voxhaus, tmp_path):
    port, process, _ = serve()
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none")
    client.audio.speech.create(model="tts-1", voice="anna", input="Hello.").read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    status, report, _ = voxhaus("keys", "usage", "--database", str(tmp_path / "store.db"), "--json")
    assert status == 0
    assert [row["requests"] for row in report["usage"]] == [1]


def test_a_port_in_use_is_named(voxhaus, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        database = f"sqlite:///{tmp_path}/store.db"
        status, _, said = voxhaus("serve", "--port", port, "--database", database)
    assert status == 2
    assert f"Port {port} on 127.0.0.1 is in use by another program" in said


def test_a_missing_extra_is_named(voxhaus, monkeypatch):
    monkeypatch.setattr("voxhaus.cli.serve.find_spec", lambda name: None)
    status, _, said = voxhaus("serve")
    assert status == 1
    assert "pip install 'voxhaus[server]'" in said
