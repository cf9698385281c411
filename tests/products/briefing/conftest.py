"""A voice of tones, feeds made on the spot, and a server on the loopback interface."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, Speech
from voxhaus.models.text import markup
from voxhaus.products.briefing.feed_cache import FeedCache

RATE = 24_000


class ToneSpeaker:
    """A quiet tone as long as the text; 15 characters a second.

    `drift` makes what is spoken longer or shorter than what was predicted.
    """

    def __init__(self, drift=1.0):
        self.drift = drift
        self.said = []

    def speak(self, text, *, voice=None, style=None, speed=1.0, seed=0):
        seconds = self.predict_seconds(text, voice=voice, speed=speed) * self.drift
        if style not in (None, "neutral"):
            raise InputError(f"Voice 'tone' has no style '{style}'. Its styles: neutral.")
        self.said.append(text)
        at = np.arange(round(seconds * RATE)) / RATE
        pitch = 200 + 10 * (seed % 7)
        sound = 0.2 * np.sin(2 * np.pi * pitch * at)
        return Speech(samples=sound.astype(np.float32), sample_rate=RATE)

    def stream(self, text, *, voice=None, style=None, speed=1.0, seed=0):
        speech = self.speak(text, voice=voice, style=style, speed=speed, seed=seed)
        yield AudioChunk(samples=speech.samples, sample_rate=RATE, start=0.0, text=text)

    def predict_seconds(self, text, *, voice=None, speed=1.0):
        if voice not in (None, "tone"):
            raise InputError(f"There is no voice '{voice}'. Voices: tone.", param="voice")
        markup.parse(text)  # as a real voice does: markup in it would have a meaning
        if not any(c.isalnum() for c in text):
            raise InputError("The text holds nothing that can be spoken.", param="text")
        return len(text) / 15 / speed


@pytest.fixture
def speaker():
    return ToneSpeaker()


@pytest.fixture
def drifting_speaker():
    return ToneSpeaker


@pytest.fixture
def cache(tmp_path):
    return FeedCache(tmp_path / "feeds")


@pytest.fixture
def rss():
    """An RSS feed of (title, description, link, date) items."""

    def make(*items, title="The Test Courier", language="en"):
        rows = "".join(
            f"<item><title>{t}</title><description>{d}</description><link>{link}</link>"
            f"{f'<pubDate>{date}</pubDate>' if date else ''}</item>"
            for t, d, link, date in items
        )
        return (
            f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>'
            f"<language>{language}</language>{rows}</channel></rss>"
        ).encode()

    return make


@pytest.fixture
def serve():
    """Start a server whose paths are answered by functions of the request handler."""
    running = []

    def start(answers):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                self.server.seen.append((self.path, dict(self.headers)))
                with suppress(OSError):  # the reader may hang up; some tests are about that
                    answers[self.path](self)

            def log_message(self, *_):
                pass

            def answer(self, body=b"", status=200, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.seen = []
        server.daemon_threads = True
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
