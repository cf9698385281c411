"""Our text runtime, in this process.

Knows: how a request becomes a call of `Language.events`, and that requests share its batch.
Refuses to know: how answers are made.
"""

from collections.abc import AsyncGenerator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from voxhaus.core.chat import ChatEvent, ChatRequest
from voxhaus.core.errors import InputError
from voxhaus.core.speech import VoiceInfo
from voxhaus.products.orchestrator.config import EngineConfig
from voxhaus.products.orchestrator.engine import set_by_caller
from voxhaus.products.orchestrator.engines.threads import emptied, streamed
from voxhaus.runtime.language.language import Language

# What a request calls it, and what an option of ours is called.
_OPTIONS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "stop": "stop",
    "seed": "seed",
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
    "repeat_penalty": "repetition_penalty",  # llama.cpp's word
    "response_format": "json",
}
_NEUTRAL = ("frequency_penalty", "presence_penalty")  # 0 asks for nothing


class LanguageEngine:
    """Text models that are loaded once; all requests to one are answered together."""

    def __init__(self, name: str, config: EngineConfig, places: int) -> None:
        """Load the engine's models; this takes a moment and may stand in a thread.

        Raises:
            WeightsError, InputError, MissingExtraError: as for `Language.load`.
        """
        self._models = {
            own: Language.load(config.path or own, threads=config.threads, places=places)
            for own in config.models.values()
        }
        # Threads that only wait: one for each reader.
        self._pool = ThreadPoolExecutor(places, thread_name_prefix=f"engine-{name}")

    def cannot(self, request: ChatRequest) -> tuple[str, ...]:
        """Whatever is no option of our runtime."""
        neutral = {n for n in _NEUTRAL if request.extra.get(n) == 0}
        return tuple(sorted(set_by_caller(request) - set(_OPTIONS) - neutral))

    def answer(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent, None]:
        """Answer; errors are those of `Language.events`."""
        language = self._models[model]

        def begin() -> Any:  # noqa: ANN401 - an iterator that can be closed
            return language.events(request.messages, language.options(_options(request)))

        return streamed(self._pool, begin)

    def voices(self) -> tuple[VoiceInfo, ...]:
        """None."""
        return ()

    async def ping(self) -> None:
        """It is here, or it could not have been made."""

    async def close(self) -> None:
        """Give up answers that are being made, then forget the models."""
        for language in self._models.values():
            language.close()
        await emptied(self._pool)


def _options(request: ChatRequest) -> dict[str, Any]:
    said = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": request.stop or None,
        "seed": request.seed,
        **request.extra,
    }
    found = {_OPTIONS[n]: v for n, v in said.items() if n in _OPTIONS and v is not None}
    if "json" in found:
        found["json"] = _schema(found["json"])
    return found


def _schema(asked: Any) -> Any:  # noqa: ANN401 - whatever the request says
    """The published `response_format` as our option."""
    match asked:
        case {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return True
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
    raise InputError(
        "response_format must be of type text, json_object, or json_schema with a schema.",
        param="response_format",
    )
