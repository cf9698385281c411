"""Learning a vocabulary: byte-level BPE over cleaned text.

Knows: the settings that make the file lossless and readable by transformers, vLLM and llama.cpp
(which knows this pre-tokenizer as "gpt-2"), and that the special tokens have the first ids.
Refuses to know: where the text comes from, and how text is encoded afterwards
(`models/text/tokenizer.py`).
"""

from collections.abc import Iterable

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from voxhaus.core.errors import InputError
from voxhaus.models.text.tokenizer import SPECIAL_TOKENS, Tokenizer

DEFAULT_SIZE = 8192
SMALLEST_SIZE = 256 + len(SPECIAL_TOKENS)


def learn_vocabulary(texts: Iterable[str], *, size: int = DEFAULT_SIZE) -> Tokenizer:
    """Learn `size` tokens from texts: 16 special ones, 256 bytes, and merges by their counts.

    The same texts in the same order give the same file.

    Args:
        texts: cleaned documents.
        size: ids in all. Little text may give fewer merges than asked for; the vocabulary is then
            smaller, and the tokenizer says so itself by its `size`.

    Raises:
        InputError: `size` leaves no room for the 256 bytes, or is beyond what 16-bit shards hold.
    """
    if not SMALLEST_SIZE <= size <= 2**16:
        raise InputError(
            f"A vocabulary has between {SMALLEST_SIZE} and {2**16} tokens, not {size}.",
            param="size",
        )
    model = tokenizers.Tokenizer(models.BPE())
    # No normaliser: NFC and everything else stays as it is, so that decoding gives the text again.
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    return Tokenizer(model.to_str().encode("utf-8"), origin="the learned tokenizer")
