"""The prosody model: how long, how high, how loud.

Knows: durations per phoneme, and pitch, voicing and energy per frame, conditioned on a style.
Refuses to know: timbre and waveforms.

Shapes: B batch, L phonemes, U duration units (25 ms), F = 2 U frames, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxhaus.models.nn.blocks import AttentionBlock, ShiftBlock, rotary
from voxhaus.models.voice.config import FRAMES_PER_UNIT, STYLE, VoiceConfig

PITCH_CENTRE = 200.0  # Hz; the pitch output is log2 of the ratio to it

# A voice cannot turn its pitch from one frame to the next. Two frames come out of one step of the
# network, and without this their heights differ by a per cent or two, which is heard as roughness.
SMOOTHING = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


class Condition(nn.Module):
    """Half a style vector -> the conditioning vector of all blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(STYLE // 2, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )

    def forward(self, half_BS: Tensor) -> Tensor:
        """Half a style vector [B, 128] -> conditioning [B, width]."""
        out: Tensor = self.layers(half_BS)
        return out


def span_features(durations_BL: Tensor, index_BU: Tensor, offset_BU: Tensor) -> Tensor:
    """Where each unit lies in its phoneme: [B, U, 4] of position, share, log length, first step."""
    length_BU = durations_BL.gather(1, index_BU).clamp(min=1.0)
    share = (offset_BU + 0.5) / length_BU
    return torch.stack(
        [torch.log1p(offset_BU), share, torch.log1p(length_BU), (offset_BU == 0).float()], dim=-1
    )


def smoothed(x_BF: Tensor) -> Tensor:
    """A curve over frames without its fastest turns: binomial weights over five frames."""
    reach, count = len(SMOOTHING) // 2, x_BF.shape[1]
    ends = (x_BF[:, :1].expand(-1, reach), x_BF[:, -1:].expand(-1, reach))
    padded = torch.cat([ends[0], x_BF, ends[1]], dim=1)
    shifted = [w * padded[:, i : i + count] for i, w in enumerate(SMOOTHING)]
    return torch.stack(shifted).sum(0)


class ProsodyModel(nn.Module):
    """A transformer over phonemes for durations, shift blocks over units for the curves."""

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        c, s = config.prosody_channels, config.condition
        self.heads = config.prosody_heads
        self.condition = Condition(s)
        self.embed = nn.Embedding(config.vocabulary, c)
        self.local = ShiftBlock(c, config.prosody_frame_hidden, s, 1)
        self.layers = nn.ModuleList(
            AttentionBlock(c, config.prosody_hidden, config.prosody_heads, s)
            for _ in range(config.prosody_layers)
        )
        self.duration = nn.Sequential(nn.Linear(c, c), nn.SiLU(), nn.Linear(c, 1))
        self.span = nn.Linear(4, c)
        self.frames = nn.ModuleList(
            ShiftBlock(c, config.prosody_frame_hidden, s, d) for d in config.prosody_frame_dilations
        )
        self.curves = nn.Linear(c, 3 * FRAMES_PER_UNIT)

    def phonemes(
        self, tokens_BL: Tensor, style_BS: Tensor, mask_BL1: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Token ids and style [B, 256] -> log durations [B, L] (log of 25 ms units), features."""
        cond = self.condition(style_BS[:, STYLE // 2 :])
        x = self.embed(tokens_BL) * mask_BL1
        x = self.local(x, cond, mask_BL1)
        cos, sin = rotary(tokens_BL.shape[1], x.shape[-1] // self.heads, device=x.device)
        for layer in self.layers:
            x = layer(x, cond, mask_BL1, cos, sin)
        return self.duration(x).squeeze(-1).float(), x

    def curves_of(
        self, x_BLC: Tensor, style_BS: Tensor, spans_BU4: Tensor, index_BU: Tensor, mask_BU1: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Features spread over units -> log2 pitch ratio, voicing logit, energy, each [B, 2 U]."""
        out_BF3 = self.rough_curves(x_BLC, style_BS, spans_BU4, index_BU, mask_BU1)
        pitch, voicing, energy = out_BF3.unbind(-1)
        return smoothed(pitch), voicing, energy

    def rough_curves(
        self, x_BLC: Tensor, style_BS: Tensor, spans_BU4: Tensor, index_BU: Tensor, mask_BU1: Tensor
    ) -> Tensor:
        """The same as [B, 2 U, 3], the pitch not yet smoothed: a batch first mends its ends."""
        cond = self.condition(style_BS[:, STYLE // 2 :])
        spread = index_BU[..., None].expand(-1, -1, x_BLC.shape[-1])
        x = (x_BLC.gather(1, spread) + self.span(spans_BU4)) * mask_BU1
        for block in self.frames:
            x = block(x, cond, mask_BU1)
        out = self.curves(functional.silu(x)).float()
        b, u, _ = out.shape
        return out.view(b, u * FRAMES_PER_UNIT, 3)
