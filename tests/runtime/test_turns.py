"""Turns, and how long one waits for the next."""

import numpy as np
import pytest

from voxhaus.core.errors import InputError
from voxhaus.runtime.turns import MOST_VARIATION, Turn, TurnTiming, natural_gap


def said(text, speaker="Anna", seconds=2.0):
    return TurnTiming(
        speaker=speaker, voice="anna", style=None, start=1.0, end=1.0 + seconds, text=text
    )


def gaps(before, speaker="Ben", count=400):
    return np.array([natural_gap(before, speaker, np.random.default_rng(n)) for n in range(count)])


def test_people_answer_after_about_a_fifth_of_a_second():
    found = gaps(said("It rains."))
    assert np.median(found) == pytest.approx(0.2, abs=0.01)
    assert 0.1 < found.min() < 0.17
    assert 0.24 < found.max() <= 0.2 * MOST_VARIATION + 1e-9


def test_answers_come_sooner_and_thoughts_later():
    plain = np.median(gaps(said("It rains.")))
    assert np.median(gaps(said("Does it rain?"))) < 0.7 * plain
    assert np.median(gaps(said('He said "why?"'))) < 0.7 * plain
    assert np.median(gaps(said("It rains...", seconds=2))) > 1.5 * plain
    assert np.median(gaps(said("It rains.", seconds=12))) > 1.5 * plain
    assert np.median(gaps(said("It rains.", seconds=500))) < 0.55
    assert np.median(gaps(said("It rains."), speaker="Anna")) > 1.5 * plain


@pytest.mark.parametrize("text", ["I was going to—", "But I –", "But -", '"But I—"'])
def test_who_is_cut_off_is_not_waited_for(text):
    assert (gaps(said(text)) == 0.0).all()


def test_a_turn_speaks_with_its_name_or_with_its_voice():
    assert Turn("Anna", "Hi").voice_id == "anna"
    assert Turn("Host", "Hi", voice="ben").voice_id == "ben"


@pytest.mark.parametrize(
    ("lengths", "reason"),
    [
        ({"overlap": -1.0}, "The overlap must lie between 0 and 10 seconds; it is -1.0"),
        ({"gap": float("nan")}, "The gap must lie between"),
        ({"gap": 11.0}, "it is 11.0"),
        ({"gap": 0.1, "overlap": 0.1}, "an overlap or a gap, not both"),
    ],
)
def test_impossible_lengths_are_refused(lengths, reason):
    with pytest.raises(InputError, match=reason):
        Turn("Anna", "Hi", **lengths)
