"""One dial: a size, or a budget of FLOPs, fixes everything else of a pre-training run.

Knows: the rules from size to widths, experts, batch, learning rates and tokens.
Refuses to know: data and machines.

The rules, with S the size:
- S layers, S heads of 64, width 64 S (nanochat's `depth`); keys and values share a third of them.
- 16 experts, 4 to a token, each of a quarter of 8/3 of the width, so that a token's four are as
  wide as a dense SwiGLU layer (OLMoE and Qwen 3 found many small experts better than few big ones).
- 20 tokens for each parameter that a token meets (Hoffmann et al. 2022), embedding look-up aside.
- Tokens of a step grow with the square root of all tokens, between 4,096 and 524,288 (the critical
  batch size grows so; Zhang et al. 2024, Bergsma et al. 2025).
- Learning rates were tuned at size 2 and fall with the square root of the width.
"""

import math
from dataclasses import dataclass, replace

from voxhaus.core.errors import InputError
from voxhaus.models.language.config import LanguageConfig
from voxhaus.models.language.flops import training_flops

HEAD = 64
EXPERTS, CHOSEN = 16, 4
TOKENS_PER_PARAMETER = 20
SMALLEST, LARGEST = 1, 48


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Learning rates, by what they move.

    Attributes:
        matrices: of Muon, on AdamW's scale (see `MuonAdamW`), or of AdamW.
        embedding: of rows that begin with a variance of 1.
        head: of the untied output layer, which begins at zero.
        router: of the layers that choose experts; at the head's rate they choose the same few for
            all tokens within a hundred steps, and stay there.
        norms: of their scales.
    """

    matrices: float
    embedding: float
    head: float
    router: float
    norms: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole run.

    Attributes:
        model: sizes.
        plain: GPT-2's feed-forward, AdamW, tied embedding: the baseline.
        length: tokens of a row.
        step_tokens: tokens of an optimiser's step.
        steps: of the run.
        warmup: steps of linear rise.
        decay: share of the run that falls, at its end.
    """

    model: LanguageConfig
    rates: Rates
    plain: bool = False
    muon: bool = True
    length: int = 512
    step_tokens: int = 8192
    steps: int = 1000
    warmup: int = 40
    decay: float = 0.4

    @property
    def tokens(self) -> int:
        """Of the whole run."""
        return self.steps * self.step_tokens

    @property
    def flops_per_token(self) -> float:
        """Forward and backward."""
        return training_flops(self.model, self.length, plain=self.plain)


def mixture(size: int, *, vocab: int = 8192, context: int = 1024) -> LanguageConfig:
    """A mixture of experts of a size.

    Raises:
        InputError: the size is out of range.
    """
    _check(size)
    width = HEAD * size
    return LanguageConfig(
        vocab_size=vocab,
        hidden_size=width,
        layers=size,
        heads=size,
        kv_heads=_key_heads(size),
        head_dim=HEAD,
        intermediate_size=_rounded(8 / 3 * width),
        experts=EXPERTS,
        experts_per_token=CHOSEN,
        expert_size=_rounded(8 / 3 * width / CHOSEN),
        context=context,
        tied=False,
    )


def dense(size: int, *, vocab: int = 8192, context: int = 1024) -> LanguageConfig:
    """The dense model whose layers cost what the mixture's do."""
    like = mixture(size, vocab=vocab, context=context)
    return replace(like, experts=0, experts_per_token=0, expert_size=0)


def plain_gpt(size: int, *, vocab: int = 8192, context: int = 1024) -> LanguageConfig:
    """A GPT of the usual kind: as many heads of keys as of queries, 4 x inner width, tied head."""
    like = dense(size, vocab=vocab, context=context)
    return replace(
        like,
        kv_heads=like.heads,
        intermediate_size=4 * like.hidden_size,
        tied=True,
        qk_norm=False,
    )


def rates(width: int) -> Rates:
    """Learning rates for a width."""
    factor = math.sqrt(256 / width)
    return Rates(
        matrices=9e-3 * factor,
        embedding=0.3 * factor,
        head=9e-3 * factor,
        router=7.5e-4 * factor,
        norms=9e-3 * factor,
    )


def plan(
    *,
    size: int | None = None,
    flops: float | None = None,
    vocab: int = 8192,
    length: int = 512,
    tokens: int | None = None,
) -> Plan:
    """The run that a size or a budget asks for.

    Args:
        size: 1 to 48.
        flops: all that training may cost; the largest size whose tokens it can pay is taken, and
            what is left over goes into more tokens.
        vocab: tokens of the tokenizer.
        length: tokens of a row.
        tokens: of the run, instead of the rule's.

    Raises:
        InputError: both or neither of size and flops, or less than the smallest run costs.
    """
    if (size is None) == (flops is None):
        raise InputError("Give a size or a budget of FLOPs, one of them.", param="size")
    if size is None:
        assert flops is not None
        size = _affordable(flops, vocab, length)
        tokens = tokens or int(flops / training_flops(mixture(size, vocab=vocab), length))
    model = mixture(size, vocab=vocab, context=max(1024, length))
    tokens = tokens or wanted_tokens(model)
    step_tokens = step_size(tokens, length)
    steps = max(1, tokens // step_tokens)
    return Plan(
        model=model,
        rates=rates(model.hidden_size),
        length=length,
        step_tokens=step_tokens,
        steps=steps,
        warmup=min(200, max(10, steps // 25)),
    )


def wanted_tokens(model: LanguageConfig) -> int:
    """Tokens that a model is worth."""
    embedding = model.vocab_size * model.hidden_size
    return TOKENS_PER_PARAMETER * (model.active_parameters - (0 if model.tied else embedding))


def step_size(tokens: int, length: int) -> int:
    """Tokens of a step: a power of two, at least a row."""
    wanted = 2.6 * math.sqrt(tokens)
    power = 2 ** round(math.log2(max(4096.0, min(524_288.0, wanted))))
    return max(length, power)


def _affordable(flops: float, vocab: int, length: int) -> int:
    for size in range(LARGEST, SMALLEST - 1, -1):
        model = mixture(size, vocab=vocab)
        if wanted_tokens(model) * training_flops(model, length) <= flops:
            return size
    cheapest = mixture(SMALLEST, vocab=vocab)
    least = wanted_tokens(cheapest) * training_flops(cheapest, length)
    raise InputError(f"The smallest run costs {least:.1e} FLOPs.", param="flops")


def _key_heads(size: int) -> int:
    return next(k for k in range(max(1, size // 3), 0, -1) if size % k == 0)


def _rounded(width: float) -> int:
    return max(32, 32 * round(width / 32))


def _check(size: int) -> None:
    if not SMALLEST <= size <= LARGEST:
        raise InputError(f"Sizes go from {SMALLEST} to {LARGEST}, not {size}.", param="size")
