"""Timing recordings: an aligner that practised on our own speech, then listened to the speaker.

Knows: how the aligner is trained (by known timing, then by the sum over all timings), how a
recording is timed with it, and how its error is measured.
Refuses to know: files, checks, what the timing is for.

Shapes: B batch, L tokens with borders, F frames of 12.5 ms, M bands.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from voxhaus.models.text.phonemes import VOCABULARY_SIZE
from voxhaus.models.voice.aligner import Aligner, best_path, forward_sum
from voxhaus.training.voice.own.bands import BANDS, Array
from voxhaus.training.voice.own.practice import Practice

BATCH = 8
RATE, HEARING_RATE = 2e-3, 3e-4
FRAME_MS = 12.5


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A recording as the aligner sees it; `frames` of each token where the timing is known."""

    tokens: NDArray[np.int64]
    bands_FM: Array
    frames: NDArray[np.int64] | None = None


@dataclass(frozen=True, kw_only=True)
class _Batch:
    mel_BFM: Tensor
    tokens_BL: Tensor
    frames_BF1: Tensor
    tokens_BL1: Tensor
    owner_BF: Tensor  # the token of each frame, -1 where unknown

    @property
    def counts(self) -> tuple[Tensor, Tensor]:
        return self.frames_BF1.sum((1, 2)).long(), self.tokens_BL1.sum((1, 2)).long()


def _batch(items: Sequence[Heard]) -> _Batch:
    f, n = max(len(h.bands_FM) for h in items), max(len(h.tokens) for h in items)
    batch = _Batch(
        mel_BFM=torch.zeros(len(items), f, BANDS),
        tokens_BL=torch.zeros(len(items), n, dtype=torch.long),
        frames_BF1=torch.zeros(len(items), f, 1),
        tokens_BL1=torch.zeros(len(items), n, 1),
        owner_BF=torch.full((len(items), f), -1),
    )
    for i, h in enumerate(items):
        batch.mel_BFM[i, : len(h.bands_FM)] = torch.from_numpy(h.bands_FM)
        batch.tokens_BL[i, : len(h.tokens)] = torch.from_numpy(h.tokens)
        batch.frames_BF1[i, : len(h.bands_FM)] = 1
        batch.tokens_BL1[i, : len(h.tokens)] = 1
        if h.frames is not None:
            owner = np.repeat(np.arange(len(h.frames)), h.frames)
            batch.owner_BF[i, : len(owner)] = torch.from_numpy(owner)
    return batch


Loss = Callable[[_Batch], Tensor]


def practised(items: Sequence[Heard], *, steps: int = 500, seed: int = 1) -> Aligner:
    """A new aligner that has learned from recordings whose timing is known."""
    torch.manual_seed(seed)
    aligner = Aligner(VOCABULARY_SIZE, BANDS)

    def loss(batch: _Batch) -> Tensor:
        logs = aligner(batch.mel_BFM, batch.tokens_BL, batch.frames_BF1, batch.tokens_BL1)
        return functional.nll_loss(logs.transpose(1, 2), batch.owner_BF, ignore_index=-1)

    _descend(aligner, items, loss, steps=steps, rate=RATE, seed=seed)
    return aligner


def listened(
    aligner: Aligner,
    recordings: Sequence[Heard],
    practice: Sequence[Heard],
    *,
    steps: int = 60,
    seed: int = 1,
) -> None:
    """Let the aligner get used to a speaker that nobody has timed, by the sum over all timings.

    Practice speech goes on beside, so that it does not forget where a sound ends.
    """

    def loss(batch: _Batch) -> Tensor:
        logs = aligner(batch.mel_BFM, batch.tokens_BL, batch.frames_BF1, batch.tokens_BL1)
        known = (batch.owner_BF[:, 0] >= 0).float()
        apart = functional.nll_loss(
            logs.transpose(1, 2), batch.owner_BF.clamp(min=0), reduction="none"
        )
        timed = (apart * batch.frames_BF1[..., 0]).sum(1) / batch.frames_BF1.sum((1, 2))
        if known.all():
            return timed.mean()
        new = known == 0
        frames, tokens = batch.counts
        untimed = forward_sum(logs[new], frames[new], tokens[new])
        return untimed + (timed * known).sum() / known.sum().clamp(min=1)

    rng = random.Random(seed)
    fit = [h for h in recordings if len(h.bands_FM) >= len(h.tokens)]
    mixed = [*fit, *rng.sample(list(practice), min(len(practice), len(fit)))]
    _descend(aligner, mixed, loss, steps=steps, rate=HEARING_RATE, seed=seed)


def _descend(
    aligner: Aligner, items: Sequence[Heard], loss: Loss, *, steps: int, rate: float, seed: int
) -> None:
    rng, waiting = random.Random(seed), list[Heard]()
    optimiser = torch.optim.AdamW(aligner.parameters(), lr=rate, betas=(0.9, 0.98))
    aligner.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 30, 2 * (steps - step) / steps)
        if len(waiting) < BATCH:
            waiting = rng.sample(list(items), len(items)) + waiting
        batch = _batch([waiting.pop() for _ in range(min(BATCH, len(waiting)))])
        optimiser.zero_grad()
        value = loss(batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(aligner.parameters(), 1.0)
        optimiser.step()
    aligner.eval()


@torch.no_grad()
def timed(aligner: Aligner, heard: Heard) -> tuple[NDArray[np.int64], float]:
    """Frames of each token, and how sure the aligner is: mean log-probability a frame.

    Raises:
        ValueError: fewer frames than tokens.
    """
    b = _batch([heard])
    logs = aligner(b.mel_BFM, b.tokens_BL, b.frames_BF1, b.tokens_BL1)[0].numpy()
    frames = best_path(logs)
    owner = np.repeat(np.arange(len(frames)), frames)
    return frames, float(logs[np.arange(len(owner)), owner].mean())


def heard_of(made: Practice, bands_FM: Array) -> Heard:
    """Practice speech as the aligner sees it, timing included."""
    return Heard(tokens=made.tokens, bands_FM=bands_FM, frames=made.frames)


@dataclass(frozen=True, kw_only=True)
class BoundaryErrors:
    """How far borders between tokens lie from where they are, in ms."""

    median_ms: float
    mean_ms: float
    within_20_ms: float
    within_50_ms: float
    borders: int


def boundary_errors(aligner: Aligner, items: Sequence[Heard]) -> BoundaryErrors:
    """Errors of the borders inside recordings whose timing is known; others are left out."""
    apart = []
    for h in items:
        if h.frames is None:
            continue
        found, _ = timed(aligner, h)
        apart.append(np.abs(np.cumsum(found) - np.cumsum(h.frames))[:-1] * FRAME_MS)
    all_of = np.concatenate(apart)
    return BoundaryErrors(
        median_ms=float(np.median(all_of)),
        mean_ms=float(all_of.mean()),
        within_20_ms=float((all_of <= 20).mean()),
        within_50_ms=float((all_of <= 50).mean()),
        borders=len(all_of),
    )
