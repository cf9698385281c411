"""A packaged folder's manifest names every file, and weights between two runs are their mean."""

import hashlib
import json

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'train'")
pytest.importorskip("onnx", reason="training needs the extra 'train'")

from voxhaus.runtime import weights  # noqa: E402
from voxhaus.training.voice import package  # noqa: E402


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
