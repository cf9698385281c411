"""Voxhaus: an open, self-hosted voice and the products on it.

Knows: the names that other programs may rely on; `tests/house` keeps the list.
Refuses to know: how anything works. Names are imported when they are first used, so that
`import voxhaus` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voxhaus.core.errors import InputError, VoxhausError
    from voxhaus.core.speech import AudioChunk, PhonemeTiming, Speech, VoiceInfo, WordTiming
    from voxhaus.runtime.language.language import Language
    from voxhaus.runtime.voice import Voice

_HOMES = {
    "AudioChunk": "voxhaus.core.speech",
    "InputError": "voxhaus.core.errors",
    "Language": "voxhaus.runtime.language.language",
    "PhonemeTiming": "voxhaus.core.speech",
    "Speech": "voxhaus.core.speech",
    "Voice": "voxhaus.runtime.voice",
    "VoiceInfo": "voxhaus.core.speech",
    "VoxhausError": "voxhaus.core.errors",
    "WordTiming": "voxhaus.core.speech",
}

__all__ = [
    "AudioChunk",
    "InputError",
    "Language",
    "PhonemeTiming",
    "Speech",
    "Voice",
    "VoiceInfo",
    "VoxhausError",
    "WordTiming",
    "__version__",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the types are the imports above
    if name == "__version__":
        from importlib.metadata import version

        return version("voxhaus")
    if name not in _HOMES:
        raise AttributeError(f"module 'voxhaus' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    __version__: str
