"""How loud a recording is to a listener, and how it is brought to a given loudness.

Knows: integrated loudness by ITU-R BS.1770-4, as EBU R 128 asks for it.
Refuses to know: files, voices, and how peaks are found and held down (`peaks.py`).

Sources: ITU-R BS.1770-4 (2015), annex 1: filters, channels, gating. EBU R 128 (2020) and EBU Tech
3341 (2016): names, units, test signals. Of the channels only left, right and mono are known here;
all of them weigh 1.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.peaks import envelope, limited
from voxhaus.core.speech import Samples

TARGET = -16.0  # LUFS; what podcast platforms ask for (AES TD1008, 2021: -16 to -18 for speech)
CEILING = -1.0  # dBTP; EBU R 128: leaves room for what an encoder adds
MAX_LIMITING = 12.0  # dB; a plosive may stand 9 dB over its neighbours

# BS.1770-4, annex 1: gating blocks of 400 ms that overlap by 75 %, and their two gates.
_HOPS_A_SECOND = 10
_HOPS_A_BLOCK = 4
_ABSOLUTE_GATE = -70.0  # LUFS
_RELATIVE_GATE = -10.0  # LU
_OFFSET = -0.691  # takes back what the filters add at 1 kHz

_CHUNK = 10  # seconds that are filtered at once
# Seconds after which the filters are silent: the slower one decays by 8.7 dB in 4.2 ms.
_RINGING = 0.25
_PASSES = 5
_NEAR = 0.03  # LU

_Floats = NDArray[np.float64]


def integrated(samples: NDArray[np.floating], rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4, gated); -inf for silence.

    Args:
        samples: [n] mono, or [n, 2] stereo; full scale is 1. A recording shorter than a block of
            400 ms, which the Recommendation does not speak of, is one block.
        rate: in Hz.
    """
    return _gated(_block_powers(samples[:, None] if samples.ndim == 1 else samples, rate))


def normalised(
    samples: Samples, rate: int, target: float = TARGET, ceiling: float = CEILING
) -> Samples:
    """The recording at a loudness, its peaks under a ceiling; silence stays as it is.

    One gain for all; where peaks would cross the ceiling a limiter holds them down, and the gain
    makes up for what that costs. A lower gain instead would let one plosive decide how loud an
    hour of speech is. But a limiter that takes more than MAX_LIMITING is heard, so beyond that
    the gain gives way, and the recording is softer than the target.

    Args:
        samples: float32 [n], mono.
        rate: in Hz.
        target: integrated loudness in LUFS.
        ceiling: highest true peak in dBTP.
    """
    loudness = integrated(samples, rate)
    if loudness == -np.inf:
        return samples
    heights = envelope(samples)
    most = ceiling + MAX_LIMITING - 20 * np.log10(heights.max())
    gain, before = min(target - loudness, most), (0.0, loudness)
    for _ in range(_PASSES):
        factor = 10 ** (gain / 20)
        made = limited(samples * np.float32(factor), rate, ceiling, heights * factor)
        reached = integrated(made, rate)
        if abs(target - reached) < _NEAR or gain == most:
            break
        slope = _slope(before, (gain, reached))
        gain, before = min(gain + (target - reached) / slope, most), (gain, reached)
    return made


def _slope(before: tuple[float, float], now: tuple[float, float]) -> float:
    """LU that a dB of gain gave lately: less than 1 where the limiter takes some of it back."""
    gain, loudness = now[0] - before[0], now[1] - before[1]
    return min(1.0, max(0.3, loudness / gain)) if gain else 1.0


def _gated(powers: _Floats) -> float:
    """BS.1770-4, equations 4 to 7, from the mean squares of the blocks."""
    loud = powers[_loudness(powers) > _ABSOLUTE_GATE]
    if not len(loud):
        return -np.inf
    gate = float(_loudness(loud.mean())) + _RELATIVE_GATE
    return float(_loudness(loud[_loudness(loud) > gate].mean()))


def _loudness(power: _Floats) -> _Floats:
    with np.errstate(divide="ignore"):
        return _OFFSET + 10 * np.log10(power)


def _block_powers(samples_NC: NDArray[np.floating], rate: int) -> _Floats:
    """Mean square of each gating block after the filters, summed over channels."""
    sums, sizes = _hop_sums(samples_NC, rate)
    whole = len(samples_NC) * _HOPS_A_SECOND // rate  # a block that is cut short does not count
    if whole < _HOPS_A_BLOCK:
        return np.array([sums.sum() / max(1.0, sizes.sum())])
    four = np.ones(_HOPS_A_BLOCK)
    return np.convolve(sums[:whole], four, "valid") / np.convolve(sizes[:whole], four, "valid")


def _hop_sums(samples_NC: NDArray[np.floating], rate: int) -> tuple[_Floats, _Floats]:
    """Sum of squares after the filters, and number of samples, of each 100 ms."""
    sums, sizes = [], []
    ringing, chunk = round(_RINGING * rate), _CHUNK * rate
    for start in range(0, len(samples_NC), chunk):
        before = min(start, ringing)
        heard_NC = _weighted(samples_NC[start - before : start + chunk], rate)[before:]
        edges = np.arange(_CHUNK * _HOPS_A_SECOND) * rate // _HOPS_A_SECOND
        edges = edges[edges < len(heard_NC)]
        sums.append(np.add.reduceat((heard_NC**2).sum(1), edges))
        sizes.append(np.diff(edges, append=len(heard_NC)))
    if not sums:
        return np.zeros(0), np.zeros(0)
    return np.concatenate(sums), np.concatenate(sizes).astype(np.float64)


def _weighted(samples_NC: NDArray[np.floating], rate: int) -> _Floats:
    """K-weighted samples: both filters by one multiplication of spectra.

    Exact to rounding: the filters ring for less than the zeros that follow, so the circle that
    a discrete spectrum bends time into never closes.
    """
    length = len(samples_NC) + round(_RINGING * rate)
    size = 1 << (length - 1).bit_length()
    spectrum_FC = np.fft.rfft(samples_NC, size, axis=0) * _response(size, rate)[:, None]
    return np.fft.irfft(spectrum_FC, size, axis=0)[: len(samples_NC)]


@lru_cache(8)
def _response(size: int, rate: int) -> NDArray[np.complex128]:
    """What both filters do to each bin of a spectrum of `size` samples."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(z), np.complex128)
    for b, a in k_weighting(rate):
        response *= (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    return response


def k_weighting(rate: int) -> tuple[tuple[_Floats, _Floats], tuple[_Floats, _Floats]]:
    """Coefficients (b, a) of the two filters of BS.1770-4 at any sample rate.

    The Recommendation prints them for 48 kHz only (tables 1 and 2) and asks for the same response
    at other rates. The analogue filters behind the tables are those that libebur128 (Jan
    Kokemüller, MIT) found by undoing the bilinear transform; at 48 kHz they give what is printed.
    """
    return _shelf(rate), _high_pass(rate)


def _shelf(rate: int) -> tuple[_Floats, _Floats]:
    frequency, gain, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = np.tan(np.pi * frequency / rate)
    high = 10 ** (gain / 20)
    band = high**0.4996667741545416
    a = np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])
    b = np.array([high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k])
    return b / a[0], a / a[0]


def _high_pass(rate: int) -> tuple[_Floats, _Floats]:
    frequency, q = 38.13547087602444, 0.5003270373238773

    def denominator(at: int) -> _Floats:
        k = np.tan(np.pi * frequency / at)
        return np.array([1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k])

    a = denominator(rate)
    # The table's numerator is 1, -2, 1 at 48 kHz: a gain of 0.04 dB, which is kept at all rates.
    return np.array([1.0, -2.0, 1.0]) * denominator(48_000)[0] / a[0], a / a[0]
