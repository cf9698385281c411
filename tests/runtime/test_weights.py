"""Model folders are checked file by file, and what is wrong is named."""

import hashlib
import json

import pytest

from voxhaus.core.errors import InputError, WeightsError
from voxhaus.runtime import weights


@pytest.fixture
def root(tmp_path):
    for version, body in (("1", b"old"), ("2", b"new"), ("10", b"newest")):
        folder = tmp_path / "toy" / version
        folder.mkdir(parents=True)
        (folder / "a.bin").write_bytes(body)
        digest = hashlib.sha256(body).hexdigest()
        manifest = {"files": {"a.bin": {"sha256": digest, "bytes": len(body)}}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_newest_version_is_loaded(root):
    loaded = weights.load("toy", root=root)
    assert loaded.version == "10"
    assert loaded.path("a.bin").read_bytes() == b"newest"
    assert weights.load("toy", "2", root=root).path("a.bin").read_bytes() == b"new"


def test_unknown_model_names_what_there_is(root):
    with pytest.raises(InputError, match=r"no model 'other'.*toy 1, toy 2, toy 10"):
        weights.load("other", root=root)
    with pytest.raises(InputError, match=r"no model 'toy 3'"):
        weights.load("toy", "3", root=root)


def test_damage_is_named(root):
    (root / "toy/10/a.bin").write_bytes(b"newesT")
    with pytest.raises(WeightsError, match=r"a.bin is damaged .*checksum"):
        weights.load("toy", root=root)
    (root / "toy/10/a.bin").unlink()
    with pytest.raises(WeightsError, match=r"a.bin is missing"):
        weights.load("toy", root=root)
    (root / "toy/10/manifest.json").write_text("{")
    with pytest.raises(WeightsError, match=r"manifest.json cannot be read"):
        weights.load("toy", root=root)


def test_no_weights_at_all(tmp_path):
    with pytest.raises(WeightsError, match=r"No model weights"):
        weights.load("toy", root=tmp_path)


def test_a_file_outside_the_manifest_is_refused(root):
    with pytest.raises(WeightsError, match=r"has no file b.bin"):
        weights.load("toy", root=root).path("b.bin")
