"""Judges that are trained against the voice: is this spectrogram the teacher's or ours?

Knows: small networks over log mel spectra at several resolutions. Refuses to know: the generator.

A judge takes all bands of a step at once and mixes time by shifted products like the voice model
itself: on a CPU that is three to ten times cheaper than convolutions over time and frequency, and
in equal time it learns far more. Bands and not bins, because single bins show at once that our
source is more regular than the teacher's, which the voice cannot help; a judge that has such a sign
looks for no other, and the voice learns nothing from it (both in docs/LOG.md).

Shapes: B batch, S samples, T steps, M mel bands, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxhaus.models.nn.blocks import neighbours
from voxhaus.models.voice.losses import log_magnitude, mel_filters, spectrum

SIZES = (1024, 512)  # window lengths, one judge each
BANDS = 80


class Judge(nn.Module):
    """One resolution: log mel spectrum -> features of each layer and a score per step.

    Args:
        channels: C.
        layers: shifted products, each reaching twice as far as the one before.
    """

    def __init__(self, channels: int, layers: int) -> None:
        super().__init__()
        self.enter = nn.Linear(BANDS, channels)
        self.layers = nn.ModuleList(nn.Linear(3 * channels, channels) for _ in range(layers))
        self.score = nn.Linear(channels, 1)

    def forward(self, x_BTM: Tensor) -> tuple[list[Tensor], Tensor]:
        """Log mel spectrum -> features [B, T, C] of each layer, and a score [B, T]."""
        h = functional.leaky_relu(self.enter(x_BTM), 0.1)
        features = [h]
        for i, layer in enumerate(self.layers):
            h = functional.leaky_relu(layer(neighbours(h, 2**i)), 0.1)
            features.append(h)
        return features, self.score(h).squeeze(-1)


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the judges say of a pair of recordings.

    Attributes:
        own: what the judges minimise (least squares, Mao et al. 2017): 1 for the teacher's sound, 0
            for ours.
        fooled: what the voice minimises: 1 for ours.
        apart: distance of the features of the two, which the voice minimises too.
    """

    own: Tensor
    fooled: Tensor
    apart: Tensor


class Judges(nn.Module):
    """One judge for each window length."""

    def __init__(
        self, *, channels: int = 192, layers: int = 3, sizes: Sequence[int] = SIZES
    ) -> None:
        super().__init__()
        self.judges = nn.ModuleList(Judge(channels, layers) for _ in sizes)
        self.sizes = tuple(sizes)
        for size in sizes:
            self.register_buffer(f"mel_{size}", mel_filters(BANDS, size), persistent=False)

    def spectra(self, x_BS: Tensor) -> list[Tensor]:
        """What each judge looks at: log mel spectra [B, T, M]."""
        made = []
        for size in self.sizes:
            power = spectrum(x_BS, size).square().sum(-1)
            bands = self.get_buffer(f"mel_{size}") @ power
            made.append(log_magnitude(bands).transpose(1, 2) + 4.0)
        return made

    def forward(self, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Verdicts:
        """Judge the spectra of two recordings of one text; means over the judges."""
        own, fooled, apart = [], [], []
        for judge, x, y in zip(self.judges, ours, theirs, strict=True):
            features, score = judge(x)
            targets, truth = judge(y)
            score, truth = score.float(), truth.float()
            own.append(score.square().mean() + (truth - 1).square().mean())
            fooled.append((score - 1).square().mean())
            apart.append(_apart(features, targets))
        return Verdicts(
            own=torch.stack(own).mean(),
            fooled=torch.stack(fooled).mean(),
            apart=torch.stack(apart).mean(),
        )


def _apart(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Mean distance of features, each layer in units of its own size."""
    layers = []
    for a, b in zip(ours, theirs, strict=True):
        wanted = b.detach().float()
        layers.append((a.float() - wanted).abs().mean() / (wanted.abs().mean() + 1e-4))
    return torch.stack(layers).mean()
