"""Whole units do not drift, shards are read as they were written, other texts stand out."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.training.voice.dataset import Example, load_shard
from voxhaus.training.voice.own import examples


def test_whole_units_do_not_drift():
    rng = np.random.default_rng(0)
    frames = rng.integers(1, 12, 200)
    units = examples.whole_units(frames)
    assert units.min() >= 1
    apart = np.cumsum(units) - np.cumsum(frames) / 2
    assert np.abs(apart).max() <= 2.0
    assert examples.whole_units(np.array([1, 1, 1, 1])).tolist() == [1, 1, 1, 1]


def example(seed):
    rng = np.random.default_rng(seed)
    durations = rng.integers(1, 5, 6).astype(np.int16)
    frames = 2 * int(durations.sum())
    return Example(
        voice="own",
        text=f"text {seed}",
        tokens=rng.integers(0, 170, 6).astype(np.int16),
        durations=durations,
        exact_durations=durations.astype(np.float32) + 0.25,
        pitch=rng.uniform(80, 200, frames).astype(np.float32),
        energy=rng.uniform(-9, 8, frames).astype(np.float32),
        style=np.zeros(256, np.float32),
        samples=rng.integers(-99, 99, frames * 300).astype(np.int16),
    )


def test_shards_are_read_as_they_were_written(tmp_path):
    written = [example(s) for s in range(3)]
    examples._keep(tmp_path / examples.SHARD, written)
    for one, other in zip(written, load_shard(tmp_path / examples.SHARD), strict=True):
        for name in ("tokens", "durations", "exact_durations", "pitch", "energy", "samples"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert (one.text, one.voice) == (other.text, other.voice)


def test_a_recording_of_another_text_stands_out_whatever_its_length():
    rng = np.random.default_rng(0)
    sizes = rng.integers(10, 200, 60)
    found = {str(i): (-0.1 * np.log(n) + rng.normal(0, 0.02), int(n)) for i, n in enumerate(sizes)}
    found["other"] = (-1.4, 60)
    usual = examples.usual_sureness(found)
    assert usual["other"] < -examples.UNSURE
    assert min(v for k, v in usual.items() if k != "other") > -examples.UNSURE
