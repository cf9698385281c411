"""From pitch and filters to a waveform, in torch: the differentiable half of the synthesiser.

Knows: the pulse train, the noise, and filtering by overlap-add.
Refuses to know: networks. `voxhaus.runtime.waveform` is the same arithmetic in NumPy; a test holds
the two together.

Shapes: B batch, F frames, K bins, N noise steps, S = F * HOP samples.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from voxhaus.models.voice.config import FFT, HOP, SAMPLE_RATE, VOICED_FROM, WINDOW

_MARGIN = (FFT - WINDOW) // 2


def _between_frames(x_BF: Tensor) -> Tensor:
    """Values at frame centres -> samples, linear between centres, constant at both ends."""
    up = functional.interpolate(x_BF[:, None], scale_factor=HOP, mode="linear", align_corners=False)
    return up[:, 0]


def phase_at_samples(pitch_BF: Tensor, turns_B: Tensor | None = None) -> Tensor:
    """Phase of the fundamental [B, S] in radians, from pitch in Hz.

    The teacher accumulates its pitch curve the same way (also where it is unvoiced), so the phase
    of its harmonics can be learned and not only their strength.
    """
    turns = torch.cumsum(pitch_BF.double() * (HOP / SAMPLE_RATE), dim=1)
    if turns_B is not None:
        turns = turns + turns_B[:, None]
    turns_BS = _between_frames(turns)
    return (2 * math.pi * (turns_BS - turns_BS.floor())).float()


def pulses(pitch_BF: Tensor, turns_B: Tensor | None = None) -> Tensor:
    """Band-limited pulse train [B, S] of unit power where voiced, zero elsewhere.

    The sum of all harmonics below the Nyquist frequency in closed form (the Dirichlet kernel).
    """
    pitch_BS = pitch_BF.repeat_interleave(HOP, dim=1)
    phase = phase_at_samples(pitch_BF, turns_B)
    voiced = pitch_BS > VOICED_FROM
    count = (SAMPLE_RATE / 2 / pitch_BS.clamp(min=VOICED_FROM)).floor()
    half = 0.5 * phase
    below = torch.sin(half)
    near = below.abs() < 1e-4
    kernel = torch.sin((2 * count + 1) * half) / torch.where(near, torch.ones_like(below), below)
    total = torch.where(near, count, 0.5 * (kernel - 1))
    return total * torch.sqrt(2.0 / count) * voiced


def shaped_noise(noise_BS: Tensor, gains_BFN: Tensor) -> Tensor:
    """Noise [B, S] with its level following the gains, constant within a step."""
    b, f, n = gains_BFN.shape
    return (noise_BS.view(b, f, n, HOP // n) * gains_BFN[..., None]).view(b, f * HOP)


def _frames(x_BS: Tensor) -> Tensor:
    """Overlapping windowed frames, centred in the transform: [B, F, FFT]."""
    padded = functional.pad(x_BS, (HOP // 2, HOP // 2))
    window = torch.hann_window(WINDOW, device=x_BS.device)
    cut = padded.unfold(1, WINDOW, HOP) * window
    return functional.pad(cut, (_MARGIN, _MARGIN))


def overlap_add(frames_BFT: Tensor) -> Tensor:
    """Sum of frames [B, F, FFT] at distance HOP -> samples [B, S]."""
    b, f, _ = frames_BFT.shape
    total = (f - 1) * HOP + FFT
    out = functional.fold(
        frames_BFT.transpose(1, 2), (1, total), kernel_size=(1, FFT), stride=(1, HOP)
    )
    start = _MARGIN + HOP // 2
    return out.view(b, total)[:, start : start + f * HOP]


def synthesise(
    pitch_BF: Tensor,
    noise_BS: Tensor,
    real_BFK: Tensor,
    imag_BFK: Tensor,
    level_BFK: Tensor,
    gains_BFN: Tensor,
    turns_B: Tensor | None = None,
) -> Tensor:
    """Waveform [B, S]: filtered pulses plus filtered noise.

    Args:
        pitch_BF: Hz; values up to VOICED_FROM are unvoiced.
        noise_BS: white noise of unit power.
        real_BFK: real part of the harmonic filter.
        imag_BFK: its imaginary part.
        level_BFK: magnitude of the noise filter.
        gains_BFN: level of the noise in time.
        turns_B: turns of the fundamental before the first frame; none if left out.
    """
    voice = torch.fft.rfft(_frames(pulses(pitch_BF, turns_B)))
    breath = torch.fft.rfft(_frames(shaped_noise(noise_BS, gains_BFN)))
    spectrum = voice * torch.complex(real_BFK, imag_BFK) + breath * level_BFK
    return overlap_add(torch.fft.irfft(spectrum, n=FFT))
