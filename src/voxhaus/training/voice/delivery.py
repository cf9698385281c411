"""Deliveries: one voice's timbre with prosody that is not quite its own.

Knows: how half a style vector of the teacher is mixed and stretched.
Refuses to know: sentences, shards, and what the student calls a style.

The first half of the teacher's style vector is timbre, the second prosody, and they can be combined
freely (StyleTTS 2, Li et al. 2023). A student that has only met its own voices' prosody knows as
many points of that space as it has voices; one that has met mixtures knows the space between them.
"""

import random
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from voxhaus.training.voice import teacher

HALF = 128

# The teacher's English voices by the first letters of their names: accent, then sex.
ENGLISH = {
    "f": """af_alloy af_aoede af_bella af_heart af_jessica af_kore af_nicole af_nova af_river
af_sarah af_sky bf_alice bf_emma bf_isabella bf_lily""".split(),
    "m": """am_adam am_echo am_eric am_fenrir am_liam am_michael am_onyx am_puck am_santa
bm_daniel bm_fable bm_george bm_lewis""".split(),
}


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How a reading departs from the voice's own prosody.

    Attributes:
        other: teacher voice whose prosody is mixed in.
        share: how much of it, 0 to 1.
        scale: distance of the mixture from the mean voice of its sex; 1 leaves it, more exaggerates
            and less flattens.
    """

    other: str
    share: float
    scale: float

    @classmethod
    def drawn(cls, voice: str, rng: random.Random) -> Self:
        """A random delivery for a teacher voice, borrowing from voices of the same sex."""
        return cls(
            other=rng.choice(ENGLISH[voice[1]]),
            share=round(rng.random(), 2),
            scale=round(rng.uniform(0.6, 1.6), 2),
        )

    def row(self) -> dict[str, Any]:
        """What a corpus plan keeps of it."""
        return asdict(self)


def styled(voices: teacher.Voices, voice: str, row: int, delivery: Delivery | None) -> np.ndarray:
    """A teacher voice's style vector float32 [256] at a table row, with a delivery if given."""
    style = voices.style(voice, row).copy()
    if delivery is None:
        return style
    middle = mean_prosody(voices, voice[1], row)
    other = voices.style(delivery.other, row)[HALF:]
    mixed = (1 - delivery.share) * style[HALF:] + delivery.share * other
    style[HALF:] = middle + delivery.scale * (mixed - middle)
    return style


def mean_prosody(voices: teacher.Voices, sex: str, row: int) -> np.ndarray:
    """The mean prosody half float32 [128] of all English voices of one sex ("f" or "m")."""
    mean: np.ndarray = np.mean([voices.style(v, row)[HALF:] for v in ENGLISH[sex]], axis=0)
    return mean
