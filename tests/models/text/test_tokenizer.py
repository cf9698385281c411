"""Text survives the tokenizer, special tokens cannot be forged, and streams show whole characters."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.core.errors import InputError, WeightsError
from voxhaus.models.text.tokenizer import (
    END_OF_TEXT,
    SPECIAL_TOKENS,
    Tokenizer,
    Utf8Stream,
    byte_characters,
)
from voxhaus.training.data.vocabulary import learn_vocabulary

LINES = [
    "The voice reads the evening news, and the house listens to the voice.",
    "There is nothing like the news in the evening; isn't there?",
    "Größe, naïve café, 1,234 words and a 🎧.",
] * 20
TOKENIZER = learn_vocabulary(LINES, size=400)
# Free text, and text full of what could go wrong: special tokens, spaces, long runs.
TEXTS = st.text() | st.lists(
    st.sampled_from([*SPECIAL_TOKENS, "  ", "\n", "\r", "é", "🎧", "the"])
).map("".join)


@given(TEXTS)
@settings(deadline=None)
def test_any_text_survives(text):
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(TEXTS)
@settings(deadline=None)
def test_text_never_gives_a_special_token(text):
    assert all(token >= len(SPECIAL_TOKENS) for token in TOKENIZER.encode(text))


@given(st.lists(st.integers(0, TOKENIZER.size - 1), max_size=40))
@settings(deadline=None)
def test_a_stream_of_any_ids_equals_the_whole(ids):
    stream = Utf8Stream(TOKENIZER)
    assert "".join([*map(stream.push, ids), stream.finish()]) == TOKENIZER.decode(ids)


@given(st.text(st.sampled_from("aé🎧")))
@settings(deadline=None)
def test_a_stream_shows_no_broken_character_on_the_way(text):
    stream = Utf8Stream(TOKENIZER)
    assert "�" not in "".join(map(stream.push, TOKENIZER.encode(text)))


def test_the_special_tokens_have_the_first_ids():
    assert [TOKENIZER.special(name) for name in SPECIAL_TOKENS] == list(range(16))
    assert (TOKENIZER.end_of_text, TOKENIZER.im_start, TOKENIZER.im_end) == (0, 1, 2)
    assert TOKENIZER.token_bytes(1) == b""


def test_bytes_of_all_tokens_cover_every_byte_and_common_words():
    every = [TOKENIZER.token_bytes(token) for token in range(TOKENIZER.size)]
    assert {bytes([b]) for b in range(256)} <= set(every)
    assert b" the" in every


def test_learning_is_repeatable_and_saved_bytes_are_the_same(tmp_path):
    again = learn_vocabulary(LINES, size=400)
    assert again.digest == TOKENIZER.digest
    again.save(tmp_path)
    assert (
        Tokenizer.load(tmp_path).digest
        == Tokenizer.load(tmp_path / "tokenizer.json").digest
        == again.digest
    )


def test_gpt2_table_of_bytes():
    table = byte_characters()
    assert sorted(table.values()) == list(range(256))
    assert table["Ġ"] == 0x20 and table["Ċ"] == 0x0A


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(InputError, match="surrogate"):
        TOKENIZER.encode("\ud800")


@pytest.mark.parametrize("token", [-1, TOKENIZER.size])
def test_an_id_outside_the_vocabulary_is_refused(token):
    with pytest.raises(InputError, match=f"outside the vocabulary of {TOKENIZER.size}"):
        TOKENIZER.decode([token])


def test_a_missing_file_and_other_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="No tokenizer at"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(WeightsError, match=r"not a tokenizer\.json"):
        Tokenizer.load(tmp_path)


def test_a_vocabulary_that_is_not_byte_level_is_refused(tmp_path):
    description = json.loads(TOKENIZER._content)
    description["decoder"] = None
    with pytest.raises(WeightsError, match="not a byte-level tokenizer"):
        Tokenizer(json.dumps(description).encode())


def test_a_vocabulary_without_the_token_says_so():
    description = json.loads(TOKENIZER._content)
    description["added_tokens"] = [
        t for t in description["added_tokens"] if t["content"] != END_OF_TEXT
    ]
    with pytest.raises(WeightsError, match=r"no special token <\|endoftext\|>"):
        _ = Tokenizer(json.dumps(description).encode()).end_of_text


@pytest.mark.parametrize("size", [271, 2**16 + 1])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(InputError, match="between 272 and 65536"):
        learn_vocabulary(LINES, size=size)
