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
    # More experts than the batch graph takes one by one, and sizes that no blocks fit.
    "many-experts": dataclasses.replace(TINY, experts=20, experts_per_token=3),
    "odd-sizes": dataclasses.replace(TINY, experts=3, expert_size=40, hidden_size=40, heads=2),
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
    try:
        import torchaudio  # noqa: F401
    except (ImportError, OSError):
        sys.modules["torchaudio"] = None
    return pytest.importorskip("transformers")


TEXT = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "What is an oar? A long pole with a flat end, for rowing a boat.",
    "Größe, naïve café, 1,234 words and a 🎧 for whoever listens.",
] * 20


def write_talking(folder):
    """A Hugging Face folder with a tokenizer, whose random model says anything at all."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from voxhaus.models.text.tokenizer import SPECIAL_TOKENS

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(TEXT, trainer)
    # Wider than the vocabulary, as many models are.
    config = dataclasses.replace(TINY, vocab_size=420, context=200)
    write_random(folder, config, seed=4)
    (folder / "tokenizer.json").write_text(made.to_str())
    (folder / "generation_config.json").write_text('{"temperature": 0.0, "eos_token_id": [0, 2]}')
    return folder


@pytest.fixture(scope="session")
def talking(tmp_path_factory):
    return write_talking(tmp_path_factory.mktemp("talking") / "talking")


@pytest.fixture(scope="session")
def exact_folder(talking, tmp_path_factory):
    """The same, ready to run, in float32: whatever is compared is equal."""
    pytest.importorskip("onnx")
    from voxhaus.runtime.language.prepare import prepare

    return prepare(talking, tmp_path_factory.mktemp("ready") / "talking", exact=True)


@pytest.fixture(scope="session")
def language(exact_folder):
    from voxhaus.runtime.language.language import Language

    return Language(exact_folder, "talking", places=3)
