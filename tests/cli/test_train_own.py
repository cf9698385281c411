"""`voxhaus train voice own` refuses what it cannot use in one sentence; its voices are found by say."""

import hashlib
import json
import shutil

import pytest

from voxhaus.core.paths import weights_root
from voxhaus.runtime import weights

needs_torch = pytest.mark.usefixtures("torch_there")


@pytest.fixture
def torch_there():
    pytest.importorskip("torch", reason="training needs the extra 'train'")
    pytest.importorskip("onnx", reason="training needs the extra 'train'")


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    """The shipped model once more, as somebody's own."""
    shipped = weights_root() / "voxhaus-voice-1" / "4"
    folder = tmp_path / "voices" / "own-maria" / "1"
    shutil.copytree(shipped, folder, ignore=shutil.ignore_patterns("training"))
    listing = json.loads((folder / "voices.json").read_text("utf-8"))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    listing["default"] = "grace"
    (folder / "voices.json").write_text(json.dumps(listing), "utf-8")
    manifest["model"] = "own-maria"
    digest = hashlib.sha256((folder / "voices.json").read_bytes()).hexdigest()
    manifest["files"]["voices.json"]["sha256"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    monkeypatch.setenv("VOXHAUS_VOICES", str(tmp_path / "voices"))
    return folder


def test_say_finds_an_own_model_by_name_and_by_path(voxhaus, own_model):
    for model in ("own-maria", str(own_model)):
        status, report, _ = voxhaus("say", "Hello.", "--model", model, "--json")
        assert (status, report["voice"]) == (0, "grace")
    status, report, _ = voxhaus("voices", "--model", "own-maria", "--json")
    assert (status, report["model"], report["version"]) == (0, "own-maria", "1")
    status, report, _ = voxhaus("models", "--json")
    assert {"own-maria", "voxhaus-voice-1"} <= {m["model"] for m in report["models"]}


def test_a_path_that_is_no_model(voxhaus, tmp_path):
    status, _, err = voxhaus("say", "Hello.", "--model", f"{tmp_path}/x")
    assert status == 2
    assert "is no model folder: it has no manifest.json" in err


def test_own_models_do_not_hide_shipped_ones(own_model):
    assert weights.find("voxhaus-voice-1").parent.parent == weights_root()
    assert weights.find("own-maria") == own_model
    assert ("own-maria", "1") not in weights.available(weights_root())


@needs_torch
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "Give the folder of recordings with --data"),
        (("--data", "."), "only made with the consent of the person"),
        (("--data", ".", "--name", "A B"), "cannot be a voice's name"),
        (("--data", ".", "--consent", "none.txt"), "none.txt is no file"),
    ],
)
def test_what_own_refuses(voxhaus, arguments, reason):
    status, out, err = voxhaus("train", "voice", "own", *arguments)
    assert (status, out) == (2, "")
    assert reason in err


@needs_torch
def test_own_with_consent_but_without_recordings(voxhaus, tmp_path, monkeypatch):
    monkeypatch.setenv("VOXHAUS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "consent.txt").write_text("I, nobody, agree that this test makes a voice of mine.")
    arguments = ("--data", tmp_path, "--consent", tmp_path / "consent.txt", "--accent", "us")
    status, _, err = voxhaus("train", "voice", "own", *arguments)
    assert status == 2
    assert "holds no recordings with texts" in err
