"""Which tokens of a batch are learned from: those that a reference model explains better.

Knows: losses of the model in training and of a reference, for the same tokens, and a share.
Refuses to know: where the reference's losses come from, models, files.

Rho-1 (Lin et al. 2024, arXiv 2404.07965): tokens whose excess loss, present minus reference, is
highest are worth learning. What both find hard is noise, what both find easy is known. A token that
is left out still costs its forward pass and nearly all of its backward pass.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from voxhaus.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TokenChoice:
    """Loss on a share of a batch's tokens, those of the highest excess.

    Attributes:
        share: of the tokens that count; 1 leaves only the floor at work.
        positive: a token is never chosen where its excess is not above zero, that is where the
            reference explains it no better than the model already does. With a reference that is
            smaller than the model, few tokens remain late in a run; False takes the share whole.
        soft: weights between 0 and 1 that rise through 1/2 at the share's threshold, in place of
            the cut; no token is left out then.
        warmup: batches at the start that learn from all tokens; a model that knows nothing finds
            everything equally hard.
    """

    share: float = 0.6
    positive: bool = False
    soft: bool = False
    warmup: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done.

        Raises:
            InputError: the share is not above 0 and at most 1, or the warm-up is below 0.
        """
        if not 0 < self.share <= 1:
            raise InputError(
                f"The share of tokens to learn from lies in (0, 1], not at {self.share}.",
                param="share",
            )
        if self.warmup < 0:
            raise InputError("A warm-up has no fewer than 0 batches.", param="warmup")

    @torch.no_grad()
    def weigh(
        self, nats_BT: Tensor, reference_BT: Tensor, batch: int, weight_BT: Tensor | None = None
    ) -> Tensor | None:
        """The weight of each token in the loss [B, T], float32, or what was given in the warm-up.

        Args:
            nats_BT: of the model in training; no gradient flows back through the choice.
            reference_BT: of the reference. NaN where it never looked: such a token is not chosen.
            batch: its number in the run, from 0.
            weight_BT: weights that tokens have already; those at 0 do not count.
        """
        if batch < self.warmup:
            return weight_BT
        excess_N = (nats_BT.float() - reference_BT.float()).flatten()
        given_N = torch.ones_like(excess_N) if weight_BT is None else weight_BT.float().flatten()
        counts_N = (given_N > 0) & ~excess_N.isnan()
        excess_N = excess_N.masked_fill(~counts_N, -torch.inf)
        wanted = max(1, round(self.share * int(counts_N.sum())))
        top = excess_N.topk(wanted)
        if self.soft:
            chosen_N = (excess_N - top.values[-1]).sigmoid() * counts_N
        else:
            chosen_N = torch.zeros_like(excess_N)
            chosen_N[top.indices] = counts_N[top.indices].float()
        if self.positive:
            chosen_N = chosen_N * (excess_N > 0)
        return (chosen_N * given_N).view_as(nats_BT)
