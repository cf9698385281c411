"""What of the selection is on, and how far it goes.

Knows: the settings of all four methods; each is off unless asked for.
Refuses to know: how any of them works. No torch.
"""

from dataclasses import dataclass
from typing import Literal

from voxhaus.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SelectionConfig:
    """Four methods, each with its own switch.

    Attributes:
        documents: keep the chunks that a reference trained on target text finds likely
            (`perplexity`), or those that it finds likelier than a model of the pool does
            (`excess`).
        keep: share of candidates that `documents` keeps.
        color: CoLoR-Filter: keep the chunks whose loss falls most when the model of the pool is
            trained on the target.
        tau: candidates for each chunk that `color` keeps. More are never looked at, so a large
            pool is scored in part only.
        mixture: weights of genres (of sources that have none) from runs of a small model on random
            mixtures (`proxies`), or of sources from their mean fall in loss (`drop`), which costs
            scoring a sample.
        tokens: learn only from the tokens that a reference explains better (Rho-1).
        share: of a batch's tokens that are learned from.
        soft: weigh tokens smoothly in place of a cut.
        positive: never choose a token that the reference explains no better.
        warmup: share of the run that learns from all tokens first.
        reference: the model behind `documents` and `tokens`: trained on the target from nothing
            (`target`), or the pool's model trained on (`conditional`), which `color` needs anyway.
        judge: what filters and `drop` compare: small models that we train (`models`), or counts of
            pairs of tokens in the whole pool and target (`counts`), which cost next to nothing.
        token_judge: the same for the choice of tokens. Proxies are always models.
        size: of reference models, on the scale of `scaling.py`.
        experts: reference models are mixtures; they train more slowly for the same FLOPs.
        prior_tokens: that the pool's model learns from.
        target_tokens: that a reference learns from, on top of the pool's if it is conditional.
        fine_rate: learning rate of going on with a trained model, over that of a fresh one.
        proxies: runs on random mixtures.
        proxy_tokens: of each of them.
        glance: tokens at the start of a chunk that filters look at. Their cost shrinks with it; a
            chunk is mostly of one piece. The choice of tokens looks at all, of chosen chunks only.
        epochs: how often the run may see a chunk at most: up to 4 times are nearly as good as new
            text (Muennighoff et al. 2023, arXiv 2305.16264). Selections stop there.
        seed: of references, candidates and mixtures.
    """

    documents: Literal["off", "perplexity", "excess"] = "off"
    keep: float = 0.5
    color: bool = False
    tau: float = 8.0
    mixture: Literal["off", "proxies", "drop"] = "off"
    tokens: bool = False
    share: float = 0.6
    soft: bool = False
    positive: bool = False
    warmup: float = 0.1
    reference: Literal["target", "conditional"] = "conditional"
    judge: Literal["models", "counts"] = "counts"
    token_judge: Literal["models", "counts"] = "models"
    size: int = 1
    experts: bool = False
    prior_tokens: int = 2_000_000
    target_tokens: int = 1_000_000
    fine_rate: float = 0.3
    proxies: int = 16
    proxy_tokens: int = 250_000
    glance: int = 128
    epochs: float = 4.0
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing.

        Raises:
            InputError: naming the setting.
        """
        for name, low, high in (
            ("keep", 0.0, 1.0),
            ("share", 0.0, 1.0),
            ("tau", 1.0, float("inf")),
            ("epochs", 1.0, float("inf")),
            ("glance", 1, float("inf")),
            ("fine_rate", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not (low <= value <= high and value > 0):
                raise InputError(
                    f"{name} lies between {low:g} and {high:g}, not at {value}.", param=name
                )
        if not 0 <= self.warmup < 1:
            raise InputError(
                f"warmup is a share of the run below 1, not {self.warmup}.", param="warmup"
            )
        if self.proxies < 4:
            raise InputError("A regression needs at least 4 proxies.", param="proxies")

    @property
    def anything(self) -> bool:
        """Whether any method is on."""
        return self.documents != "off" or self.color or self.mixture != "off" or self.tokens
