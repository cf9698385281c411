"""Rows in fewer bits: what is lost, and that nothing else is."""

import json

import numpy as np
import pytest

pytest.importorskip("onnx")

from voxhaus.core.errors import InputError, WeightsError
from voxhaus.evals.language_speed import random_model
from voxhaus.models.language import compress
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.tensors import Tensors
from voxhaus.runtime.language import places
from voxhaus.runtime.language.language import Language
from voxhaus.runtime.language.prepare import prepare

TINY = LanguageConfig(
    vocab_size=300, hidden_size=64, layers=1, heads=2, kv_heads=1, head_dim=32, experts=2,
    expert_size=32, context=64,
)  # fmt: skip
ROWS = np.random.default_rng(0).normal(0, 30, (40, 50)).clip(-127, 127).round().astype(np.int8)


@pytest.mark.parametrize(("bits", "lost"), [(8, 0.0), (7, 0.011), (6, 0.025), (4, 0.098)])
def test_what_fewer_bits_lose(bits, lost):
    packed, reach = compress.compressed(ROWS, bits)
    again = compress.expanded(packed, reach, ROWS.shape, bits)
    apart = np.linalg.norm(again.astype(float) - ROWS) / np.linalg.norm(ROWS)
    assert again.shape == ROWS.shape
    assert apart == pytest.approx(lost, rel=0.1)
    assert packed.nbytes == -(-ROWS.size // 32) * 32 * bits // 8


def test_the_greatest_of_a_block_and_zeros_stay():
    again = compress.expanded(*compress.compressed(ROWS, 4), ROWS.shape, 4)
    blocks = ROWS.reshape(-1)[:1984].reshape(-1, 32)
    at = (np.arange(len(blocks)), np.abs(blocks.astype(int)).argmax(1))
    assert (again.reshape(-1)[:1984].reshape(-1, 32)[at] == blocks[at]).all()
    nothing = np.zeros((3, 32), np.int8)
    assert not compress.expanded(*compress.compressed(nothing, 3), nothing.shape, 3).any()


@pytest.mark.parametrize("bits", [1, 9])
def test_other_bits_are_refused(bits):
    with pytest.raises(InputError, match="2 to 8"):
        compress.compressed(ROWS, bits)


@pytest.fixture
def whole(tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    return prepare(random_model(tmp_path / "random", TINY, spread=0.3), tmp_path / "whole")


def small(whole, target, bits):
    target.mkdir(parents=True)
    compress.shrink(whole, target, bits)
    for path in whole.iterdir():
        if path.name != "model.safetensors":
            (target / path.name).write_bytes(path.read_bytes())
    return target


def test_a_small_folder_runs_and_has_everything_in_its_place(whole, tmp_path):
    folder = small(whole, tmp_path / "small" / "1", 6)
    grown, _ = places.find(str(folder))
    one, other = Tensors(whole), Tensors(grown)
    assert {n: (p.start, p.length) for n, p in one.places.items()} == {
        n: (p.start, p.length) for n, p in other.places.items()
    }
    losses = compress.loss(whole, 6)
    assert losses and max(losses.values()) < 0.03
    ids = list(range(16, 60))
    scores = [Language(f, "x").log_probabilities(ids) for f in (whole, grown)]
    assert 0 < np.abs(scores[0] - scores[1]).mean() < 1.0
    assert places.find(str(folder))[0] == grown


def test_eight_bits_change_next_to_nothing(whole, tmp_path):
    folder = small(whole, tmp_path / "small" / "1", 8)
    grown, _ = places.find(str(folder))
    one, other = Tensors(whole), Tensors(grown)
    for name, place in one.places.items():
        apart = np.abs(one[name].astype(np.float32) - other[name]).max()
        assert apart <= (1 if place.kind == "I8" else 0)


def test_a_damaged_small_file_is_said(whole, tmp_path):
    folder = small(whole, tmp_path / "small" / "1", 5)
    path = folder / compress.SMALL
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"]["bits"] = "?"
    said = json.dumps(header).encode()
    path.write_bytes(len(said).to_bytes(8, "little") + said + data[8 + size :])
    with pytest.raises(WeightsError, match="is damaged"):
        places.find(str(folder))
