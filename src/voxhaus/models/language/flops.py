"""What a token costs.

Knows: multiplications and additions of a decoder's matrix products, per token.
Refuses to know: machines and seconds. No torch.

Counted as is usual (Kaplan et al. 2020, appendix B of PaLM): two operations for each weight that a
token meets in the forward pass, the backward pass twice that, attention over the keys that a token
may see. Norms, softmaxes and activations are left out: below 2 % at these widths.
"""

from voxhaus.models.language.config import LanguageConfig


def forward_flops(config: LanguageConfig, length: int, *, plain: bool = False) -> float:
    """Of one token, in rows of `length` tokens, head included and embedding look-up not.

    Args:
        config: sizes.
        length: of a row; a token sees half of it in the mean.
        plain: two products instead of SwiGLU's three in a dense feed-forward.
    """
    c = config
    attention = 2 * c.hidden_size * c.head_dim * (c.heads + c.kv_heads)
    if c.experts:
        feed = c.hidden_size * c.experts + 3 * c.experts_per_token * c.hidden_size * c.expert_size
    else:
        feed = (2 if plain else 3) * c.hidden_size * c.intermediate_size
    seen = (length + 1) / 2
    looking = 4 * c.heads * c.head_dim * seen
    return c.layers * (2 * (attention + feed) + looking) + 2 * c.hidden_size * c.vocab_size


def training_flops(config: LanguageConfig, length: int, *, plain: bool = False) -> float:
    """Of one token, forward and backward."""
    return 3 * forward_flops(config, length, plain=plain)
