"""Which sentences of a story to say first.

Knows: that good sentences stand early, share words with the rest and the headline, can be
understood alone, and do not repeat what was said.
Refuses to know: how much time there is. The order is nested: the best two are the best one and
one more.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxhaus.core.document import Source
from voxhaus.products.briefing.similarity import overlap, telling_words, vectors
from voxhaus.products.briefing.stories import Article, Story

MAX_SENTENCES = 8  # of one story in a briefing
MAX_CANDIDATES = 40  # of one article; what comes later in a long report is detail
REPEATS = 0.55  # cosine above which a sentence says nothing new
RETELLS = 0.5  # share of its telling words that another article's sentence has
FROM_OTHERS = 0.85  # what a sentence counts for when another article leads
ALONE = 0.5  # what it counts for when it needs its predecessor and that is not said
LONG = 34  # words; longer sentences are hard to follow by ear

# Sentences that lean on the one before.
_LEANS = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|Its|His|Her|Their|This|That|These|Those|But|And|So|Or|Yet|Such|"
    r"However|Instead|Meanwhile|Still|Also|Then|There|Both|Neither|Another|Others|Nor|Even|"
    r"For example|In (?:addition|contrast|response|turn)|As a result|By contrast)\b"
)


@dataclass(frozen=True)
class Pick:
    """A sentence of a story.

    Attributes:
        text: as published.
        source: the page it stands on.
        place: (article, sentence) in the order of the story, by which picks are spoken.
    """

    text: str
    source: Source
    place: tuple[int, int]


def digest(story: Story) -> tuple[Pick, ...]:
    """Sentences in the order of their worth, at most MAX_SENTENCES, none repeating another."""
    candidates = [
        (number, at, text, article)
        for number, article in enumerate(story.articles)
        for at, text in enumerate(article.sentences[:MAX_CANDIDATES])
    ]
    if not candidates:
        return ()
    worth, alike = _worth(story, candidates)
    chosen: list[int] = []
    open_ones = list(range(len(candidates)))
    while open_ones and len(chosen) < MAX_SENTENCES:
        best = max(open_ones, key=lambda i: worth[i] * _alone(i, chosen, candidates))
        open_ones.remove(best)
        if not _said(best, chosen, candidates, alike):
            chosen.append(best)
    return tuple(
        Pick(candidates[i][2], candidates[i][3].document.source, candidates[i][:2]) for i in chosen
    )


_Candidate = tuple[int, int, str, Article]


def _worth(
    story: Story, candidates: Sequence[_Candidate]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Worth [candidates] and likeness [candidates, candidates]."""
    bags = [telling_words(text) for _, _, text, _ in candidates]
    unit = vectors([*bags, telling_words(story.title)])
    alike = unit[:-1] @ unit[:-1].T
    titled = unit[:-1] @ unit[-1]
    others = max(1, len(candidates) - 1)
    central = (alike.sum(1) - np.diag(alike)) / others
    central = central / max(1e-9, float(central.max()))
    lead = np.array([1 / (1 + at) for _, at, _, _ in candidates], np.float32)
    own = np.array([1.0 if n == 0 else FROM_OTHERS for n, _, _, _ in candidates], np.float32)
    lengths = np.array([len(text.split()) for _, _, text, _ in candidates])
    ease = np.where(lengths > LONG, 0.8, np.where(lengths < 7, 0.8, 1.0))
    worth = (0.3 * central + 0.6 * lead + 0.1 * titled) * own * ease
    return worth.astype(np.float32), alike


def _alone(i: int, chosen: Sequence[int], candidates: Sequence[_Candidate]) -> float:
    number, at, text, _ = candidates[i]
    if not _LEANS.match(text):
        return 1.0
    said = {candidates[j][:2] for j in chosen}
    return 1.0 if (number, at - 1) in said else ALONE


def _said(
    i: int, chosen: Sequence[int], candidates: Sequence[_Candidate], alike: NDArray[np.float32]
) -> bool:
    """Whether what was chosen already says it; two articles' sentences may do so in other words."""
    bag = telling_words(candidates[i][2])
    for j in chosen:
        if alike[i, j] > REPEATS:
            return True
        other_article = candidates[i][0] != candidates[j][0]
        if other_article and overlap(bag, telling_words(candidates[j][2])) >= RETELLS:
            return True
    return False
