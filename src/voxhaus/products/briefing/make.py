"""The whole story of a briefing, from addresses to a recording.

Knows: the order of steps, what is measured, and what is reported of a run.
Refuses to know: the command line, and which model speaks.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.speech import Speaker
from voxhaus.products.briefing.feed_cache import FeedCache
from voxhaus.products.briefing.feeds import FeedError, FeedReport, FeedRequest, renamed
from voxhaus.products.briefing.fetch import Fetched, Limits, fetch_all
from voxhaus.products.briefing.fitting import TOLERANCE, Fit, fit
from voxhaus.products.briefing.parse import parse
from voxhaus.products.briefing.script import Edition, edition
from voxhaus.products.briefing.settings import DEFAULT_DAYS, DEFAULT_TITLE, MAX_MINUTES, MIN_MINUTES
from voxhaus.products.briefing.stories import Desk, gather
from voxhaus.products.briefing.studio import Recording, Studio

MAX_TAKES = 4  # times that a script is corrected after it was heard
MAX_FEEDS = 200

OnStep = Callable[[str, int, int], None]
"""Called with the name of a step ("reading", "speaking"), how much is done, and of how much."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a listener asks for.

    Attributes:
        requests: feeds to read.
        now: the listener's date and time, with time zone.
        minutes: wanted length.
        days: stories that are older are left out.
        voice: a voice of the speaker, or its default.
        style: a style of that voice, or neutral.
        title: of the programme, as said in the opening: "your briefing".
        note: a sentence for the opening, or "".
        seed: the same seed and the same feeds make the same programme.
        workers: sentences spoken at the same time.
        limits: on each feed.
    """

    requests: tuple[FeedRequest, ...]
    now: datetime
    minutes: float
    days: int = DEFAULT_DAYS
    voice: str | None = None
    style: str | None = None
    title: str = DEFAULT_TITLE
    note: str = ""
    seed: int = 0
    workers: int = 1
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds that the steps took."""

    reading: float
    choosing: float
    speaking: float


@dataclass(frozen=True, kw_only=True)
class Briefing:
    """A finished programme and how it came about."""

    order: Order
    reports: tuple[FeedReport, ...]
    desk: Desk
    paper: Edition
    fit: Fit
    recording: Recording
    predicted_seconds: float
    timings: Timings

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.recording.speech.seconds

    @property
    def short_of_material(self) -> bool:
        """Whether everything there was is in it and it is still shorter than promised."""
        return self.fit.exhausted and self.seconds < (1 - TOLERANCE) * self.order.minutes * 60

    @property
    def on_time(self) -> bool:
        """Whether its length is within the promised tolerance."""
        target = self.order.minutes * 60
        return abs(self.seconds - target) <= TOLERANCE * target

    @property
    def _too_old(self) -> bool:
        return any(d.reason.startswith("older than") for d in self.desk.dropped)

    def warnings(self) -> list[str]:
        """What a listener should be told: feeds that failed, a length that is not as asked."""
        said = [str(r.error) for r in self.reports if r.error]
        asked = spelled_seconds(self.order.minutes * 60)
        if self.short_of_material:
            said.append(
                f"There was not more to say: {spelled_seconds(self.seconds)} instead of {asked}. "
                "Add feeds for a longer briefing"
                + (f", or reach back more than {self.order.days} days." if self._too_old else ".")
            )
        elif not self.on_time:
            said.append(
                f"The briefing takes {spelled_seconds(self.seconds)} instead of {asked}: there are "
                "no stories of a length that fits better."
            )
        return said


def make_briefing(
    order: Order,
    speaker: Speaker,
    cache: FeedCache,
    on_step: OnStep = lambda name, done, total: None,
) -> Briefing:
    """Read feeds, choose stories, write a script of the wanted length, and speak it.

    Args:
        order: see `Order`.
        speaker: any voice.
        cache: copies of feeds for conditional requests.
        on_step: progress.

    Raises:
        InputError: unknown voice or style, a length out of range, or nothing but unusable input.
        VoxhausError: no feed could be read, or none has anything to tell.
    """
    _check(order)
    studio = Studio(
        speaker, voice=order.voice, style=order.style, seed=order.seed, workers=order.workers
    )
    studio.check()
    begun = time.perf_counter()
    reports = read_feeds(order.requests, cache, limits=order.limits, on_step=on_step)
    _some_feed(reports)
    read = time.perf_counter()
    desk = gather(reports, order.now, timedelta(days=order.days))
    if not desk.stories:
        raise VoxhausError(_nothing_told(reports, desk))
    paper = edition(
        desk.stories, title=order.title, now=order.now, note=order.note, seed=order.seed
    )
    fitted = fit(paper, studio.seconds, order.minutes * 60)
    if not fitted.chosen:
        raise VoxhausError("None of the stories can be spoken by this voice.")
    chosen = time.perf_counter()
    fitted = _takes(studio, paper, fitted, order.minutes * 60, on_step)
    recording = studio.assemble(fitted.script)
    done = time.perf_counter()
    return Briefing(
        order=order,
        reports=tuple(reports),
        desk=desk,
        paper=paper,
        fit=fitted,
        recording=recording,
        predicted_seconds=studio.predicted(fitted.script),
        timings=Timings(reading=read - begun, choosing=chosen - read, speaking=done - chosen),
    )


def _check(order: Order) -> None:
    if not MIN_MINUTES <= order.minutes <= MAX_MINUTES:
        raise InputError(
            f"A briefing takes {MIN_MINUTES:g} to {MAX_MINUTES:g} minutes; {order.minutes:g} were "
            "asked for.",
            param="minutes",
        )
    if not order.requests:
        raise InputError("There is no feed to read.", param="feeds")
    if len(order.requests) > MAX_FEEDS:
        raise InputError(
            f"{len(order.requests)} feeds are more than the {MAX_FEEDS} that are read at once.",
            param="feeds",
        )


def read_feeds(
    requests: Sequence[FeedRequest],
    cache: FeedCache,
    *,
    limits: Limits | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> list[FeedReport]:
    """Every feed read and understood, or why not, in the order asked; repeated ones once."""
    unique = list({r.address: r for r in requests}.values())
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        on_step("reading", done, len(unique))

    fetched = fetch_all(unique, cache, limits=limits, on_each=one_more)
    return [_report(r, f) for r, f in zip(unique, fetched, strict=True)]


def _report(request: FeedRequest, fetched: Fetched) -> FeedReport:
    if isinstance(fetched, FeedError):
        return FeedReport(request=request, error=fetched)
    try:
        feed = parse(fetched, request.shown)
    except FeedError as error:
        return FeedReport(request=request, error=error, delivery=fetched)
    if request.name:
        feed = renamed(feed, request.name)
    return FeedReport(request=request, feed=feed, delivery=fetched)


def _some_feed(reports: Sequence[FeedReport]) -> None:
    """Stop when every feed failed; the fault is the listener's only if it is so for all of them."""
    failed = [r.error for r in reports if r.error]
    if len(failed) < len(reports):
        return
    message = str(failed[0])
    if len(failed) > 1:
        message = f"None of the {len(failed)} feeds can be read. " + " ".join(map(str, failed))
    if all(error.bad_input for error in failed):
        raise InputError(message, param="feeds")
    raise VoxhausError(message)


def _nothing_told(reports: Sequence[FeedReport], desk: Desk) -> str:
    names = ", ".join(r.request.shown for r in reports if r.feed)
    if not desk.dropped:
        return f"There are no stories in {names}."
    reasons = dict.fromkeys(d.reason for d in desk.dropped)
    return f"No story in {names} can be used: {'; '.join(reasons)}."


def _takes(studio: Studio, paper: Edition, fitted: Fit, target: float, on_step: OnStep) -> Fit:
    """Speak, listen to how long it really took, and correct the script until it fits."""
    for _ in range(MAX_TAKES):
        studio.record(fitted.script, lambda done, total: on_step("speaking", done, total))
        heard = studio.seconds(fitted.script)
        if fitted.exhausted or abs(heard - target) <= TOLERANCE * target:
            break
        again = fit(paper, studio.seconds, target)
        if again.chosen == fitted.chosen:
            break
        fitted = again
    studio.record(fitted.script)
    return fitted


def spelled_seconds(seconds: float) -> str:
    """ "3 min 02 s", or "42 s" below a minute."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def record(briefing: Briefing, files: dict[str, Path]) -> dict[str, Any]:
    """The run as JSON: what was read, kept and dropped and why, what was said when, how fast.

    `real_time_factor` is speaking time by audio time: lower is faster.
    """
    order, fitted = briefing.order, briefing.fit
    speech, timings = briefing.recording.speech, briefing.timings
    return {
        "title": order.title,
        "now": order.now.isoformat(),
        "voice": order.voice,
        "style": order.style,
        "seed": order.seed,
        "requested_seconds": round(order.minutes * 60, 3),
        "predicted_seconds": round(briefing.predicted_seconds, 3),
        "audio_seconds": round(speech.seconds, 3),
        "sample_rate": speech.sample_rate,
        "on_time": briefing.on_time,
        "short_of_material": briefing.short_of_material,
        "wall_seconds": round(timings.speaking, 4),
        "real_time_factor": round(timings.speaking / speech.seconds, 5),
        "timings": {
            "reading": round(timings.reading, 4),
            "choosing": round(timings.choosing, 4),
            "speaking": round(timings.speaking, 4),
        },
        "files": {name: str(path) for name, path in files.items()},
        "warnings": briefing.warnings(),
        "feeds": [r.record() for r in briefing.reports],
        "stories": [_story_record(briefing, n) for n in range(len(briefing.paper.stories))],
        "dropped": [
            {"title": d.document.title, "url": d.document.source.url, "reason": d.reason}
            for d in briefing.desk.dropped
        ],
        "chapters": [
            {"title": c.title, "start": round(c.start, 3), "end": round(c.end, 3)}
            for c in briefing.recording.chapters
        ],
        "sentences": [_cue_record(briefing, i) for i in range(len(briefing.recording.cues))],
        "stories_told": len(fitted.chosen),
    }


def _story_record(briefing: Briefing, number: int) -> dict[str, Any]:
    story, fitted = briefing.paper.stories[number], briefing.fit
    told = number in fitted.chosen
    reason = None if told else "no time left"
    if number in fitted.unspeakable:
        reason = "the voice cannot say it"
    return {
        "title": story.title,
        "topic": story.topic,
        "score": round(story.score, 4),
        "coverage": story.coverage,
        "published": story.published.isoformat() if story.published else None,
        "told": told,
        "reason": reason,
        "articles": [
            {
                "title": a.document.title,
                "publisher": a.document.source.name,
                "url": a.document.source.url,
            }
            for a in story.articles
        ],
    }


def _cue_record(briefing: Briefing, number: int) -> dict[str, Any]:
    cue = briefing.recording.cues[number]
    source = cue.line.source
    return {
        "text": cue.line.text,
        "start": round(cue.start, 3),
        "end": round(cue.end, 3),
        "role": cue.line.role,
        "chapter": cue.segment,
        "source": {"name": source.name, "url": source.url} if source else None,
    }
