"""Breaths: a soft intake of air before who has spoken for long goes on.

Knows: when a breath is due, and how it sounds: noise in the colour of the voice's own open throat,
rising and falling. Nothing is recorded.
Refuses to know: graphs, texts, and where in a recording a breath is put.

Readers take audible breaths of 0.2 to 0.7 s at most sentence ends of long texts; ours are shorter,
because the pauses are, and soft enough to be felt rather than heard.

Shapes: K bins, S samples.
"""

import numpy as np
from numpy.typing import NDArray

from voxhaus.runtime.waveform import Array

LONG = 5.0  # seconds of speech after which one breathes
SECONDS_A_PHONEME = 0.060  # median over the committed list: near enough to tell long from short
SHORTEST, LONGEST = 0.25, 0.35  # seconds of a breath
UNDER_SPEECH = 27.0  # decibels
PEAK = 0.62  # share of a breath in which it rises
BAND = (350.0, 6500.0)  # Hz; slopes of an octave at both ends
BRIGHTER = 3.0  # decibels an octave over a whisper, whose glottis is half closed
_SPREAD = 120.0  # Hz; the colour is smoothed so far that no pitch is left in it
_ACTIVE = 35.0  # decibels under the loudest 20 ms that still count as speech
_SIZE = 1024  # points of the transform


class Lungs:
    """Says before which sentences a breath is due.

    A change of speaker counts as a breath: who begins to speak has had time to take one.
    """

    def __init__(self) -> None:
        self._speaker, self._spent = "", 0.0

    def due(self, speaker: str, phonemes: str, rate: float) -> bool:
        """Whether one breathes before the next sentence, which is then counted.

        Args:
            speaker: id of the voice.
            phonemes: of the sentence.
            rate: factor on its pace.
        """
        due = speaker == self._speaker and self._spent > LONG
        if due or speaker != self._speaker:
            self._spent = 0.0
        self._speaker = speaker
        self._spent += SECONDS_A_PHONEME * len(phonemes) / rate
        return due


def length_in(pause: float, chance: np.random.Generator) -> float:
    """Seconds of a breath, if it can be within the pause, else the shortest there is."""
    longest = min(LONGEST, max(SHORTEST, pause))
    return float(chance.uniform(SHORTEST, longest))


def colour_of(sigh: Array, rate: int) -> Array:
    """Magnitudes [K] of a throat, from a whispered open vowel [S]."""
    frames = np.lib.stride_tricks.sliding_window_view(sigh, _SIZE)[:: _SIZE // 4]
    loud = (frames**2).mean(axis=1)
    frames = frames[loud > 0.1 * loud.max()] * np.hanning(_SIZE)
    power_K = (np.abs(np.fft.rfft(frames)) ** 2).mean(axis=0)
    hertz_K = np.fft.rfftfreq(_SIZE, 1 / rate)
    weights_KK = np.exp(-0.5 * ((hertz_K[:, None] - hertz_K) / _SPREAD) ** 2)
    smooth_K = weights_KK @ power_K / weights_KK.sum(axis=1)
    low, high = BAND
    octaves_K = np.log2(np.maximum(hertz_K, 1.0))
    rising = np.clip(octaves_K - np.log2(low) + 1, 0.0, 1.0)
    falling = np.clip(np.log2(high) + 1 - octaves_K, 0.0, 1.0)
    brighter_K = 10 ** (BRIGHTER * np.clip(octaves_K - np.log2(low), 0.0, None) / 20)
    made: Array = (np.sqrt(smooth_K) * rising * falling * brighter_K).astype(np.float32)
    return made


def inhale(colour_K: Array, count: int, level: float, chance: np.random.Generator) -> Array:
    """A breath [S].

    Args:
        colour_K: what `colour_of` returned.
        count: S.
        level: its root mean square.
        chance: chooses the noise.
    """
    spectrum = np.fft.rfft(chance.standard_normal(count))
    at = np.linspace(0.0, len(colour_K) - 1, len(spectrum))
    air = np.fft.irfft(spectrum * np.interp(at, np.arange(len(colour_K)), colour_K), count)
    air *= _swell(count)
    loudness = np.sqrt((air**2).mean())
    made: Array = (air * (level / max(loudness, 1e-12))).astype(np.float32)
    return made


def _swell(count: int) -> NDArray[np.float64]:
    """From nothing to one and back, without corners."""
    at = (np.arange(count) + 0.5) / count
    half = np.where(at < PEAK, at / PEAK, (1 - at) / (1 - PEAK))
    swell: NDArray[np.float64] = np.sin(0.5 * np.pi * half) ** 2
    return swell


def level_under(samples: Array, rate: int) -> float:
    """The root mean square that a breath has beside this speech."""
    size = rate // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = (frames**2).mean(axis=1)
    if not len(power) or power.max() <= 0:
        return 0.0
    active = power[power > power.max() * 10 ** (-_ACTIVE / 10)]
    return float(np.sqrt(active.mean()) * 10 ** (-UNDER_SPEECH / 20))
