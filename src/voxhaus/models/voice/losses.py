"""How far two waveforms are apart to the ear, and how far two prosodies are.

Knows: spectral distances at several resolutions, mel distance, phase-aware distance, masks.
Refuses to know: the model that made the waveform, optimisers.

Shapes: B batch, S samples, K bins, M mel bands, T steps.
"""

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from voxhaus.models.voice.config import SAMPLE_RATE

RESOLUTIONS = (2048, 1024, 512, 256, 128)  # window lengths; hops are a quarter
MEL_RESOLUTIONS = (1024, 512)
FLOOR = 1e-4  # magnitude of white noise at -80 dBFS: below it nothing is heard


@functools.cache
def _window(size: int) -> Tensor:
    window = torch.hann_window(size)
    return window / math.sqrt(float(window.square().sum()))


def spectrum(x_BS: Tensor, size: int) -> Tensor:
    """STFT [B, K, T, 2] as real and imaginary parts; white noise of power 1 has power 1 in a bin.

    Real tensors, because compilers of torch programs leave complex ones alone.
    """
    window = _window(size).to(x_BS.device)
    bins = torch.stft(x_BS, size, size // 4, window=window, return_complex=True)
    return torch.view_as_real(bins)


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
    The mel terms compare levels in 80 bands, which are less of a lottery than those of single bins:
    the teacher's levels in them, at 5 ms steps, were worth 0.1 to 0.3 DistillMOS (docs/LOG.md).
    The phase term compares complex spectra with compressed magnitudes below `phase_below` Hz, where
    the phase of the teacher's harmonics can be predicted from its source: the coherence of the two
    falls from 0.7 at 300 Hz to 0.05 at 1,700 Hz. Higher up the term would teach nothing but to
    speak softly (it cost 1 to 2 dB between 1 and 5 kHz).

    Args:
        below: compare nothing above it (Hz); for recordings that hold nothing there.
    """

    def __init__(
        self,
        *,
        convergence: float = 0.5,
        mel: float = 2.0,
        phase: float = 0.5,
        phase_below: float = 1500.0,
        resolutions: Sequence[int] = RESOLUTIONS,
        below: float = SAMPLE_RATE / 2,
    ) -> None:
        super().__init__()
        self.weights = {"convergence": convergence, "mel": mel, "phase": phase}
        self.resolutions = tuple(resolutions)
        self.below = below
        self.phase_bins = int(phase_below / SAMPLE_RATE * 1024)
        for size in MEL_RESOLUTIONS:
            filters_MK = mel_filters(80, size)[:, : self._bins(size)]
            whole = filters_MK.sum(1) > 0.999  # bands that reach over the edge are left out
            self.register_buffer(f"mel_{size}", filters_MK[whole], persistent=False)
        self.apart, self.apart_mel, self.apart_phase = (
            self._apart,
            self._apart_mel,
            self._apart_phase,
        )

    def forward(self, made_BS: Tensor, wanted_BS: Tensor) -> dict[str, Tensor]:
        """The weighted terms by name; their sum is the loss. The batch is judged as one signal."""
        found: dict[str, list[Tensor]] = {"log": [], "convergence": [], "mel": [], "phase": []}
        for size in self.resolutions:
            made, wanted = (spectrum(x, size)[:, : self._bins(size)] for x in (made_BS, wanted_BS))
            log, share = self.apart(made, wanted)
            found["log"].append(log)
            found["convergence"].append(share * self.weights["convergence"])
            if size in MEL_RESOLUTIONS:
                mel = self.apart_mel(made, wanted, self.get_buffer(f"mel_{size}"))
                found["mel"].append(self.weights["mel"] * mel)
            if size == 1024:
                found["phase"].append(self.weights["phase"] * self.apart_phase(made, wanted))
        return {name: torch.stack(terms).mean() for name, terms in found.items() if terms}

    def _bins(self, size: int) -> int:
        return int(self.below / SAMPLE_RATE * size) + 1

    def fuse(self) -> None:
        """Fuse the arithmetic behind the transforms (torch.compile); needs a C++ compiler."""
        self.apart = torch.compile(self.apart, dynamic=False)
        self.apart_mel = torch.compile(self.apart_mel, dynamic=False)
        self.apart_phase = torch.compile(self.apart_phase, dynamic=False)

    @staticmethod
    def _apart(made_BKT2: Tensor, wanted_BKT2: Tensor) -> tuple[Tensor, Tensor]:
        p, q = _power(made_BKT2), _power(wanted_BKT2)
        log = (log_magnitude(p) - log_magnitude(q)).abs().mean()
        apart = (torch.sqrt(p + 1e-10) - torch.sqrt(q + 1e-10)).square().sum()
        # The root of zero has no gradient.
        return log, torch.sqrt((apart + 1e-12) / (q.sum() + 1e-6))

    @staticmethod
    def _apart_mel(made_BKT2: Tensor, wanted_BKT2: Tensor, mel_MK: Tensor) -> Tensor:
        p, q = _power(made_BKT2), _power(wanted_BKT2)
        return (log_magnitude(mel_MK @ p) - log_magnitude(mel_MK @ q)).abs().mean()

    def _apart_phase(self, made_BKT2: Tensor, wanted_BKT2: Tensor) -> Tensor:
        made = _compressed(made_BKT2[:, : self.phase_bins])
        wanted = _compressed(wanted_BKT2[:, : self.phase_bins])
        scale = torch.sqrt(_power(wanted)).mean() + 1e-6
        return torch.sqrt(_power(made - wanted) + 1e-8).mean() / scale


def _power(x_2: Tensor) -> Tensor:
    return x_2.square().sum(-1)


def _compressed(x_2: Tensor) -> Tensor:
    """Same phase, square root of the magnitude."""
    return x_2 * ((_power(x_2) + 1e-8) ** -0.25)[..., None]


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
    # Slopes, because an error that jumps from frame to frame is heard more than one that stays.
    both = voiced[:, 1:] * voiced[:, :-1]
    slope = (pitch - true_pitch).diff(dim=1).abs() * both
    rise = (energy - true_energy).diff(dim=1).abs() * mask_BF[:, 1:]
    return {
        "duration": ((made - true).abs() * mask_BL).sum() / mask_BL.sum(),
        "pitch": 4.0 * ((pitch - true_pitch).abs() * voiced).sum() / voiced.sum().clamp(min=1),
        "slope": 8.0 * slope.sum() / both.sum().clamp(min=1),
        "voicing": 0.5 * (doubt * mask_BF).sum() / mask_BF.sum(),
        "energy": 0.1 * ((energy - true_energy).abs() * mask_BF).sum() / mask_BF.sum(),
        "rise": 0.1 * rise.sum() / mask_BF.sum(),
    }
