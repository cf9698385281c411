"""The programme's own words: everything spoken that no source wrote.

Knows: greetings, dates, transitions and good-byes, and that the same seed chooses the same ones.
Refuses to know: stories. Names and topics are given to it; they are plain text, not markup.
"""

import random
from collections.abc import Sequence
from datetime import datetime

from voxhaus.products.briefing.topics import spoken

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()

_FIRST = ("We begin with {}", "First, {}", "We start with {}")
_TURN = ("Now to {}", "Turning to {}", "On to {}", "Next, {}")
_STAY = ("Also in {}", "Staying with {}", "More from {}")
_LAST = ("And finally, {}", "And to end with, {}")
_FAREWELLS = ("That is all for now.", "And that is the news for now.", "That was the news for now.")


def greeting(now: datetime) -> str:
    """ "Good morning." by the listener's clock; it is morning from five to noon."""
    if 5 <= now.hour < 12:
        return "Good morning."
    return "Good afternoon." if 12 <= now.hour < 18 else "Good evening."


def date(now: datetime) -> str:
    """ "It is Monday, November 23, 2026." in English whatever the machine's language is."""
    return f"It is {_DAYS[now.weekday()]}, {_MONTHS[now.month - 1]} {now.day}, {now.year}."


def opening(title: str, stories: int, publishers: Sequence[str]) -> str:
    """What is to be heard, and from whom."""
    count = _NUMBERS[stories] if stories < len(_NUMBERS) else str(stories)
    told = f"{count} {'story' if stories == 1 else 'stories'}"
    source = enumerated(publishers) if len(publishers) <= 3 else f"{len(publishers)} sources"
    return f"This is {title}, with {told} from {source}."


def enumerated(names: Sequence[str]) -> str:
    """ "A", "A and B", "A, B and C"."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def transition(
    topic: str, *, first: bool, stays: bool, last: bool, publishers: Sequence[str], key: str
) -> str:
    """A sentence that leads to the next story.

    Args:
        topic: of the next story.
        first: whether it opens the programme.
        stays: whether the story before had the same topic.
        last: whether it is the only story of the last topic.
        publishers: names to be credited, or none.
        key: decides among equals; equal keys choose equally.
    """
    forms = _FIRST if first else _STAY if stays else _LAST if last else _TURN
    text = random.Random(key).choice(forms).format(spoken(topic))
    if publishers:
        named = [*publishers[:1], "others"] if len(publishers) > 3 else publishers
        text += f", from {enumerated(named)}"
    return f"{text}."


def farewell(now: datetime, key: str) -> tuple[str, str]:
    """The last two sentences."""
    wish = "Good night." if now.hour >= 20 or now.hour < 5 else "Goodbye."
    if 5 <= now.hour < 12:
        wish = "Have a good day."
    return random.Random(key).choice(_FAREWELLS), wish
