"""The choice of tokens keeps its share, follows the excess, and leaves training in order."""

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra 'language'")

from voxhaus.core.errors import InputError  # noqa: E402
from voxhaus.training.language.selection.tokens import TokenChoice  # noqa: E402


def losses(seed=1, shape=(4, 50)):
    generator = torch.Generator().manual_seed(seed)
    return (
        5 * torch.rand(shape, generator=generator),
        5 * torch.rand(shape, generator=generator),
    )


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_exactly_the_share_with_the_highest_excess_is_chosen(share):
    nats, reference = losses()

    weight = TokenChoice(share=share).weigh(nats, reference, 0)

    assert int(weight.sum()) == round(share * 200)
    excess = nats - reference
    left = excess[weight == 0]
    assert not len(left) or excess[weight == 1].min() >= left.max()


def test_a_token_that_the_reference_explains_no_better_is_never_chosen():
    nats, reference = losses()

    weight = TokenChoice(share=0.9, positive=True).weigh(nats, reference, 0)

    assert not weight[nats <= reference].any()
    assert weight[nats > reference].all()  # about half of them: the share leaves room for all


def test_tokens_without_weight_or_reference_do_not_count():
    nats, reference = losses()
    given = torch.ones(4, 50)
    given[0] = 0.0
    reference[1] = float("nan")

    weight = TokenChoice(share=0.5).weigh(nats, reference, 0, given)

    assert not weight[:2].any()
    assert int(weight.sum()) == 50


def test_soft_weights_rise_with_the_excess_through_a_half_at_the_threshold():
    nats, reference = losses()

    hard = TokenChoice(share=0.6).weigh(nats, reference, 0)
    soft = TokenChoice(share=0.6, soft=True).weigh(nats, reference, 0)

    order = (nats - reference).flatten().argsort()
    assert (soft.flatten()[order].diff() >= 0).all()
    assert torch.equal(soft >= 0.5, hard > 0)
    assert (soft > 0).all()


def test_the_warm_up_learns_from_all():
    nats, reference = losses()
    choice = TokenChoice(share=0.5, warmup=3)

    assert choice.weigh(nats, reference, 2) is None
    assert choice.weigh(nats, reference, 3) is not None


@pytest.mark.parametrize("settings", [{"share": 0.0}, {"share": 1.5}, {"warmup": -1}])
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(InputError):
        TokenChoice(**settings)
