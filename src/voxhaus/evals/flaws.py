"""Flaws of a recording that need no judge: measured on the samples alone.

Knows: jumps, clipping, silence, loudness minute by minute.
Refuses to know: engines, texts, and which flaw is forgiven (`chapter`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.loudness import integrated
from voxhaus.core.speech import Samples

SILENCE = -50.0  # dB under the loudest 10 ms; the faintest ends of words lie 30 to 45 dB under it
FULL_SCALE = 1.0 - 1e-4

_FLOOR = 1e-3  # steps smaller than this (-60 dBFS) nobody hears, whatever is around them
_NEAR, _AROUND = 0.001, 0.010  # seconds to each side of a place
_FRAME = 0.010  # seconds

_Floats = NDArray[np.float64]


def clipped(samples: Samples) -> int:
    """Samples at full scale."""
    return int((np.abs(samples) >= FULL_SCALE).sum())


def jump(samples: Samples, at: int, rate: int) -> float:
    """How sudden the sound is at a place: its largest step beside the largest one around it.

    Steps from sample to sample within 1 ms of the place, against those within 10 ms. Speech that
    goes on, or fades, has values about 1; a wave cut off in its middle, or a click, 5 and more.
    """
    near, around = round(_NEAR * rate), round(_AROUND * rate)
    first = max(0, at - around)
    steps = np.abs(np.diff(samples[first : at + around + 1].astype(np.float64)))
    inside = np.zeros(len(steps), bool)
    inside[max(0, at - near - 1 - first) : at + near - first] = True
    if not inside.any() or inside.all():
        return 0.0
    return float(steps[inside].max() / max(_FLOOR, steps[~inside].max()))


def levels(samples: Samples, rate: int) -> _Floats:
    """Level of each whole 10 ms in dB of full scale; silence has -200."""
    step = round(_FRAME * rate)
    frames = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    found: _Floats = 10 * np.log10(np.maximum((frames**2).mean(1), 1e-20))
    return found


def longest_silence(samples: Samples, rate: int) -> float:
    """Seconds of the longest stretch without sound, but for those at both ends."""
    heard = levels(samples, rate)
    sounding = np.flatnonzero(heard > heard.max(initial=-200.0) + SILENCE)
    if len(sounding) < 2:
        return 0.0
    return float(np.diff(sounding).max() - 1) * _FRAME


def minutes(samples: Samples, rate: int) -> list[float]:
    """Loudness of each whole minute in LUFS; of all of a shorter recording."""
    length = 60 * rate
    if len(samples) < length:
        return [integrated(samples, rate)]
    starts = range(0, len(samples) - length + 1, length)
    return [integrated(samples[s : s + length], rate) for s in starts]


def silent(samples: Samples, rate: int, start: float, end: float) -> bool:
    """Whether nothing is heard between two times, in seconds, beside the rest of a recording."""
    part = samples[round(start * rate) : max(round(end * rate), round((start + _FRAME) * rate))]
    loudest = levels(samples, rate).max(initial=-200.0)
    found = levels(part, rate)
    return bool(loudest <= -200.0 or found.max(initial=-200.0) <= loudest + SILENCE)


def spread_places(count: int, samples: int) -> Sequence[int]:
    """So many places, evenly spread over a recording."""
    return [round((i + 0.5) * samples / count) for i in range(count)]
