"""The voices of a text, in the order in which they are heard."""

import pytest

from voxhaus.core.errors import InputError
from voxhaus.models.text.cast import cast


@pytest.mark.parametrize(
    ("text", "voices"),
    [
        ("Hello.", ("anna",)),
        ("[voice ben]Hello.[/voice]", ("ben",)),
        ("[voice ben]One.[/voice] Two. [voice ben]Three.[/voice]", ("ben", "anna")),
        ("[voice ben][rate 1.2]*One.*[/rate][/voice] [pause 1s]", ("ben",)),
        ("<speak>Hi <voice name='clara'>there</voice></speak>", ("anna", "clara")),
        ("", ()),
    ],
)
def test_voices_in_order(text, voices):
    assert cast(text, "anna") == voices


def test_broken_markup_is_refused_as_everywhere():
    with pytest.raises(InputError, match="voice"):
        cast("[voice ben]Hello.", "anna")
