"""Tokens are drawn from the distribution that the settings describe."""

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.runtime.language.options import NAMES, Options, defaults_of, options
from voxhaus.runtime.language.sampling import Sampler

LOGITS = np.log(np.array([0.4, 0.3, 0.15, 0.1, 0.05], np.float32))
WIDE = np.random.default_rng(5).normal(0, 2, 2000).astype(np.float32)


def shares(logits=LOGITS, count=6000, allowed=None, **asked):
    sampler = Sampler(Options(**{"temperature": 1.0, "seed": 7, **asked}), [])
    drawn = [sampler.choose(logits, allowed) for _ in range(count)]
    return np.bincount(drawn, minlength=len(logits)) / count


def test_the_models_own_distribution():
    np.testing.assert_allclose(shares(), np.exp(LOGITS), atol=0.025)


def test_temperature_is_a_power():
    wanted = np.exp(LOGITS / 0.5)
    np.testing.assert_allclose(shares(temperature=0.5), wanted / wanted.sum(), atol=0.025)


def test_without_temperature_it_is_the_likeliest():
    assert shares(temperature=0.0, count=20)[0] == 1


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({"top_k": 2}, 2),
        ({"top_k": 99}, 5),
        ({"top_p": 0.69}, 2),
        ({"top_p": 0.71}, 3),
        ({"top_p": 0.0}, 1),
        ({"min_p": 0.3}, 3),
        ({"min_p": 1.0}, 1),
        ({"top_k": 3, "top_p": 0.8}, 2),  # of what top-k leaves
    ],
)
def test_unlikely_tokens_are_cut_off(asked, kept):
    wanted = np.exp(LOGITS) * (np.arange(5) < kept)
    np.testing.assert_allclose(shares(**asked), wanted / wanted.sum(), atol=0.025)


@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.999])
def test_the_nucleus_of_a_wide_distribution(top_p):
    """Also where more tokens are needed than are sorted first."""
    odds = np.exp(WIDE.astype(np.float64))
    order = np.argsort(-odds)
    size = int(np.searchsorted(np.cumsum(odds[order]) / odds.sum(), top_p)) + 1
    drawn = np.flatnonzero(shares(WIDE, 4000, top_p=top_p))
    assert set(drawn) <= set(order[:size].tolist())
    assert size > 256 or top_p < 0.99


def test_only_what_is_allowed():
    allowed = np.array([False, True, False, True, False])
    assert set(np.flatnonzero(shares(allowed=allowed))) == {1, 3}
    assert shares(allowed=allowed, temperature=0.0, count=5)[1] == 1


def test_repetition_is_penalised_in_prompt_and_answer():
    logits = np.array([2.0, 1.5, -1.0], np.float32)
    sampler = Sampler(Options(temperature=0.0, repetition_penalty=2.0), [2])
    assert [sampler.choose(logits) for _ in range(3)] == [0, 1, 0]
    assert logits.tolist() == [2.0, 1.5, -1.0]
    assert (
        Sampler(Options(temperature=0.0, repetition_penalty=4.0), [0, 1]).choose(
            np.array([-0.5, -0.5, -1.0], np.float32)
        )
        == 2
    )


def test_a_seed_repeats_itself_and_chance_does_not():
    def drawn(seed):
        sampler = Sampler(Options(temperature=1.0, seed=seed), [])
        return [sampler.choose(WIDE) for _ in range(20)]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert drawn(None) != drawn(None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.1),
        ("temperature", float("nan")),
        ("top_p", -0.1),
        ("min_p", 1.1),
        ("top_k", -1),
        ("repetition_penalty", 0.0),
        ("max_tokens", 0),
        ("seed", -1),
        ("stop", [""]),
        ("stop", ["x"] * 17),
        ("temprature", 1.0),
        ("temperature", "warm"),
    ],
)
def test_a_setting_out_of_range_is_named(name, value):
    with pytest.raises(InputError) as raised:
        options({}, {name: value})
    assert raised.value.param in (name, None)
    assert name in str(raised.value) or name == "stop" or isinstance(value, str)


def test_defaults_are_the_models():
    own = defaults_of({"temperature": 0.2, "top_k": 50, "eos_token_id": 2, "top_p": None})
    assert own == {"temperature": 0.2, "top_k": 50}
    assert options(own, {"temperature": None, "stop": "x"}) == Options(
        temperature=0.2, top_k=50, stop=("x",)
    )
    assert defaults_of({"do_sample": False, "temperature": 0.6})["temperature"] == 0
    assert "max_tokens" in NAMES
