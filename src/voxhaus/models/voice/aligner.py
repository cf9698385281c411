"""The aligner: which phoneme each frame of a recording belongs to.

Knows: a likeness of sounds and phonemes, and the two sums over monotonic paths: all of them (to
learn from recordings that nobody has timed) and the best one (to time them).
Refuses to know: where recordings come from, and what their timing is used for.

Phonemes and frames are embedded and compared as in Badlani et al. 2022 ("One TTS alignment to rule
them all"), but each knows its neighbours: marks of stress, spaces and commas are tokens, too, and
only what surrounds them tells where they lie.

Shapes: B batch, L tokens with borders, F frames of 12.5 ms, M mel bands, C channels.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

NEVER = -1e4
SLACK = 0.25  # how far a path may stray from an even pace before that counts against it


class _Neighbours(nn.Module):
    """Residual convolutions of width 3 over [B, T, C]."""

    def __init__(self, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in dilations
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in dilations)

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = norm(x_BTC) * mask_BT1
            x_BTC = x_BTC + functional.silu(layer(h.transpose(1, 2))).transpose(1, 2)
        return x_BTC


class Aligner(nn.Module):
    """Log-probabilities of the tokens of its text for every frame of a recording."""

    def __init__(self, vocabulary: int, bands: int, width: int = 128) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.text = _Neighbours(width, (1, 1))
        self.enter = nn.Linear(bands, width)
        self.sound = _Neighbours(width, (1, 1, 2, 4, 1))
        self.token, self.frame = nn.Linear(width, width), nn.Linear(width, width)

    def forward(
        self, mel_BFM: Tensor, tokens_BL: Tensor, frames_BF1: Tensor, tokens_BL1: Tensor
    ) -> Tensor:
        """Log-probabilities [B, F, L].

        Args:
            mel_BFM: normalised log mel energies.
            tokens_BL: ids with borders.
            frames_BF1: 1 inside a recording.
            tokens_BL1: 1 inside a text.
        """
        text = self.text(self.embed(tokens_BL) * tokens_BL1, tokens_BL1)
        sound = self.sound(self.enter(mel_BFM) * frames_BF1, frames_BF1)
        like = torch.einsum("bfc,blc->bfl", self.frame(sound), self.token(text))
        like = like * text.shape[-1] ** -0.5 + even_pace(frames_BF1, tokens_BL1)
        return like.masked_fill(tokens_BL1.transpose(1, 2) == 0, NEVER).log_softmax(-1)


def even_pace(frames_BF1: Tensor, tokens_BL1: Tensor) -> Tensor:
    """Log prior [B, F, L]: the same words may be said twice, but not at both ends at once."""
    at_BF = torch.arange(frames_BF1.shape[1]) / frames_BF1.sum((1, 2)).clamp(min=1)[:, None]
    at_BL = torch.arange(tokens_BL1.shape[1]) / tokens_BL1.sum((1, 2)).clamp(min=1)[:, None]
    return -0.5 * ((at_BF[:, :, None] - at_BL[:, None]) / SLACK).square()


def forward_sum(log_BFL: Tensor, frames_B: Tensor, tokens_B: Tensor) -> Tensor:
    """Mean negative log-probability a frame of all monotonic paths together (scalar).

    A path begins with the first token, ends with the last, and skips none.
    """
    b, f, length = log_BFL.shape
    total = torch.full((b, length), NEVER)
    total[:, 0] = 0.0
    total = total + log_BFL[:, 0]
    ends = [total]
    for i in range(1, f):
        before = functional.pad(total[:, :-1], (1, 0), value=NEVER)
        total = torch.logaddexp(total, before) + log_BFL[:, i]
        ends.append(total)
    rows = torch.arange(b)
    last = torch.stack(ends, 1)[rows, frames_B - 1, tokens_B - 1]
    return -(last / frames_B).mean()


def best_path(log_FL: NDArray[np.float32]) -> NDArray[np.int64]:
    """Frames of each token [L] on the likeliest monotonic path; every token has one or more.

    Raises:
        ValueError: fewer frames than tokens.
    """
    frames, length = log_FL.shape
    if frames < length:
        raise ValueError(f"{frames} frames for {length} tokens")
    total = np.full(length, -np.inf)
    total[0] = log_FL[0, 0]
    moved = np.zeros((frames, length), bool)
    for i in range(1, frames):
        before = np.concatenate([[-np.inf], total[:-1]])
        moved[i] = before > total
        total = np.where(moved[i], before, total) + log_FL[i]
    lengths, at = np.zeros(length, np.int64), length - 1
    for i in range(frames - 1, -1, -1):
        lengths[at] += 1
        at -= int(moved[i, at])
    return lengths
