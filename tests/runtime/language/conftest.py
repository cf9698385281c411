"""Tiny models with random weights, as Hugging Face folders and as the runtime has them."""

import dataclasses
import json
import sys

import numpy as np
import pytest

from voxhaus.models.language import layout
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.tensors import write

TINY = LanguageConfig(
    vocab_size=120,
    hidden_size=64,
    layers=2,
    heads=4,
    kv_heads=2,
    head_dim=16,
    intermediate_size=96,
    experts=4,
    experts_per_token=2,
    expert_size=32,
    context=600,
)
KINDS = {
    "mixture": TINY,
    "mixture-untied-as-it-comes": dataclasses.replace(TINY, tied=False, norm_topk_prob=False),
    "dense": dataclasses.replace(TINY, experts=0, rope_theta=1e6, head_dim=32),
    "llama": dataclasses.replace(TINY, experts=0, qk_norm=False, tied=False, norm_eps=1e-5),
}


def write_random(folder, config, seed=0):
    chance = np.random.default_rng(seed)
    tensors = {}
    for name, shape in layout.shapes(config).items():
        value = chance.normal(size=shape)
        norm = name.endswith("norm.weight")
        tensors[name] = (1 + 0.2 * value if norm else 0.2 * value).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "model.safetensors", tensors, {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_hugging_face()))
    return folder


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return request.param


@pytest.fixture(scope="session")
def hugging_face(tmp_path_factory):
    """Kind -> its folder with random float32 weights."""
    root = tmp_path_factory.mktemp("hugging-face")
    return {kind: write_random(root / kind, config) for kind, config in KINDS.items()}


@pytest.fixture(scope="session")
def transformers():
    """The package, without the parts of it that need torchaudio, which may not fit torch here."""
    pytest.importorskip("torch")
    sys.modules.setdefault("torchaudio", None)
    return pytest.importorskip("transformers")
