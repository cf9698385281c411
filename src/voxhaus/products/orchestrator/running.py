"""One engine's attempt at a request, from asking to the last event.

Knows: the three timeouts, and that whatever happens the place is given back, the breaker is told
and the observer hears how it ended, each exactly once.
Refuses to know: other engines, routes and rollouts.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from voxhaus.core.chat import ChatEnd
from voxhaus.core.errors import InputError, VoxhausError
from voxhaus.core.hearing import Transcript
from voxhaus.products.orchestrator.breaker import Pass
from voxhaus.products.orchestrator.clock import Clock
from voxhaus.products.orchestrator.contract import Arm, BusyError, EngineError, Task
from voxhaus.products.orchestrator.engine import Request
from voxhaus.products.orchestrator.gate import Place
from voxhaus.products.orchestrator.observations import Observation, Observer, Outcome
from voxhaus.products.orchestrator.routes import Choice
from voxhaus.products.orchestrator.stations import Station

Event = TypeVar("Event")

LONGEST_WAIT = 2.0  # seconds that an upstream may ask us to wait before we turn to another

_log = logging.getLogger(__name__)
_numbers = itertools.count(1)


class UnableError(InputError):
    """This engine cannot honour a parameter; another may."""


class LateError(EngineError):
    """A timeout."""


class StoppedError(EngineError):
    """It was we who ended the answer, or a reader who did not fetch it in time."""


class RestingError(EngineError):
    """The engine was not asked, because it failed or refused too often just now."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What an engine is asked, and as what it is observed."""

    request: Request
    task: Task
    route: str
    choice: Choice
    arm: Arm = "stable"
    shadow: bool = False
    repeat: int = 0


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an attempt ended; times in seconds, as in Observation."""

    outcome: Outcome
    failure: str
    first_event_seconds: float | None
    total_seconds: float


class Watch:
    """Times one attempt and tells the observer of its start and its end."""

    def __init__(self, errand: Errand, clock: Clock, observe: Observer) -> None:
        self._clock, self._observe = clock, observe
        self._began = clock.now()
        self._first: float | None = None
        self._seen = Observation(
            moment="started",
            number=next(_numbers),
            task=errand.task,
            route=errand.route,
            model=errand.choice.model,
            engine=errand.choice.engine,
            arm=errand.arm,
            shadow=errand.shadow,
            repeat=errand.repeat,
        )
        observe(self._seen)

    def first_event(self) -> None:
        """It is there."""
        self._first = self.seconds()

    def seconds(self) -> float:
        """Since the start."""
        return self._clock.now() - self._began

    def ended(self, outcome: Outcome, failure: str = "") -> Ending:
        """Tell how; to be called once."""
        ending = Ending(
            outcome=outcome,
            failure=failure,
            first_event_seconds=self._first,
            total_seconds=self.seconds(),
        )
        self._observe(
            replace(
                self._seen,
                moment="ended",
                outcome=outcome,
                failure=failure,
                first_event_seconds=ending.first_event_seconds,
                total_seconds=ending.total_seconds,
            )
        )
        return ending


class Running(Generic[Event]):
    """An answer whose first event is there. An async iterator; `aclose` stops the engine."""

    def __init__(
        self,
        station: Station,
        watch: Watch,
        leave: Pass,
        place: Place,
        events: AsyncGenerator[Event, None],
        first: Event,
        ignored: tuple[str, ...],
    ) -> None:
        self.ignored = ignored
        self.on_event: list[Callable[[Event], None]] = []
        self.on_end: list[Callable[[Ending], None]] = []
        self._station, self._watch, self._pass, self._place = station, watch, leave, place
        self._events = events
        self._first: list[Event] = [first]
        self._timeout = station.config.timeout
        self._waiting: asyncio.Timeout | None = None
        self._stopping = False
        self._awaited = watch.seconds()  # that were the engine's, not the reader's
        self._complete = False
        self._over: BaseException | None = None
        # A reader who neither reads on nor closes must not keep the place for ever.
        remaining = max(0.0, self._timeout.total - watch.seconds())
        self._alarm = asyncio.get_running_loop().call_later(remaining, self._expire)
        self._closing: asyncio.Task[None] | None = None

    def __aiter__(self) -> "Running[Event]":
        return self

    async def __anext__(self) -> Event:
        if self._over is not None:
            raise self._over
        event = self._first.pop() if self._first else await self._next()
        self._complete = isinstance(event, ChatEnd | Transcript)
        for hear in self.on_event:
            hear(event)
        return event

    async def _next(self) -> Event:
        since = self._watch.seconds()
        left = self._timeout.total - since
        try:
            async with asyncio.timeout(min(self._timeout.idle, left)) as self._waiting:
                return await anext(self._events)
        except StopAsyncIteration:
            self._end("ok", StopAsyncIteration())
            raise
        except TimeoutError:
            late = self._late(left, self._watch.seconds() - since)
            await self._fail(late)
            raise late from None
        except (VoxhausError, asyncio.CancelledError, GeneratorExit) as error:
            await self._fail(error)
            raise
        except Exception as error:
            failure = unexpected(self._station, error)
            await self._fail(failure)
            raise failure from error
        finally:
            self._awaited += self._watch.seconds() - since
            self._waiting = None

    async def aclose(self) -> None:
        """Stop; after the end this does nothing. Who has the last event has the whole answer."""
        if self._over is not None:
            return
        if self._waiting is not None:  # in another task, which ends it then
            self._stopping = True
            self._waiting.reschedule(asyncio.get_running_loop().time())
            return
        self._end("ok" if self._complete else "cancelled", StopAsyncIteration())
        await self._events.aclose()

    def _expire(self) -> None:
        if self._waiting is None and self._over is None:
            late = self._late(0.0)
            self._closing = asyncio.ensure_future(self._fail(late))

    def _late(self, left: float, just_awaited: float = 0.0) -> EngineError:
        name, limit = self._station.name, self._timeout
        if self._stopping:
            return StoppedError(f"Engine '{name}' was stopped in mid-answer.")
        if left > limit.idle:
            return LateError(f"Engine '{name}' sent nothing for {limit.idle:g} s in mid-answer.")
        said = f"The answer of engine '{name}' took longer than {limit.total:g} s."
        to_blame = self._awaited + just_awaited > limit.total / 2
        return LateError(said) if to_blame else StoppedError(said)

    async def _fail(self, error: BaseException) -> None:
        self._end(blame(self._station, self._pass, error), error)
        await self._events.aclose()

    def _end(self, outcome: Outcome, error: BaseException) -> None:
        if self._over is not None:
            return
        self._over = error
        self._alarm.cancel()
        self._place.leave()
        if outcome == "ok":
            self._pass.succeeded()
        self._pass.said_nothing()  # unless it has been told more
        failure = "" if outcome in ("ok", "cancelled") else str(error)
        ending = self._watch.ended(outcome, failure)
        for hear in self.on_end:
            hear(ending)


def unexpected(station: Station, error: Exception) -> EngineError:
    """Ours in place of an error that nobody expected of an engine; the log has the whole of it."""
    _log.error("Engine '%s' failed unexpectedly.", station.name, exc_info=error)
    said = " ".join(str(error).split())
    return EngineError(f"Engine '{station.name}' failed: {type(error).__name__}: {said}.")


def blame(station: Station, leave: Pass, error: BaseException) -> Outcome:
    """Tell the breaker what an error says of the engine; what the observer is to hear."""
    match error:
        case StoppedError():
            leave.said_nothing()
            return "cancelled"
        case BusyError():
            if (error.retry_after or 0.0) > LONGEST_WAIT:
                station.breaker.rest(error.retry_after or 0.0)
            leave.said_nothing()
            return "busy"
        case VoxhausError() if not isinstance(error, EngineError):
            leave.said_nothing()
            return "refused"
        case Exception():
            station.last_error = str(error)
            leave.failed()
            return "timeout" if isinstance(error, LateError) else "failed"
    leave.said_nothing()  # cancelled
    return "cancelled"


async def begin(
    station: Station, errand: Errand, clock: Clock, observe: Observer, *, only_if_idle: bool = False
) -> Running[Any]:
    """Ask an engine and wait for its first event.

    Args:
        station: the engine.
        errand: what to ask.
        clock: for times.
        observe: hears of start and end.
        only_if_idle: do not wait for a place, and take none that others may want.

    Raises:
        BusyError: no place, or the upstream says so.
        RestingError: it is left alone for now.
        EngineError: it failed.
        UnableError: it cannot honour a parameter.
        InputError: the request is at fault.
    """
    leave = station.breaker.enter()
    if leave is None:
        raise RestingError(
            f"Engine '{station.name}' is left alone for now: {station.last_error or 'it is busy.'}",
            retry_after=station.breaker.wait_seconds() or None,
        )
    watch = Watch(errand, clock, observe)
    place: Place | None = None
    try:
        place = await _place(station, only_if_idle)
        return await _first(station, errand, watch, leave, place)
    except BaseException as error:
        watch.ended(blame(station, leave, error), str(error))
        if place is not None:
            place.leave()
        raise


async def _place(station: Station, only_if_idle: bool) -> Place:
    if not only_if_idle:
        return await station.gate.enter()
    place = await station.gate.enter_if_idle()
    if place is None:
        raise BusyError(f"Engine '{station.name}' has something better to do.")
    return place


async def _first(
    station: Station, errand: Errand, watch: Watch, leave: Pass, place: Place
) -> Running[Any]:
    seconds = station.config.timeout.first
    events: AsyncGenerator[Any, None] | None = None
    try:
        async with asyncio.timeout(seconds):
            engine = await station.engine()
            ignored = _left_out(station, engine.cannot(errand.request))
            events = engine.answer(errand.request, errand.choice.own)
            first = await anext(events)
    except TimeoutError:
        raise LateError(f"Engine '{station.name}' did not begin within {seconds:g} s.") from None
    except StopAsyncIteration:
        raise EngineError(f"Engine '{station.name}' answered nothing.") from None
    except VoxhausError:
        raise
    except Exception as error:
        raise unexpected(station, error) from error
    watch.first_event()
    station.last_error = ""
    return Running(station, watch, leave, place, events, first, ignored)


def _left_out(station: Station, cannot: tuple[str, ...]) -> tuple[str, ...]:
    refused = [name for name in cannot if name not in station.config.ignore]
    if refused:
        raise UnableError(
            f"Engine '{station.name}' cannot honour '{refused[0]}'; leave it out.",
            param=refused[0],
        )
    return cannot
