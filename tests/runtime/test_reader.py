"""Blends of voices lie between their parts."""

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.core.speech import VoiceInfo
from voxhaus.runtime.manner import Manner
from voxhaus.runtime.reader import Reader, blended


def reader(name, accent, value, styles=("neutral", "sad")):
    info = VoiceInfo(
        id=name, name=name, sex="female", accent=accent, language="en", styles=tuple(styles)
    )
    return Reader(
        info=info,
        rows=(8, 16),
        styles_YRS=np.full((len(styles), 2, 256), value, np.float16),
        manners={s: Manner(pitch=value) for s in styles},
    )


READERS = {
    "anna": reader("anna", "us", 1.0),
    "ben": reader("ben", "us", 2.0),
    "clara": reader("clara", "gb", 4.0, styles=("neutral",)),
}


@pytest.mark.parametrize(
    ("recipe", "value"),
    [
        ("anna:0.6+ben:0.4", 1.4),
        ("anna+ben", 1.5),
        ("anna:3 + ben:1", 1.25),
        ("ben:2", 2.0),
        ("anna:1+anna:1+ben:2", 1.5),
    ],
)
def test_weights_are_shares(recipe, value):
    made = blended(READERS, recipe)
    assert np.allclose(made.style("sad", 5), value)
    assert made.manners["sad"].pitch == pytest.approx(value)
    assert made.info.id == recipe


def test_the_heaviest_part_gives_the_accent_and_all_parts_the_styles():
    made = blended(READERS, "anna:0.4+clara:0.6")
    assert (made.info.accent, made.info.styles) == ("gb", ("neutral",))


def test_rows_are_by_length():
    voice = reader("x", "us", 0.0)
    voice.styles_YRS[0, 1] = 7
    assert [voice.style("neutral", n)[0, 0] for n in (1, 9, 10, 17, 400)] == [0, 0, 7, 7, 7]


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ("anna:0.6+zelda:0.4", "no voice 'zelda' to blend. Voices: anna, ben, clara"),
        ("anna:0+ben:0", "add up to nothing"),
        ("anna:-1+ben", "no blend of voices; write it like anna:0.6"),
        ("anna:lots", "no blend of voices"),
        ("anna+", "no blend of voices"),
    ],
)
def test_what_is_no_blend_is_refused(recipe, reason):
    with pytest.raises(InputError, match=reason):
        blended(READERS, recipe)
