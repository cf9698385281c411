"""Pitch and energy of a recording, in the voice model's own terms.

Knows: how a contour is placed on the model's frames, and how the model's energy is told from band
levels, by a regression over practice speech, where it is known.
Refuses to know: texts, training.

Shapes: S samples at 24 kHz, F = S / 300 frames, M bands, N inputs of the regression.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples
from voxhaus.evals import pitch
from voxhaus.training.voice.own.bands import HOP, Array, log_bands
from voxhaus.training.voice.own.practice import Practice
from voxhaus.training.voice.own.recordings import RATE

REACH = 2  # frames to each side that the regression sees
RIDGE = 10.0
LOWEST, HIGHEST = -9.5, 10.0  # what the teacher's energy ever is
RELATIVE_FLOOR = 16.0  # 70 dB under the loudest band: what is softer is silence, whatever the room


def pitch_of(samples: Samples) -> Array:
    """Pitch in Hz for each frame [F], 0 where unvoiced.

    The model's phase is the running sum of its pitch up to the middle of a frame, so a value speaks
    of the stretch between two middles and lies half a frame earlier than the frame's own.
    """
    shifted = np.pad(samples, (HOP // 2, 0))
    return pitch.contour(shifted, RATE, HOP)[: len(samples) // HOP].astype(np.float32)


def _inputs(bands_FM: Array) -> NDArray[np.float64]:
    """[F, N]: levels over the floor, their squares and their neighbours in time."""
    top = np.quantile(bands_FM.max(1), 0.98)
    levels = np.maximum(bands_FM.astype(np.float64), top - RELATIVE_FLOOR) - top
    whole = np.log(np.exp(levels).sum(1, keepdims=True))
    columns = [levels, levels**2 / 8, whole, whole**2 / 8]
    padded = np.pad(np.concatenate([levels[:, ::2], whole], 1), ((REACH, REACH), (0, 0)), "edge")
    count = len(levels)
    columns += [padded[i : i + count] for i in range(2 * REACH + 1) if i != REACH]
    return np.concatenate([*columns, np.ones((count, 1))], 1)


@dataclass(frozen=True, kw_only=True)
class EnergyScale:
    """A fitted regression from band levels to the model's energy."""

    weights: NDArray[np.float64]

    def of(self, bands_FM: Array) -> Array:
        """Energy [F] of a recording."""
        made = _inputs(bands_FM) @ self.weights
        return np.clip(made, LOWEST, HIGHEST).astype(np.float32)

    def error(self, readings: Sequence[Practice], filters_MK: Array) -> float:
        """Mean absolute error over practice speech, in the model's unit."""
        apart = [np.abs(self.of(log_bands(r.samples, filters_MK)) - r.energy) for r in readings]
        return float(np.concatenate(apart).mean())


def fitted(readings: Sequence[Practice], filters_MK: Array) -> EnergyScale:
    """Ridge regression over practice speech, which should be as noisy as recordings are."""
    x = np.concatenate([_inputs(log_bands(r.samples, filters_MK)) for r in readings])
    y = np.concatenate([r.energy for r in readings]).astype(np.float64)
    square = x.T @ x + RIDGE * np.eye(x.shape[1])
    return EnergyScale(weights=np.linalg.solve(square, x.T @ y))
