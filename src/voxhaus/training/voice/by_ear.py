"""How wide a voice's melody sounds beside the teacher's, to a pitch tracker.

Knows: speaking readings that have sound, and the ratio of two spreads of pitch.
Refuses to know: what is done about it (`package.py`), styles, training.

Curves do not tell all: a tracker hears the edges of voicing and loudness too. Where the teacher
creaks it hears leaps of an octave that no listener takes for melody, so a voice that sounds
narrower than its teacher may still be right; one that sounds wider is too wide.
"""

from collections.abc import Sequence

import numpy as np

from voxhaus.core.speech import Samples
from voxhaus.evals import pitch
from voxhaus.models.voice.config import FRAMES_PER_UNIT, HOP, SAMPLE_RATE
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.voice_model import VoiceModel
from voxhaus.training.voice import teacher
from voxhaus.training.voice.dataset import Example

PCM = 32768


def width(
    model: VoiceModel, readings: Sequence[Example], styles_RS: np.ndarray, manner: Manner
) -> float:
    """Spread of our pitch by the teacher's, as heard: the median of the one by that of the other.

    Args:
        model: the finished model.
        readings: of one voice, in its own prosody, with samples; 1.0 is returned if none is voiced.
        styles_RS: neutral style vectors, [R, 256].
        manner: neutral.
    """
    pairs = []
    for reading in readings:
        ours = _spread(_said(model, reading, styles_RS, manner))
        theirs = _spread(_taught(reading))
        if np.isfinite([ours, theirs]).all():
            pairs.append((ours, theirs))
    if not pairs:
        return 1.0
    ours_all, theirs_all = np.median(pairs, axis=0)
    return float(ours_all / theirs_all)


def _spread(samples: Samples) -> float:
    return pitch.statistics(samples, SAMPLE_RATE)[1]


def _taught(reading: Example) -> Samples:
    unit = HOP * FRAMES_PER_UNIT
    heard = slice(reading.heard.start * unit, reading.heard.stop * unit)
    return (reading.samples[heard] / PCM).astype(np.float32)


def _said(model: VoiceModel, reading: Example, styles_RS: np.ndarray, manner: Manner) -> Samples:
    row = teacher.STYLE_ROWS.index(teacher.style_row(len(reading.tokens) - 2))
    style = styles_RS[row : row + 1].astype(np.float32)
    plan = model.plan(reading.tokens.tolist(), style, manner)
    return model.speak(plan, style, np.random.Generator(np.random.PCG64(0)), manner)
