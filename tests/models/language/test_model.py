"""The decoder as a whole: causality, packing, losses, start values."""

import dataclasses
import math

import pytest

torch = pytest.importorskip("torch", reason="text models need the extra 'language'")

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
    "untied": dataclasses.replace(SMALL, tied=False),
    "dense": dataclasses.replace(SMALL, experts=0),
    "llama": dataclasses.replace(SMALL, experts=0, qk_norm=False),
}


def stirred(config, **kw):
    torch.manual_seed(0)
    model = LanguageModel(config, **kw)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(mean=float(parameter.dim() == 1), std=parameter.shape[-1] ** -0.5)
    return model


def ids(*shape, seed=1):
    return torch.randint(96, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=KINDS)
def config(request):
    return KINDS[request.param]


def test_packed_documents_are_separate_documents(config):
    model, lengths = stirred(config), (7, 1, 13, 11)
    tokens = ids(1, sum(lengths))
    document = torch.repeat_interleave(torch.arange(4), torch.tensor(lengths))[None]
    packed = model(tokens, document)
    alone = torch.cat([model(part) for part in tokens.split(lengths, 1)], 1)
    # Positions run on over a row: rotary attention sees distances only, so answers are the same.
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(packed[:, 7:], model(tokens)[:, 7:], atol=1e-2)


def test_no_token_sees_a_later_one(config):
    model, tokens = stirred(config), ids(2, 20)
    changed = tokens.clone()
    changed[:, 12] = (changed[:, 12] + 1) % 96
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :12], after[:, :12], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before[:, 12:], after[:, 12:], atol=1e-2)


def test_losses_are_negative_log_probabilities(config):
    model, tokens = stirred(config), ids(2, 21)
    nats, routers = model.losses(tokens[:, :-1], tokens[:, 1:])
    shares = model(tokens[:, :-1]).double().softmax(-1)
    plain = -shares.gather(-1, tokens[:, 1:, None]).squeeze(-1).log()
    torch.testing.assert_close(nats.double(), plain, rtol=1e-4, atol=1e-4)
    assert nats.dtype == torch.float32 and (routers is None) == (config.experts == 0)


def test_router_losses_are_means_over_layers():
    model, tokens = stirred(SMALL), ids(2, 20)
    _, routings = model.hidden(tokens)
    _, routers = model.losses(tokens, tokens)
    assert len(routings) == 2
    for name in ("balance", "z"):
        mean = sum(getattr(r, name).item() for r in routings) / 2
        assert getattr(routers, name).item() == pytest.approx(mean, rel=1e-5)
    shares = [float(r.count_E.max()) / (2 * 20 * 2) for r in routings]
    assert float(routers.busiest) == pytest.approx(sum(shares) / 2 * 4, rel=1e-5)


def test_start_values(config):
    wide = dataclasses.replace(config, hidden_size=128, vocab_size=512)
    model = LanguageModel(wide)
    for name, value in model.named_parameters():
        if "o_proj" in name or "down_proj" in name or (name == "lm_head.weight" and not wide.tied):
            assert not value.any(), name
        elif value.dim() == 1:
            assert (value == 1).all(), name
        elif "embed_tokens" in name:
            assert value.std().item() == pytest.approx(0.02 if wide.tied else 1.0, rel=0.1)
        else:
            assert value.std().item() == pytest.approx(value.shape[-1] ** -0.5, rel=0.1), name


def test_an_untrained_untied_model_knows_nothing_and_every_answer_alike():
    model = LanguageModel(KINDS["untied"])
    nats, _ = model.losses(ids(2, 20), ids(2, 20, seed=2))
    torch.testing.assert_close(nats, torch.full((2, 20), math.log(96)))


@pytest.mark.parametrize("kind", ["mixture", "dense"])
def test_recomputed_layers_have_the_same_gradients(kind):
    gradients = []
    for recompute in (False, True):
        model = stirred(KINDS[kind], recompute=recompute).train()
        nats, routers = model.losses(ids(2, 16), ids(2, 16, seed=2))
        total = nats.mean() + (routers.balance + routers.z if routers else 0)
        total.backward()
        gradients.append([p.grad for p in model.parameters()])
    for once, twice in zip(*gradients, strict=True):
        torch.testing.assert_close(once, twice, rtol=1e-5, atol=1e-7)


def test_the_head_is_the_embedding_when_tied(config):
    model = LanguageModel(config)
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == config.tied
    assert sum(p.numel() for p in model.parameters()) == config.parameters


def test_bfloat16_answers_are_near_float32s(config):
    model, tokens = stirred(config).eval(), ids(2, 20)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        half, _ = model.losses(tokens, tokens)
    with torch.no_grad():
        full, _ = model.losses(tokens, tokens)
    assert half.dtype == torch.float32
    # A router may choose another expert for a few tokens; the mean tells.
    assert (half - full).abs().mean() < 0.1


def test_compiled_losses_and_gradients_are_eager_ones():
    torch._dynamo.reset()
    model, tokens, target = stirred(SMALL), ids(2, 16), ids(2, 16, seed=2)
    document = torch.tensor([[0] * 5 + [1] * 11, [0] * 16])
    results = []
    for run in (model.losses, torch.compile(model.losses, fullgraph=True, backend="aot_eager")):
        model.zero_grad()
        nats, routers = run(tokens, target, document)
        (nats.mean() + routers.balance + routers.z).backward()
        results.append([nats.detach(), *(p.grad.clone() for p in model.parameters())])
    for eager, compiled in zip(*results, strict=True):
        torch.testing.assert_close(eager, compiled, rtol=1e-4, atol=1e-5)
