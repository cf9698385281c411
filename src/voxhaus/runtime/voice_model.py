"""The voice model: from one utterance's phonemes to its samples.

Knows: the graphs, durations, pitch and the time axes between them.
Refuses to know: text, voices' names, and how utterances follow each other.

Shapes: L tokens with borders, U units of 25 ms, F = 2 U frames, S samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxhaus.models.text.phonemes import IDS, VOCABULARY_SIZE
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.melody import risen
from voxhaus.runtime.sessions import open_session
from voxhaus.runtime.waveform import Array, Noise, Synthesiser
from voxhaus.runtime.weights import Weights

Ints = NDArray[np.int64]

# Silence kept around what is heard, in units of 25 ms: enough that no onset is clipped.
LEAD_UNITS = 2
TAIL_UNITS = 3
# At the end a sound has faded before its energy reaches silence: some voices breathe out for up to
# 0.4 s at -54 dB. What the corpus has of faint sounds lies 3 and more above silence.
FADED = 1.5

# What stress adds to a word. English accents are carried by pitch first, then length and loudness
# (Fry 1958); the amounts are ours, set by ear-sized steps: two semitones, a fifth, half a unit.
STRESS_PITCH = 2 ** (2 / 12)
STRESS_LENGTH = 1.2
STRESS_ENERGY = np.float32(0.5)

# The tokens that hold a sentence's pauses.
PAUSES = np.array([IDS[c] for c in ",.;:!?\u2014\u2026"])

# Units that the last graph sees to each side: the sum of its shifts, 1, 2, 4, 1, 1 and a frame.
REACH = 10

KNOWN_STYLES = 256  # whose conditions are kept, at 39 KB each

# Units that these marks take at least, at a voice's own pace. Some voices hardly pause at a dash
# (clara 57 ms, less than at her commas); a writer who sets one wants it heard.
LEAST = np.zeros(VOCABULARY_SIZE, np.float32)
LEAST[IDS["\u2014"]] = 6.0
LEAST[[IDS[";"], IDS[":"]]] = 5.0

PLAIN = Manner()


@dataclass(frozen=True, kw_only=True)
class Course:
    """When what of an utterance is heard.

    Attributes:
        lengths_L: units of 25 ms for each token.
        bare_energy_F: energy without what manner and stress add, in the model's unit; about -9 in
            silence and 8 in a loud vowel.
        start, stop: the units that are heard; what lies outside is silence.
    """

    lengths_L: Ints
    bare_energy_F: Array
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True)
class Plan(Course):
    """What is known of an utterance before any sound is made.

    Attributes:
        pitch_F: Hz, 0 where unvoiced.
        energy_F: with what manner and stress add.
        features: for the last graph, [L, C].
    """

    pitch_F: Array
    energy_F: Array
    features: Array


@dataclass(frozen=True, kw_only=True)
class Sound:
    """One utterance as sound: its samples [S], and their course."""

    samples: Array
    course: Course


def whole_units(durations_L: Array, rate: float) -> Ints:
    """Durations in units, scaled by 1 / rate and rounded so that errors do not add up.

    Every token keeps at least one unit: a phoneme that vanished would be a lost sound.
    """
    ends = np.round(np.cumsum(durations_L.astype(np.float64)) / rate).astype(np.int64)
    lengths = np.diff(ends, prepend=0)
    debt = 0
    for i, length in enumerate(lengths):
        wanted = int(length) - debt
        lengths[i] = max(1, wanted)
        debt = int(lengths[i]) - wanted
    return lengths


class VoiceModel:
    """Runs the graphs of one model folder.

    Args:
        weights: a checked folder with the four graphs and `config.json`.
        threads: threads within one run of a graph.
    """

    def __init__(self, weights: Weights, *, threads: int = 1) -> None:
        config: dict[str, Any] = weights.json("config.json")
        self.synthesiser = Synthesiser(**config["synthesiser"])
        self._noise = Noise()
        self.unit_seconds: float = config["unit_seconds"]
        self.frames_per_unit: int = config["frames_per_unit"]
        self._pitch_centre: float = config["pitch_centre"]
        self._silence: float = config["silent_below"]
        self._conditions, self._phonemes, self._curves, self._filters = (
            open_session(weights.path(f"{name}.onnx"), threads)
            for name in ("conditions", "phonemes", "curves", "filters")
        )
        self._condition_names = [o.name for o in self._conditions.get_outputs()]
        self._known: dict[bytes, dict[str, Array]] = {}

    def _asked(self, style_1S: Array) -> dict[str, Array]:
        """What a style asks of the graphs' norms; the same few styles come again and again."""
        key = style_1S.tobytes()
        asked = self._known.get(key)
        if asked is None:
            rows = self._conditions.run(None, {"style": style_1S})
            asked = dict(zip(self._condition_names, rows, strict=True))
            if len(self._known) >= KNOWN_STYLES:
                self._known = {}
            self._known[key] = asked
        return asked

    def plan(
        self,
        tokens: list[int],
        style_1S: Array,
        manner: Manner = PLAIN,
        emphasis_L: NDArray[np.bool_] | None = None,
        rises_from: int | None = None,
    ) -> Plan:
        """Durations, pitch and energy of an utterance.

        Args:
            tokens: token ids with borders.
            style_1S: style vector [1, 256].
            manner: its pace, melody and effort.
            emphasis_L: tokens of stressed words, which become longer, higher and louder.
            rises_from: the token from which on the pitch rises to the end; it does not if None.
        """
        asked = self._asked(style_1S)
        feeds = {
            "tokens": np.array(tokens, np.int64),
            "phonemes_prosody": asked["phonemes_prosody"],
            "phonemes_acoustic": asked["phonemes_acoustic"],
        }
        durations, prosody, acoustic = self._phonemes.run(None, feeds)
        stress_L = np.zeros(len(tokens), bool) if emphasis_L is None else emphasis_L
        stretch_L = np.where(stress_L, STRESS_LENGTH, 1.0)
        stretch_L[np.isin(tokens, PAUSES)] *= manner.pauses
        lengths = whole_units(np.maximum(durations, LEAST[tokens]) * stretch_L, manner.rate)
        index_U, offset_U = _places(lengths)
        feeds = {
            "features": prosody,
            "curves": asked["curves"],
            "spans": _spans(lengths, index_U, offset_U),
            "index": index_U,
        }
        pitch, voicing, energy = self._curves.run(None, feeds)
        hertz = np.where(voicing > 0, self._pitch_centre * np.exp2(pitch), 0.0)
        stress_F = np.repeat(stress_L[index_U], self.frames_per_unit)
        hertz = manner.melody(hertz.astype(np.float32))
        if rises_from is not None:
            hertz = risen(hertz, int(lengths[:rises_from].sum()) * self.frames_per_unit)
        hertz = hertz * np.where(stress_F, STRESS_PITCH, 1.0)
        sounding = energy > self._silence
        heard = np.flatnonzero(sounding)
        ended = np.flatnonzero(energy > self._silence + FADED)
        louder = energy + STRESS_ENERGY * stress_F.astype(np.float32)
        louder = louder + np.float32(manner.effort) * sounding
        n, last = self.frames_per_unit, len(index_U)
        return Plan(
            lengths_L=lengths,
            pitch_F=hertz.astype(np.float32),
            energy_F=louder,
            bare_energy_F=energy,
            features=acoustic,
            start=max(0, int(heard[0]) // n - LEAD_UNITS) if len(heard) else 0,
            stop=min(last, int(ended[-1]) // n + 1 + TAIL_UNITS) if len(ended) else last,
        )

    def seconds(self, plan: Plan) -> float:
        """Length of the sound that `speak` would make."""
        return (plan.stop - plan.start) * self.unit_seconds

    def speak(
        self,
        plan: Plan,
        style_1S: Array,
        generator: np.random.Generator,
        manner: Manner = PLAIN,
    ) -> Array:
        """Samples [S] of a plan.

        Args:
            plan: what `plan` returned.
            style_1S: style vector [1, 256].
            generator: chooses the noise; the same state gives the same samples.
            manner: its colour.
        """
        whole = [0, plan.stop - plan.start]
        (samples,) = self.pieces(plan, style_1S, generator, manner, whole)
        return samples

    def pieces(
        self,
        plan: Plan,
        style_1S: Array,
        generator: np.random.Generator,
        manner: Manner,
        borders: list[int],
    ) -> Iterator[Array]:
        """The samples of `speak` one piece after the other, each as soon as it is made.

        Joined they differ from `speak` by what int8 rounds otherwise in shorter stretches, and the
        borders are late by `Synthesiser.lag`. Arguments are those of `speak`, and the units between
        which pieces lie, from 0 to the last that is heard.
        """
        synthesiser, hop = self.synthesiser, self.synthesiser.hop
        frames = slice(plan.start * self.frames_per_unit, plan.stop * self.frames_per_unit)
        pitch_F = plan.pitch_F[frames]
        sung_F = np.zeros_like(pitch_F) if manner.whisper else pitch_F
        noise_S = self._noise.stretch(generator, len(pitch_F) * hop)
        ringing = np.zeros(0, np.float32)
        for start, stop in pairwise(borders):
            near = slice(max(0, start - REACH), min(borders[-1], stop + REACH))
            out_FO = self._outputs(plan, near, style_1S)
            shift = near.start * self.frames_per_unit
            first, last = start * self.frames_per_unit, stop * self.frames_per_unit
            lent = slice(max(0, first - 1), min(len(pitch_F), last + 1))
            voiced = pitch_F[lent] > synthesiser.voiced_from
            out_FO = out_FO[lent.start - shift : lent.stop - shift]
            sound = synthesiser.overlapped(
                sung_F[lent],
                noise_S[lent.start * hop : lent.stop * hop],
                manner.colour(out_FO, voiced, synthesiser.frequencies),
                slice(first - lent.start, last - lent.start),
                synthesiser.turns(sung_F[: lent.start]),
            )
            sound[: len(ringing)] += ringing
            end = (last - first) * hop
            ringing = sound[end:]
            late = synthesiser.lag if stop == borders[-1] else 0
            yield sound[0 if start else synthesiser.lag : end + late]

    def _outputs(self, plan: Plan, near: slice, style_1S: Array) -> Array:
        """The last graph's outputs [F, O] for some of the units that are heard."""
        units = slice(plan.start + near.start, plan.start + near.stop)
        frames = slice(units.start * self.frames_per_unit, units.stop * self.frames_per_unit)
        index_U, offset_U = (x[units] for x in _places(plan.lengths_L))
        feeds = {
            "features": plan.features,
            "filters": self._asked(style_1S)["filters"],
            "spans": _spans(plan.lengths_L, index_U, offset_U),
            "index": index_U,
            "prosody": self._inputs(plan.pitch_F[frames], plan.energy_F[frames]),
        }
        outputs: Array = self._filters.run(None, feeds)[0]
        return outputs

    def _inputs(self, pitch_F: Array, energy_F: Array) -> Array:
        voiced = pitch_F > self.synthesiser.voiced_from
        floor = np.maximum(pitch_F, self.synthesiser.voiced_from)
        height = np.log2(floor / self._pitch_centre) * voiced
        return np.stack([height, voiced, energy_F * 0.25], axis=-1).astype(np.float32)


def _places(lengths: Ints) -> tuple[Ints, Ints]:
    """For each unit: the token it belongs to, and how many units of that token came before."""
    index = np.repeat(np.arange(len(lengths)), lengths)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _spans(lengths: Ints, index: Ints, offset: Ints) -> Array:
    """Network inputs [U, 4]: log position, share, log length, first unit of its token."""
    length = lengths[index].astype(np.float32)
    columns = [np.log1p(offset), (offset + 0.5) / length, np.log1p(length), offset == 0]
    return np.stack(columns, axis=-1).astype(np.float32)
