"""A delivery changes the prosody half of a style and leaves the timbre alone."""

import random

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra 'train'")

from voxhaus.training.voice.delivery import ENGLISH, HALF, Delivery, mean_prosody, styled


class Voices:
    """Every voice is a constant: its place in the list of all of them."""

    def style(self, voice, row):
        return np.full(256, float((ENGLISH["f"] + ENGLISH["m"]).index(voice)), np.float32)


def test_without_a_delivery_the_voice_is_itself():
    assert np.array_equal(styled(Voices(), "af_heart", 8, None), Voices().style("af_heart", 8))


def test_prosody_moves_and_timbre_stays():
    voices, delivery = Voices(), Delivery(other="af_nova", share=0.5, scale=1.0)
    own, nova = (voices.style(v, 8)[0] for v in ("af_heart", "af_nova"))
    style = styled(voices, "af_heart", 8, delivery)
    assert np.all(style[:HALF] == own)
    assert np.allclose(style[HALF:], (own + nova) / 2)


def test_scale_is_distance_from_the_mean_voice():
    voices = Voices()
    middle = mean_prosody(voices, "m", 8)
    once, twice = (
        styled(voices, "am_adam", 8, Delivery(other="am_adam", share=0, scale=s))[HALF:] - middle
        for s in (1.0, 2.0)
    )
    assert np.allclose(twice, 2 * once)


def test_drawn_from_voices_of_the_same_sex():
    rng = random.Random(1)
    drawn = [Delivery.drawn("bm_fable", rng) for _ in range(300)]
    assert {d.other for d in drawn} == set(ENGLISH["m"])
    assert all(0 <= d.share <= 1 and 0.6 <= d.scale <= 1.6 for d in drawn)
    assert Delivery(**drawn[0].row()) == drawn[0]
