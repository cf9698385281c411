"""A mixture of SwiGLU experts without padding and without dropped tokens.

Knows: routing by softmax and top-k, sorting tokens by expert, and products of groups of rows with
matrices of their own.
Refuses to know: attention, layers, language.

Shapes: N tokens, D width, E experts, K experts per token, F width of an expert, R = N * K rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@torch.library.custom_op("voxhaus::grouped_product", mutates_args=())
def grouped_product(x_RD: Tensor, w_EOD: Tensor, count_E: Tensor) -> Tensor:
    """Multiply consecutive groups of rows with a matrix each: group e by `w_EOD[e]` transposed.

    A loop over the library's own product, one call a group: on CPUs it reaches the speed of a dense
    product, where batched products over padded groups waste the padding.

    Args:
        x_RD: rows, group after group.
        w_EOD: a matrix for each group.
        count_E: rows of each group; their sum is R.

    Returns:
        Rows of width O, in the same order.
    """
    y_RO = x_RD.new_empty(x_RD.shape[0], w_EOD.shape[1])
    start = 0
    for expert, count in enumerate(count_E.tolist()):
        if count:
            rows = slice(start, start + count)
            torch.mm(x_RD[rows], w_EOD[expert].t(), out=y_RO[rows])
        start += count
    return y_RO


@grouped_product.register_fake
def _(x_RD: Tensor, w_EOD: Tensor, count_E: Tensor) -> Tensor:
    return x_RD.new_empty(x_RD.shape[0], w_EOD.shape[1])


@torch.library.custom_op("voxhaus::grouped_outer", mutates_args=())
def grouped_outer(y_RO: Tensor, x_RD: Tensor, count_E: Tensor) -> Tensor:
    """The gradient of each group's matrix: `y_RO[group].T @ x_RD[group]`, [E, O, D]."""
    w_EOD = x_RD.new_zeros(count_E.shape[0], y_RO.shape[1], x_RD.shape[1])
    start = 0
    for expert, count in enumerate(count_E.tolist()):
        if count:
            rows = slice(start, start + count)
            torch.mm(y_RO[rows].t(), x_RD[rows], out=w_EOD[expert])
        start += count
    return w_EOD


@grouped_outer.register_fake
def _(y_RO: Tensor, x_RD: Tensor, count_E: Tensor) -> Tensor:
    return x_RD.new_empty(count_E.shape[0], y_RO.shape[1], x_RD.shape[1])


def _remember(ctx: object, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)  # type: ignore[attr-defined]


def _gradients(ctx: object, grad_RO: Tensor) -> tuple[Tensor, Tensor, None]:
    x_RD, w_EOD, count_E = ctx.saved_tensors  # type: ignore[attr-defined]
    grad_RO = grad_RO.contiguous()
    x_grad = grouped_product(grad_RO, w_EOD.transpose(1, 2), count_E)
    return x_grad, grouped_outer(grad_RO, x_RD, count_E), None


grouped_product.register_autograd(_gradients, setup_context=_remember)


def grouped(x_RD: Tensor, w_EOD: Tensor, count_E: Tensor) -> Tensor:
    """`grouped_product`, by torch's own grouped GEMM where there is a GPU that has it.

    Matrices are taken in the rows' precision.
    """
    w_EOD = w_EOD.to(x_RD.dtype)
    if _has_grouped_gemm(x_RD, w_EOD):
        ends_E = count_E.cumsum(0).to(torch.int32)
        product: Tensor = functional.grouped_mm(x_RD, w_EOD.transpose(1, 2), offs=ends_E)
        return product
    return grouped_product(x_RD, w_EOD, count_E)


def _has_grouped_gemm(x_RD: Tensor, w_EOD: Tensor) -> bool:
    """Whether torch's grouped GEMM takes these: bfloat16, rows of whole 16 bytes, SM 8.0 or later.

    Groups may be empty and of any length; only widths must be multiples of 8. All widths that
    `scaling.py` makes are.
    """
    if not x_RD.is_cuda or x_RD.dtype != torch.bfloat16 or not hasattr(functional, "grouped_mm"):
        return False
    aligned = w_EOD.shape[1] % 8 == 0 and w_EOD.shape[2] % 8 == 0
    return aligned and _is_recent(x_RD.device.index)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _is_recent(gpu: int) -> bool:
    return torch.cuda.get_device_capability(gpu) >= (8, 0)


class _Reorder(torch.autograd.Function):
    """Rows by index, whose gradient is rows by the inverse index: no scattered sums."""

    @staticmethod
    def forward(ctx, x_ND: Tensor, token_R: Tensor, row_NK: Tensor) -> Tensor:  # type: ignore[no-untyped-def]  # noqa: ANN001
        ctx.save_for_backward(row_NK)
        return x_ND[token_R]

    @staticmethod
    def backward(ctx, grad_RD: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]  # noqa: ANN001
        (row_NK,) = ctx.saved_tensors
        return grad_RD[row_NK].sum(1), None, None


class _Collect(torch.autograd.Function):
    """Weighted sum of each token's K rows; gradients by index again."""

    @staticmethod
    def forward(ctx, y_RD: Tensor, weight_NK: Tensor, row_NK: Tensor, token_R: Tensor) -> Tensor:  # type: ignore[no-untyped-def]  # noqa: ANN001
        ctx.save_for_backward(y_RD, weight_NK, row_NK, token_R)
        return (y_RD[row_NK] * weight_NK.unsqueeze(-1).to(y_RD.dtype)).sum(1)

    @staticmethod
    def backward(ctx, grad_ND: Tensor) -> tuple[Tensor, Tensor, None, None]:  # type: ignore[no-untyped-def]  # noqa: ANN001
        y_RD, weight_NK, row_NK, token_R = ctx.saved_tensors
        weight_R = weight_NK.new_empty(token_R.shape[0])
        weight_R[row_NK.reshape(-1)] = weight_NK.reshape(-1)
        y_grad = grad_ND[token_R] * weight_R.unsqueeze(-1).to(grad_ND.dtype)
        weight_grad = (grad_ND.unsqueeze(1).float() * y_RD[row_NK].float()).sum(-1)
        return y_grad, weight_grad.to(weight_NK.dtype), None, None


@dataclass(frozen=True, kw_only=True)
class Routing:
    """Where each token goes.

    Attributes:
        expert_NK: chosen experts, best first.
        weight_NK: their shares in a token's answer, float32.
        count_E: tokens of each expert.
        balance: Switch Transformer's balance loss (Fedus et al. 2021, eq. 4, for top-k): 1 when
            even.
        z: router z-loss (ST-MoE, Zoph et al. 2022, eq. 5).
    """

    expert_NK: Tensor
    weight_NK: Tensor
    count_E: Tensor
    balance: Tensor
    z: Tensor


def route(logits_NE: Tensor, choices: int, *, normalise: bool = True) -> Routing:
    """Softmax over all experts, the best `choices`, in float32 as Qwen3-MoE does it."""
    logits_NE = logits_NE.float()
    share_NE = logits_NE.softmax(-1)
    weight_NK, expert_NK = share_NE.topk(choices, dim=-1)
    if normalise:
        weight_NK = weight_NK / weight_NK.sum(-1, keepdim=True)
    tokens, experts = logits_NE.shape
    chosen_NE = functional.one_hot(expert_NK, experts).sum(1)
    count_E = chosen_NE.sum(0)
    balance = experts * (count_E.float() / (tokens * choices) * share_NE.mean(0)).sum()
    z = logits_NE.logsumexp(-1).square().mean()
    return Routing(expert_NK=expert_NK, weight_NK=weight_NK, count_E=count_E, balance=balance, z=z)


def ranks(expert_NK: Tensor, experts: int) -> tuple[Tensor, Tensor]:
    """The rows of tokens when they are sorted by expert, and the tokens of rows: [N, K] and [R].

    Counting by a running sum of one-hot vectors is a sort that needs no comparisons.
    """
    flat_R = expert_NK.reshape(-1)
    hot_RE = functional.one_hot(flat_R, experts)
    within_R = (hot_RE.cumsum(0) - hot_RE).gather(1, flat_R.unsqueeze(1)).squeeze(1)
    count_E = hot_RE.sum(0)
    row_R = within_R + (count_E.cumsum(0) - count_E)[flat_R]
    token_R = torch.empty_like(row_R)
    source = torch.arange(flat_R.shape[0], device=flat_R.device) // expert_NK.shape[1]
    token_R = token_R.scatter(0, row_R, source)
    return row_R.view_as(expert_NK), token_R


def feed(x_RD: Tensor, up_EFD: Tensor, down_EDF: Tensor, count_E: Tensor) -> Tensor:
    """Each group of rows through the SwiGLU layer of its expert.

    Args:
        x_RD: rows, expert after expert.
        up_EFD: gate's and up's matrices, one above the other: [E, 2F, D].
        down_EDF: [E, D, F].
        count_E: rows of each expert.
    """
    gate_RF, up_RF = grouped(x_RD, up_EFD, count_E).chunk(2, dim=-1)
    return grouped(functional.silu(gate_RF) * up_RF, down_EDF, count_E)


class Experts(nn.Module):
    """SwiGLU experts behind a softmax router; every token reaches its `choices` experts.

    Parameters carry Qwen3-MoE's layout: `gate_up_proj` [E, 2F, D], `down_proj` [E, D, F].

    Attributes:
        feed: what takes rows through experts; another one, where they live in several processes.
    """

    def __init__(
        self, width: int, expert_width: int, experts: int, choices: int, *, normalise: bool = True
    ) -> None:
        super().__init__()
        self.choices, self.normalise = choices, normalise
        self.gate = nn.Linear(width, experts, bias=False)
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * expert_width, width))
        self.down_proj = nn.Parameter(torch.empty(experts, width, expert_width))
        self.feed: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = feed

    def forward(self, x_ND: Tensor) -> tuple[Tensor, Routing]:
        """[N, D] to [N, D], and where the tokens went."""
        with torch.autocast(x_ND.device.type, enabled=False):
            routing = route(
                functional.linear(x_ND.float(), self.gate.weight.float()),
                self.choices,
                normalise=self.normalise,
            )
        row_NK, token_R = ranks(routing.expert_NK, self.gate.weight.shape[0])
        x_RD = _Reorder.apply(x_ND, token_R, row_NK)
        y_RD = self.feed(x_RD, self.gate_up_proj, self.down_proj, routing.count_E)
        return _Collect.apply(y_RD, routing.weight_NK, row_NK, token_R), routing
