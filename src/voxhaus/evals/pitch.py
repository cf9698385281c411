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

CANDIDATES = 5  # peaks of a frame that a contour may go through
UNVOICED = 0.4  # strength of having no pitch at all
LEAP, FLICKER = 0.35, 0.14  # costs of an octave between frames, and of a change of voicing


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
    likeness, low, high = _likeness(frames, rate)
    found = np.array([_first_peak(row, low, high) for row in likeness])
    voiced = found > 0
    middles: NDArray[np.float64] = (loud[voiced] * hop + 0.5 * size) / rate
    return middles, rate / found[voiced]


def _likeness(frames: NDArray[np.float64], rate: int) -> tuple[NDArray[np.float64], int, int]:
    """Normalised autocorrelation of frames by lag, and the lags of the highest and lowest pitch."""
    size = frames.shape[1]
    low, high = int(rate / HIGHEST), min(int(rate / LOWEST), size - 2)
    spectrum = np.fft.rfft(frames, 2 * size)
    product = np.fft.irfft(np.abs(spectrum) ** 2)[:, : high + 2]
    squares = np.cumsum(frames**2, axis=1)
    lags = np.arange(high + 2)
    head = squares[:, size - 1 - lags]
    tail = squares[:, -1:] - np.concatenate([np.zeros((len(frames), 1)), squares], 1)[:, lags]
    return 2 * product / np.maximum(head + tail, 1e-12), low, high


def _first_peak(row: NDArray[np.float64], low: int, high: int) -> float:
    inner = row[low : high + 1]
    peaks = (inner >= row[low - 1 : high]) & (inner > row[low + 1 : high + 2]) & (inner > CLEAR)
    at = np.flatnonzero(peaks)
    if not len(at):
        return 0.0
    lag = int(at[inner[at] >= 0.9 * inner[at].max()][0]) + low
    a, b, c = row[lag - 1 : lag + 2]
    return float(lag + 0.5 * (a - c) / (a - 2 * b + c))


def contour(samples: Samples, rate: int, hop: int) -> NDArray[np.float64]:
    """Pitch in Hz for every frame of `hop` samples, 0 where unvoiced.

    Candidates are the highest peaks of the normalised autocorrelation; the path through them that
    neither leaps nor flickers is taken (Boersma 1993; the costs are his, per 10 ms).

    Args:
        samples: float32 [n].
        rate: in Hz.
        hop: samples a frame; frame i is centred on sample hop * i + hop / 2.

    Returns:
        [n // hop] Hz.
    """
    count, size = len(samples) // hop, int(FRAME * rate)
    if not count:
        return np.zeros(0)
    before = size // 2 - hop // 2
    padded = np.pad(samples.astype(np.float64), (before, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: count * hop : hop]
    likeness, low, high = _likeness(frames, rate)
    level = np.sqrt((frames**2).mean(axis=1))
    loudest = max(float(np.quantile(level, 0.98)), 1e-9)
    # Boersma's unvoiced candidate: stronger the softer a frame is.
    unvoiced = UNVOICED + np.maximum(0.0, 2 - level / loudest / (0.03 / (1 + UNVOICED)))
    hertz, strength = _candidates(likeness, low, high, rate)
    return _path(hertz, strength, unvoiced, 0.01 * rate / hop)


def _candidates(
    likeness: NDArray[np.float64], low: int, high: int, rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pitches and strengths [F, CANDIDATES] of the best peaks; -inf where there is none."""
    inner = likeness[:, low : high + 1]
    left, right = likeness[:, low - 1 : high], likeness[:, low + 1 : high + 2]
    lags = np.arange(low, high + 1)
    # A little less for longer lags, so that an octave below is not as good.
    score = inner - 0.01 * np.log2(lags / low)
    score = np.where((inner >= left) & (inner > right) & (inner > 0.2), score, -np.inf)
    best = np.argsort(score, axis=1)[:, -CANDIDATES:]
    strength = np.take_along_axis(score, best, 1)
    a, b, c = (np.take_along_axis(x, best, 1) for x in (left, inner, right))
    bend = a - 2 * b + c
    shift = 0.5 * (a - c) / np.where(bend == 0, -1.0, bend)
    return rate / (lags[best] + np.clip(shift, -1, 1)), strength


def _path(
    hertz: NDArray[np.float64],
    strength: NDArray[np.float64],
    unvoiced: NDArray[np.float64],
    frames_a_step: float,
) -> NDArray[np.float64]:
    octaves = np.log2(hertz)
    total = np.concatenate([unvoiced[:1, None], strength[:1]], 1)[0]
    back = np.zeros((len(hertz), CANDIDATES + 1), int)
    for i in range(1, len(hertz)):
        leap = np.full((CANDIDATES + 1, CANDIDATES + 1), FLICKER)  # from, to
        leap[0, 0] = 0.0
        leap[1:, 1:] = LEAP * np.abs(octaves[i - 1][:, None] - octaves[i])
        came = total[:, None] - leap * frames_a_step
        back[i] = came.argmax(0)
        total = came.max(0) + np.concatenate([unvoiced[i : i + 1], strength[i]])
    at = int(total.argmax())
    found = np.zeros(len(hertz))
    for i in range(len(hertz) - 1, -1, -1):
        found[i] = hertz[i, at - 1] if at else 0.0
        at = back[i, at]
    return found


def statistics(samples: Samples, rate: int) -> tuple[float, float]:
    """Mean pitch in Hz (geometric) and its standard deviation in semitones; NaN if unvoiced."""
    hertz = track(samples, rate)
    if len(hertz) < 5:
        return float("nan"), float("nan")
    semitones = 12 * np.log2(hertz)
    return float(2 ** (semitones.mean() / 12)), float(semitones.std())
