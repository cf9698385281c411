"""Muon for matrices, AdamW for the rest, as one optimiser.

Knows: momentum, orthogonalised updates in batches of equal shape, and what a step costs.
Refuses to know: what a parameter is for; whoever builds the groups says which are matrices.

Shapes: M matrices of [R, C] with R <= C.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import adamw

from voxhaus.training.loop.parallel import cut, gathered, local, returned

# Polar Express (Amsel et al. 2025, arXiv 2505.16932): the best odd quintics, one a step, for five
# steps. Each but the first is made for what the one before can give at most, and grows steeply
# beyond it: bfloat16's rounding alone would take some matrices there, whose updates then explode.
# As the authors do, arguments of all but the last are therefore shrunk, by 2 %.
_BEST = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845749493, 0.4188073119525673),
)
_SAFETY = 1.02
POLAR_EXPRESS = (
    *((a / _SAFETY, b / _SAFETY**3, c / _SAFETY**5) for a, b, c in _BEST[:-1]),
    _BEST[-1],
)
PRECISION = torch.bfloat16
_AT_ONCE = 64  # matrices; more gain nothing and take memory


def orthogonal(g_MRC: Tensor) -> Tensor:
    """The nearest matrices with orthonormal rows, approximately: singular values near 1; bfloat16.

    Needs R <= C. Muon's heart (Jordan et al. 2024), with Polar Express's polynomials.
    """
    x = g_MRC.to(PRECISION)
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True) * _SAFETY + 1e-6).to(PRECISION)
    for a, b, c in POLAR_EXPRESS:
        square = x @ x.mT
        mixed = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, mixed, x, beta=a)
    return x


def orthogonal_flops(count: int, rows: int, columns: int) -> int:
    """Multiplications and additions of `orthogonal` for `count` matrices of [rows, columns]."""
    short, long = sorted((rows, columns))
    return count * len(POLAR_EXPRESS) * (4 * short * short * long + 2 * short**3)


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """How parameters move.

    Attributes:
        muon: orthogonalise the updates of matrices; False trains everything by AdamW.
        momentum: of Muon, Nesterov's.
        betas: of AdamW.
        weight_decay: decoupled, of matrices; vectors and embeddings have none.
    """

    muon: bool = True
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Matrices:
    """A parameter that holds matrices: its last two axes, cut into `parts` along the rows."""

    parameter: nn.Parameter
    parts: int = 1


@dataclass(frozen=True, kw_only=True)
class Other:
    """A parameter that AdamW moves, without weight decay, at `scale` times the schedule's rate."""

    parameter: nn.Parameter
    scale: float = 1.0


class MuonAdamW(torch.optim.Optimizer):
    """Muon (Jordan et al. 2024) for matrices, AdamW (Loshchilov & Hutter 2019) for the rest.

    Updates of Muon are scaled by 0.2 sqrt(max(R, C)) to AdamW's usual size, so that one learning
    rate serves both (Liu et al. 2025, "Muon is Scalable", section 2.2).

    Args:
        matrices: what Muon moves; by AdamW if `config.muon` is False.
        others: what AdamW moves.
    """

    def __init__(
        self, matrices: Iterable[Matrices], others: Iterable[Other], config: OptimiserConfig
    ) -> None:
        matrices, others = list(matrices), list(others)
        self.muon_config = config
        kind = "muon" if config.muon else "adamw"
        groups: list[dict[str, Any]] = [
            {
                "params": [m.parameter for m in matrices if m.parts == parts],
                "kind": kind,
                "parts": parts,
                "scale": 1.0,
                "weight_decay": config.weight_decay,
            }
            for parts in sorted({m.parts for m in matrices})
        ]
        groups += [
            {
                "params": [o.parameter for o in others if o.scale == scale],
                "kind": "adamw",
                "parts": 1,
                "scale": scale,
                "weight_decay": 0.0,
            }
            for scale in sorted({o.scale for o in others})
        ]
        super().__init__([g for g in groups if g["params"]], {"lr": 0.0})

    @property
    def flops(self) -> int:
        """Of one step; AdamW's dozen operations a number included."""
        total = 0
        for group in self.param_groups:
            for p in group["params"]:
                total += 12 * p.numel()
                if group["kind"] == "muon":
                    rows, columns = p.shape[-2] // group["parts"], p.shape[-1]
                    total += orthogonal_flops(p.numel() // (rows * columns), rows, columns)
        return total

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all parameters that have a gradient."""
        for group in self.param_groups:
            with_gradient = [p for p in group["params"] if p.grad is not None]
            if group["kind"] == "muon":
                self._move_matrices(with_gradient, group)
            elif with_gradient:
                self._move_others(with_gradient, group)

    def _move_matrices(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        """Matrices of a shape together; those that are cut over processes are put together first.

        Each process then orthogonalises its share of the matrices, and rows go back. (Liu et al.
        2025, section 2.3, gather every matrix in every process of a group instead.)
        """
        rate, decay = group["lr"], group["weight_decay"]
        for (shape, over), members in _alike(parameters, group["parts"]):
            updates = [self._momentum(p).to(PRECISION) for p in members]
            if over is None:
                together = torch.cat([u.view(-1, *shape) for u in updates])
                sizes = [u.numel() // (shape[0] * shape[1]) for u in updates]
                moves = list(_orthogonal_of_any(together).split(sizes))
            else:
                whole = gathered(updates, members[0].shape[0], over)
                moved = _orthogonal_of_any(whole.reshape(-1, *shape)).reshape(whole.shape)
                moves = returned(moved, updates, over)
            scale = 0.2 * math.sqrt(max(shape))
            for p, move in zip(members, moves, strict=True):
                here = local(p)
                here.mul_(1 - rate * decay).add_(move.view_as(here), alpha=-rate * scale)

    def _momentum(self, p: nn.Parameter) -> Tensor:
        """The update before it is orthogonal, of the part that this process holds."""
        state = self.state[p]
        assert p.grad is not None
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        momentum, gradient = local(state["momentum"]), local(p.grad)
        keep = self.muon_config.momentum
        momentum.lerp_(gradient, 1 - keep)
        return gradient.lerp(momentum, keep)

    def _move_others(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                self.state[p] = {
                    "step": torch.zeros((), device=p.device),
                    "exp_avg": torch.zeros_like(p),
                    "exp_avg_sq": torch.zeros_like(p),
                }
        states = [self.state[p] for p in parameters]
        adamw.adamw(
            [local(p) for p in parameters],
            [local(p.grad) for p in parameters if p.grad is not None],
            [local(s["exp_avg"]) for s in states],
            [local(s["exp_avg_sq"]) for s in states],
            [],
            [s["step"] for s in states],
            fused=True,
            amsgrad=False,
            beta1=self.muon_config.betas[0],
            beta2=self.muon_config.betas[1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-10,
            maximize=False,
        )


def _orthogonal_of_any(g_MRC: Tensor) -> Tensor:
    """`orthogonal` for matrices that may be tall, or none, some at a time."""
    if not g_MRC.numel():
        return g_MRC
    wide = g_MRC.shape[1] <= g_MRC.shape[2]
    together = g_MRC if wide else g_MRC.mT
    moved = torch.cat([orthogonal(part) for part in together.split(_AT_ONCE)])
    return moved if wide else moved.mT


_Likeness = tuple[tuple[int, int], Any]  # shape of a matrix, and the processes it is cut over


def _alike(
    parameters: list[nn.Parameter], parts: int
) -> Iterator[tuple[_Likeness, list[nn.Parameter]]]:
    groups: dict[_Likeness, list[nn.Parameter]] = {}
    for p in parameters:
        groups.setdefault(((p.shape[-2] // parts, p.shape[-1]), cut(p)), []).append(p)
    yield from groups.items()
