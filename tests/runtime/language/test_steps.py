"""The graphs compute what transformers computes, whichever way the tokens come."""

import json

import numpy as np
import pytest

pytest.importorskip("onnx")

import itertools

from voxhaus.models.language import graph, layout, quantise
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.tensors import Tensors
from voxhaus.runtime.language.steps import Steps

IDS = np.random.default_rng(1).integers(0, 120, 40).tolist()
OTHER = np.random.default_rng(2).integers(0, 120, 25).tolist()
PLACES = 4


def made(folder, target, *, exact):
    target.mkdir(parents=True)
    said = json.loads((folder / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(said))
    config = LanguageConfig.from_hugging_face(said)
    quantise.pack(config, Tensors(folder), target, exact=exact)
    graph.write(target)
    return Steps(target, config, places=PLACES, threads=1)


@pytest.fixture(scope="module")
def all_steps(hugging_face, tmp_path_factory):
    root = tmp_path_factory.mktemp("graphs")
    return {
        (kind, exact): made(folder, root / f"{kind}-{exact}", exact=exact)
        for kind, folder in hugging_face.items()
        for exact in (True, False)
    }


@pytest.fixture
def exact(kind, all_steps):
    return all_steps[kind, True]


@pytest.fixture
def whole_numbers(kind, all_steps):
    return all_steps[kind, False]


def reference(transformers, folder, ids):
    import torch

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def test_exact_logits_are_those_of_transformers(transformers, kind, exact, hugging_face):
    theirs = reference(transformers, hugging_face[kind], IDS)
    np.testing.assert_allclose(exact.prefill(0, IDS, 0, every=True), theirs, atol=2e-4)


def test_int8_logits_are_close(transformers, kind, whole_numbers, hugging_face):
    theirs = reference(transformers, hugging_face[kind], IDS)
    ours = whole_numbers.prefill(0, IDS, 0, every=True)
    apart = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    assert 0 < apart < 0.15, apart
    assert (ours.argmax(-1) == theirs.argmax(-1)).mean() > 0.85


@pytest.mark.parametrize("cuts", [[0, 40], [0, 1, 40], [0, 17, 18, 40], list(range(41))])
def test_pieces_through_the_cache_are_the_whole(exact, cuts):
    whole = exact.prefill(0, IDS, 0, every=True).copy()
    pieces = [exact.prefill(1, IDS[a:b], a, every=True).copy() for a, b in itertools.pairwise(cuts)]
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)


def test_without_every_it_is_the_last(exact):
    every = exact.prefill(0, IDS, 0, every=True).copy()
    np.testing.assert_allclose(exact.prefill(0, IDS, 0), every[-1:], atol=1e-5)


@pytest.mark.parametrize("rounded", [False, True])
def test_a_batch_is_its_members(rounded, exact, whole_numbers):
    """Two conversations of different lengths, token by token, alone and together.

    In whole numbers one row alone rounds a little otherwise, and now and then an expert changes.
    """
    steps, count = (whole_numbers if rounded else exact), 12
    alone = []
    for ids in (IDS, OTHER):
        steps.prefill(0, ids[:-count], 0)
        places = range(len(ids) - count, len(ids))
        alone.append([steps.step([ids[at]], [at])[0].copy() for at in places])
    steps.prefill(0, IDS[:-count], 0)
    steps.prefill(1, OTHER[:-count], 0)
    apart = []
    for number in range(count):
        lengths = [len(ids) - count + number for ids in (IDS, OTHER)]
        both = steps.step([IDS[lengths[0]], OTHER[lengths[1]]], lengths)
        for logits, theirs in zip(both, alone, strict=True):
            wanted = theirs[number]
            apart.append(np.linalg.norm(logits - wanted) / np.linalg.norm(wanted))
    assert np.median(apart) < 0.06 if rounded else max(apart) < 1e-5


def test_a_moved_place_goes_on(exact):
    exact.prefill(2, IDS[:-1], 0)
    alone = exact.prefill(2, IDS[-1:], len(IDS) - 1).copy()
    exact.prefill(3, IDS[:-1], 0)
    exact.move(3, 0, len(IDS) - 1)
    np.testing.assert_allclose(exact.step(IDS[-1:], [len(IDS) - 1]), alone, atol=1e-5)


def test_the_cache_grows_and_keeps_what_it_has(exact):
    long = np.random.default_rng(3).integers(0, 120, 599).tolist()
    exact.prefill(0, IDS[:-1], 0)
    before = exact.prefill(0, IDS[-1:], len(IDS) - 1).copy()
    for at in range(0, len(long), 200):
        exact.prefill(1, long[at : at + 200], at)
    np.testing.assert_allclose(exact.prefill(0, IDS[-1:], len(IDS) - 1), before, atol=1e-5)


def test_every_matrix_is_rounded_and_nothing_else(all_steps, hugging_face, tmp_path):
    said = json.loads((hugging_face["mixture"] / "config.json").read_text())
    config = LanguageConfig.from_hugging_face(said)
    quantise.pack(config, Tensors(hugging_face["mixture"]), tmp_path)
    stored = Tensors(tmp_path)
    for name in layout.shapes(config):
        assert (stored.places[name].kind == "I8") == layout.is_matrix(name)
    losses = quantise.losses(config, Tensors(hugging_face["mixture"]))
    assert all(0.001 < one.relative < 0.02 and one.largest <= 0.5001 for one in losses.values())
