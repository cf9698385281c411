"""How much a new voice sounds like its speaker, and how well it speaks.

Knows: which sounds are compared, and by which judges.
Refuses to know: how judges judge, and how the voice was made.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voxhaus.core.errors import MissingExtraError
from voxhaus.core.speech import Samples
from voxhaus.evals.judges import JUDGE_RATE, DistillMos, SpeakerJudge, Transcriber, level, resample
from voxhaus.runtime.voice import Voice
from voxhaus.training.voice.dataset import Example
from voxhaus.training.voice.own.recordings import RATE

MOST = 12


def judge(
    folder: Path, name: str, nearest: str, held_out: Sequence[Example], edge: float
) -> dict[str, Any]:
    """Scores of recordings, the nearest shipped voice and the own one on held-out texts.

    Similarity is that of the part below `edge`, which is all that the recordings hold: a judge of
    speakers hears a telephone as well.

    Returns:
        `rows` by who spoke, each with DistillMOS, similarity and word errors; or `why` not.
    """
    try:
        hears, opinion, knows = Transcriber(), DistillMos(), SpeakerJudge()
    except MissingExtraError as error:
        return {"why": str(error)}
    some = list(held_out)[:MOST]
    own, shipped = Voice.load(str(folder.resolve()), threads=1), Voice.load(threads=1)
    sounds: dict[str, list[Samples]] = {
        "recordings": [np.asarray(e.samples / 32768, np.float32) for e in some],
        f"{nearest}, as shipped": [_said(shipped, nearest, e.text) for e in some],
        name: [_said(own, name, e.text) for e in some],
    }
    people = [knows.embed(_levelled(below(s, edge))) for s in sounds["recordings"]]
    rows = {}
    for who, said in sounds.items():
        levelled = [_levelled(s) for s in said]
        pairs = zip(some, levelled, strict=True)
        counts = [hears.errors(e.text, hears.heard(s)) for e, s in pairs]
        wrong, words = (sum(c) for c in zip(*counts, strict=True))
        known = [knows.embed(_levelled(below(s, edge))) for s in said]
        rows[who] = {
            "DistillMOS": float(np.mean([opinion(s) for s in levelled])),
            "similarity": similarity(people, known),
            "WER %": 100 * wrong / max(1, words),
        }
    note = f"similarity to recordings of other texts, below {edge:.0f} Hz"
    return {"rows": rows, "count": len(some), "note": note}


def _said(voice: Voice, name: str, text: str) -> Samples:
    # A transcript's brackets and stars would be read as markup.
    return voice.speak(text.translate(str.maketrans("", "", "[]*")), voice=name).samples


def _levelled(samples: Samples) -> Samples:
    return level(resample(samples, RATE, JUDGE_RATE), JUDGE_RATE)


def below(samples: Samples, edge: float) -> Samples:
    """The sound without what lies above `edge` Hz."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > edge] = 0
    return np.asarray(np.fft.irfft(spectrum, len(samples)), np.float32)


def similarity(people: Sequence[np.ndarray], said: Sequence[np.ndarray]) -> float:
    """Mean cosine between speech and recordings of other sentences; NaN for a single one."""
    pairs = [float(p @ s) for i, p in enumerate(people) for j, s in enumerate(said) if i != j]
    return float(np.mean(pairs)) if pairs else float("nan")
