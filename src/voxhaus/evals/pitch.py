"""Pitch of recorded speech, by the normalised autocorrelation of short frames.

Knows: arithmetic on samples. Refuses to know: engines and reports.
"""

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples

FRAME, HOP = 0.04, 0.01  # seconds
LOWEST, HIGHEST = 60.0, 420.0  # Hz, the range of speaking voices
CLEAR = 0.6  # share of a frame's energy that must repeat for it to count as voiced
QUIET = 0.06  # of the loudest frame; below it a frame is not judged


def track(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Pitch in Hz of the voiced frames, in order."""
    return curve(samples, rate)[1]


def curve(samples: Samples, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles of the voiced frames in seconds, and their pitch in Hz.

    The autocorrelation is normalised by the energy of both stretches (as in McLeod & Wyvill 2005),
    and the first peak that reaches nine tenths of the best is taken, which avoids octaves below.
    """
    size, hop = int(FRAME * rate), int(HOP * rate)
    if len(samples) < size:
        return np.zeros(0), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop].astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    level = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(level > QUIET * level.max())
    frames = frames[loud]
    if not len(frames):
        return np.zeros(0), np.zeros(0)
    low, high = int(rate / HIGHEST), min(int(rate / LOWEST), size - 2)
    spectrum = np.fft.rfft(frames, 2 * size)
    product = np.fft.irfft(np.abs(spectrum) ** 2)[:, : high + 2]
    squares = np.cumsum(frames**2, axis=1)
    lags = np.arange(high + 2)
    head = squares[:, size - 1 - lags]
    tail = squares[:, -1:] - np.concatenate([np.zeros((len(frames), 1)), squares], 1)[:, lags]
    likeness = 2 * product / np.maximum(head + tail, 1e-12)
    found = np.array([_first_peak(row, low, high) for row in likeness])
    voiced = found > 0
    middles: NDArray[np.float64] = (loud[voiced] * hop + 0.5 * size) / rate
    return middles, rate / found[voiced]


def _first_peak(row: NDArray[np.float64], low: int, high: int) -> float:
    inner = row[low : high + 1]
    peaks = (inner >= row[low - 1 : high]) & (inner > row[low + 1 : high + 2]) & (inner > CLEAR)
    at = np.flatnonzero(peaks)
    if not len(at):
        return 0.0
    lag = int(at[inner[at] >= 0.9 * inner[at].max()][0]) + low
    a, b, c = row[lag - 1 : lag + 2]
    return float(lag + 0.5 * (a - c) / (a - 2 * b + c))


def statistics(samples: Samples, rate: int) -> tuple[float, float]:
    """Mean pitch in Hz (geometric) and its standard deviation in semitones; NaN if unvoiced."""
    hertz = track(samples, rate)
    if len(hertz) < 5:
        return float("nan"), float("nan")
    semitones = 12 * np.log2(hertz)
    return float(2 ** (semitones.mean() / 12)), float(semitones.std())
