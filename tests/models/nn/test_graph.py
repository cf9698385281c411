"""Rounded matrices keep within what 16 bits hold, and graphs store each constant once."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="training needs the extra 'train'")

import torch  # noqa: E402

from voxhaus.models.nn.graph import Graph, rounded  # noqa: E402
from voxhaus.runtime.sessions import open_session  # noqa: E402


@pytest.mark.parametrize("rows", [6, 7])
def test_rounded_is_near_and_no_pair_of_products_overflows(rows):
    weight = np.random.default_rng(rows).standard_normal((rows, 500)).astype(np.float32)
    weight[:, 0] = 0.0
    whole, scale = rounded(weight)
    assert np.abs(whole * scale - weight).max() <= 0.5001 * scale.max()
    padded = np.pad(whole.astype(int), ((0, rows % 2), (0, 0)))
    # Whatever the two inputs between 0 and 255 are.
    most = 255 * np.maximum(padded[::2], 0) + 255 * np.maximum(padded[1::2], 0)
    least = 255 * np.minimum(padded[::2], 0) + 255 * np.minimum(padded[1::2], 0)
    assert most.max() <= 32767
    assert least.min() >= -32768


def test_a_small_matrix_with_uneven_inputs_loses_little_when_its_reach_is_known(tmp_path):
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 96)
    reach = np.geomspace(0.02, 20.0, 64).astype(np.float32)
    x = (np.random.default_rng(0).uniform(-1, 1, (50, 64)) * reach).astype(np.float32)
    wanted = layer(torch.from_numpy(x)).detach().numpy()
    errors = {}
    for name, known in (("plain", None), ("even", reach)):
        graph = Graph(name)
        out = graph.linear(graph.input("x", ["T", 64]), layer, reach_I=known)
        path = graph.save(tmp_path / f"{name}.onnx", [("y", out)])
        made = open_session(path).run(None, {"x": x})[0]
        errors[name] = np.abs(made - wanted).mean()
    assert errors["even"] < 0.7 * errors["plain"]
    assert errors["even"] < 0.02 * np.abs(wanted).mean()


def test_equal_constants_are_stored_once(tmp_path):
    graph = Graph("twice")
    x = graph.input("x", ["T", 2])
    for _ in range(2):
        x = graph.add("Add", x, graph.constant(np.array([1.0, 2.0], np.float32)))
    path = graph.save(tmp_path / "twice.onnx", [("y", x)])
    assert len(onnx.load(path).graph.initializer) == 1
    assert open_session(path).run(None, {"x": np.zeros((1, 2), np.float32)})[0].tolist() == [[2, 4]]
