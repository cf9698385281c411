"""`voxhaus train language`: the guide's commands make a model that answers; bad input is one sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guides" / "train-language.md"
TRAINED = re.compile(r"^```sh trained\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def torch_there():
    for module in ("torch", "onnx", "safetensors", "py3langid"):
        pytest.importorskip(module, reason="training needs the extras 'language' and 'convert'")


@pytest.mark.usefixtures("torch_there")
def test_the_guides_commands_make_a_model_that_answers(tmp_path):
    (commands,) = TRAINED.findall(GUIDE.read_text("utf-8"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "VOXHAUS_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    ledger = json.loads((tmp_path / "trial/runs/pretrain/ledger.json").read_text())
    assert ledger["kinds"]["reference"]["flops"] > 0
    assert ledger["kinds"]["masked"]["tokens"] > 0
    manifest = json.loads((tmp_path / "trial/mine/1/manifest.json").read_text())
    assert abs(manifest["bits_per_byte"]["int8"] - manifest["bits_per_byte"]["float32"]) < 0.05
    assert set(manifest["files"]) >= {"model.safetensors", "step.onnx", "tokenizer.json"}


@pytest.mark.usefixtures("torch_there")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "There is no recipe 'nothing'"),
        (["pretrain", "--data", "{tmp}/none"], "There is no corpus in"),
        (["corpus", "--data", "{tmp}/d", "--own", "{tmp}/none.txt"], "licence"),
        (
            ["corpus", "--data", "{tmp}/d", "--own", "{tmp}/none.txt", "--licence", "CC0"],
            "no file or folder",
        ),
        (["tune", "--data", "{tmp}/none"], "There is no corpus in"),
    ],
)
def test_what_cannot_be_is_one_sentence(voxhaus, tmp_path, arguments, sentence):
    changed = (a.replace("{tmp}", str(tmp_path)) for a in arguments)
    status, _, said = voxhaus("train", "language", *changed)
    assert status == 2, said
    assert sentence in said
