"""Answering: from messages to text, token by token.

Knows: a model folder, its tokenizer and chat template, and how an answer is asked for.
Refuses to know: HTTP, terminals, and how the model works inside.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.chat import ChatDelta, ChatEnd, ChatEvent, StopReason, TokenUsage
from voxhaus.core.errors import InputError, WeightsError
from voxhaus.models.language.chat_template import Messages, write
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.text.tokenizer import Tokenizer
from voxhaus.runtime.language import places as model_places
from voxhaus.runtime.language.grammar import Vocabulary
from voxhaus.runtime.language.options import Options, defaults_of, options
from voxhaus.runtime.language.scheduler import Job, Scheduler
from voxhaus.runtime.language.steps import CHUNK, Steps
from voxhaus.runtime.sessions import default_threads

DEFAULT_MODEL = "voxhaus-1-preview"
PLACES = 16  # answers at the same time
# Parameters that a token meets; below, threads wait for each other longer than they compute.
SMALL = 40_000_000


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A whole answer.

    Attributes:
        text: what was said.
        reason: why it ended: "stop", or "length" where tokens or context ran out.
        usage: tokens that it took.
    """

    text: str
    reason: StopReason
    usage: TokenUsage


class Language:
    """A text model, ready to answer. Safe to share between threads: they are answered together.

    Use `Language.load`. Options of all methods are those of `Options`, by name.
    """

    def __init__(
        self, folder: Path, name: str, *, threads: int | None = None, places: int = PLACES
    ) -> None:
        begun = time.perf_counter()
        self.name, self.folder = name, folder
        self.config = LanguageConfig.from_hugging_face(_json(folder / "config.json"))
        self._tokenizer = Tokenizer.load(folder)
        if self._tokenizer.size > self.config.vocab_size:
            raise WeightsError(
                f"{folder}: the tokenizer has {self._tokenizer.size} tokens and the model "
                f"{self.config.vocab_size}; they do not belong together."
            )
        path = folder / "generation_config.json"
        self._settings = _json(path) if path.is_file() else {}
        self._defaults = defaults_of(self._settings)
        self._ends = self._end_tokens()
        # One place more, in which texts are only read.
        steps = Steps(folder, self.config, places=places + 1, threads=threads or self._threads())
        self._spare = places
        self._scheduler = Scheduler(steps, self._tokenizer, self._ends, places=places)
        self.load_seconds = time.perf_counter() - begun

    @classmethod
    def load(
        cls, model: str | Path = DEFAULT_MODEL, *, threads: int | None = None, places: int = PLACES
    ) -> Self:
        """Load a text model.

        Args:
            model: a name of `voxhaus models`; a folder in Hugging Face's format, which is made
                ready once and kept in the cache; or an id that `voxhaus pull` has fetched.
            threads: CPUs for each step; if None, one for small models and all for others.
            places: answers at the same time.

        Raises:
            InputError: there is no such model, or it is of an architecture that is not supported.
            WeightsError: files are missing or damaged, or do not belong together.
            MissingExtraError: a folder has to be made ready, and the extra `convert` is missing.
        """
        begun = time.perf_counter()
        made = cls(*model_places.find(str(model)), threads=threads, places=places)
        made.load_seconds = time.perf_counter() - begun
        return made

    @property
    def context(self) -> int:
        """Tokens that a conversation and its answer may have together."""
        return self.config.context

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to ids and back."""
        return self._tokenizer

    @property
    def busy(self) -> int:
        """Answers that are being made or wait."""
        return self._scheduler.busy

    def chat(self, messages: Messages, **given: Any) -> Reply:  # noqa: ANN401 - see Options
        """Answer a conversation.

        Args:
            messages: oldest first; `Message`s, or mappings with "role" and "content".
            given: fields of `Options`; the model's defaults for the rest.

        Raises:
            InputError: no messages, an unknown role, an option out of range, or a conversation that
                is longer than the context.
            MissingExtraError: `json` is asked for, and the extra is not installed.
        """
        return _whole(self.events(messages, self.options(given)))

    def stream(self, messages: Messages, **given: Any) -> Iterator[str]:  # noqa: ANN401 - see Options
        """Answer piece by piece; closing the iterator stops the answer.

        Arguments and errors are those of `chat`; errors are raised before the first piece.
        """
        return _texts(self.events(messages, self.options(given)))

    def complete(self, prompt: str, **given: Any) -> Reply:  # noqa: ANN401 - see Options
        """Go on with a text as if it stood at the start of a document.

        Arguments and errors are those of `chat`.
        """
        ids = [self._start, *self._tokenizer.encode(prompt)]
        return _whole(self.follow(ids, self.options(given)))

    def options(self, given: Mapping[str, Any]) -> Options:
        """The model's defaults with what is asked for; None asks for the default.

        Raises:
            InputError: no such option, or out of range.
        """
        return options(self._defaults, given)

    def events(self, messages: Messages, chosen: Options) -> Iterator[ChatEvent]:
        """The answer as deltas and one end; closing the iterator stops it.

        Errors are those of `chat`, raised at once.
        """
        ids = write(messages, self._tokenizer, generate=True).ids
        return self.follow(ids, chosen, param="messages")

    def log_probabilities(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The logarithm of the probability of each id, given those before it.

        Args:
            ids: of a text, at most as many as the context is long; the first is given the token
                between documents.

        Returns:
            float32 [n], nats.

        Raises:
            InputError: too many ids, or one that is not in the vocabulary.
        """
        if len(ids) > self.context:
            raise InputError(
                f"The text has {len(ids)} tokens; the model takes {self.context}.", param="ids"
            )
        if any(not 0 <= i < self.config.vocab_size for i in ids):
            raise InputError(f"Ids lie between 0 and {self.config.vocab_size - 1}.", param="ids")
        given = [self._start, *ids[:-1]]
        parts = [
            self._scheduler.call(partial(self._scored, given=given, ids=ids, at=at))
            for at in range(0, len(ids), CHUNK)
        ]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _scored(
        self, steps: Steps, *, given: Sequence[int], ids: Sequence[int], at: int
    ) -> NDArray[np.float32]:
        wanted = np.asarray(ids[at : at + CHUNK])
        logits = steps.prefill(self._spare, given[at : at + CHUNK], at, every=True)
        highest = logits.max(-1, keepdims=True)
        total = np.log(np.exp(logits - highest).sum(-1)) + highest[:, 0]
        scored: NDArray[np.float32] = logits[np.arange(len(wanted)), wanted] - total
        return scored

    def close(self) -> None:
        """Give up answers that are being made, and end the thread that makes them."""
        self._scheduler.close()

    def follow(
        self, ids: Sequence[int], chosen: Options, *, param: str = "prompt"
    ) -> Iterator[ChatEvent]:
        """What follows ids, as deltas and one end.

        Errors are those of `chat`, raised at once; `param` is what they name.
        """
        if len(ids) >= self.context:
            what = "conversation" if param == "messages" else "text"
            raise InputError(
                f"The {what} has {len(ids)} tokens; with an answer, {self.name} takes "
                f"{self.context}. Send less of it.",
                param=param,
            )
        matcher = self._vocabulary.matcher(chosen.json) if chosen.json else None
        return self._scheduler.answer(Job(ids=ids, options=chosen, matcher=matcher))

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._tokenizer, self.config.vocab_size, min(self._ends))

    @cached_property
    def _start(self) -> int:
        """What stands before the first token of a document."""
        try:
            return self._tokenizer.end_of_text
        except WeightsError:
            first = self._settings.get("bos_token_id")
            return first if isinstance(first, int) else min(self._ends)

    def _threads(self) -> int:
        return 1 if self.config.active_parameters < SMALL else default_threads()

    def _end_tokens(self) -> frozenset[int]:
        said = self._settings.get("eos_token_id", [])
        found = {i for i in (said if isinstance(said, list) else [said]) if isinstance(i, int)}
        for name in ("<|endoftext|>", "<|im_end|>"):
            try:
                found.add(self._tokenizer.special(name))
            except WeightsError:
                continue
        if not found:
            raise WeightsError(f"{self.folder} does not say which token ends an answer.")
        return frozenset(found)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise WeightsError(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} is not a JSON object.")
    return found


def _texts(events: Iterator[ChatEvent]) -> Iterator[str]:
    for event in events:
        if isinstance(event, ChatDelta):
            yield event.text


def _whole(events: Iterator[ChatEvent]) -> Reply:
    said: list[str] = []
    for event in events:
        if isinstance(event, ChatEnd):
            return Reply(text="".join(said), reason=event.reason, usage=event.usage)
        said.append(event.text)
    raise RuntimeError("the answer has no end")
