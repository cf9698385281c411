"""The blocks of a decoder-only transformer: norm, rotary positions, attention, feed-forward.

Knows: causal attention over packed documents.
Refuses to know: vocabularies, losses and experts.

Shapes: B batch, T time, D width, H query heads, G key heads, W head width, N = B * T.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang & Sennrich 2019) with a learned scale; computed in float32."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """The same shape and precision."""
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return (wide * self.weight).to(x.dtype)


def rotations(length: int, width: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines [T, W] of rotary positions (Su et al. 2021), halves side by side."""
    rates = base ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.outer(torch.arange(length, dtype=torch.float64), rates)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x_BHTW: Tensor, cos_TW: Tensor, sin_TW: Tensor) -> Tensor:
    """Turn each pair (i, i + W/2) by its position's angle; Llama's and Qwen's layout."""
    first, second = x_BHTW.chunk(2, dim=-1)
    turned = torch.cat([-second, first], dim=-1)
    return (x_BHTW * cos_TW + turned * sin_TW).to(x_BHTW.dtype)


def packed_mask(document_BT: Tensor) -> Tensor:
    """Which key a query may see [B, 1, T, T]: earlier ones of its own document."""
    same = document_BT.unsqueeze(2) == document_BT.unsqueeze(1)
    length = document_BT.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=document_BT.device).tril()
    return (same & causal).unsqueeze(1)


def attend(q_BHTW: Tensor, k_BGTW: Tensor, v_BGTW: Tensor, mask_B1TT: Tensor | None) -> Tensor:
    """Scaled dot-product attention, causal without a mask; heads of queries share keys in order.

    Under `torch.compile` on a CPU it is written out in blocks of queries that meet the keys before
    their end only: three times as fast there as the library's fused kernel, which it replaces
    nowhere else (decision 0072).
    """
    length = q_BHTW.shape[2]
    if torch.compiler.is_compiling() and q_BHTW.device.type == "cpu" and length % _BLOCKS == 0:
        return _attend_in_blocks(q_BHTW, k_BGTW, v_BGTW, mask_B1TT)
    return functional.scaled_dot_product_attention(
        q_BHTW,
        k_BGTW,
        v_BGTW,
        attn_mask=mask_B1TT,
        is_causal=mask_B1TT is None,
        enable_gqa=q_BHTW.shape[1] != k_BGTW.shape[1],
    )


_BLOCKS = 4


def _attend_in_blocks(
    q_BHTW: Tensor, k_BGTW: Tensor, v_BGTW: Tensor, mask_B1TT: Tensor | None
) -> Tensor:
    batch, heads, length, width = q_BHTW.shape
    groups, size = k_BGTW.shape[1], length // _BLOCKS
    shared = heads // groups
    causal = torch.ones(length, length, dtype=torch.bool, device=q_BHTW.device).tril()
    out = []
    for start in range(0, length, size):
        end = start + size
        q_BGQW = q_BHTW[:, :, start:end].reshape(batch, groups, shared * size, width)
        score = q_BGQW @ k_BGTW[:, :, :end].transpose(-1, -2)
        score = score.view(batch, groups, shared, size, end).float() * width**-0.5
        seen = causal[None, None] if mask_B1TT is None else mask_B1TT
        seen = seen[:, :, None, start:end, :end]
        share = score.masked_fill(~seen, float("-inf")).softmax(-1).to(v_BGTW.dtype)
        share_BGQT = share.view(batch, groups, shared * size, end)
        out.append((share_BGQT @ v_BGTW[:, :, :end]).view(batch, heads, size, width))
    return torch.cat(out, dim=2)


class Attention(nn.Module):
    """Grouped-query attention (Ainslie et al. 2023) with an RMSNorm on each head's query and key.

    The norm on heads is Qwen 3's (and ViT-22B's, Dehghani et al. 2023); `qk_norm=False` leaves it
    out, as Llama does.
    """

    def __init__(
        self, width: int, heads: int, key_heads: int, head: int, *, qk_norm: bool, eps: float
    ) -> None:
        super().__init__()
        self.heads, self.key_heads, self.head = heads, key_heads, head
        self.q_proj = nn.Linear(width, heads * head, bias=False)
        self.k_proj = nn.Linear(width, key_heads * head, bias=False)
        self.v_proj = nn.Linear(width, key_heads * head, bias=False)
        self.o_proj = nn.Linear(heads * head, width, bias=False)
        self.q_norm = RMSNorm(head, eps) if qk_norm else nn.Identity()
        self.k_norm = RMSNorm(head, eps) if qk_norm else nn.Identity()

    def forward(
        self, x_BTD: Tensor, turn: tuple[Tensor, Tensor], mask_B1TT: Tensor | None
    ) -> Tensor:
        """[B, T, D] to the same; without a mask the whole row is one document."""
        batch, length, _ = x_BTD.shape
        q = self.q_norm(self.q_proj(x_BTD).view(batch, length, self.heads, self.head))
        k = self.k_norm(self.k_proj(x_BTD).view(batch, length, self.key_heads, self.head))
        v = self.v_proj(x_BTD).view(batch, length, self.key_heads, self.head).transpose(1, 2)
        q, k = rotate(q.transpose(1, 2), *turn), rotate(k.transpose(1, 2), *turn)
        y_BHTW = attend(q, k.to(q.dtype), v.to(q.dtype), mask_B1TT)
        return self.o_proj(y_BHTW.transpose(1, 2).reshape(batch, length, -1))


class SwiGLU(nn.Module):
    """Gated feed-forward layer (Shazeer 2020)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(width, inner, bias=False)
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_ND: Tensor) -> Tensor:
        """The same shape."""
        return self.down_proj(functional.silu(self.gate_proj(x_ND)) * self.up_proj(x_ND))


class PlainFeedForward(nn.Module):
    """GPT-2's feed-forward layer: GELU between two products. For baselines only."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.up_proj = nn.Linear(width, inner, bias=False)
        self.down_proj = nn.Linear(inner, width, bias=False)

    def forward(self, x_ND: Tensor) -> Tensor:
        """The same shape."""
        return self.down_proj(functional.gelu(self.up_proj(x_ND), approximate="tanh"))
