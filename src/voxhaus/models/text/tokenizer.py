"""Text to token ids and back, without loss.

Knows: byte-level BPE as the `tokenizers` library stores it (`tokenizer.json`), the special tokens
of Voxhaus's text models, the bytes behind each id, and how to stream ids as whole characters.
Refuses to know: how a vocabulary is learned (`training/data/vocabulary.py`) and how a conversation
is laid out (`models/language/chat_template.py`).

Special tokens in a text are ordinary characters here: `encode` never gives their ids, so what a
user types can never end a turn or a document. Code that means them takes `end_of_text`, `im_start`
and `im_end`.
"""

import codecs
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import tokenizers

from voxhaus.core.errors import InputError, WeightsError

FILE_NAME = "tokenizer.json"
END_OF_TEXT = "<|endoftext|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
# The order is the contract: id 0 stands between documents, and 13 ids are kept for later use.
SPECIAL_TOKENS = (END_OF_TEXT, IM_START, IM_END, *(f"<|reserved_{n}|>" for n in range(3, 16)))


def byte_characters() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary, as GPT-2 defined it.

    Printable bytes stand for themselves, the others are moved up beyond U+0100 in their order
    (openai/gpt-2, `encoder.py`, `bytes_to_unicode`).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in set(printable)]
    shown = {chr(byte): byte for byte in printable}
    return shown | {chr(0x100 + place): byte for place, byte in enumerate(moved)}


class Tokenizer:
    """A byte-level BPE vocabulary.

    Attributes:
        digest: SHA-256 of the file's bytes, in hexadecimal; shards and weights name it.
        size: number of ids, special tokens among them.
    """

    def __init__(self, content: bytes, *, origin: str = "the tokenizer") -> None:
        """Read the content of a `tokenizer.json`.

        Args:
            content: the file's bytes.
            origin: how error messages call it.

        Raises:
            WeightsError: it is not the JSON of a byte-level tokenizer.
        """
        self._origin = origin
        self._content = content
        try:
            description = json.loads(content)
            self._model = tokenizers.Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise WeightsError(f"{origin} is not a tokenizer.json: {error}") from error
        if not _is_byte_level(description.get("decoder")):
            raise WeightsError(
                f"{origin} is not a byte-level tokenizer, which is the only kind read."
            )
        # Ordinary text may spell a special token; it stays text.
        self._model.encode_special_tokens = True
        self._model.no_truncation()
        self._model.no_padding()
        self.digest = hashlib.sha256(content).hexdigest()
        self._added = {token["id"]: token for token in description.get("added_tokens", [])}
        self.size: int = self._model.get_vocab_size(with_added_tokens=True)

    @classmethod
    def load(cls, place: Path | str) -> "Tokenizer":
        """Read `tokenizer.json`, or the one in a folder.

        Raises:
            WeightsError: there is none, or it is damaged or not byte-level.
        """
        path = Path(place)
        path = path / FILE_NAME if path.is_dir() else path
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"No tokenizer at {path}: {error.strerror}.") from error
        return cls(content, origin=str(path))

    def save(self, folder: Path) -> Path:
        """Write the very bytes that were read as `tokenizer.json` in a folder; return the path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE_NAME
        path.write_bytes(self._content)
        return path

    def encode(self, text: str) -> list[int]:
        """Ids of a text; `decode` gives the same text again.

        Raises:
            InputError: the text holds half a surrogate pair, which no encoding can carry.
        """
        return self.encode_many([text])[0]

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of several texts: faster than one by one.

        Raises:
            InputError: as for `encode`.
        """
        try:
            found = self._model.encode_batch_fast(list(texts), add_special_tokens=False)
        except (TypeError, UnicodeEncodeError) as error:
            raise InputError(
                "The text holds half of a surrogate pair, so is not Unicode."
            ) from error
        return [encoding.ids for encoding in found]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. Special tokens give nothing; broken UTF-8 gives U+FFFD.

        Raises:
            InputError: an id is outside the vocabulary.
        """
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")

    def token_bytes(self, token: int) -> bytes:
        """The UTF-8 bytes, perhaps a part of a character, that an id stands for; b"" if special.

        Raises:
            InputError: the id is outside the vocabulary.
        """
        if not 0 <= token < len(self._bytes):
            raise InputError(f"Token {token} is outside the vocabulary of {self.size}.")
        return self._bytes[token]

    def special(self, name: str) -> int:
        """The id of a special token by its name, such as "<|im_end|>".

        Raises:
            WeightsError: this vocabulary has no such token.
        """
        found: int | None = self._model.token_to_id(name)
        if found is None or found not in self._added:
            raise WeightsError(f"{self._origin} has no special token {name}.")
        return found

    @property
    def end_of_text(self) -> int:
        """Id of the token between documents."""
        return self.special(END_OF_TEXT)

    @property
    def im_start(self) -> int:
        """Id of the token that opens a turn of a conversation."""
        return self.special(IM_START)

    @property
    def im_end(self) -> int:
        """Id of the token that closes a turn of a conversation."""
        return self.special(IM_END)

    @cached_property
    def _bytes(self) -> list[bytes]:
        """Bytes of every id."""
        values = byte_characters()
        table = [b""] * (max(self._model.get_vocab(with_added_tokens=True).values()) + 1)
        for token, number in self._model.get_vocab(with_added_tokens=True).items():
            if number not in self._added:
                table[number] = bytes(values[character] for character in token)
            elif not self._added[number]["special"]:
                table[number] = self._added[number]["content"].encode("utf-8")
        return table


def _is_byte_level(decoder: dict[str, Any] | None) -> bool:
    """Whether a description's decoder is ByteLevel, alone or in a sequence."""
    if not decoder:
        return False
    parts = decoder.get("decoders", []) if decoder["type"] == "Sequence" else [decoder]
    return any(part["type"] == "ByteLevel" for part in parts)


class Utf8Stream:
    """Ids in, whole characters out: what a terminal or a network can show while a model writes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """Take one id; return the characters that are complete now, perhaps "".

        Raises:
            InputError: the id is outside the vocabulary.
        """
        return self._decoder.decode(self._tokenizer.token_bytes(token))

    def finish(self) -> str:
        """U+FFFD if the ids ended within a character, else ""; the stream is then fresh again."""
        rest = self._decoder.decode(b"", final=True)
        self._decoder.reset()
        return rest
