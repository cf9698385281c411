"""Pre-training as a task for the loop.

Knows: how packed rows become losses, which terms are added, what is measured on held-out text.
Refuses to know: where text comes from, how data was chosen, optimisers' insides.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from voxhaus.models.language.flops import forward_flops, training_flops
from voxhaus.models.language.model import LanguageModel, RouterLosses
from voxhaus.training.language.scaling import Plan
from voxhaus.training.loop.ledger import Ledger
from voxhaus.training.loop.optimisers import Matrices, MuonAdamW, OptimiserConfig, Other
from voxhaus.training.loop.precision import half_where_fast

# Weights of the routers' losses: OLMoE (Muennighoff et al. 2024) has 0.01 and 0.001.
BALANCE, Z = 0.01, 0.001
# PaLM's z-loss on the head's log-sum-exp is left out: nothing drifted at these sizes.


class Rows(Protocol):
    """Packed rows, by number (training/data/loader.py)."""

    def batch_at(self, step: int) -> Any:  # noqa: ANN401 - a Batch: tokens, document, weight
        """The rows of a batch: the same for the same number."""
        ...


class Choice(Protocol):
    """Which tokens of a batch are learned from (selection/tokens.py)."""

    def weigh(
        self, nats_BT: Tensor, reference_BT: Tensor, batch: int, weight_BT: Tensor | None
    ) -> Tensor | None:
        """Weights [B, T], from the model's losses and a reference's; None: all count alike."""
        ...


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Text that nothing learns from.

    Attributes:
        batches: of rows, each `tokens` [B, T+1] and `document` [B, T+1].
        bytes_V: UTF-8 bytes of each token of the vocabulary; 0 for special tokens.
    """

    batches: tuple[Any, ...]
    bytes_V: np.ndarray


def optimiser(model: LanguageModel, plan: Plan, *, weight_decay: float = 0.1) -> MuonAdamW:
    """Muon for the layers' matrices, AdamW for embedding, head, norms and routers.

    Rates in the plan are divided by that of matrices, which the schedule carries.
    """
    matrices, others = [], []
    base = plan.rates.matrices
    for name, parameter in model.named_parameters():
        rate = _rate(name, parameter, plan)
        if rate is not None:
            others.append(Other(parameter=parameter, scale=rate / base))
        else:
            parts = 2 if name.endswith("gate_up_proj") else 1
            matrices.append(Matrices(parameter=parameter, parts=parts))
    config = OptimiserConfig(muon=plan.muon, weight_decay=weight_decay)
    return MuonAdamW(matrices, others, config)


def _rate(name: str, parameter: nn.Parameter, plan: Plan) -> float | None:
    """AdamW's learning rate of a parameter; None if it is a matrix of a layer."""
    for part, rate in (
        ("embed_tokens", plan.rates.embedding),
        ("lm_head", plan.rates.head),
        ("mlp.gate.weight", plan.rates.router),
    ):
        if part in name:
            return rate
    return plan.rates.norms if parameter.dim() < 2 else None


class Pretraining:
    """Next-token prediction on packed rows (see `loop.trainer.Task`).

    Args:
        rows: what is learned from.
        held_out: what is measured on, by name; the figure of the first is called `loss`.
        compiled: by torch.compile; costs a minute at the start and trains twice as fast.
        choice: of the tokens that are in the loss; batches then carry `reference` [B, T], nats.
    """

    def __init__(
        self,
        model: LanguageModel,
        plan: Plan,
        rows: Rows,
        held_out: Mapping[str, HeldOut],
        ledger: Ledger,
        *,
        device: torch.device | None = None,
        compiled: bool = True,
        choice: Choice | None = None,
    ) -> None:
        self.choice = choice
        self.device = device or torch.device("cpu")
        self.network = model.to(self.device)
        self.model: nn.Module = model
        self.plan, self.rows, self.held_out, self.ledger = plan, rows, held_out, ledger
        self._losses: Callable[..., tuple[Tensor, RouterLosses | None]] = (
            torch.compile(model.losses) if compiled else model.losses
        )
        self._probe: Tensor | None = None

    def batches(self, epoch: int) -> Iterator[int]:
        """Numbers of batches; without end, as rows know their own epochs."""
        return itertools.count()

    def loss(self, batch: int) -> dict[str, Tensor]:
        """Mean nats over the tokens that count, and the routers' terms."""
        rows = self.rows.batch_at(batch)
        nats_BT, routers = self._run(rows)
        weight_BT = None if rows.weight is None else self._tensor(rows.weight)
        if self.choice is not None:
            reference_BT = self._tensor(rows.reference)
            weight_BT = self.choice.weigh(nats_BT.detach(), reference_BT, batch, weight_BT)
        self._enter(nats_BT.numel(), weight_BT)
        if weight_BT is None:
            terms = {"nats": nats_BT.mean()}
        else:
            terms = {"nats": (nats_BT * weight_BT).sum() / weight_BT.sum().clamp(min=1.0)}
        if routers is not None:
            terms["balance"] = BALANCE * routers.balance
            terms["z"] = Z * routers.z
        return terms

    def _run(self, rows: Any) -> tuple[Tensor, RouterLosses | None]:  # noqa: ANN401 - a Batch
        tokens = self._tensor(rows.tokens).long()
        document = self._tensor(rows.document)[:, :-1]
        with half_where_fast(self.device):
            return self._losses(tokens[:, :-1], tokens[:, 1:], document)

    def _tensor(self, values: np.ndarray) -> Tensor:
        kept = values.astype(np.int32) if values.dtype == np.uint16 else values
        return torch.from_numpy(np.ascontiguousarray(kept)).to(self.device)

    def _enter(self, tokens: int, weight_BT: Tensor | None) -> None:
        each = training_flops(self.plan.model, self.plan.length, plain=self.plan.plain)
        learned = tokens if weight_BT is None else int((weight_BT > 0).sum())
        self.ledger.add("learned", learned * each, tokens=learned)
        self.ledger.add("masked", (tokens - learned) * each, tokens=tokens - learned)

    def evaluate(self) -> dict[str, float]:
        """Bits per byte of each held-out text; the first one's again as `loss`, in nats a token."""
        figures: dict[str, float] = {}
        for name, held_out in self.held_out.items():
            nats = [self._run(batch)[0].float().cpu() for batch in held_out.batches]
            counted = [_counted(batch) for batch in held_out.batches]
            figures |= _figures(name, nats, counted, held_out)
            if "loss" not in figures:
                nats_N = torch.cat(
                    [n[torch.from_numpy(c)] for n, c in zip(nats, counted, strict=True)]
                )
                figures["loss"] = float(nats_N.mean())
                self._compare(nats_N)
            tokens = sum(n.numel() for n in nats)
            each = forward_flops(self.plan.model, self.plan.length, plain=self.plan.plain)
            self.ledger.add("evaluation", tokens * each, tokens=tokens)
        return figures

    def _compare(self, nats_N: Tensor) -> None:
        if self._probe is not None and self._probe.shape == nats_N.shape:
            self.ledger.probe(float((nats_N < self._probe).float().mean()))
        self._probe = nats_N

    def state(self) -> dict[str, Any]:
        """The last probe."""
        return {} if self._probe is None else {"probe": self._probe}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take back the last probe."""
        self._probe = state.get("probe")


def _counted(batch: Any) -> np.ndarray:  # noqa: ANN401 - a Batch
    """Which targets count [B, T]: all, or those that have a weight."""
    weight_BT = getattr(batch, "weight", None)
    if weight_BT is None:
        return np.ones(batch.tokens[:, 1:].shape, bool)
    return np.asarray(weight_BT > 0)


def _figures(
    name: str, nats: list[Tensor], counted: list[np.ndarray], held_out: HeldOut
) -> dict[str, float]:
    total, size = 0.0, 0
    for batch, nats_BT, counted_BT in zip(held_out.batches, nats, counted, strict=True):
        total += float(nats_BT.double()[torch.from_numpy(counted_BT)].sum())
        targets_N = batch.tokens[:, 1:].astype(np.int64)[counted_BT]
        size += int(held_out.bytes_V[targets_N].sum())
    return {f"{name}_bits_per_byte": total / math.log(2) / max(1, size)}
