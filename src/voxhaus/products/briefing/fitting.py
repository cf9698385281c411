"""Trimming a programme to its time.

Knows: which story or sentence is worth its seconds next, and when the time is full.
Refuses to know: how seconds are known; it asks for them.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from voxhaus.products.briefing.script import Edition, Script, write

TOLERANCE = 0.10  # of the time asked for; what we promise
CLOSE = 0.03  # of the time asked for; near enough to stop looking
# What a story's second, third, ... sentence is worth beside its first: a listener wants two or
# three sentences of a story before another story, but no story to the end before all others.
FURTHER = (0.95, 0.75, 0.5, 0.35, 0.25, 0.18, 0.12)
SHORTEST_STORY = 6.0  # seconds; no more stories than fit at this length are looked at
MAX_REFUSALS = 24  # attempts that did not fit before we stop

Seconds = Callable[[Script], float]


class UnspeakableError(Exception):
    """A text that the voice cannot say; `text` is that text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Fit:
    """A script for a given time.

    Attributes:
        script: what is to be said.
        chosen: number of a story -> sentences of it.
        seconds: how long it is expected to take.
        exhausted: whether there was nothing more to say.
        unspeakable: numbers of stories that the voice cannot say.
    """

    script: Script
    chosen: dict[int, int]
    seconds: float
    exhausted: bool
    unspeakable: frozenset[int]

    def within(self, target: float) -> bool:
        """Whether the length is what we promise."""
        return abs(self.seconds - target) <= TOLERANCE * target


def fit(paper: Edition, seconds_of: Seconds, target: float) -> Fit:
    """The most valuable script that takes about `target` seconds.

    Stories and sentences are taken in order of worth per step: a story's headline and best sentence
    first, each further sentence for less. What does not fit any more is passed over for something
    shorter. At the end, one step too many is taken if that comes closer than one too few.

    Args:
        paper: stories and their sentences.
        seconds_of: length of a script; raises UnspeakableError for a text that cannot be spoken.
        target: seconds.
    """
    return _Fitting(paper, seconds_of, target).run()


class _Fitting:
    def __init__(self, paper: Edition, seconds_of: Seconds, target: float) -> None:
        self._paper, self._seconds_of, self._target = paper, seconds_of, target
        most = int(target / SHORTEST_STORY) + 4
        self._waiting = [
            (-story.score, number, 0 if not paper.digests[number] else 1)
            for number, story in enumerate(paper.stories[:most])
        ]
        heapq.heapify(self._waiting)
        self._looked_at_all = most >= len(paper.stories)
        self._chosen: dict[int, int] = {}
        self._unspeakable: set[int] = set()
        self._seconds = 0.0
        self._refused: list[tuple[int, int]] = []

    def run(self) -> Fit:
        while self._waiting and not self._full():
            _, number, count = heapq.heappop(self._waiting)
            self._try(number, count)
        exhausted = not self._waiting and not self._refused and self._looked_at_all
        self._overshoot()
        if len(self._chosen) < 2 and not self._near(self._seconds):
            self._one_story()
        return Fit(
            script=write(self._paper, self._chosen),
            chosen=dict(self._chosen),
            seconds=self._seconds,
            exhausted=exhausted,
            unspeakable=frozenset(self._unspeakable),
        )

    def _full(self) -> bool:
        near = self._seconds >= (1 - CLOSE) * self._target
        return near or len(self._refused) >= MAX_REFUSALS

    def _try(self, number: int, count: int) -> None:
        wanted = {**self._chosen, number: count}
        try:
            seconds = self._seconds_of(write(self._paper, wanted))
        except UnspeakableError:
            if number not in self._chosen:
                self._unspeakable.add(number)
            return
        if seconds > self._target:
            self._refused.append((number, count))
            return
        self._chosen, self._seconds = wanted, seconds
        if count < len(self._paper.digests[number]):
            next_worth = -self._paper.stories[number].score * FURTHER[count - 1]
            heapq.heappush(self._waiting, (next_worth, number, count + 1))

    def _near(self, seconds: float) -> bool:
        return abs(seconds - self._target) <= TOLERANCE * self._target

    def _one_story(self) -> None:
        """In a short time, the best story of the right length; else any rather than none."""
        shorter = [(number, 0) for number, _ in self._refused]
        lengths = {
            step: self._seconds_of(write(self._paper, dict([step])))
            for step in [*self._refused, *shorter]
        }
        near = [step for step in lengths if self._near(lengths[step])]
        if near or (lengths and not self._chosen):
            number, count = near[0] if near else min(lengths, key=lambda step: lengths[step])
            self._chosen, self._seconds = {number: count}, lengths[number, count]

    def _overshoot(self) -> None:
        """Take the refused step that comes closest, if it is closer than stopping here."""
        if not self._chosen:
            return
        best = self._target - self._seconds
        base = dict(self._chosen)
        for number, count in self._refused:
            candidate = {**base, number: count}
            seconds = self._seconds_of(write(self._paper, candidate))
            if 0 <= seconds - self._target < min(best, TOLERANCE * self._target):
                best = seconds - self._target
                self._chosen, self._seconds = candidate, seconds
