"""From a declaration to a working engine.

Knows: which class stands behind which kind; each is imported only when it is needed.
Refuses to know: when an engine is needed.
"""

from typing import Any

from voxhaus.products.orchestrator.config import EngineConfig
from voxhaus.products.orchestrator.engine import Engine


def build(name: str, config: EngineConfig, places: int) -> Engine[Any, Any]:
    """Make an engine; this may take seconds and may stand in a thread.

    Args:
        name: as declared; for messages.
        config: the declaration.
        places: requests that it will get at the same time.

    Raises:
        MissingExtraError: a package is missing.
        VoxhausError: a model is missing or damaged, or a key is not set.
    """
    match config.kind:
        case "voice":
            from voxhaus.products.orchestrator.engines.voice import VoiceEngine

            return VoiceEngine(name, config, places)
        case "llama":
            from voxhaus.products.orchestrator.engines.llama import LlamaEngine

            return LlamaEngine(name, config, places)
        case "language":
            from voxhaus.products.orchestrator.engines.language import LanguageEngine

            return LanguageEngine(name, config, places)
        case "whisper":
            from voxhaus.products.orchestrator.engines.whisper import WhisperEngine

            return WhisperEngine(name, config, places)
    return _upstream(name, config)


def _upstream(name: str, config: EngineConfig) -> Engine[Any, Any]:
    from voxhaus.products.orchestrator.engines import upstream

    match config.task:
        case "chat":
            return upstream.UpstreamChat(name, config)
        case "speech":
            return upstream.UpstreamSpeech(name, config)
        case "transcription":
            return upstream.UpstreamTranscription(name, config)
