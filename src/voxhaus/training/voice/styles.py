"""The styles of the voices: how each is meant to differ from neutral, and how that is reached.

Knows: what a style aims at, whose prosody it borrows, and how a trained model is measured so that
every voice reaches the same aims.
Refuses to know: training, graphs, and how a manner is put into sound (`voxhaus.runtime.manner`).

The aims follow what is known of vocal expression (Scherer 2003; Juslin & Laukka 2003, tables of
cues by emotion): joy and anger raise pitch, range, pace and effort, sadness and calm lower them and
darken the voice, news are read evenly and low, stories with wide melody and long pauses. The
amounts are ours, as large as the opinion scores of the sound allow (docs/decisions/0046).

A style borrows part of its prosody from another voice of the teacher, which moves accents and
timing in ways that no factor could, but also moves the mean height and pace; so both are measured
and set afterwards.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from voxhaus.runtime.manner import Manner
from voxhaus.runtime.voice_model import PAUSES, VoiceModel
from voxhaus.training.voice import teacher
from voxhaus.training.voice.delivery import Delivery, styled

# Units of the teacher's energy, some 25 decibels, below the loudest frame of a sentence: creaks and
# fading ends below it have a pitch, but listeners and pitch trackers do not hear it as melody.
MELODY = 6.0


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A style beside neutral.

    Attributes:
        manner: pitch, range, rate and pauses relative to neutral as measured; the rest as is.
        donors: teacher voice whose prosody is borrowed, by sex; none leaves the voice its own.
        share: how much of it.
    """

    manner: Manner = field(default_factory=Manner)
    donors: Mapping[str, str] = field(default_factory=dict)
    share: float = 0.0


def _lively(share: float, manner: Manner) -> Aim:
    return Aim(manner=manner, donors={"f": "af_jessica", "m": "am_eric"}, share=share)


AIMS = {
    "neutral": Aim(),
    "cheerful": _lively(0.3, Manner(pitch=1.6, range=1.12, rate=1.04, effort=0.4, tilt=0.4)),
    "excited": _lively(
        0.15, Manner(pitch=2.0, range=1.2, rate=1.15, pauses=0.7, effort=1.2, gain=2.5, tilt=0.4)
    ),
    "sad": Aim(
        manner=Manner(
            pitch=-2.0, range=0.75, rate=0.88, pauses=1.4, effort=-0.8, gain=-3.0, tilt=-0.8
        ),
        donors={"f": "af_nicole", "m": "am_onyx"},
        share=0.4,
    ),
    "serious": Aim(
        manner=Manner(pitch=-1.5, range=0.8, rate=0.97, pauses=1.1, effort=0.4, gain=1.0),
        donors={"f": "bf_emma", "m": "bm_daniel"},
        share=0.5,
    ),
    "calm": Aim(
        manner=Manner(
            pitch=-0.5, range=0.75, rate=0.9, pauses=1.4, effort=-0.5, gain=-1.5, tilt=-0.5
        ),
        donors={"f": "af_nicole", "m": "bm_lewis"},
        share=0.2,
    ),
    "whisper": Aim(manner=Manner(rate=0.93, pauses=1.2, effort=-1.0, gain=-2.0, whisper=1.0)),
    "storytelling": Aim(
        manner=Manner(pitch=0.5, range=1.3, rate=0.86, pauses=1.8),
        donors={"f": "af_kore", "m": "bm_fable"},
        share=0.6,
    ),
    "angry": Aim(
        manner=Manner(
            pitch=1.0, range=1.2, rate=1.08, pauses=0.7, effort=2.0, gain=2.0, tilt=1.0
        ),
        donors={"f": "af_aoede", "m": "am_fenrir"},
        share=0.3,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A sentence to measure by: token ids with borders, and the teacher's pitch if it is known."""

    tokens: Sequence[int]
    pitch_F: np.ndarray | None = None

    @property
    def row(self) -> int:
        """The row of the teacher's style tables for its length."""
        return teacher.style_row(len(self.tokens) - 2)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Means over sentences: log2 of the pitch in Hz, its spread in octaves, and two durations."""

    height: float
    spread: float
    sounds: float
    pauses: float


def heard_pitch(pitch_F: np.ndarray, energy_F: np.ndarray) -> np.ndarray:
    """The pitch where it is loud enough to count as melody, else 0."""
    return np.where(energy_F > energy_F.max() - MELODY, pitch_F, 0.0)


def spread(pitches: Sequence[np.ndarray]) -> float:
    """Spread of pitch curves around the mean of each utterance, in octaves, over all of them."""
    apart = [np.log2(p[p > 0]) - np.log2(p[p > 0]).mean() for p in pitches if (p > 0).any()]
    return float(np.concatenate(apart).std()) if apart else 0.0


def styles_of(voices: teacher.Voices, voice: str, aim: Aim) -> np.ndarray:
    """A teacher voice's style vectors [R, 256] in a style, for all lengths."""
    donor = aim.donors.get(voice[1], voice)
    delivery = Delivery(other=donor, share=aim.share, scale=1.0) if aim.share else None
    return np.stack([styled(voices, voice, r, delivery) for r in teacher.STYLE_ROWS])


def measure(model: VoiceModel, readings: Sequence[Reading], styles_RS: np.ndarray) -> Measured:
    """What the model makes of sentences in a style, before any manner."""
    pitches, heights, sounds, pauses = [], [], 0, 0
    for reading in readings:
        at = teacher.STYLE_ROWS.index(reading.row)
        plan = model.plan(list(reading.tokens), styles_RS[at : at + 1].astype(np.float32))
        quiet_L = np.isin(reading.tokens, PAUSES)
        inner_L = plan.lengths_L[1:-1]
        sounds += int(inner_L[~quiet_L[1:-1]].sum())
        pauses += int(inner_L[quiet_L[1:-1]].sum())
        pitches.append(heard_pitch(plan.pitch_F, plan.energy_F))
        heights.append(np.log2(plan.pitch_F[plan.pitch_F > 0]).mean())
    return Measured(
        height=float(np.mean(heights)), spread=spread(pitches), sounds=sounds, pauses=pauses
    )


def manners_of(
    model: VoiceModel, readings: Sequence[Reading], tables: Mapping[str, np.ndarray]
) -> dict[str, Manner]:
    """Manners of a voice by style, such that each reaches its aim on these sentences.

    The neutral range is widened to the teacher's where its pitch is known: a model that is unsure
    of the melody regresses to its mean (as in Toda & Tokuda 2007, global variance).

    Args:
        model: the trained model.
        readings: sentences of this voice, best those that it was not trained on.
        tables: style vectors [R, 256] by style, as of `styles_of`.
    """
    plain = measure(model, readings, tables["neutral"])
    known = [r for r in readings if r.pitch_F is not None]
    wide = 1.0
    if known:
        taught = spread([r.pitch_F for r in known if r.pitch_F is not None])
        wide = taught / measure(model, known, tables["neutral"]).spread
    manners = {}
    for name, aim in AIMS.items():
        own = measure(model, readings, tables[name])
        wanted = aim.manner
        manners[name] = replace(
            wanted,
            pitch=round(wanted.pitch + 12 * (plain.height - own.height), 3),
            range=round(wanted.range * wide * plain.spread / own.spread, 3),
            rate=round(wanted.rate * own.sounds / plain.sounds, 3),
            pauses=round(wanted.pauses * plain.pauses / max(1, own.pauses) * _pace(own, plain), 3),
        )
    return manners


def _pace(own: Measured, plain: Measured) -> float:
    """The rate also shortens pauses; how much of that the pauses' own factor must give back."""
    return own.sounds / plain.sounds


def listed(manner: Manner) -> dict[str, float]:
    """What a model file keeps of a manner: the figures that change something."""
    return {k: v for k, v in asdict(manner).items() if not math.isclose(v, getattr(Manner(), k))}
