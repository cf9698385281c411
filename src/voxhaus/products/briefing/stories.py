"""From many feeds' documents to one ranked list of stories.

Knows: when two documents tell the same story, which stories matter more, and why one is left out.
Refuses to know: how much time there is, and how a story is worded.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.document import Document, Source
from voxhaus.models.text import sentences
from voxhaus.products.briefing.feeds import FeedReport
from voxhaus.products.briefing.similarity import shingles, telling_words, vectors
from voxhaus.products.briefing.topics import topic_of

MAX_ARTICLES = 400  # compared with each other; more is a day that nobody listens to
MAX_AGE = timedelta(days=7)
HALF_LIFE_HOURS = 18.0  # yesterday's lead counts for less than half of today's
UNDATED_HOURS = 24.0  # the age assumed when a feed gives none

SAME_TITLE = 0.72  # cosine of two headlines that tell one story
# Cosines of (texts, headlines) that together say the same. In the sample, two tellings of one story
# from different angles have 0.33 and 0.27; the closest pair of different stories has 0.09 and 0.0.
SAME_TOGETHER = ((0.42, 0.15), (0.30, 0.25))
RELATED_TEXT = 0.15  # below this, two texts share nothing worth counting
COPIED = 0.5  # share of four-word runs of the shorter text that the longer has too
MIN_SHINGLES = 10
SAME_DAYS = timedelta(days=3)  # a headline that returns later is another day's story
LEAD_WORDS = 120

MIN_WORDS, MAX_WORDS = 4, 48  # of a sentence that can be spoken in one go


@dataclass(frozen=True)
class Article:
    """One feed's telling of a story.

    Attributes:
        document: what it published.
        feed: number of the feed.
        position: place in the feed, 0 first; editors put what matters on top.
        topic: the feed's own topic, or "".
    """

    document: Document
    feed: int
    position: int
    topic: str = ""

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """Sentences that can be read aloud, in order."""
        text = self.document.text
        found = (text[s.start : s.end] for s in sentences.split(text))
        return tuple(s for s in map(_ended, found) if _sayable(s))

    @cached_property
    def telling(self) -> list[str]:
        """Telling words of the headline (twice, for they are chosen with care) and the lead."""
        title = telling_words(self.document.title)
        return title + title + telling_words(self.document.text[: LEAD_WORDS * 8])[:LEAD_WORDS]


def _ended(sentence: str) -> str:
    text = " ".join(sentence.split())
    if text.count('"') % 2:
        text = text.replace('"', "")
    return text if re.search(r"[.!?…][\"”’')\]]*$", text) else text.rstrip(" ,;:-–—") + "."


def _sayable(sentence: str) -> bool:
    """Whether a sentence makes sense to the ear."""
    count = len(re.findall(r"[^\W\d_]{2,}", sentence))
    signs = len(re.findall(r"[^\w\s.,;:!?'’\"“”()–—-]", sentence))
    return (
        MIN_WORDS <= count <= MAX_WORDS
        and len(sentence) < 400
        and signs <= 4
        and not re.search(r"https?://|www\.|\S+@\S+\.\w", sentence)
    )


@dataclass(frozen=True)
class Story:
    """Articles that tell the same thing, the fullest first."""

    articles: tuple[Article, ...]
    topic: str
    score: float

    @property
    def title(self) -> str:
        """Headline of the fullest article; its first words where it has none."""
        document = self.articles[0].document
        return document.title or " ".join(document.text.split()[:12])

    @property
    def source(self) -> Source:
        """Where the headline comes from."""
        return self.articles[0].document.source

    @property
    def publishers(self) -> tuple[str, ...]:
        """Names of everyone who tells it, without repetition."""
        return tuple(dict.fromkeys(a.document.source.name for a in self.articles))

    @property
    def coverage(self) -> int:
        """How many feeds tell it."""
        return len({a.feed for a in self.articles})

    @property
    def published(self) -> datetime | None:
        """The newest moment given."""
        return max((p for a in self.articles if (p := a.document.published)), default=None)


@dataclass(frozen=True)
class Dropped:
    """A document that is not in the list, and why."""

    document: Document
    reason: str


@dataclass
class Desk:
    """What the feeds have to tell: stories, the best first, and what was left out."""

    stories: list[Story] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


def gather(reports: Sequence[FeedReport], now: datetime, max_age: timedelta = MAX_AGE) -> Desk:
    """Stories of all feeds, merged and ranked.

    Args:
        reports: feeds that were read; those that failed count for nothing.
        now: the moment of the briefing. If everything is older than `max_age` (a feed that sleeps,
            a sample), ages are counted from the newest document instead.
        max_age: documents that are older are left out.
    """
    desk = Desk()
    articles = [
        Article(document, number, position, report.request.topic)
        for number, report in enumerate(reports)
        if report.feed
        for position, document in enumerate(report.feed.documents)
    ]
    moment = _moment(articles, now, max_age)
    kept = _kept(articles, moment, max_age, desk)
    groups = _groups(kept)
    desk.stories = sorted((_story(g, moment) for g in groups), key=lambda s: -s.score)
    return desk


def _moment(articles: Sequence[Article], now: datetime, max_age: timedelta) -> datetime:
    dates = [d for a in articles if (d := a.document.published) and d <= now]
    newest = max(dates, default=now)
    return now if now - newest <= max_age else newest


def _kept(
    articles: Sequence[Article], moment: datetime, max_age: timedelta, desk: Desk
) -> list[Article]:
    kept = []
    for article in articles:
        if reason := _unfit(article, moment, max_age):
            desk.dropped.append(Dropped(article.document, reason))
        else:
            kept.append(article)
    kept.sort(key=lambda a: (_hours(a.document, moment), a.position))
    for article in kept[MAX_ARTICLES:]:
        desk.dropped.append(Dropped(article.document, f"beyond the {MAX_ARTICLES} newest"))
    return kept[:MAX_ARTICLES]


def _unfit(article: Article, moment: datetime, max_age: timedelta) -> str:
    document = article.document
    if document.language and not document.language.lower().startswith("en"):
        return f"its language is '{document.language}'; the voice speaks English"
    letters = [c for c in document.title + document.text[:500] if c.isalpha()]
    if letters and sum(c < "\u0250" for c in letters) < 0.7 * len(letters):
        return "not in the Latin script"
    if document.published and moment - document.published > max_age:
        return f"older than {max_age.days} days"
    if not article.sentences and len(telling_words(document.title)) < 2:
        return "nothing that makes sense when spoken"
    if re.search(
        r"\b(?:sponsored|advertorial|paid (?:post|content|partnership))\b",
        " ".join([document.title[:40], *document.topics]),
        re.IGNORECASE,
    ):
        return "an advertisement"
    return ""


def _hours(document: Document, moment: datetime) -> float:
    """Age; what is dated ahead of time (a clock that is wrong) counts as new."""
    if document.published is None:
        return UNDATED_HOURS
    return max(0.0, (moment - document.published).total_seconds() / 3600)


def _groups(articles: Sequence[Article]) -> list[list[Article]]:
    """Articles that tell the same story, each with the first group that has one like it."""
    alike = _Alike(articles)
    groups: list[list[int]] = []
    for i in range(len(articles)):
        home = next((g for g in groups if any(alike.same(i, j) for j in g)), None)
        if home is None:
            groups.append([i])
        else:
            home.append(i)
    return [[articles[i] for i in g] for g in groups]


class _Alike:
    """Whether two of some articles tell the same story."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._articles = articles
        self._titles = _cosines([telling_words(a.document.title) for a in articles])
        self._texts = _cosines([a.telling for a in articles])
        self._pages = [_page(a.document.source.url) for a in articles]
        self._shingles = [shingles(a.document.text) for a in articles]

    def same(self, i: int, j: int) -> bool:
        if self._pages[i] and self._pages[i] == self._pages[j]:
            return True
        a, b = self._articles[i].document.published, self._articles[j].document.published
        if a and b and abs(a - b) > SAME_DAYS:
            return False
        title, text = self._titles[i, j], self._texts[i, j]
        if title >= SAME_TITLE or any(text >= x and title >= y for x, y in SAME_TOGETHER):
            return True
        if text < RELATED_TEXT:
            return False
        small, large = sorted((self._shingles[i], self._shingles[j]), key=len)
        return len(small) >= MIN_SHINGLES and len(small & large) >= COPIED * len(small)


def _cosines(bags: Sequence[Sequence[str]]) -> NDArray[np.float32]:
    unit = vectors(bags)
    return unit @ unit.T


def _page(url: str) -> str:
    """What identifies a page, without what only says how one came there."""
    parts = urlsplit(url)
    query = "&".join(
        q for q in parts.query.split("&") if q and not re.match(r"utm_|fbclid|gclid|ref=|at_", q)
    )
    host = parts.netloc.lower().removeprefix("www.").removeprefix("m.")
    path = parts.path.rstrip("/")
    return f"{host}{path}?{query}" if path or query else ""


def _story(articles: Sequence[Article], moment: datetime) -> Story:
    ordered = sorted(
        articles, key=lambda a: (-min(len(a.sentences), 8), _hours(a.document, moment), a.position)
    )
    labels = [label for a in ordered for label in (a.topic, *a.document.topics) if label]
    lead = ordered[0]
    own = next((a.topic for a in ordered if a.topic), "")
    text = f"{lead.document.title} {' '.join(lead.sentences[:3])}"
    return Story(
        articles=tuple(ordered),
        topic=own or topic_of(labels, lead.document.source.url, text),
        score=_score(ordered, moment),
    )


def _score(articles: Sequence[Article], moment: datetime) -> float:
    recency = math.pow(0.5, min(_hours(a.document, moment) for a in articles) / HALF_LIFE_HOURS)
    prominence = 1 / (1 + 0.1 * min(a.position for a in articles))
    coverage = math.log2(1 + len({a.feed for a in articles}))
    substance: float = 1.0 if any(a.sentences for a in articles) else 0.5
    return substance * coverage * (0.55 * recency + 0.45 * prominence)
