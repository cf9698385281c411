"""Batches are the stream, dealt out by step number and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxhaus.core.errors import InputError
from voxhaus.training.data.documents import Document
from voxhaus.training.data.loader import Packed, chunk_sources
from voxhaus.training.data.shards import write_shards
from voxhaus.training.data.vocabulary import learn_vocabulary

TEXTS = [
    f"Document {n} tells of the house and of {n * n} voices. " * (1 + n % 3) for n in range(300)
]
TOKENIZER = learn_vocabulary(TEXTS, size=300)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    documents = (
        Document(id=str(n), text=t, source="ab"[n >= 200], licence="CC0")
        for n, t in enumerate(TEXTS)
    )
    return write_shards(tmp_path_factory.mktemp("s"), documents, TOKENIZER, tokens_per_file=4000)


@pytest.fixture(scope="module")
def stream(shards):
    return np.concatenate([np.asarray(file, np.int64) for file in shards.tokens])


def test_an_epoch_sees_every_chunk_once(shards, stream):
    packed = Packed(shards, length=32, batch=4, seed=3)
    batches = [packed.batch_at(step) for step in range(packed.steps_per_epoch)]
    seen = np.concatenate([b.chunks for b in batches])
    assert len(set(seen.tolist())) == len(seen) == packed.steps_per_epoch * 4
    for batch in batches:
        for row, chunk in zip(batch.tokens, batch.chunks, strict=True):
            assert (row == stream[chunk * 32 : chunk * 32 + 33]).all()


def test_every_token_but_the_first_is_predicted_once(shards, stream):
    packed = Packed(shards, length=16, batch=1, shuffle=False)
    targets = np.concatenate([packed.batch_at(s).tokens[0, 1:] for s in range(packed.chunks)])
    assert (targets == stream[1 : len(targets) + 1]).all()
    assert len(stream) - len(targets) <= 16


@given(st.integers(0, 500), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_a_step_is_the_same_whenever_it_is_asked_for(shards, step, world):
    one = Packed(shards, length=32, batch=2, seed=1, rank=world - 1, world=world)
    one.batch_at(step + 77)
    fresh = Packed(shards, length=32, batch=2, seed=1, rank=world - 1, world=world)
    assert (one.batch_at(step).tokens == fresh.batch_at(step).tokens).all()


def test_ranks_together_are_the_batch_of_one(shards):
    whole = Packed(shards, length=32, batch=6, seed=5)
    parts = [Packed(shards, length=32, batch=2, seed=5, rank=r, world=3) for r in range(3)]
    for step in (0, 9, 40):
        together = np.concatenate([p.batch_at(step).tokens for p in parts])
        assert (together == whole.batch_at(step).tokens).all()
    assert whole.tokens_per_step == parts[0].tokens_per_step == 192


def test_epochs_differ_and_seeds_differ(shards):
    packed = Packed(shards, length=32, batch=1)
    one = [packed.batch_at(s).chunks[0] for s in range(20)]
    later = [packed.batch_at(packed.steps_per_epoch + s) for s in range(20)]
    assert one != [b.chunks[0] for b in later]
    assert all(b.epoch[0] == 1 for b in later)
    assert one != [
        Packed(shards, length=32, batch=1, seed=1).batch_at(s).chunks[0] for s in range(20)
    ]


def test_documents_are_told_apart(shards):
    batch = Packed(shards, length=64, batch=8).batch_at(2)
    assert batch.document.max() > 1
    for row, document in zip(batch.tokens, batch.document, strict=True):
        assert document[0] == 0
        ends = np.flatnonzero(row[:-1] == TOKENIZER.end_of_text)
        steps = np.flatnonzero(np.diff(document))
        assert (ends == steps).all()  # the number rises right after an end token


def test_a_choice_uses_only_what_it_names(shards):
    packed = Packed(shards, length=32, batch=2, choice=[5, 7, 7, 9])
    seen = np.concatenate([packed.batch_at(s).chunks for s in range(2)])
    assert sorted(seen.tolist()) == [5, 7, 7, 9]


def test_weights_lie_beside_their_targets(shards, stream):
    packed = Packed(shards, length=32, batch=3)
    weights = np.arange(packed.chunks * 32, dtype=np.float32)
    batch = Packed(shards, length=32, batch=3, weights=weights).batch_at(4)
    for row, chunk in zip(batch.weight, batch.chunks, strict=True):
        assert (row == np.arange(chunk * 32, chunk * 32 + 32)).all()
    assert packed.batch_at(0).weight is None


def test_rows_can_be_asked_for_by_number(shards, stream):
    batch = Packed(shards, length=32, batch=1).rows([0, 3])
    assert (batch.tokens[1] == stream[96:129]).all()


def test_the_source_of_a_chunk_is_that_of_most_of_its_tokens(shards):
    sources = chunk_sources(shards, 32)
    assert len(sources) == Packed(shards, length=32, batch=1).chunks
    assert sources[0] == 0 and sources[-1] == 1
    assert (np.diff(sources) >= 0).all()


def test_less_text_than_a_batch_is_refused(shards):
    with pytest.raises(InputError, match="fewer than one batch of 64"):
        Packed(shards, length=4096, batch=64)
    with pytest.raises(InputError, match="fewer than one batch of 3"):
        Packed(shards, length=32, batch=3, choice=[1, 2])


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"choice": [-1, 2]}, "outside 0 to"),
        ({"choice": [10**9, 1]}, "outside 0 to"),
        ({"weights": np.ones(3, np.float32)}, "weights for"),
        ({"rank": 2, "world": 2}, "rank is below"),
        ({"length": 0}, "at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(shards, settings_, message):
    with pytest.raises(InputError, match=message):
        Packed(shards, **{"length": 32, "batch": 1, **settings_})
