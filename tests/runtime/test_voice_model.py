"""Durations become whole units without drifting or losing a sound; threads do not get in each
other's way.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voxhaus.runtime import voice_model
from voxhaus.runtime.voice import Voice
from voxhaus.runtime.voice_model import whole_units

durations = st.lists(st.floats(0.05, 40.0), min_size=1, max_size=80)


@given(durations, st.floats(0.25, 4.0))
def test_every_token_keeps_a_unit(values, rate):
    assert whole_units(np.array(values, np.float32), rate).min() >= 1


@given(st.lists(st.floats(1.0, 40.0), min_size=1, max_size=80))
def test_rounding_does_not_add_up(values):
    lengths = whole_units(np.array(values, np.float32), 1.0)
    drift = np.cumsum(lengths) - np.cumsum(np.array(values, np.float32), dtype=np.float64)
    assert np.abs(drift).max() <= 1.0


def test_twice_the_rate_is_half_the_length():
    lengths = whole_units(np.full(40, 6.0, np.float32), 2.0)
    assert lengths.tolist() == [3] * 40


def test_many_threads_with_many_styles_get_what_one_gets(monkeypatch):
    monkeypatch.setattr(voice_model, "KNOWN_STYLES", 2)
    voice = Voice.load(threads=1)
    names = [v.id for v in voice.voices()]
    wanted = {n: voice.speak("Good morning.", voice=n).samples for n in names}
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda n: (n, voice.speak("Good morning.", voice=n).samples), names * 6)
        for name, samples in made:
            np.testing.assert_array_equal(samples, wanted[name])
