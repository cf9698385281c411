"""Stop texts are found across pieces, and nothing of them is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxhaus.runtime.language.stops import Stops


def shown(stops, pieces):
    watch = Stops(stops)
    parts = [watch.push(piece) for piece in pieces]
    return "".join([*parts, watch.finish()]), watch.found


@pytest.mark.parametrize(
    ("stops", "pieces", "text", "found"),
    [
        (["END"], ["one E", "N", "D two"], "one ", True),
        (["END"], ["one E", "N", "d two"], "one ENd two", False),
        (["END"], ["one E", "N"], "one EN", False),
        (["\n\n"], ["a\n", "b\n", "\nc"], "a\nb", True),
        (["aab"], ["aaa", "b"], "a", True),
        (["x", "wx"], ["vwx"], "v", True),
        ([], ["anything"], "anything", False),
    ],
)
def test_examples(stops, pieces, text, found):
    assert shown(stops, pieces) == (text, found)


def test_what_cannot_be_a_stop_is_shown_at_once():
    watch = Stops(["END"])
    assert watch.push("one E") == "one "
    assert watch.push("x") == "Ex"


@given(st.lists(st.text("ab", max_size=4)), st.lists(st.text("ab", min_size=1), max_size=3))
def test_it_is_what_the_whole_text_says(pieces, stops):
    whole = "".join(pieces)
    places = [at for at in (whole.find(s) for s in stops) if at >= 0]
    # The first stop that is complete ends the answer, so compare with the shortest such beginning.
    ends = [whole.find(s) + len(s) for s in stops if s in whole]
    text, found = shown(stops, list(whole))
    assert found == bool(places)
    if not found:
        assert text == whole
    else:
        cut = whole[: min(ends)]
        assert text == cut[: min(at for at in (cut.find(s) for s in stops) if at >= 0)]
