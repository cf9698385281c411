"""Log energies of a recording in mel bands, up to where it holds anything.

Knows: frames of the model's rate and triangular bands between 60 Hz and an edge.
Refuses to know: networks, texts.

Shapes: S samples at 24 kHz, F = S / 300 frames, M bands.
"""

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples
from voxhaus.training.voice.own.recordings import RATE

HOP, WINDOW, SIZE = 300, 800, 1024
BANDS = 32
LOWEST = 60.0  # Hz
FLOOR = 1e-9  # power of a band: far below any room

Array = NDArray[np.float32]


def filters(edge: float) -> Array:
    """Triangles [M, K] on the HTK mel scale from LOWEST to `edge` Hz, each with unit sum."""

    def mel(hertz: float) -> float:
        return float(2595 * np.log10(1 + hertz / 700))

    edges = 700 * (10 ** (np.linspace(mel(LOWEST), mel(edge), BANDS + 2) / 2595) - 1)
    bins = np.linspace(0, RATE / 2, SIZE // 2 + 1)
    up = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    made = np.maximum(np.minimum(up, down), 1e-4)
    return np.asarray(made / made.sum(1, keepdims=True), np.float32)


def log_bands(samples: Samples, filters_MK: Array) -> Array:
    """Natural log of the power in each band [F, M]; frame i is centred on sample 300 (i + 1/2)."""
    before = (WINDOW - HOP) // 2
    padded = np.pad(samples, (before, WINDOW))
    count = len(samples) // HOP
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: count * HOP : HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, SIZE)) ** 2 / (window**2).sum()
    return np.log(power @ filters_MK.T + FLOOR).astype(np.float32)


def even(bands_FM: Array) -> Array:
    """Each band at mean 0 and spread 1 over the recording: microphones and rooms differ."""
    floored = np.maximum(bands_FM, bands_FM.max() - 14.0)  # 60 dB under the loudest: silence
    spread = floored.std(0) + 0.3
    return np.asarray((floored - floored.mean(0)) / spread, np.float32)
