"""Practice speech: read by the shipped voice, so that everything about it is known exactly.

Knows: how the shipped model is asked for speech with its timing, pitch and energy, in many voices,
paces and rooms.
Refuses to know: what is learned from it.

Shapes: L tokens with borders, F frames of 12.5 ms, S = 300 F samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.speech import Samples
from voxhaus.models.text.phonemes import IDS, encode
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.reader import Reader, blended, read_readers
from voxhaus.runtime.voice_model import VoiceModel
from voxhaus.runtime.weights import Weights
from voxhaus.training.voice.own.bands import HOP
from voxhaus.training.voice.own.recordings import RATE

SPACE = IDS[" "]
PAUSED = 0.06  # share of the spaces at which a practice reader stops for a moment
MOST_NOISE = 25.0  # dB under the speech
Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Practice:
    """One reading.

    Attributes:
        tokens: ids with borders [L].
        frames: frames of each token [L]; their sum is F.
        pitch: Hz [F], 0 where unvoiced.
        energy: the model's unit [F].
        samples: [S].
    """

    voice: str
    tokens: NDArray[np.int64]
    frames: NDArray[np.int64]
    pitch: Array
    energy: Array
    samples: Samples


class Reciter:
    """The shipped voice as a source of practice speech.

    Args:
        files: its checked folder.
        voices: whom to use; all if empty.
    """

    def __init__(self, files: Weights, voices: Sequence[str] = ()) -> None:
        self._model = VoiceModel(files)
        readers, _ = read_readers(files)
        self.readers: dict[str, Reader] = {v: readers[v] for v in voices or readers}

    def plain(self, phonemes: str, voice: str, rng: np.random.Generator) -> Practice:
        """A reading as the voice would give it to a listener."""
        return self._read(phonemes, self.readers[voice], Manner(), rng)

    def varied(self, phonemes: str, rng: np.random.Generator) -> Practice:
        """A reading between two voices, at any pace, height and effort, with pauses and noise."""
        names = [str(n) for n in rng.choice(list(self.readers), 2)]
        share = rng.uniform(0.0, 1.0)
        reader = blended(self.readers, f"{names[0]}:{share:.2f}+{names[1]}:{1.001 - share:.2f}")
        manner = Manner(
            pitch=rng.uniform(-3, 3),
            range=rng.uniform(0.7, 1.4),
            rate=rng.uniform(0.75, 1.3),
            pauses=rng.uniform(0.5, 2.5),
            effort=rng.uniform(-1, 1.5),
            tilt=rng.uniform(-2, 2),
        )
        made = self._read(phonemes, reader, manner, rng)
        return noisy(stopped(made, rng), rng)

    def _read(
        self, phonemes: str, reader: Reader, manner: Manner, rng: np.random.Generator
    ) -> Practice:
        tokens = encode(phonemes)
        style = reader.style(reader.default_style, len(phonemes))
        plan = self._model.plan(tokens, style, manner)
        samples = self._model.speak(plan, style, rng, manner)
        per_unit = self._model.frames_per_unit
        ends = np.clip(np.cumsum(plan.lengths_L), plan.start, plan.stop) - plan.start
        heard = slice(plan.start * per_unit, plan.stop * per_unit)
        return Practice(
            voice=reader.info.id,
            tokens=np.array(tokens),
            frames=np.diff(ends, prepend=0) * per_unit,
            pitch=plan.pitch_F[heard],
            energy=plan.energy_F[heard],
            samples=samples,
        )


def stopped(made: Practice, rng: np.random.Generator) -> Practice:
    """The reading with silence put into some of its spaces: people stop where no comma stands."""
    frames, pitch, energy, samples = made.frames.copy(), made.pitch, made.energy, made.samples
    spaces = np.flatnonzero((made.tokens == SPACE) & (rng.random(len(made.tokens)) < PAUSED))
    for token in spaces[::-1]:
        middle = int(frames[:token].sum() + frames[token] // 2)
        more = int(rng.integers(8, 50))
        frames[token] += more
        quiet = np.full(more, energy.min(), np.float32)
        pitch = np.concatenate([pitch[:middle], 0 * quiet, pitch[middle:]])
        energy = np.concatenate([energy[:middle], quiet, energy[middle:]])
        cut = middle * HOP
        samples = np.concatenate([samples[:cut], np.zeros(more * HOP, np.float32), samples[cut:]])
    return replace(made, frames=frames, pitch=pitch, energy=energy, samples=samples)


def noisy(made: Practice, rng: np.random.Generator) -> Practice:
    """The reading in some room: coloured by a smooth curve, with noise under it."""
    spectrum = np.fft.rfft(made.samples.astype(np.float64))
    place = np.linspace(0, RATE / 2, len(spectrum))
    knots = np.array([0.0, 300, 1000, 2500, 5000, 12_000])
    spectrum *= 10 ** (np.interp(place, knots, rng.normal(0, 3, len(knots))) / 20)
    samples = np.fft.irfft(spectrum, len(made.samples))
    level = np.sqrt((samples**2).mean()) * 10 ** (-rng.uniform(MOST_NOISE, 70) / 20)
    noise = np.fft.rfft(rng.standard_normal(len(samples)))
    noise /= (1 + place / 500) ** rng.uniform(0, 0.5)  # rooms rumble
    hiss = np.fft.irfft(noise, len(samples))
    samples += hiss * (level / hiss.std())
    return replace(made, samples=samples.astype(np.float32))
