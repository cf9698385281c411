"""Blocks that sequence models are built from, in the layout [batch, time, channels].

Knows: norms, conditioning, time mixing by shifted products, attention with rotary positions.
Refuses to know: what a time step means (a phoneme, a frame, a token) and any loss.

Shapes: B batch, T time, C channels, S conditioning, H heads, D head width.

Everything is a matrix product over [B, T, C] with elementwise operations between: no convolution
and no transposition, because those two cost the fastest peers a third of their time on a CPU.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConditionedNorm(nn.Module):
    """RMSNorm (Zhang & Sennrich 2019) with scale and shift from a conditioning vector.

    Args:
        channels: C.
        condition: S, the width of the conditioning vector; the same for all time steps.
    """

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.film = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x_BTC: Tensor, cond_BS: Tensor) -> Tensor:
        """Normalised, scaled and shifted [B, T, C]."""
        scale_B1C, shift_B1C = self.film(cond_BS)[:, None].chunk(2, dim=-1)
        x = x_BTC.float()
        x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
        return (x * (1 + scale_B1C) + shift_B1C).to(x_BTC.dtype)


def neighbours(x_BTC: Tensor, dilation: int) -> Tensor:
    """Each step beside two at a distance: [B, T, C] -> [B, T, 3 C], zeros outside."""
    padded = functional.pad(x_BTC, (0, 0, dilation, dilation))
    length = x_BTC.shape[1]
    return torch.cat(
        [padded[:, :length], x_BTC, padded[:, 2 * dilation : 2 * dilation + length]], dim=-1
    )


class ShiftBlock(nn.Module):
    """Residual block that mixes three time steps and all channels in one matrix product.

    The same function as a dense convolution of width 3 followed by a pointwise one, written so that
    runtimes see plain (quantisable) matrix products.
    """

    def __init__(self, channels: int, hidden: int, condition: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = ConditionedNorm(channels, condition)
        self.mix = nn.Linear(3 * channels, hidden)
        self.out = nn.Linear(hidden, channels)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(self, x_BTC: Tensor, cond_BS: Tensor, mask_BT1: Tensor) -> Tensor:
        """The input with what its neighbourhood adds to it, [B, T, C]; padding adds nothing."""
        h = self.norm(x_BTC, cond_BS) * mask_BT1
        h = functional.silu(self.mix(neighbours(h, self.dilation)))
        return x_BTC + self.out(h)


def rotary(
    length: int, width: int, *, base: float = 10_000.0, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines [T, D/2] of rotary positions (Su et al. 2021), made on the device."""
    rates = base ** (-torch.arange(0, width, 2, dtype=torch.float32, device=device) / width)
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * rates
    return angles.cos(), angles.sin()


def rotate(x_BHTD: Tensor, cos_TD: Tensor, sin_TD: Tensor) -> Tensor:
    """Turn the two halves of each head by its position's angles."""
    a, b = x_BHTD.chunk(2, dim=-1)
    cos, sin = cos_TD.to(x_BHTD.dtype), sin_TD.to(x_BHTD.dtype)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class AttentionBlock(nn.Module):
    """Pre-norm self-attention over the whole sequence, then a feed-forward layer."""

    def __init__(self, channels: int, hidden: int, heads: int, condition: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = ConditionedNorm(channels, condition)
        self.norm_feed = ConditionedNorm(channels, condition)
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)
        self.up = nn.Linear(channels, hidden)
        self.down = nn.Linear(hidden, channels)
        for last in (self.proj, self.down):
            nn.init.normal_(last.weight, std=0.02)
            nn.init.zeros_(last.bias)

    def forward(
        self, x_BTC: Tensor, cond_BS: Tensor, mask_BT1: Tensor, cos_TD: Tensor, sin_TD: Tensor
    ) -> Tensor:
        """The input with what the whole sequence adds to it, [B, T, C]."""
        b, t, c = x_BTC.shape
        h = self.norm_attention(x_BTC, cond_BS)
        qkv = self.qkv(h).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(qkv[0], cos_TD, sin_TD), rotate(qkv[1], cos_TD, sin_TD)
        seen_B11T = (mask_BT1 > 0).view(b, 1, 1, t)
        mixed = functional.scaled_dot_product_attention(q, k, qkv[2], attn_mask=seen_B11T)
        x_BTC = x_BTC + self.proj(mixed.transpose(1, 2).reshape(b, t, c))
        h = self.norm_feed(x_BTC, cond_BS)
        return x_BTC + self.down(functional.silu(self.up(h)))
