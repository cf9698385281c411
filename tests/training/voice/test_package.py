"""Packaged graphs are smaller, still compute the same, and their manifest names every file."""

import hashlib
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="training needs the extra 'train'")

import onnxruntime as ort  # noqa: E402

from voxhaus.runtime import weights  # noqa: E402
from voxhaus.runtime.sessions import open_session  # noqa: E402
from voxhaus.training.voice import package  # noqa: E402


@pytest.fixture
def graph(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(64, 96), torch.nn.SiLU(), torch.nn.Linear(96, 32))
    path = tmp_path / "net.onnx"
    axes = {"x": {0: "n", 1: "t"}, "y": {0: "n", 1: "t"}}
    torch.onnx.export(
        net,
        (torch.zeros(1, 3, 64),),
        path,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes=axes,
        dynamo=False,
    )
    return path


def run(path, x):
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize(
    ("shrink", "share", "error"), [(package.store_half, 0.6, 2e-3), (package.quantise, 0.5, 0.05)]
)
def test_small_graphs_compute_the_same(graph, shrink, share, error):
    x = np.random.default_rng(0).standard_normal((1, 7, 64)).astype(np.float32)
    before, size = run(graph, x), graph.stat().st_size
    shrink(graph)
    after = run(graph, x)
    assert graph.stat().st_size < share * size
    assert 0 < np.abs(after - before).max() < error * np.abs(before).max() + error


def test_fused_graphs_compute_the_same_as_they_are(graph):
    x = np.random.default_rng(0).standard_normal((1, 7, 64)).astype(np.float32)
    before, nodes = run(graph, x), len(onnx.load(graph).graph.node)
    package.optimise(graph)
    assert len(onnx.load(graph).graph.node) < nodes
    session = open_session(graph)
    np.testing.assert_allclose(session.run(None, {"x": x})[0], before, rtol=1e-5, atol=1e-6)


def test_manifest_names_every_file_but_card_and_itself(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"abc")
    (tmp_path / "card.md").write_text("# card")
    package.write_manifest(tmp_path, {"steps": {"acoustic": 7}})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["files"] == {
        "a.onnx": {"sha256": hashlib.sha256(b"abc").hexdigest(), "bytes": 3}
    }
    assert manifest["steps"] == {"acoustic": 7}
    assert weights.damaged(tmp_path) == []


def test_halfway_is_the_mean_and_widens():
    one = {"w": torch.tensor([1.0, 3.0]), "b": torch.tensor([0.0])}
    other = {"w": torch.tensor([3.0, 5.0]).half(), "b": torch.tensor([1.0]).half()}
    mean = package.halfway(one, other)
    assert mean["w"].tolist() == [2.0, 4.0]
    assert mean["b"].tolist() == [0.5]
    assert mean["w"].dtype == torch.float32
