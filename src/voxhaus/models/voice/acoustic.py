"""The acoustic model: from phonemes and prosody to the filters of the synthesiser.

Knows: spectral envelopes, phase responses and noise levels per frame, conditioned on a timbre.
Refuses to know: how durations and pitch are decided, and how the waveform is assembled.

Shapes: B batch, L phonemes, U units (40 a second), F = 2 U frames, C channels, K frequency bins, O
what a frame's sound is made from (`OUTPUTS`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxhaus.models.nn.blocks import ConditionedNorm, ShiftBlock
from voxhaus.models.voice.config import (
    BINS,
    FFT,
    FRAMES_PER_UNIT,
    NOISE_STEPS,
    SAMPLE_RATE,
    STYLE,
    VOICED_FROM,
    VoiceConfig,
)
from voxhaus.models.voice.prosody import PITCH_CENTRE, Condition

MAX_LOG_GAIN = 4.0
MIN_LOG_GAIN = -14.0
MAX_LOG_STEP = 4.0  # of the noise's course within a frame, either way

# Log level and phase of the pulses' filter, log level of the noise's, its course within the frame.
OUTPUTS = 3 * BINS + NOISE_STEPS

# Of the postfilter: detail narrower than a formant (the pulses' own business) is left as it is, and
# so are slopes wider than the distance between two of them. In Hz, the spreads of two Gaussians.
NARROW, WIDE = 94.0, 586.0


def prosody_inputs(pitch_BF: Tensor, energy_BF: Tensor) -> Tensor:
    """Pitch in Hz and energy -> network inputs [B, F, 3]."""
    voiced = (pitch_BF > VOICED_FROM).float()
    height = torch.log2(pitch_BF.clamp(min=VOICED_FROM) / PITCH_CENTRE) * voiced
    return torch.stack([height, voiced, energy_BF * 0.25], dim=-1)


class AcousticModel(nn.Module):
    """Shift blocks over phonemes, then over units, a last one over frames, and a spectral head.

    Most of the work is done once a unit and not once a frame: articulation is slower than that, and
    what is faster (pitch, loudness) comes in again with the frames.
    """

    def __init__(self, config: VoiceConfig) -> None:
        super().__init__()
        c, s = config.acoustic_channels, config.condition
        self.condition = Condition(s)
        self.embed = nn.Embedding(config.vocabulary, c)
        self.encoder = nn.ModuleList(
            ShiftBlock(c, config.acoustic_hidden, s, d) for d in config.acoustic_dilations
        )
        self.span = nn.Linear(4, c)
        self.prosody = nn.Linear(3 * FRAMES_PER_UNIT, c)
        self.decoder = nn.ModuleList(
            ShiftBlock(c, config.decoder_hidden, s, d) for d in config.decoder_dilations
        )
        self.split = nn.Linear(c, FRAMES_PER_UNIT * c)
        self.prosody_frames = nn.Linear(3, c)
        self.frames = nn.ModuleList(
            ShiftBlock(c, config.decoder_hidden, s, d) for d in config.decoder_frame_dilations
        )
        self.norm = ConditionedNorm(c, s)
        self.head = nn.Linear(c, OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.split.weight.copy_(torch.eye(c).repeat(FRAMES_PER_UNIT, 1))
            self.split.bias.zero_()
            # Start near the level of speech instead of at full scale.
            self.head.bias.zero_()
            self.head.bias[:BINS] = -3.0
            self.head.bias[2 * BINS : 3 * BINS] = -6.0

    def phonemes(self, tokens_BL: Tensor, style_BS: Tensor, mask_BL1: Tensor) -> Tensor:
        """Token ids and style [B, 256] -> features [B, L, C]."""
        cond = self.condition(style_BS[:, : STYLE // 2])
        x = self.embed(tokens_BL) * mask_BL1
        for block in self.encoder:
            x = block(x, cond, mask_BL1)
        return x

    def decode(
        self,
        x_BLC: Tensor,
        style_BS: Tensor,
        spans_BU4: Tensor,
        index_BU: Tensor,
        prosody_BF3: Tensor,
        mask_BU1: Tensor,
    ) -> Tensor:
        """Features spread over units -> outputs [B, F, OUTPUTS], float32; see `filters_of`."""
        cond = self.condition(style_BS[:, : STYLE // 2])
        b, u, _ = spans_BU4.shape
        spread = index_BU[..., None].expand(-1, -1, x_BLC.shape[-1])
        x = x_BLC.gather(1, spread) + self.span(spans_BU4)
        x = (x + self.prosody(prosody_BF3.reshape(b, u, -1))) * mask_BU1
        for block in self.decoder:
            x = block(x, cond, mask_BU1)
        x = self.split(x).view(b, u * FRAMES_PER_UNIT, -1) + self.prosody_frames(prosody_BF3)
        mask_BF1 = mask_BU1.expand(-1, -1, FRAMES_PER_UNIT).reshape(b, -1, 1)
        x = x * mask_BF1
        for block in self.frames:
            x = block(x, cond, mask_BF1)
        out: Tensor = self.head(functional.silu(self.norm(x, cond)))
        return out.float()


def filters_of(out_BFO: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the synthesiser works with, from the outputs of the model.

    Returns:
        Real and imaginary part of the pulses' filter and magnitude of the noise's, each
        [B, F, BINS], and the noise's course within a frame [B, F, NOISE_STEPS]; all linear.
    """
    level, phase, noise, steps = out_BFO.split([BINS, BINS, BINS, NOISE_STEPS], dim=-1)
    level = level.clamp(MIN_LOG_GAIN, MAX_LOG_GAIN).exp()
    noise = noise.clamp(MIN_LOG_GAIN, MAX_LOG_GAIN).exp()
    gains = steps.clamp(-MAX_LOG_STEP, MAX_LOG_STEP).exp()
    return level * phase.cos(), level * phase.sin(), noise, gains


def _blur(spread: float) -> Tensor:
    """Gaussian smoothing over bins as a matrix [K, K]; rows add up to one."""
    at = torch.arange(BINS, dtype=torch.float64)
    weights = torch.exp(-0.5 * ((at[:, None] - at) / spread).square())
    return weights / weights.sum(1, keepdim=True)


@torch.no_grad()
def sharpen(model: AcousticModel, amount: float) -> None:
    """Build a postfilter into a trained model: its formants stand out more, by `amount`.

    A network that is unsure where a formant lies smears it, and what it gets wrong is heard in the
    valleys between formants. Speech coders have long answered both by deepening those valleys
    (adaptive postfiltering, Chen & Gersho 1995; in statistical synthesis Yoshimura et al. 2005).
    Here the log levels of both filters gain `amount` times their detail between NARROW and WIDE.
    That is linear in them, and they are linear in the head, so it costs nothing when speaking.

    Args:
        model: changed in place; do not train it any further.
        amount: 0 changes nothing.
    """
    hertz = SAMPLE_RATE / FFT
    detail_KK = _blur(NARROW / hertz) - _blur(WIDE / hertz)
    gain_KK = torch.eye(BINS, dtype=torch.float64) + amount * detail_KK
    for rows in (slice(0, BINS), slice(2 * BINS, 3 * BINS)):
        for part in (model.head.weight, model.head.bias):
            part[rows] = (gain_KK @ part[rows].double()).to(part.dtype)
