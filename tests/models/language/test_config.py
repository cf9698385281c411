import dataclasses
import math

import pytest

from voxhaus.core.errors import InputError
from voxhaus.models.language import layout
from voxhaus.models.language.config import LanguageConfig

MIXTURE = LanguageConfig(vocab_size=50, hidden_size=8, layers=1, heads=2, kv_heads=1, head_dim=4)


def llama(**changes):
    return {
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 50,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 32,
        **changes,
    }


@pytest.mark.parametrize("changes", [{}, {"experts": 0}, {"experts": 0, "qk_norm": False}])
def test_what_is_written_is_read_again(changes):
    config = dataclasses.replace(MIXTURE, **changes)
    read = LanguageConfig.from_hugging_face(config.to_hugging_face())
    if not config.experts:  # sizes of experts mean nothing there
        config = dataclasses.replace(config, experts_per_token=0, expert_size=0)
    assert read == config


def test_defaults_of_older_files():
    read = LanguageConfig.from_hugging_face(llama(rope_theta=500.0))
    assert (read.kv_heads, read.head_dim, read.rope_theta) == (2, 4, 500.0)
    assert not read.qk_norm and not read.experts and not read.tied


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "GPT2LMHeadModel"),
        ({"architectures": [], "model_type": "mamba"}, "mamba"),
        ({"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
        ({"attention_bias": True}, "attention_bias"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
        ({"layer_types": ["sliding_attention"]}, "sliding_attention"),
        ({"num_attention_heads": 3, "num_key_value_heads": 2}, "evenly"),
        ({"vocab_size": None}, "config.json cannot be used"),
    ],
)
def test_what_is_not_here_is_refused_by_name(changes, named):
    with pytest.raises(InputError, match=named):
        LanguageConfig.from_hugging_face(llama(**changes))


def test_a_missing_size_is_named():
    said = llama()
    del said["hidden_size"]
    with pytest.raises(InputError, match="lacks hidden_size"):
        LanguageConfig.from_hugging_face(said)


def test_parameters_are_counted():
    for config in (
        MIXTURE,
        dataclasses.replace(MIXTURE, experts=0, tied=False),
        dataclasses.replace(MIXTURE, experts=0, qk_norm=False),
    ):
        assert config.parameters == sum(map(math.prod, layout.shapes(config).values()))
    assert MIXTURE.parameters > MIXTURE.active_parameters
