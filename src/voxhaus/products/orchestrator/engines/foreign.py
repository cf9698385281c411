"""What goes wrong with an upstream, in sentences a person can act on.

Knows: the official client's exceptions, and which of them another try may cure.
Refuses to know: what was asked. Answers to a bad key are never quoted: they may contain part of it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.products.orchestrator.config import EngineConfig
from voxhaus.products.orchestrator.contract import BusyError, EngineError

QUOTED = 200  # characters of an upstream's own words
_TRANSPORTS = ("httpx", "httpx2", "httpcore", "httpcore2", "anyio", "h11")


@asynccontextmanager
async def told(name: str, config: EngineConfig) -> AsyncGenerator[None, None]:
    """Turn whatever the client raises into our errors."""
    try:
        yield
    except VoxhausError:
        raise
    except Exception as error:
        found = as_error(name, config, error)
        if found is None:
            raise
        raise found from error


def as_error(name: str, config: EngineConfig, error: Exception) -> VoxhausError | None:
    """The same failure as one of ours; None if it is not the client's."""
    host = config.address
    match error:
        case openai.APITimeoutError():
            return EngineError(f"Engine '{name}' at {host} did not answer in time.")
        case openai.APIConnectionError():
            if "Connect" in type(error.__cause__).__name__:
                return EngineError(f"Engine '{name}' at {host} cannot be reached; is it running?")
            return EngineError(f"Engine '{name}' at {host} broke off: {_quoted(error.__cause__)}.")
        case openai.APIStatusError():
            return _status_error(name, config, error)
        case openai.APIError():
            return EngineError(f"Engine '{name}' broke off: {_quoted(error.message)}.")
        case ValueError():  # JSON, UTF-8
            return garbage(name)
    if type(error).__module__.split(".")[0] in _TRANSPORTS or isinstance(error, OSError):
        return EngineError(
            f"Engine '{name}' at {host} broke off: {_quoted(str(error)) or type(error).__name__}."
        )
    return None


def garbage(name: str) -> EngineError:
    """For answers that are not what the published interface says."""
    return EngineError(
        f"Engine '{name}' answers something else than the published format; check its 'base_url'."
    )


def _status_error(name: str, config: EngineConfig, error: openai.APIStatusError) -> VoxhausError:
    status, wait = error.status_code, _retry_after(error)
    said = _quoted(error.message)
    if status in (401, 403):
        return EngineError(
            f"Engine '{name}' refuses our key ({status}); "
            f"check the environment variable {config.api_key_env or '(none is named)'}.",
            retriable=False,
        )
    if status == 404:
        return EngineError(f"Engine '{name}' does not know this model: {said}.", retriable=False)
    if status == 429 and error.code == "insufficient_quota":
        return EngineError(f"The account of engine '{name}' has no quota left.", retriable=False)
    if status == 429:
        return BusyError(f"Engine '{name}' takes no more requests for now.", retry_after=wait)
    if status in (400, 413, 415, 422):
        return InputError(f"Engine '{name}' refuses the request: {said}.", param=error.param)
    if 300 <= status < 400:
        return EngineError(
            f"Engine '{name}' sends us elsewhere ({status}); write its real address as 'base_url'.",
            retriable=False,
        )
    if status in (408, 409) or status >= 500:
        return EngineError(f"Engine '{name}' failed ({status}): {said}.", retry_after=wait)
    return EngineError(f"Engine '{name}' answered {status}: {said}.", retriable=False)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds; the form with a date is not worth trusting somebody else's clock."""
    for header, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(error.response.headers.get(header, "")) * scale
        except ValueError:
            continue
        if 0 <= seconds < 86_400:
            return seconds
    return None


def _quoted(text: Any) -> str:  # noqa: ANN401 - bodies have any shape
    line = " ".join(str(text).split()).rstrip(".")
    return line if len(line) <= QUOTED else line[:QUOTED] + "…"
