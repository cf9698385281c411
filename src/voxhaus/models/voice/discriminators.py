"""Judges that are trained against the voice: is this spectrogram the teacher's or ours?

Knows: small networks over log spectra at several resolutions. Refuses to know: the generator.

They mix time by shifted products like the voice model itself, one vector of bins a step, instead of
two-dimensional convolutions: on a CPU that is ten times cheaper, and a handful of known voices has
no need of judges that are blind to absolute frequency.

Shapes: B batch, S samples, T steps, K bins, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxhaus.models.nn.blocks import neighbours
from voxhaus.models.voice.losses import log_magnitude, spectrum

RESOLUTIONS = (1024, 512, 256)


class SpectralJudge(nn.Module):
    """One resolution: log spectrum -> features of each layer and a score per step."""

    def __init__(self, size: int, channels: int, layers: int) -> None:
        super().__init__()
        self.size = size
        self.enter = nn.Linear(size // 2 + 1, channels)
        self.layers = nn.ModuleList(nn.Linear(3 * channels, channels) for _ in range(layers))
        self.score = nn.Linear(channels, 1)

    def forward(self, x_BS: Tensor) -> tuple[list[Tensor], Tensor]:
        """Samples -> features [B, T, C] of each layer, and a score [B, T]."""
        bins = spectrum(x_BS, self.size)
        power = bins.real.square() + bins.imag.square()
        h = functional.leaky_relu(self.enter(log_magnitude(power).transpose(1, 2) + 4.0), 0.1)
        features = [h]
        for i, layer in enumerate(self.layers):
            h = functional.leaky_relu(layer(neighbours(h, 2**i)), 0.1)
            features.append(h)
        return features, self.score(h).squeeze(-1)


class Judges(nn.Module):
    """One judge a resolution, with least-squares losses (Mao et al. 2017) and feature matching."""

    def __init__(self, *, channels: int = 192, layers: int = 3) -> None:
        super().__init__()
        self.judges = nn.ModuleList(SpectralJudge(r, channels, layers) for r in RESOLUTIONS)

    def own_loss(self, made_BS: Tensor, wanted_BS: Tensor) -> Tensor:
        """What the judges minimise: 1 for the teacher's, 0 for ours."""
        total = made_BS.new_zeros(())
        for judge in self.judges:
            _, ours = judge(made_BS.detach())
            _, theirs = judge(wanted_BS)
            total = total + ours.float().square().mean() + (theirs.float() - 1).square().mean()
        return total / len(self.judges)

    def voice_loss(self, made_BS: Tensor, wanted_BS: Tensor) -> tuple[Tensor, Tensor]:
        """What the voice minimises: being taken for the teacher, and distance of features."""
        fooled = made_BS.new_zeros(())
        apart = made_BS.new_zeros(())
        for judge in self.judges:
            ours, score = judge(made_BS)
            with torch.no_grad():
                theirs, _ = judge(wanted_BS)
            fooled = fooled + (score.float() - 1).square().mean()
            for a, b in zip(ours, theirs, strict=True):
                scale = b.float().abs().mean() + 1e-4
                apart = apart + (a.float() - b.float()).abs().mean() / scale / len(ours)
        return fooled / len(self.judges), apart / len(self.judges)
