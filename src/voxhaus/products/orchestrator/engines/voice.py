"""Our voice, in this process.

Knows: how a request becomes a call of `Voice.stream`, and that it runs in threads.
Refuses to know: how speech is made, and how long a chunk is.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from voxhaus.core.speech import AudioChunk, SpeechRequest, VoiceInfo
from voxhaus.products.orchestrator.config import EngineConfig
from voxhaus.products.orchestrator.engines.threads import emptied, streamed
from voxhaus.runtime.voice import Voice


class VoiceEngine:
    """A voice model that is loaded once and shared by all requests."""

    def __init__(self, name: str, config: EngineConfig, places: int) -> None:
        """Load the engine's models; this takes a moment and may stand in a thread.

        One thread for each request: several listeners are served evenly, and a request that is
        given up ends with its current sentence instead of with those that others have begun.

        Raises:
            WeightsError, InputError: a model is missing or damaged.
        """
        self._models = {
            own: Voice.load(str(config.path or own), threads=config.threads or 1)
            for own in config.models.values()
        }
        self._aliases: Mapping[str, str] = config.voices
        self._default = config.default_voice
        self._pool = ThreadPoolExecutor(places, thread_name_prefix=f"engine-{name}")

    def cannot(self, request: SpeechRequest) -> tuple[str, ...]:
        """Nothing: the request is made of this engine's parameters."""
        return ()

    def answer(self, request: SpeechRequest, model: str) -> AsyncGenerator[AudioChunk, None]:
        """Speak; errors are those of `Voice.stream`."""
        voice = request.voice or self._default
        asked = replace(request, voice=self._aliases.get(voice, voice) if voice else None)
        return streamed(self._pool, lambda: _spoken(self._models[model], asked))

    def voices(self) -> tuple[VoiceInfo, ...]:
        """Those of all its models."""
        return tuple(info for voice in self._models.values() for info in voice.voices())

    async def ping(self) -> None:
        """It is here, or it could not have been made."""

    async def close(self) -> None:
        """Wait for the sentences that are being spoken."""
        await emptied(self._pool)


def _spoken(voice: Voice, request: SpeechRequest) -> Iterator[AudioChunk]:
    return voice.stream(
        request.text,
        voice=request.voice,
        style=request.style,
        speed=request.speed,
        seed=request.seed,
        pitch=request.pitch,
        breaths=request.breaths,
    )
