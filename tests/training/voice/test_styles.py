"""Every voice reaches the aims of a style, whatever prosody it borrows."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.models.text.phonemes import IDS
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.voice_model import Plan
from voxhaus.training.voice import styles, teacher

TOKENS = [0, *(IDS[c] for c in "həlO, wɜɹld."), 0]


class Model:
    """Speaks higher, wider and slower the larger the first number of the style is."""

    def plan(self, tokens, style_1S):
        x = float(style_1S[0, 0])
        melody = np.sin(np.arange(80) / 6)
        return Plan(
            lengths_L=np.array([round(100 * (1 + x))] * len(tokens)),
            pitch_F=(200 * 2 ** (x + 0.2 * (1 + x) * melody)).astype(np.float32),
            energy_F=np.zeros(80, np.float32),
            bare_energy_F=np.zeros(80, np.float32),
            features=np.zeros(1, np.float32),
            start=0,
            stop=40,
        )


def tables(**values):
    return {
        name: np.full((len(teacher.STYLE_ROWS), 256), values.get(name, 0.0), np.float32)
        for name in styles.AIMS
    }


def test_borrowed_prosody_is_set_right():
    readings = [styles.Reading(tokens=TOKENS)]
    manners = styles.manners_of(Model(), readings, tables(sad=0.5))
    aim, sad = styles.AIMS["sad"].manner, manners["sad"]
    assert sad.pitch == pytest.approx(aim.pitch - 12 * 0.5, abs=0.05)
    assert sad.range == pytest.approx(aim.range / 1.5, rel=0.01)
    assert sad.rate == pytest.approx(aim.rate * 1.5, rel=0.01)
    assert sad.pauses == pytest.approx(aim.pauses, rel=0.01), "the rate gave half of it already"
    assert (sad.tilt, sad.gain) == (aim.tilt, aim.gain)
    assert manners["neutral"] == Manner()


def test_neutral_is_as_lively_as_the_teacher():
    wide = 200 * 2 ** (0.3 * np.sin(np.arange(80) / 6))
    manners = styles.manners_of(Model(), [styles.Reading(tokens=TOKENS, pitch_F=wide)], tables())
    assert manners["neutral"].range == pytest.approx(1.5, rel=0.01)
    assert manners["sad"].range == pytest.approx(1.5 * styles.AIMS["sad"].manner.range, rel=0.01)


def test_files_keep_what_differs():
    assert styles.listed(Manner(pitch=2.0, rate=1.0)) == {"pitch": 2.0}
    assert Manner.parsed(styles.listed(styles.AIMS["angry"].manner)) == styles.AIMS["angry"].manner
