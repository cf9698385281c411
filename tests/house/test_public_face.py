"""The names that other programs may import, and that importing them is cheap."""

import json
import subprocess
import sys

import pytest

import voxhaus

FACE = {
    "AudioChunk",
    "InputError",
    "Language",
    "PhonemeTiming",
    "Speech",
    "Voice",
    "VoiceInfo",
    "VoxhausError",
    "WordTiming",
    "__version__",
}
TRAINING_ONLY = {"torch", "onnx", "openvino", "hibari", "ray"}


def modules_after(code):
    """Top-level modules that a fresh interpreter holds after running `code`."""
    script = f"{code}\nimport sys, json\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in json.loads(done.stderr)}


def test_exactly_these_names_are_public():
    assert set(voxhaus.__all__) == FACE
    assert set(dir(voxhaus)) == FACE


@pytest.mark.parametrize("name", sorted(FACE))
def test_every_public_name_can_be_had(name):
    assert getattr(voxhaus, name) is not None


def test_another_name_is_refused_by_name():
    with pytest.raises(AttributeError, match="'Nonsense'"):
        _ = voxhaus.Nonsense


def test_importing_voxhaus_imports_nothing_heavy():
    assert not modules_after("import voxhaus") & {
        "numpy",
        "onnxruntime",
        "pydantic",
        *TRAINING_ONLY,
    }


def test_the_door_opens_without_numpy_or_models():
    loaded = modules_after("from voxhaus.cli.main import main; assert main(['--help']) == 0")
    assert not loaded & {"numpy", "onnxruntime", "httpx", "feedparser", *TRAINING_ONLY}


def test_speaking_needs_no_training_package():
    loaded = modules_after("from voxhaus import Voice; Voice")
    assert "onnxruntime" in loaded
    assert not loaded & TRAINING_ONLY


def test_answering_needs_no_training_package():
    loaded = modules_after("from voxhaus import Language; Language")
    assert "onnxruntime" in loaded
    assert not loaded & {*TRAINING_ONLY, "transformers", "safetensors", "huggingface_hub"}
