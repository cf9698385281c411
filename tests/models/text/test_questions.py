"""Which sentences rise at their end."""

import pytest

from voxhaus.models.text.frontend import TextFrontend
from voxhaus.models.text.questions import asks_yes_or_no, nucleus

RISING = """You are coming?
Are you coming?
And did he call?
Do you know who called?
Is anyone sitting here?
Really?
"Are you there?"
Hang on, did you say seven?
The one that went to Rome?
Can you tell me where it is?""".split("\n")

FALLING = """You are coming.
Where are you?
And what did he say?
So why not?
To whom?
In which drawer is it?
What's that?
When it rains, what do we do?
Tea or coffee?
Do you want the red one or the blue one?
Stop!""".split("\n")


@pytest.fixture(scope="module")
def us():
    return TextFrontend("us")


@pytest.mark.parametrize("text", RISING)
def test_yes_or_no_is_asked(us, text):
    assert asks_yes_or_no(us.utterances(text)[-1])


@pytest.mark.parametrize("text", FALLING)
def test_something_else_is_said(us, text):
    assert not asks_yes_or_no(us.utterances(text)[-1])


def test_the_rise_begins_at_the_last_strong_stress(us):
    (said,) = us.utterances("You are coming to the garden?")
    assert said.phonemes[nucleus(said) :].startswith("ˈɑɹd")
