"""Answers that are JSON by construction, through llguidance.

Knows: JSON schemas, and which tokens may follow. Refuses to know: models and sampling.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import InputError, MissingExtraError
from voxhaus.models.text.tokenizer import Tokenizer


class Vocabulary:
    """A tokenizer as llguidance knows it; made once for a model.

    Args:
        tokenizer: of the model.
        size: ids that the model gives logits for.
        end: the token that ends an answer.

    Raises:
        MissingExtraError: llguidance is not installed.
    """

    def __init__(self, tokenizer: Tokenizer, size: int, end: int) -> None:
        try:
            import llguidance
        except ImportError:
            raise MissingExtraError("llguidance", "json") from None
        self._package = llguidance
        self.size = size
        wrapped = llguidance.TokenizerWrapper(_Described(tokenizer, end))
        self.known: Any = llguidance.LLTokenizer(wrapped, n_vocab=max(size, tokenizer.size))

    def matcher(self, schema: bool | Mapping[str, Any]) -> "Matcher":
        """Follows one answer.

        Args:
            schema: a JSON schema, or True for any JSON object.

        Raises:
            InputError: the schema cannot be followed; the message says why.
        """
        asked: dict[str, Any] = {"type": "object"} if isinstance(schema, bool) else dict(schema)
        # White space without end is valid JSON, and what small models like to write.
        asked["x-guidance"] = {"whitespace_flexible": False, **asked.get("x-guidance", {})}
        try:
            grammar = self._package.LLMatcher.grammar_from_json_schema(json.dumps(asked))
            made = self._package.LLMatcher(self.known, grammar, log_level=0)
        except (TypeError, ValueError) as error:
            raise InputError(f"The JSON schema cannot be used: {error}.", param="json") from error
        if made.is_error():
            said = " ".join(made.get_error().split())
            raise InputError(f"The JSON schema cannot be used: {said}.", param="json")
        return Matcher(made, self.size, self.known.vocab_size)


class _Described:
    """What llguidance asks of a tokenizer."""

    def __init__(self, tokenizer: Tokenizer, end: int) -> None:
        self._tokenizer = tokenizer
        self.eos_token_id, self.bos_token_id = end, None
        self.tokens = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
        self.special_token_ids = [i for i, bytes_ in enumerate(self.tokens) if not bytes_]

    def __call__(self, text: str | bytes) -> list[int]:
        if isinstance(text, bytes):
            text = text.decode("utf-8", errors="replace")
        return self._tokenizer.encode(text)


class Matcher:
    """Which tokens may come next in one answer."""

    def __init__(self, made: Any, size: int, known: int) -> None:  # noqa: ANN401 - untyped package
        self._made = made
        self._bits = np.zeros((known + 31) // 32, np.int32)
        self._all = np.zeros(max(size, 32 * len(self._bits)), np.bool_)
        self._size = size

    def allowed(self) -> NDArray[np.bool_]:
        """[vocabulary], True where a token may come."""
        self._made.unsafe_compute_mask_ptr(self._bits.ctypes.data, self._bits.nbytes)
        bits = np.unpackbits(self._bits.view(np.uint8), bitorder="little")
        self._all[: len(bits)] = bits
        return self._all[: self._size]

    def take(self, token: int) -> None:
        """The token that came."""
        self._made.consume_token(token)

    @property
    def done(self) -> bool:
        """Nothing more can come."""
        return bool(self._made.is_stopped())
