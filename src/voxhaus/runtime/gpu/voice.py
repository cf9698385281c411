"""Speaking many texts at once on a GPU: `Voice` for whoever makes hours of speech, not sentences.

Knows: trained weights, devices, and how texts become batches and recordings.
Refuses to know: the arithmetic, CUDA graphs, files.

The default path never comes here: it needs torch, which a listener does not install.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Self

import torch

from voxhaus.core.errors import InputError, VoxhausError, WeightsError
from voxhaus.core.speech import AudioChunk, Speech, VoiceInfo, join
from voxhaus.models.voice.acoustic import AcousticModel, sharpen
from voxhaus.models.voice.config import FRAMES_PER_UNIT, HOP, SAMPLE_RATE, VoiceConfig
from voxhaus.models.voice.prosody import ProsodyModel
from voxhaus.runtime import weights as model_files
from voxhaus.runtime.gpu.batch import Batcher, Load, Request
from voxhaus.runtime.gpu.pipeline import Pipeline
from voxhaus.runtime.voice import DEFAULT_MODEL, Job, Voice, louder
from voxhaus.runtime.voice_model import Sound
from voxhaus.runtime.waveform import Noise

UNIT_SECONDS = HOP * FRAMES_PER_UNIT / SAMPLE_RATE

NO_GPU = (
    "There is no CUDA device here. '--device cpu' runs the same path on the processor; "
    "`voxhaus say` is faster there."
)


def device_of(name: str | None) -> torch.device:
    """A device by name; the first GPU if None.

    Raises:
        VoxhausError: there is no GPU.
        InputError: torch knows no such device.
    """
    if (name is None or name.startswith("cuda")) and not torch.cuda.is_available():
        raise VoxhausError(NO_GPU)
    try:
        return torch.device(name or "cuda")
    except RuntimeError:
        raise InputError(f"There is no device '{name}'; use cuda or cpu.", param="device") from None


def _current(device: torch.device) -> AbstractContextManager[object]:
    """Streams and graphs are made on the current GPU, which need not be the one asked for."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def load_models(files: model_files.Weights) -> tuple[ProsodyModel, AcousticModel]:
    """The trained models of a checked folder in float32, with the postfilter it was packaged with.

    Raises:
        WeightsError: the folder has no training weights, or they are of other sizes.
    """
    folder = files.folder / "training"
    if not folder.is_dir():
        raise WeightsError(
            f"{files.model} {files.version} has no folder 'training', which the GPU path loads and "
            "wheels leave out. Use a clone of the repository."
        )
    sizes = VoiceConfig()
    prosody, acoustic = ProsodyModel(sizes), AcousticModel(sizes)
    for name, model in (("prosody", prosody), ("acoustic", acoustic)):
        state = torch.load(folder / f"{name}.pt", map_location="cpu", weights_only=True)
        try:
            model.load_state_dict({k: v.float() for k, v in state.items()})
        except RuntimeError:
            raise WeightsError(
                f"{folder / name}.pt is of another size than this version's model. Use the weights "
                "and the code of one commit."
            ) from None
    sharpen(acoustic, float(files.manifest.get("sharpening", 0.0)))
    return prosody, acoustic


class BatchedVoice:
    """A voice model on a GPU that speaks many texts at once. Safe to share between threads.

    Texts, voices, styles and manners are those of `Voice`, and so is the noise of a seed: the sound
    differs from that of `Voice` by what its int8 matrices round.
    """

    def __init__(
        self, files: model_files.Weights, *, device: str | None = None, half: bool | None = None
    ) -> None:
        self.device = device_of(device)
        # What reads the text; its own graphs are small, and are not run.
        self._reader = Voice(files, threads=1)
        self.half = self.device.type == "cuda" if half is None else half
        pipeline = Pipeline(*load_models(files), self.device, half=self.half)
        with _current(self.device):
            self._batcher = Batcher(pipeline)
        self._noise = Noise()
        self._lock = threading.Lock()
        self.name, self.version = files.model, files.version
        self.default_voice = self._reader.default_voice

    @classmethod
    def load(
        cls,
        model: str = DEFAULT_MODEL,
        *,
        version: str | None = None,
        device: str | None = None,
        half: bool | None = None,
    ) -> Self:
        """Load a shipped voice model onto a device.

        Args:
            model: name of the model folder.
            version: its version; the newest if None.
            device: "cuda" or "cpu"; the first GPU if None.
            half: matrix products of the sound model in float16; on a GPU only, if None.

        Raises:
            InputError: no such model, version or device.
            VoxhausError: no GPU.
            WeightsError: files are missing, damaged or of another size.
        """
        return cls(model_files.load(model, version), device=device, half=half)

    @property
    def sample_rate(self) -> int:
        """Samples per second of everything it speaks."""
        return SAMPLE_RATE

    @property
    def load_of_last(self) -> Load:
        """What the last call computed, and how much of it was padding."""
        return self._batcher.load

    def voices(self) -> list[VoiceInfo]:
        """The voices to choose from."""
        return self._reader.voices()

    def speak_many(
        self,
        texts: Sequence[str],
        *,
        voice: str | Sequence[str | None] | None = None,
        style: str | Sequence[str | None] | None = None,
        speed: float = 1.0,
        seed: int = 0,
        pitch: float = 0.0,
    ) -> list[Speech]:
        """Speak texts, all of their sentences in as few batches as their lengths allow.

        Args:
            texts: plain texts, the project's markup, or SSML.
            voice: for all of them, or one for each; the model's default where None.
            style: likewise.
            speed: as for `Voice.speak`, for all of them.
            seed: likewise.
            pitch: likewise.

        Returns:
            One recording a text, in their order.

        Raises:
            InputError: as for `Voice.speak`, or voices or styles for another number of texts.
        """
        jobs = self.read(texts, voice=voice, style=style, speed=speed, seed=seed, pitch=pitch)
        return self.perform(jobs)

    def read(
        self,
        texts: Sequence[str],
        *,
        voice: str | Sequence[str | None] | None = None,
        style: str | Sequence[str | None] | None = None,
        speed: float = 1.0,
        seed: int = 0,
        pitch: float = 0.0,
    ) -> list[list[Job]]:
        """The utterances of each text: the part of `speak_many` that a processor does."""
        voices, styles = _each(voice, len(texts), "voices"), _each(style, len(texts), "styles")
        return [
            self._reader.jobs(text, v, s, speed, seed, pitch)
            for text, v, s in zip(texts, voices, styles, strict=True)
        ]

    def perform(self, texts: Sequence[Sequence[Job]]) -> list[Speech]:
        """The recordings of texts that were read: the part of `speak_many` that a GPU does."""
        sounds = iter(self.sounds(self.requests(texts)))
        made = []
        for jobs in texts:
            chunks: list[AudioChunk] = []
            start = 0
            for job in jobs:
                sound = next(sounds) if job.utterance.phonemes else None
                if sound is not None and job.utterance.volume:
                    samples = louder(sound.samples, SAMPLE_RATE, job.utterance.volume)
                    sound = replace(sound, samples=samples)
                said = job.made(sound, SAMPLE_RATE, UNIT_SECONDS)
                chunks.append(said.chunk(start / SAMPLE_RATE, SAMPLE_RATE))
                start += len(said.samples)
            made.append(join(chunks, SAMPLE_RATE))
        return made

    def requests(self, texts: Sequence[Sequence[Job]]) -> list[Request]:
        """All utterances that have a sound, as the batches take them."""
        flat = [job for jobs in texts for job in jobs if job.utterance.phonemes]
        return [
            Request(
                tokens=job.tokens,
                style_S=job.style_1S[0],
                manner=job.manner,
                stress_L=job.stress,
                place=self._noise.place(job.generator()),
                rises_from=job.rises_from,
            )
            for job in flat
        ]

    def sounds(self, requests: Sequence[Request]) -> list[Sound]:
        """The sound of each utterance, on the host."""
        with self._lock, _current(self.device):
            return self._batcher.speak(requests)


def _each(value: str | Sequence[str | None] | None, count: int, what: str) -> Sequence[str | None]:
    if value is None or isinstance(value, str):
        return [value] * count
    if len(value) != count:
        raise InputError(f"There are {count} texts and {len(value)} {what}; give one for each.")
    return value


__all__ = ["BatchedVoice", "device_of", "load_models"]
