"""Folders in Hugging Face's format hold the model, and transformers gives the same logits."""

import dataclasses
import json

import pytest

torch = pytest.importorskip("torch", reason="text models need the extra 'language'")
pytest.importorskip("safetensors", reason="their files need the extra 'language'")
pytest.importorskip("huggingface_hub")

from safetensors.torch import load_file, save_file  # noqa: E402

from voxhaus.core.errors import InputError, WeightsError  # noqa: E402
from voxhaus.models.language import weights  # noqa: E402
from voxhaus.models.language.config import LanguageConfig  # noqa: E402
from voxhaus.models.language.model import LanguageModel  # noqa: E402

SMALL = LanguageConfig(
    vocab_size=96,
    hidden_size=32,
    layers=2,
    heads=4,
    kv_heads=2,
    head_dim=16,
    intermediate_size=48,
    experts=4,
    experts_per_token=2,
    expert_size=24,
    context=64,
)
KINDS = {
    "mixture": SMALL,
    "mixture untied": dataclasses.replace(SMALL, tied=False, norm_topk_prob=False),
    "dense": dataclasses.replace(SMALL, experts=0),
    "llama": dataclasses.replace(SMALL, experts=0, qk_norm=False, tied=False),
    "llama tied": dataclasses.replace(SMALL, experts=0, qk_norm=False, rope_theta=5e5),
}


def stirred(config, seed=0):
    """A model none of whose parameters still has a start value, so that none goes unseen."""
    torch.manual_seed(seed)
    model = LanguageModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=parameter.shape[-1] ** -0.5)
            if parameter.dim() == 1:
                parameter.add_(1.0)
    return model


def ids(config, batch=3, length=40):
    return torch.randint(
        config.vocab_size, (batch, length), generator=torch.Generator().manual_seed(1)
    )


@pytest.fixture(params=KINDS)
def config(request):
    return KINDS[request.param]


def test_transformers_reads_our_folder_to_the_same_logits(config, tmp_path):
    transformers = pytest.importorskip("transformers")
    model = stirred(config)
    parity = weights.save(tmp_path / "m", model, dtype=torch.float32)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "m", dtype=torch.float32)
    assert type(theirs).__name__ == config.architecture
    tokens = ids(config)
    torch.testing.assert_close(theirs.eval()(tokens).logits, model(tokens), rtol=1e-4, atol=1e-4)
    assert parity.transformers < 1e-5 and parity.reloaded == 0


def test_we_read_transformers_folder_to_the_same_logits(config, tmp_path):
    transformers = pytest.importorskip("transformers")
    said = transformers.AutoConfig.for_model(**config.to_hugging_face())
    theirs = transformers.AutoModelForCausalLM.from_config(said).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(mean=float(parameter.dim() == 1), std=parameter.shape[-1] ** -0.5)
    theirs.save_pretrained(tmp_path / "m")
    model = weights.load(tmp_path / "m")
    assert dataclasses.replace(model.config, intermediate_size=48) == dataclasses.replace(
        config,
        expert_size=config.expert_size if config.experts else 0,
        experts_per_token=config.experts_per_token if config.experts else 0,
    )
    tokens = ids(config)
    torch.testing.assert_close(model(tokens), theirs(tokens).logits, rtol=1e-4, atol=1e-4)


def test_names_are_those_of_transformers_checkpoints(config, tmp_path):
    transformers = pytest.importorskip("transformers")
    said = transformers.AutoConfig.for_model(**config.to_hugging_face())
    transformers.AutoModelForCausalLM.from_config(said).save_pretrained(tmp_path / "theirs")
    weights.save(tmp_path / "ours", stirred(config), dtype=torch.float32)
    theirs, ours = (load_file(tmp_path / f / "model.safetensors") for f in ("theirs", "ours"))
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in theirs.items()}


def test_what_is_saved_is_loaded_exactly(config, tmp_path):
    model = stirred(config)
    weights.save(tmp_path / "m", model, dtype=torch.float32)
    loaded = weights.load(tmp_path / "m")
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert (loaded.lm_head.weight is loaded.model.embed_tokens.weight) == config.tied
    tokens = ids(config)
    assert torch.equal(loaded(tokens), model(tokens))
    loaded.losses(tokens, tokens)[0].mean().backward()
    assert all(p.grad is not None for p in loaded.parameters())


def test_shards_hold_the_same(tmp_path):
    model = stirred(SMALL)
    weights.save(tmp_path / "m", model, dtype=torch.float32, shard="20KB")
    assert len(list((tmp_path / "m").glob("model-*-of-*.safetensors"))) > 2
    loaded = weights.load(tmp_path / "m")
    assert all(torch.equal(loaded.state_dict()[n], v) for n, v in model.state_dict().items())


def test_bfloat16_is_rounded_once_and_said(tmp_path):
    model = stirred(SMALL)
    parity = weights.save(tmp_path / "m", model)
    assert json.loads((tmp_path / "m/config.json").read_text())["dtype"] == "bfloat16"
    assert load_file(tmp_path / "m/model.safetensors")["model.norm.weight"].dtype == torch.bfloat16
    assert parity.reloaded == 0


def broken(tmp_path, change, config=SMALL):
    weights.save(tmp_path / "m", stirred(config), dtype=torch.float32)
    path = tmp_path / "m/model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return tmp_path / "m"


EXPERT = "model.layers.1.mlp.experts.3.up_proj.weight"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop(EXPERT), f"it lacks {EXPERT}"),
        (lambda t: t.update({"model.extra": torch.ones(1)}), "it has unknown model.extra"),
        (lambda t: t.update({EXPERT: torch.ones(24, 31)}), r"\[24, 31\] where .* \[24, 32\]"),
        (lambda t: t[EXPERT].fill_(float("nan")), f"{EXPERT} holds values that are not finite"),
        (lambda t: t.update({EXPERT: t[EXPERT].to(torch.int8)}), "torch.int8, which is not a floa"),
        (lambda t: t.update({"lm_head.weight": torch.ones(96, 32)}), "has another head"),
    ],
)
def test_a_wrong_tensor_is_named(tmp_path, change, said):
    with pytest.raises(WeightsError, match=said):
        weights.load(broken(tmp_path, change))


def test_a_head_that_equals_the_embedding_may_stand_in_the_file(tmp_path):
    def spell_out(tensors):
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()

    assert weights.load(broken(tmp_path, spell_out)).config == SMALL


def test_damaged_and_missing_files(tmp_path):
    with pytest.raises(InputError, match=r"no model folder: config\.json cannot be read"):
        weights.load(tmp_path)
    folder = broken(tmp_path, lambda t: None)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match=r"model\.safetensors is damaged"):
        weights.load(folder)
    path.unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors is missing"):
        weights.load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="not JSON"):
        weights.load(folder)


def test_another_tokenizer_is_refused(tmp_path):
    weights.save(tmp_path / "m", stirred(SMALL), beside={"tokenizer.json": b"{}"})
    weights.load(tmp_path / "m")
    (tmp_path / "m/tokenizer.json").write_bytes(b"{ }")
    with pytest.raises(WeightsError, match="not the one that its weights were trained with"):
        weights.load(tmp_path / "m")


def test_an_export_that_changes_answers_is_not_kept(tmp_path, monkeypatch):
    weights.save(tmp_path / "m", stirred(SMALL), said={"eos_token_id": 0})
    right = weights.unstacked

    def swapped(state, config):
        named = right(state, config)
        gate, up = (f"model.layers.0.mlp.experts.1.{k}_proj.weight" for k in ("gate", "up"))
        return named | {gate: named[up], up: named[gate]}

    monkeypatch.setattr(weights, "unstacked", swapped)
    with pytest.raises(WeightsError, match="does not hold the model: read back by this package"):
        weights.save(tmp_path / "m", stirred(SMALL, seed=5))
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert json.loads((tmp_path / "m/config.json").read_text())["eos_token_id"] == 0
    monkeypatch.undo()
    old = stirred(SMALL).state_dict()["model.norm.weight"].bfloat16().float()
    assert torch.equal(weights.load(tmp_path / "m").state_dict()["model.norm.weight"], old)


def test_a_folder_is_replaced_whole(tmp_path):
    weights.save(tmp_path / "m", stirred(SMALL), beside={"old.txt": b"x"})
    weights.save(tmp_path / "m", stirred(SMALL, seed=5))
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert not (tmp_path / "m/old.txt").exists()


def test_the_plain_baseline_is_refused(tmp_path):
    dense = dataclasses.replace(SMALL, experts=0)
    with pytest.raises(InputError, match="cannot be exported"):
        weights.save(tmp_path / "m", LanguageModel(dense, plain=True))
