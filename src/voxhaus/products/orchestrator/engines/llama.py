"""A text model in this process, through llama.cpp.

Knows: xllamacpp's server object, and how a conversation becomes its calls.
Refuses to know: where model files come from.

The package always opens a listener of its own beside the calls that we make. It gets a Unix socket
in a folder that only we can enter and a key that nobody knows, so that no port is opened.
"""

import json
import secrets
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatEvent, ChatRequest, StopReason, TokenUsage
from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.core.speech import VoiceInfo
from voxhaus.products.orchestrator.config import EngineConfig
from voxhaus.products.orchestrator.contract import EngineError
from voxhaus.products.orchestrator.engine import set_by_caller
from voxhaus.products.orchestrator.engines.messages import published
from voxhaus.products.orchestrator.engines.packaged import model_file
from voxhaus.products.orchestrator.engines.threads import emptied, streamed

CONTEXT = 2048  # tokens, where the configuration does not say
_KNOWN = frozenset(
    "temperature top_p max_tokens stop seed frequency_penalty presence_penalty logit_bias "
    "response_format top_k min_p repeat_penalty".split()
)
_REASONS: Mapping[str, StopReason] = {"stop": "stop", "length": "length"}
_ONLY_ERRORS = 1  # llama.cpp's verbosity


class LlamaEngine:
    """One GGUF file."""

    def __init__(self, name: str, config: EngineConfig, places: int) -> None:
        """Load the model; this takes a moment and may stand in a thread.

        Raises:
            MissingExtraError: xllamacpp is not installed.
            InputError: the model file is not here; the message says how to get it.
        """
        try:
            import xllamacpp
        except ImportError:
            raise MissingExtraError("xllamacpp", "text") from None
        self._name = name
        self._folder = tempfile.TemporaryDirectory(prefix="voxhaus-")  # mode 0700
        self._context = config.context or CONTEXT
        path = config.path or model_file(next(iter(config.models.values())))
        if not path.is_file():
            raise InputError(f"Engine '{name}': there is no file {path}.", param="path")
        self._server: Any = xllamacpp.Server(self._parameters(xllamacpp, path, config, places))
        self._pool = ThreadPoolExecutor(places, thread_name_prefix=f"engine-{name}")

    def _parameters(self, package: Any, path: Path, config: EngineConfig, places: int) -> Any:  # noqa: ANN401 - untyped package
        made = package.CommonParams()
        made.model.path = str(path)
        made.n_parallel = places
        made.n_ctx = self._context * places  # shared out evenly among the places
        for each in (made.cpuparams, made.cpuparams_batch):
            each.n_threads = config.threads or 1
        made.hostnames = [str(Path(self._folder.name) / "unused.sock")]
        made.api_keys = [secrets.token_hex(32)]
        made.ui = False
        made.verbosity = _ONLY_ERRORS
        return made

    def cannot(self, request: ChatRequest) -> tuple[str, ...]:
        """Whatever llama.cpp's own server would not read."""
        return tuple(sorted(set_by_caller(request) - _KNOWN))

    async def answer(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent, None]:
        """Answer; one model is all it has."""
        body = _body(request)
        reason: StopReason = "stop"
        async for chunk in streamed(self._pool, lambda: self._chunks(body)):
            for choice in chunk.get("choices", ()):
                if text := choice.get("delta", {}).get("content"):
                    yield ChatDelta(text=text)
                if choice.get("finish_reason"):
                    reason = _REASONS.get(choice["finish_reason"], "stop")
            if usage := chunk.get("usage"):
                counted = TokenUsage(
                    prompt=usage["prompt_tokens"], completion=usage["completion_tokens"]
                )
                yield ChatEnd(reason=reason, usage=counted)
                return
        raise EngineError(f"Engine '{self._name}' stopped in the middle of its answer.")

    def _chunks(self, body: str) -> Iterator[dict[str, Any]]:
        """What the server's callback is given, as an iterator; closing it stops the server."""
        events: Queue[dict[str, Any] | BaseException | None] = Queue()
        caller = _Caller(events.put)
        thread = Thread(target=caller.run, args=(self._server, body), daemon=True)
        thread.start()
        try:
            while (event := events.get()) is not None:
                if isinstance(event, BaseException):
                    raise EngineError(f"Engine '{self._name}' failed: {event}.") from event
                if "error" in event:
                    raise self._error(event["error"])
                yield event
        finally:
            caller.stopped = True
            thread.join()

    def _error(self, error: Mapping[str, Any]) -> InputError | EngineError:
        said = str(error.get("message", "no reason given")).rstrip(".")
        if error.get("type") == "exceed_context_size_error":
            return InputError(
                f"The conversation has {error.get('n_prompt_tokens')} tokens; engine "
                f"'{self._name}' takes {self._context}. Send less of it.",
                param="messages",
            )
        if error.get("code") == 400:
            return InputError(f"Engine '{self._name}' refuses the request: {said}.")
        return EngineError(f"Engine '{self._name}' failed: {said}.")

    def voices(self) -> tuple[VoiceInfo, ...]:
        """None."""
        return ()

    async def ping(self) -> None:
        """It is here, or it could not have been made."""

    async def close(self) -> None:
        """Wait for answers that are being made, then forget the model."""
        await emptied(self._pool)
        self._server = None
        self._folder.cleanup()


class _Caller:
    """One call of the server, which blocks and reports through a callback."""

    def __init__(self, put: Callable[[dict[str, Any] | BaseException | None], None]) -> None:
        self._put = put
        self.stopped = False

    def run(self, server: Any, body: str) -> None:  # noqa: ANN401 - untyped package
        try:
            server.handle_chat_completions(body, self._take)
        except Exception as error:
            self._put(error)
        finally:
            self._put(None)

    def _take(self, chunk: str | dict[str, Any]) -> bool:
        self._put(json.loads(chunk) if isinstance(chunk, str) else chunk)
        return self.stopped  # True ends the answer


def _body(request: ChatRequest) -> str:
    said = {
        "messages": published(request.messages, developers=False),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        **{name: value for name, value in request.extra.items() if name in _KNOWN},
    }
    # Without a limit a small model may talk on until its context is full; that is the limit.
    body = {name: value for name, value in said.items() if value is not None}
    return json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}})
