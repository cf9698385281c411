"""Manners of speaking: what a style or a blend of voices changes between the graphs.

Knows: how pitch, pace, loudness and colour are changed, and by how much for each voice and style.
Refuses to know: graphs, texts and where the figures come from (`voxhaus.training.voice.styles`).

The model is a source and two filters, so a manner needs no network of its own: the height and range
of the pitch curve, the length of sounds and pauses, the effort (the model's own energy input, which
changes the spectrum as louder speech does), and the colour of pulses and noise are all at hand.

Shapes: L tokens, F frames, K bins, O outputs of the model a frame.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.errors import WeightsError

Array = NDArray[np.float32]

TILT_CENTRE = 1000.0  # Hz, where a tilt changes nothing
TILT_OCTAVES = 3.0  # to both sides of it; beyond, the tilt goes no further
DECIBELS = np.log(10) / 20  # of a level in natural logarithm


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Changes to speech; the defaults change nothing.

    Attributes:
        pitch: semitones up.
        range: factor on the distance of the pitch from its mean over the utterance.
        rate: factor on the pace of sounds.
        pauses: factor on the length of pauses, at punctuation and between sentences.
        effort: added to the energy curve where something is heard, in the model's unit; about 3
            between soft and loud speech.
        gain: decibels on everything.
        tilt: decibels an octave around TILT_CENTRE; negative is darker.
        breath: decibels on the noise of voiced frames.
        whisper: 1 speaks with noise alone, in the colour of the voice.
    """

    pitch: float = 0.0
    range: float = 1.0
    rate: float = 1.0
    pauses: float = 1.0
    effort: float = 0.0
    gain: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    whisper: float = 0.0

    @classmethod
    def parsed(cls, values: dict[str, Any]) -> Self:
        """A manner from a model's files.

        Raises:
            WeightsError: a key that this version does not know.
        """
        if strange := sorted(set(values) - {f.name for f in fields(cls)}):
            raise WeightsError(
                f"The model's styles use '{strange[0]}', which this version does not know; "
                "update voxhaus."
            )
        return cls(**values)

    def melody(self, pitch_F: Array) -> Array:
        """A pitch curve in Hz (0 where unvoiced) at this manner's height and range."""
        voiced = pitch_F > 0
        if not voiced.any() or (self.pitch == 0 and self.range == 1):
            return pitch_F
        height = np.log2(pitch_F[voiced])
        middle = height.mean()
        made = np.zeros_like(pitch_F)
        made[voiced] = np.exp2(middle + self.range * (height - middle) + self.pitch / 12)
        return made

    def colour(self, out_FO: Array, voiced_F: NDArray[np.bool_], hertz_K: Array) -> Array:
        """The model's outputs in this manner's colour.

        Args:
            out_FO: log level and phase of the pulses' filter and log level of the noise's, K each,
                then the course of the noise.
            voiced_F: the frames that have pulses.
            hertz_K: where the bins lie.
        """
        if not (self.gain or self.tilt or self.breath or self.whisper):
            return out_FO
        bins = len(hertz_K)
        made = out_FO.copy()
        level, noise = made[:, :bins], made[:, 2 * bins : 3 * bins]
        slope_K = (self.gain + self.tilt * _octaves(hertz_K)) * np.float32(DECIBELS)
        level += slope_K
        noise += slope_K
        noise[voiced_F] += np.float32(self.breath * DECIBELS)
        if self.whisper:
            # A whispering throat hisses where it would have hummed: the noise takes the place of
            # the pulses, whose mean power is that of the noise at equal levels, and is steady.
            steps = made[:, 3 * bins :]
            breath = noise[voiced_F] + steps[voiced_F].mean(axis=1, keepdims=True)
            noise[voiced_F] = np.logaddexp(breath, level[voiced_F])
            steps[voiced_F] = 0.0
        return made


def _octaves(hertz_K: Array) -> Array:
    """Octaves above TILT_CENTRE, limited to TILT_OCTAVES to both sides."""
    octaves = np.log2(np.maximum(hertz_K, 1.0) / TILT_CENTRE)
    return np.clip(octaves, -TILT_OCTAVES, TILT_OCTAVES).astype(np.float32)


def mixed(manners: Sequence[Manner], weights: Sequence[float]) -> Manner:
    """What lies between manners: the weighted mean of each figure, of factors the geometric one."""
    tables = [asdict(m) for m in manners]
    factors = ("range", "rate", "pauses")

    def mean(name: str) -> float:
        values = np.array([t[name] for t in tables])
        if name in factors:
            return float(np.exp(np.average(np.log(values), weights=weights)))
        return float(np.average(values, weights=weights))

    return Manner(**{f.name: mean(f.name) for f in fields(Manner)})
