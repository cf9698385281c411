"""Judges that are trained against the voice: is this spectrogram the teacher's or ours?

Knows: small networks over log spectra at several resolutions. Refuses to know: the generator.

Two kinds, because each misses what the other hears. A spectral judge takes all bins of a step at
once and mixes time by shifted products like the voice model itself: on a CPU that is ten times
cheaper than convolutions, and it knows which frequency it looks at. A texture judge slides small
kernels over time and frequency (the multi-resolution discriminators of UnivNet, Jang et al. 2021,
with a tenth of the channels): it sees the fine structure of harmonics wherever they lie.

Shapes: B batch, S samples, T steps, K bins, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from voxhaus.models.nn.blocks import neighbours
from voxhaus.models.voice.losses import log_magnitude, spectrum

SPECTRAL = (1024, 512, 256)
TEXTURE = (1024, 512)


class SpectralJudge(nn.Module):
    """One resolution: log spectrum -> features of each layer and a score per step."""

    def __init__(self, size: int, channels: int, layers: int) -> None:
        super().__init__()
        self.enter = nn.Linear(size // 2 + 1, channels)
        self.layers = nn.ModuleList(nn.Linear(3 * channels, channels) for _ in range(layers))
        self.score = nn.Linear(channels, 1)

    def forward(self, x_BTK: Tensor) -> tuple[list[Tensor], Tensor]:
        """Log spectrum -> features [B, T, C] of each layer, and a score [B, T]."""
        h = functional.leaky_relu(self.enter(x_BTK), 0.1)
        features = [h]
        for i, layer in enumerate(self.layers):
            h = functional.leaky_relu(layer(neighbours(h, 2**i)), 0.1)
            features.append(h)
        return features, self.score(h).squeeze(-1)


class TextureJudge(nn.Module):
    """One resolution: log spectrum -> features and a score at every place of time and frequency."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(1, c, (3, 9), stride=(1, 4), padding=(1, 4)),
                nn.Conv2d(c, 2 * c, (3, 5), stride=(1, 2), padding=(1, 2)),
                nn.Conv2d(2 * c, 2 * c, (3, 3), padding=1),
                nn.Conv2d(2 * c, 2 * c, (3, 3), padding=(2, 1), dilation=(2, 1)),
            ]
        )
        self.score = nn.Conv2d(2 * c, 1, (3, 3), padding=1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x_BTK: Tensor) -> tuple[list[Tensor], Tensor]:
        """Log spectrum -> features of each layer, and scores."""
        h = x_BTK[:, None].contiguous(memory_format=torch.channels_last)
        features = []
        for layer in self.layers:
            h = functional.leaky_relu(layer(h), 0.1)
            features.append(h)
        return features, self.score(h)


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
    """All judges; a step asks the few that it draws."""

    def __init__(self, *, channels: int = 192, layers: int = 3, texture_channels: int = 16) -> None:
        super().__init__()
        judges: list[nn.Module] = [SpectralJudge(r, channels, layers) for r in SPECTRAL]
        judges += [TextureJudge(texture_channels) for _ in TEXTURE]
        self.judges = nn.ModuleList(judges)
        self.sizes = (*SPECTRAL, *TEXTURE)

    def spectra(self, x_BS: Tensor, drawn: Sequence[int]) -> dict[int, Tensor]:
        """What the drawn judges look at: log spectra [B, T, K] by window length."""
        made = {}
        for size in sorted({self.sizes[i] for i in drawn}):
            power = spectrum(x_BS, size).square().sum(-1)
            made[size] = log_magnitude(power).transpose(1, 2) + 4.0
        return made

    def forward(
        self, ours: dict[int, Tensor], theirs: dict[int, Tensor], drawn: Sequence[int]
    ) -> Verdicts:
        """Judge the spectra of two recordings of one text; means over the drawn judges."""
        own, fooled, apart = [], [], []
        for judge, size in ((self.judges[i], self.sizes[i]) for i in drawn):
            features, score = judge(ours[size])
            targets, truth = judge(theirs[size])
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
