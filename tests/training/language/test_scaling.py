"""One dial gives whole, exportable, affordable runs."""

import pytest

pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.core.errors import InputError
from voxhaus.models.language.flops import forward_flops, training_flops
from voxhaus.models.language.model import LanguageModel
from voxhaus.training.language import scaling


@pytest.mark.parametrize("size", [1, 2, 4, 7, 12, 24])
def test_sizes_grow_and_hang_together(size):
    model = scaling.mixture(size)
    assert model.hidden_size == 64 * size
    assert model.heads % model.kv_heads == 0
    assert model.parameters > scaling.mixture(max(1, size - 1)).parameters or size == 1


def test_the_dense_model_costs_what_the_mixture_does():
    ours, dense = scaling.mixture(6), scaling.dense(6)
    assert forward_flops(ours, 512) == pytest.approx(forward_flops(dense, 512), rel=0.02)
    assert ours.parameters > 2 * dense.parameters


def test_flops_are_two_for_each_weight_that_a_token_meets():
    """Against the modules' own sizes; what attention looks at comes on top."""
    for plain, config in ((False, scaling.dense(2)), (True, scaling.plain_gpt(2))):
        model = LanguageModel(config, plain=plain)
        met = sum(p.numel() for p in model.model.layers.parameters() if p.dim() > 1)
        met += model.lm_head.weight.numel()
        looking = config.layers * 4 * config.heads * config.head_dim * (64 + 1) / 2
        assert forward_flops(config, 64, plain=plain) == 2 * met + looking
        assert training_flops(config, 64, plain=plain) == 3 * (2 * met + looking)


def test_a_budget_buys_the_largest_size_that_it_can_feed():
    rich = scaling.plan(flops=3e15)
    assert rich.model.layers == 4
    assert rich.tokens * rich.flops_per_token == pytest.approx(3e15, rel=0.05)
    assert scaling.plan(flops=1e15).model.layers < 4


def test_a_size_is_worth_twenty_tokens_a_parameter():
    plan = scaling.plan(size=4)
    active = plan.model.active_parameters - plan.model.vocab_size * plan.model.hidden_size
    assert plan.tokens == pytest.approx(20 * active, rel=0.05)
    assert plan.step_tokens % plan.length == 0


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "one of them"),
        ({"size": 4, "flops": 1e15}, "one of them"),
        ({"size": 0}, "Sizes go from"),
        ({"size": 99}, "Sizes go from"),
        ({"flops": 1e9}, "smallest run costs"),
    ],
)
def test_what_cannot_be_is_said(asked, sentence):
    with pytest.raises(InputError, match=sentence):
        scaling.plan(**asked)
