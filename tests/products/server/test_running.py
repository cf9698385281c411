"""The process: sockets, both doors, an end in good order."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import httpx
import pytest

from voxhaus.core.errors import InputError
from voxhaus.products.server.running import is_loopback, listening

SOURCE = Path(__file__).resolve().parents[3] / "src"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
    ],
)
def test_loopback(host, ours):
    assert is_loopback(host) is ours


def test_a_port_in_use_is_named_with_what_to_do():
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} on 127.0.0.1 is in use") as caught:
            listening("127.0.0.1", port, "--wyoming-port")
    assert "--wyoming-port" in str(caught.value)


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "nonsense host"])
def test_an_address_that_is_not_ours(host):
    with pytest.raises(InputError, match="no address of this machine"):
        listening(host, 0)


def test_ipv6():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        bound = listening("::1", 0)
    except InputError:
        pytest.skip("no IPv6 here")
    with bound:
        assert bound.family == socket.AF_INET6


@pytest.fixture
def process(tmp_path):
    """A server of its own in a process of its own; both its ports."""
    script = tmp_path / "serve.py"
    conftest = Path(__file__).with_name("conftest.py")
    script.write_text(
        textwrap.dedent(f"""
        import importlib.util
        from voxhaus import Voice
        from voxhaus.products.server import running
        from voxhaus.products.server.app import create_app
        spec = importlib.util.spec_from_file_location("doubles", {str(conftest)!r})
        doubles = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(doubles)
        room = doubles.Room(Voice.load(threads=1))
        app = create_app(conductor=room, gate=doubles.Door())
        ports = [running.listening("127.0.0.1", 0) for _ in range(2)]
        print(*(p.getsockname()[1] for p in ports), flush=True)
        running.run(
            app, ports[0], wyoming=ports[1], wyoming_key=doubles.KEY,
            ready=lambda: print("ready", flush=True),
        )
        """)
    )
    started = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    ports = started.stdout.readline().split()
    assert started.stdout.readline() == "ready\n"
    yield started, ports
    started.kill()
    started.communicate()


def test_both_doors_open_and_close_in_good_order(process):
    import asyncio
    import json

    from wyoming.client import AsyncTcpClient
    from wyoming.tts import Synthesize

    started, (port, wyoming) = process
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").json() == {"status": "ok"}

    async def say():
        async with AsyncTcpClient("127.0.0.1", int(wyoming)) as client:
            await client.write_event(Synthesize(text="Hello.").event())
            return (await client.read_event()).type

    assert asyncio.run(say()) == "audio-start"
    headers = {"authorization": "Bearer vh-test-key"}
    with httpx.stream(
        "POST",
        f"http://127.0.0.1:{port}/v1/audio/speech",
        json={"model": "tts-1", "voice": "anna", "input": "One. " * 20, "response_format": "pcm"},
        headers=headers,
    ) as answer:
        chunks = answer.iter_bytes()
        first = next(chunks)
        started.send_signal(signal.SIGTERM)  # an answer under way is finished
        rest = b"".join(chunks)
    assert len(first + rest) > 20 * 24_000 * 2 * 0.5
    begun = time.monotonic()
    _, said = started.communicate(timeout=20)
    assert time.monotonic() - begun < 15
    lines = [json.loads(x) for x in said.splitlines() if x.startswith("{")]
    assert any(x.get("route") == "/v1/audio/speech" for x in lines)
    assert "Traceback" not in said
