"""The highest points of a sound, between its samples too, and how they are held down.

Knows: true peaks by oversampling, and a limiter that looks ahead.
Refuses to know: loudness, files, voices.

Source: ITU-R BS.1770-4 (2015), annex 2: four times oversampling; the filter here is longer than the
example there (24 taps a phase for 12).
"""

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples

_Floats = NDArray[np.float64]

_OVERSAMPLING = 4
_REACH = 12  # samples to either side that an interpolated point is made of
_BLOCK = 1 << 18  # samples that are oversampled at once
# Seconds that the limiter takes to bend down to a peak, and as many to let go. Longer than a period
# of a deep voice, so that the gain follows syllables, not the waveform.
_BEND = 0.03
_GROUP = 16  # samples that one point of the limiter's gain stands for


def true_peak(samples: NDArray[np.floating]) -> float:
    """The true peak in dBTP; -inf for silence.

    Four times oversampling may read up to 0.7 dB low for a tone at the very top of the band, and
    0.2 dB at half of it (BS.1770-4, annex 2, attachment 1); speech has little there.

    Args:
        samples: [n], mono; full scale is 1.
    """
    if not len(samples):
        return -np.inf
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(envelope(samples).max()))


def limited(samples: Samples, rate: int, ceiling: float, heights: _Floats | None = None) -> Samples:
    """The recording with no true peak above a ceiling; unchanged where none comes near.

    Args:
        samples: float32 [n], mono.
        rate: in Hz.
        ceiling: in dBTP.
        heights: what `envelope` gives for the samples, if that is known already.
    """
    most = 10 ** (ceiling / 20)
    heights = envelope(samples) if heights is None else heights
    if not len(samples) or heights.max() <= most:
        return samples
    made = samples * _gain(heights, most, rate)
    # The gain bends between the samples of a peak too, which can leave it a hair too high.
    left = envelope(made).max()
    return made * np.float32(most / left) if left > most else made


def _gain(heights: _Floats, most: float, rate: int) -> Samples:
    """A gain [n] without corners that nowhere leaves a height above `most`.

    It is the mean, over a triangle of time, of the least gain that is needed within reach; since
    each of these is low enough for the peak in the middle, so is their mean. Found for groups of
    samples, and joined by straight lines.
    """
    count = -(-len(heights) // _GROUP)
    tops = np.pad(heights, (0, count * _GROUP - len(heights))).reshape(count, _GROUP).max(1)
    half = max(1, round(_BEND * rate / 2 / _GROUP))
    # One group more than the triangle reaches: a line leans on the group at its other end.
    reach = half + 1
    padded = np.pad(most / np.maximum(tops, most), (half + reach, half + reach + 1), mode="edge")
    held = _sliding_minimum(padded, 2 * reach + 1)
    for _ in range(2):
        held = _sliding_mean(held, half + 1)
    rise = np.diff(held)[:, None] * (np.arange(_GROUP) / _GROUP)
    return (held[:-1, None] + rise).ravel()[: len(heights)].astype(np.float32)


def _sliding_minimum(values: _Floats, width: int) -> _Floats:
    """Least of each `width` neighbours [n - width + 1], in time that does not depend on `width`.

    M. van Herk, "A fast algorithm for local minimum and maximum filters", 1992: the least of any
    stretch is the lesser of what its two blocks' running minima say at its ends.
    """
    blocks = np.pad(values, (0, -len(values) % width), constant_values=1.0).reshape(-1, width)
    ahead = np.minimum.accumulate(blocks, axis=1).ravel()
    behind = np.minimum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    count = len(values) - width + 1
    return np.minimum(behind[:count], ahead[width - 1 : width - 1 + count])


def _sliding_mean(values: _Floats, width: int) -> _Floats:
    """Mean of each `width` neighbours [n - width + 1]."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means: _Floats = (sums[width:] - sums[:-width]) / width
    return means


def envelope(samples: NDArray[np.floating]) -> _Floats:
    """Highest point [n] of the sound between each sample's neighbours; samples are [n], mono."""
    highest: _Floats = np.abs(samples).astype(np.float64)
    padded = np.pad(samples.astype(np.float64), _REACH)
    for start in range(0, len(samples), _BLOCK):
        # Points between sample i - 1 and i for i from `start` to `end`, which is one more.
        end = min(start + _BLOCK, len(samples))
        between = _between(padded[start : end + 2 * _REACH])
        part = highest[start:end]
        np.maximum(part, between[:-1], out=part)
        np.maximum(part, between[1:], out=part)
    return highest


def _between(samples: _Floats) -> _Floats:
    """Highest of the points between neighbours [n - 2 REACH + 1]; the ends are only leant on."""
    highest = np.zeros(len(samples) - 2 * _REACH + 1)
    for taps in _TAPS:
        np.maximum(highest, np.abs(np.convolve(samples, taps, "valid")), out=highest)
    return highest


def _interpolators() -> list[_Floats]:
    """Filters for the points at 1/4, 2/4 and 3/4 between two samples: sinc, Kaiser window."""
    filters = []
    for step in range(1, _OVERSAMPLING):
        distance = np.arange(-_REACH + 1, _REACH + 1) - step / _OVERSAMPLING
        # Kaiser window of beta 6 over a reach of REACH to either side.
        window = np.i0(6 * np.sqrt(1 - (distance / _REACH) ** 2)) / np.i0(6)
        taps = np.sinc(distance) * window
        filters.append((taps / taps.sum())[::-1])
    return filters


_TAPS = _interpolators()
