"""A voice that speaks at once, so that the door can be tested without a model."""

import json

import numpy as np
import pytest

from voxhaus.cli.main import main
from voxhaus.core.errors import InputError
from voxhaus.core.speech import AudioChunk, PhonemeTiming, VoiceInfo, WordTiming

RATE = 24_000


class QuickVoice:
    """A tenth of a second of a quiet tone for each word."""

    name, version, default_voice, sample_rate, load_seconds = "quick", "1", "anna", RATE, 0.01

    @classmethod
    def load(cls, *_, threads=None):
        cls.threads = threads
        return cls()

    def voices(self):
        return [
            VoiceInfo(
                id="anna",
                name="Anna",
                sex="female",
                accent="us",
                language="en-US",
                styles=("neutral",),
            )
        ]

    def stream(self, text, *, voice=None, style=None, speed=1.0, seed=0, pitch=0.0, breaths=False):
        if not text.strip():
            raise InputError("There is nothing to say.", param="text")
        if voice not in (None, "anna"):
            raise InputError(f"There is no voice '{voice}'. Voices: anna.", param="voice")
        type(self).asked = {
            "text": text,
            "style": style,
            "speed": speed,
            "seed": seed,
            "pitch": pitch,
            "breaths": breaths,
        }
        for number, word in enumerate(text.split()):
            start = number / 10
            yield AudioChunk(
                samples=np.full(RATE // 10, 0.1, np.float32),
                sample_rate=RATE,
                start=start,
                words=(WordTiming(text=word, start=start, end=start + 0.09),),
                phonemes=(PhonemeTiming("ˈA", start, start + 0.09, 0),),
                text=word,
            )


@pytest.fixture
def quick_voice(monkeypatch):
    monkeypatch.setattr("voxhaus.runtime.voice.Voice", QuickVoice)
    return QuickVoice


@pytest.fixture
def voxhaus(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder: (exit status, stdout, stderr); --json is parsed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = main([str(a) for a in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return status, json.loads(said.out) if "--json" in arguments else said.out, said.err

    return run
