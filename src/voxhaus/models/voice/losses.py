"""How far two waveforms are apart to the ear, and how far two prosodies are.

Knows: spectral distances at several resolutions, mel distance, phase-aware distance, masks.
Refuses to know: the model that made the waveform, optimisers.

Shapes: B batch, S samples, K bins, M mel bands, T steps.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from voxhaus.models.voice.config import SAMPLE_RATE

RESOLUTIONS = (2048, 1024, 512, 256, 128)  # window lengths; hops are a quarter
FLOOR = 1e-4  # magnitude of white noise at -80 dBFS: below it nothing is heard


def spectrum(x_BS: Tensor, size: int) -> Tensor:
    """Complex STFT [B, K, T], scaled so that white noise of power 1 has power 1 in each bin."""
    window = torch.hann_window(size, device=x_BS.device)
    window = window / math.sqrt(float(window.square().sum()))
    return torch.stft(x_BS, size, size // 4, window=window, return_complex=True)


def log_magnitude(power: Tensor) -> Tensor:
    """Natural logarithm of the magnitude, floored at FLOOR."""
    return 0.5 * torch.log(power + FLOOR**2)


def mel_filters(bands: int, size: int, sample_rate: int = SAMPLE_RATE) -> Tensor:
    """Triangular filters [M, K] on the HTK mel scale, each with unit sum."""
    top = 2595 * math.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2) / 2595) - 1)
    bins = torch.linspace(0, sample_rate / 2, size // 2 + 1)
    up = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = torch.minimum(up, down).clamp(min=0)
    return filters / filters.sum(1, keepdim=True).clamp(min=1e-6)


class SpectralLoss(nn.Module):
    """Multi-resolution STFT loss (Yamamoto et al. 2020) with mel and phase terms.

    At each resolution: mean absolute difference of log magnitudes, plus spectral convergence. The
    log term has no bias where both signals are noise; the convergence term attends to what is loud.
    The phase term compares complex spectra with compressed magnitudes below `phase_below` Hz, where
    the phase of the teacher's harmonics can be predicted from its source: the coherence of the two
    falls from 0.7 at 300 Hz to 0.05 at 1,700 Hz. Higher up the term would teach nothing but to
    speak softly (it cost 1 to 2 dB between 1 and 5 kHz).
    """

    def __init__(
        self,
        *,
        convergence: float = 0.5,
        mel: float = 1.0,
        phase: float = 0.5,
        phase_below: float = 1500.0,
        resolutions: Sequence[int] = RESOLUTIONS,
    ) -> None:
        super().__init__()
        self.weights = {"convergence": convergence, "mel": mel, "phase": phase}
        self.resolutions = tuple(resolutions)
        self.phase_bins = int(phase_below / SAMPLE_RATE * 1024)
        self.register_buffer("mel", mel_filters(80, 1024), persistent=False)

    def forward(self, made_BS: Tensor, wanted_BS: Tensor) -> dict[str, Tensor]:
        """The weighted terms by name; their sum is the loss. The batch is judged as one signal."""
        terms = {"log": made_BS.new_zeros(()), "convergence": made_BS.new_zeros(())}
        count = len(self.resolutions)
        for size in self.resolutions:
            made, wanted = spectrum(made_BS, size), spectrum(wanted_BS, size)
            p, q = _power(made), _power(wanted)
            terms["log"] = terms["log"] + (log_magnitude(p) - log_magnitude(q)).abs().mean() / count
            apart = (torch.sqrt(p + 1e-10) - torch.sqrt(q + 1e-10)).square().sum()
            # The root of zero has no gradient.
            share = torch.sqrt((apart + 1e-12) / (q.sum() + 1e-6))
            terms["convergence"] = (
                terms["convergence"] + share * self.weights["convergence"] / count
            )
            if size == 1024:
                terms["mel"] = self._mel(p, q)
                terms["phase"] = self._phase(made, wanted)
        return terms

    def _mel(self, p_BKT: Tensor, q_BKT: Tensor) -> Tensor:
        mel: Tensor = self.get_buffer("mel")
        apart = log_magnitude(mel @ p_BKT) - log_magnitude(mel @ q_BKT)
        return self.weights["mel"] * apart.abs().mean()

    def _phase(self, made_BKT: Tensor, wanted_BKT: Tensor) -> Tensor:
        made, wanted = made_BKT[:, : self.phase_bins], wanted_BKT[:, : self.phase_bins]
        apart = _compressed(made) - _compressed(wanted)
        scale = _compressed(wanted).abs().mean() + 1e-6
        return self.weights["phase"] * torch.sqrt(_power(apart) + 1e-8).mean() / scale


def _power(x: Tensor) -> Tensor:
    return x.real.square() + x.imag.square()


def _compressed(x: Tensor) -> Tensor:
    """Same phase, square root of the magnitude."""
    return x * (_power(x) + 1e-8) ** -0.25


def prosody_loss(
    durations: tuple[Tensor, Tensor, Tensor],
    curves: tuple[Tensor, Tensor, Tensor],
    wanted: tuple[Tensor, Tensor, Tensor],
    mask_BF: Tensor,
) -> dict[str, Tensor]:
    """Terms for log durations and the three curves.

    Args:
        durations: predicted and true log durations and their mask, each [B, L].
        curves: predicted log2 pitch ratio, voicing logit and energy, each [B, F].
        wanted: true log2 pitch ratio, voicing in {0, 1} and energy, each [B, F].
        mask_BF: 1 inside the utterance.
    """
    made, true, mask_BL = durations
    pitch, voicing, energy = curves
    true_pitch, true_voicing, true_energy = wanted
    voiced = mask_BF * true_voicing
    doubt = nn.functional.binary_cross_entropy_with_logits(voicing, true_voicing, reduction="none")
    return {
        "duration": ((made - true).abs() * mask_BL).sum() / mask_BL.sum(),
        "pitch": 4.0 * ((pitch - true_pitch).abs() * voiced).sum() / voiced.sum().clamp(min=1),
        "voicing": 0.5 * (doubt * mask_BF).sum() / mask_BF.sum(),
        "energy": 0.1 * ((energy - true_energy).abs() * mask_BF).sum() / mask_BF.sum(),
    }
