"""Melody compared as sound: a reading of our own is as wide as itself, and a stretched one wider."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.voice.config import FRAMES_PER_UNIT
from voxhaus.runtime.voice import Voice
from voxhaus.training.voice import by_ear
from voxhaus.training.voice.dataset import Example

TEXT = "We were away a year ago, and nobody knew where the lamps were."


@pytest.fixture(scope="module")
def read():
    """The shipped model, anna's neutral vectors and manner, and one reading by herself."""
    voice = Voice.load(threads=1)
    reader = voice._readers["anna"]
    (job,) = voice.jobs(TEXT, "anna", None, 1.0, 0)
    plan = voice._model.plan(job.tokens, job.style_1S, job.manner)
    said = voice._model.speak(plan, job.style_1S, job.generator(), job.manner)
    unit = len(said) // (plan.stop - plan.start)
    samples = np.zeros(int(plan.lengths_L.sum()) * unit, np.int16)
    samples[plan.start * unit : plan.start * unit + len(said)] = said * by_ear.PCM
    silent = np.full(len(plan.pitch_F), -9.0, np.float32)
    heard = slice(plan.start * FRAMES_PER_UNIT, plan.stop * FRAMES_PER_UNIT)
    silent[heard] = 0.0
    example = Example(
        voice="anna",
        text=TEXT,
        tokens=np.array(job.tokens),
        durations=plan.lengths_L,
        exact_durations=plan.lengths_L.astype(np.float32),
        pitch=plan.pitch_F,
        energy=silent,
        style=job.style_1S[0],
        samples=samples,
    )
    return voice._model, reader.styles_YRS[0], job.manner, example


def test_a_voice_is_as_wide_as_itself(read):
    model, styles_RS, manner, example = read
    assert by_ear.width(model, [example], styles_RS, manner) == pytest.approx(1.0, abs=0.02)


def test_a_wider_melody_is_heard(read):
    model, styles_RS, manner, example = read
    wide = replace(manner, range=1.4 * manner.range)
    assert by_ear.width(model, [example], styles_RS, wide) == pytest.approx(1.4, abs=0.1)


def test_without_readings_nothing_is_known(read):
    model, styles_RS, manner, _ = read
    assert by_ear.width(model, [], styles_RS, manner) == 1.0
