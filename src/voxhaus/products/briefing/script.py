"""The words of a programme, line by line, each with the source it comes from.

Knows: the order of a programme, what stands between stories, and how text from feeds is made safe
to speak.
Refuses to know: how long anything takes, and audio.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from voxhaus.core.document import Source
from voxhaus.models.text import markup, sentences
from voxhaus.products.briefing import phrases
from voxhaus.products.briefing.similarity import overlap, telling_words
from voxhaus.products.briefing.stories import Story
from voxhaus.products.briefing.summary import Pick, digest

Role = Literal["greeting", "transition", "headline", "report", "farewell"]

TOLD = 0.7  # share of a headline's telling words in the first sentence that makes it superfluous


@dataclass(frozen=True)
class Line:
    """One spoken sentence.

    Attributes:
        text: as it is read, without markup.
        role: its place in the programme.
        source: page that it comes from; None for the programme's own words.
    """

    text: str
    role: Role
    source: Source | None = None


@dataclass(frozen=True)
class Segment:
    """A chapter of the programme: the opening, one story, or the good-bye.

    Attributes:
        title: of the chapter.
        lines: in order.
        story: its number in the edition, or None.
    """

    title: str
    lines: tuple[Line, ...]
    story: int | None = None


@dataclass(frozen=True)
class Script:
    """A whole programme."""

    segments: tuple[Segment, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in order."""
        return tuple(line for segment in self.segments for line in segment.lines)


@dataclass(frozen=True, kw_only=True)
class Edition:
    """What a programme can be made of.

    Attributes:
        title: of the programme.
        now: the listener's date and time.
        stories: the best first.
        digests: of each story, its sentences by worth.
        note: sentences for the opening (about a sample, for example), or "".
        seed: chooses among equal phrases.
    """

    title: str
    now: datetime
    stories: tuple[Story, ...]
    digests: tuple[tuple[Pick, ...], ...]
    note: str = ""
    seed: int = 0


def edition(
    stories: Sequence[Story], *, title: str, now: datetime, note: str = "", seed: int = 0
) -> Edition:
    """An edition of these stories, with the worth of their sentences judged."""
    return Edition(
        title=title,
        now=now,
        stories=tuple(stories),
        digests=tuple(digest(s) for s in stories),
        note=note,
        seed=seed,
    )


def write(paper: Edition, chosen: Mapping[int, int]) -> Script:
    """The script with these stories at these lengths.

    Args:
        paper: stories to take from.
        chosen: number of a story -> how many of its sentences; 0 is the headline alone.
    """
    order = _running_order(paper, list(chosen))
    middle = []
    for place, number in enumerate(order):
        before = order[place - 1] if place else None
        after = order[place + 1] if place + 1 < len(order) else None
        lead_in = _lead_in(paper, number, before, after, order)
        lines = (lead_in, *_told(paper, number, chosen[number]))
        middle.append(Segment(paper.stories[number].title, lines, number))
    return Script((_opening(paper, order), *middle, _ending(paper)))


def _running_order(paper: Edition, chosen: Sequence[int]) -> list[int]:
    """Topics by their best story; within a topic the best first."""
    ranked = sorted(chosen)
    topics = list(dict.fromkeys(paper.stories[n].topic for n in ranked))
    return sorted(ranked, key=lambda n: (topics.index(paper.stories[n].topic), n))


def _opening(paper: Edition, order: Sequence[int]) -> Segment:
    names = list(dict.fromkeys(n for i in order for n in paper.stories[i].publishers if n))
    texts = [phrases.greeting(paper.now), phrases.date(paper.now)]
    texts.append(phrases.opening(paper.title, len(order), names or ["one source"]))
    texts += [paper.note[s.start : s.end] for s in sentences.split(paper.note)]
    return Segment("Welcome", tuple(Line(t, "greeting") for t in texts))


def _ending(paper: Edition) -> Segment:
    texts = phrases.farewell(paper.now, f"{paper.seed}:farewell")
    return Segment("Goodbye", tuple(Line(t, "farewell") for t in texts))


def _lead_in(
    paper: Edition, number: int, before: int | None, after: int | None, order: Sequence[int]
) -> Line:
    story = paper.stories[number]
    previous = paper.stories[before] if before is not None else None
    stays = previous is not None and previous.topic == story.topic
    several = len({n for i in order for n in paper.stories[i].publishers}) > 1
    credited = several and (previous is None or previous.publishers != story.publishers)
    text = phrases.transition(
        story.topic,
        first=previous is None,
        stays=stays,
        last=after is None,
        publishers=[n for n in story.publishers if n] if credited else [],
        key=f"{paper.seed}:{story.title}",
    )
    return Line(text, "transition")


def _told(paper: Edition, number: int, count: int) -> list[Line]:
    story = paper.stories[number]
    picks = sorted(paper.digests[number][:count], key=lambda p: p.place)
    lines = [Line(p.text, "report", p.source) for p in picks]
    title = Line(_as_sentence(story.title), "headline", story.source)
    if lines and overlap_of_title(story.title, picks[0].text) >= TOLD:
        return lines
    return [title, *lines]


def overlap_of_title(title: str, sentence: str) -> float:
    """Share of a headline's telling words that a sentence says."""
    wanted = telling_words(title)
    return overlap(wanted, telling_words(sentence)) if wanted else 1.0


def _as_sentence(title: str) -> str:
    return title if re.search(r"[.!?…][\"”’)]*$", title) else f"{title}."


def speakable(text: str) -> str:
    """A text that a Speaker reads as it stands, whatever a feed wrote into it.

    Our markup's signs are escaped. What looks like a tag of SSML loses its brackets, for SSML has
    no way to be escaped outside itself.
    """
    flat = re.sub(r"<(?=[/?!A-Za-z])", " ", text)
    return markup.escape(" ".join(flat.split()))
