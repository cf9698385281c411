"""Shards round-trip, batches are reproducible, and the heard part is cut where it should be."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.config import HOP, SAMPLE_RATE  # noqa: E402
from voxhaus.training.voice import dataset  # noqa: E402


def example(units_per_token, quiet_head=0, seed=0):
    rng = np.random.default_rng(seed)
    durations = np.array(units_per_token, np.int16)
    frames = 2 * int(durations.sum())
    energy = np.full(frames, 5.0, np.float32)
    energy[: 2 * quiet_head] = -9.0
    return dataset.Example(
        voice="anna",
        text="x",
        tokens=np.arange(1, len(durations) + 1).astype(np.int16),
        durations=durations,
        exact_durations=durations.astype(np.float32),
        pitch=np.full(frames, 100.0, np.float32),
        energy=energy,
        style=rng.standard_normal(256).astype(np.float32),
        samples=rng.integers(-999, 999, frames * HOP).astype(np.int16),
    )


def write_shard(path, examples):
    def flat(name):
        return np.concatenate([getattr(e, name) for e in examples])

    rows = [{"voice": e.voice, "text": e.text} for e in examples]
    np.savez(
        path,
        n_samples=np.array([len(e.samples) for e in examples]),
        n_tokens=np.array([len(e.tokens) for e in examples]),
        styles=np.stack([e.style for e in examples]),
        rows=np.frombuffer(json.dumps(rows).encode(), np.uint8),
        **{
            k: flat(k)
            for k in ("samples", "tokens", "durations", "exact_durations", "pitch", "energy")
        },
    )


def test_shards_round_trip(tmp_path):
    made = [example([3, 2, 4], seed=1), example([5, 1], seed=2)]
    write_shard(tmp_path / "shard-00000.npz", made)
    train, held_out = dataset.load_corpus(tmp_path)
    assert len(train) == len(held_out) == 1, "a tenth, at least one"
    for name in ("tokens", "durations", "pitch", "energy", "style", "samples"):
        np.testing.assert_array_equal(getattr(held_out[0], name), getattr(made[0], name))
        np.testing.assert_array_equal(getattr(train[0], name), getattr(made[1], name))


def test_index_and_offset_follow_durations():
    b = dataset.collate([example([3, 1, 2])])
    assert b.unit_index_BU[0].tolist() == [0, 0, 0, 1, 2, 2]
    assert b.unit_offset_BU[0].tolist() == [0, 1, 2, 0, 0, 1]


def test_heard_part_keeps_places_and_phase():
    quiet = example([20, 4, 4], quiet_head=15)
    whole, heard = dataset.collate([quiet]), dataset.collate([quiet], heard_only=True)
    cut = 15 - dataset.MARGIN
    assert heard.unit_index_BU.tolist() == whole.unit_index_BU[:, cut:].tolist()
    assert heard.unit_offset_BU.tolist() == whole.unit_offset_BU[:, cut:].tolist()
    assert torch.equal(heard.samples_BS, whole.samples_BS[:, cut * 2 * HOP :])
    assert heard.turns_B.item() == pytest.approx(100.0 * cut * 2 * HOP / SAMPLE_RATE)


def test_epochs_hold_every_example_once_within_budget():
    examples = [example([n, n], seed=n) for n in range(2, 40)]
    batches = list(dataset.epochs(examples, seconds=3.0, seed=1, epoch=0))
    assert sorted(id(e) for b in batches for e in b) == sorted(map(id, examples))
    assert all(len(b) == 1 or max(e.units for e in b) * len(b) <= 120 for b in batches)
    again = list(dataset.epochs(examples, seconds=3.0, seed=1, epoch=0))
    assert [[id(e) for e in b] for b in batches] == [[id(e) for e in b] for b in again]
    other = list(dataset.epochs(examples, seconds=3.0, seed=1, epoch=1))
    assert [[id(e) for e in b] for b in batches] != [[id(e) for e in b] for b in other]
