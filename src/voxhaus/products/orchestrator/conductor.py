"""The orchestrator: which engine answers a request, and what happens when it does not.

Knows: the order of trying: sides of a rollout, then the route's engines, each with its retries.
Refuses to know: how engines work, HTTP and SQL.
"""

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from voxhaus.core.chat import ChatEvent, ChatRequest
from voxhaus.core.errors import InputError
from voxhaus.core.hearing import Transcript, TranscriptionRequest
from voxhaus.core.speech import AudioChunk, SpeechRequest
from voxhaus.products.orchestrator.clock import Clock
from voxhaus.products.orchestrator.config import OPENAI, Config, EngineConfig
from voxhaus.products.orchestrator.contract import (
    Answer,
    Arm,
    Attempt,
    BusyError,
    Caller,
    Decision,
    EngineError,
    Ledger,
    ModelInfo,
    Task,
    UnknownModelError,
)
from voxhaus.products.orchestrator.engine import Request
from voxhaus.products.orchestrator.gate import FullError
from voxhaus.products.orchestrator.observations import Observer, quietly
from voxhaus.products.orchestrator.rollouts import Rollouts, Side
from voxhaus.products.orchestrator.routes import Choice, Routes, Way
from voxhaus.products.orchestrator.running import (
    LONGEST_WAIT,
    Ending,
    Errand,
    RestingError,
    Running,
    UnableError,
    begin,
)
from voxhaus.products.orchestrator.shadow import Outline
from voxhaus.products.orchestrator.stations import Station
from voxhaus.runtime.sessions import default_threads

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 2.0  # seconds; every retry doubles, chance shortens
SHADOWS = 2  # unseen answers at the same time, over all rollouts
LAST_WORDS = 5.0  # seconds that answers get when we close

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class _Search:
    """One request on its way from engine to engine."""

    request: Request
    way: Way
    side: Side | None
    arm: Arm
    failures: list[Exception] = field(default_factory=list)
    tried: list[Attempt] = field(default_factory=list)
    candidate_refused: bool = False


class Orchestrator:
    """Implements `contract.Conductor`. It lives on one event loop.

    Attributes:
        rollouts: to see and steer them.
    """

    def __init__(
        self,
        config: Config,
        ledger: Ledger,
        *,
        observe: Observer | None = None,
        threads: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Declare everything and make nothing; engines are made when they are first needed.

        Args:
            config: engines and routes.
            ledger: where rollouts survive a restart.
            observe: hears of every attempt.
            threads: CPUs for engines in this process; all if None.
            clock: time and chance.
        """
        self._clock = clock or Clock()
        self._routes = Routes(config)
        self._observe = quietly(observe)
        self._stations = {
            name: Station(name, engine, self._clock, threads or default_threads())
            for name, engine in config.engines.items()
        }
        self._created = int(self._clock.wall())
        self._left_out: set[str] = set()
        self._open: set[Running[Any]] = set()
        self._shadows: set[asyncio.Task[None]] = set()
        self.rollouts = Rollouts(ledger, self._clock, self._check_candidate)

    @classmethod
    def from_config(
        cls,
        config: Config,
        ledger: Ledger,
        *,
        observe: Observer | None = None,
        threads: int | None = None,
    ) -> Self:
        """An orchestrator on the real clock; arguments are those of the class."""
        return cls(config, ledger, observe=observe, threads=threads)

    async def speak(self, request: SpeechRequest, caller: Caller) -> Answer[AudioChunk]:
        """Speak a text; chunks come as they are made.

        Raises:
            UnknownModelError: no such model for this caller.
            InputError: the request is at fault; it names the parameter.
            BusyError: all engines are full.
            EngineError: no engine answered; it says why for each.
        """
        return await self._ask(request, "speech", caller)

    async def chat(self, request: ChatRequest, caller: Caller) -> Answer[ChatEvent]:
        """Answer a conversation; deltas, then one end. Errors are those of `speak`."""
        return await self._ask(request, "chat", caller)

    async def transcribe(self, request: TranscriptionRequest, caller: Caller) -> Answer[Transcript]:
        """Write a recording down; exactly one event. Errors are those of `speak`."""
        return await self._ask(request, "transcription", caller)

    def models(self, caller: Caller | None = None) -> list[ModelInfo]:
        """What this caller can ask for; everything if None."""
        return [self._info(way) for way in self._routes.all(caller)]

    def health(self) -> dict[str, dict[str, Any]]:
        """Each engine: ready, breaker, last error, requests in flight."""
        return {name: station.health() for name, station in self._stations.items()}

    async def check(self) -> dict[str, dict[str, Any]]:
        """The same, after every engine was made and asked whether it is there."""
        await asyncio.gather(*(s.check() for s in self._stations.values()))
        return self.health()

    async def close(self) -> None:
        """Let running work end for a while, write counts down, give back what engines hold."""
        now = asyncio.get_running_loop().time
        patience = now() + LAST_WORDS
        while self._open and now() < patience:
            await asyncio.sleep(0.02)
        for running in list(self._open):
            await running.aclose()
        if self._shadows:
            _, late = await asyncio.wait(self._shadows, timeout=LAST_WORDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self.rollouts.keep()
        await asyncio.gather(*(s.close() for s in self._stations.values()))

    def engine_for(self, route: str, caller: Caller) -> tuple[str, Arm]:
        """The engine that would be asked first, and the side; nothing is asked.

        Raises:
            UnknownModelError: no such model for this caller.
        """
        way = self._routes.find(route, None, caller)
        ordered, arm, _ = self._ordered(way, self._side(way, caller))
        return ordered.choices[0].engine, arm

    async def _ask(self, request: Request, task: Task, caller: Caller) -> Answer[Any]:
        way = self._routes.find(request.model, task, caller)
        way, arm, side = self._ordered(way, self._side(way, caller), request)
        search = _Search(request=request, way=way, side=side, arm=arm)
        for number, choice in enumerate(way.choices):
            running = await self._try(search, choice, first=number == 0)
            if running is not None:
                return self._answer(search, choice, running, first=number == 0)
        raise _all_failed(search)

    def _side(self, way: Way, caller: Caller) -> Side | None:
        """The rollout of a route; none where its candidate cannot or must not be asked."""
        side = self.rollouts.side(way.route, caller.id)
        if side is None:
            return None
        try:
            candidate = self._routes.choice(side.candidate)
        except InputError as error:  # engines.toml has changed since
            if side.rollout not in self._left_out:
                self._left_out.add(side.rollout)
                _log.warning("Rollout '%s' is left out: %s", side.rollout, error)
            return None
        if way.policy == "local-only" and not self._routes.engine(candidate).local:
            return None
        return side if any(c != candidate for c in way.choices) else None

    def _ordered(
        self, way: Way, side: Side | None, request: Request | None = None
    ) -> tuple[Way, Arm, Side | None]:
        """The engines in order: a candidate stands first on its side and nowhere on the other.

        Raises:
            InputError: no engine is made for such a request.
        """
        arm: Arm = "stable" if side is None else side.arm
        if side is not None:
            candidate = self._routes.choice(side.candidate)
            others = tuple(c for c in way.choices if c != candidate)
            way = replace(way, choices=(candidate, *others) if arm == "candidate" else others)
        fit = way if request is None else self._routes.suited(way, request)
        if fit.choices[0] != way.choices[0]:  # the engine that is compared is not asked
            return fit, "stable", None
        return fit, arm, side

    async def _try(self, search: _Search, choice: Choice, *, first: bool) -> Running[Any] | None:
        """Ask one engine, with its retries; None if another should be asked."""
        station = self._stations[choice.engine]
        arm = search.arm if first else "stable"
        failure: EngineError | InputError
        for repeat in range(1 + station.config.retries):
            errand = Errand(
                request=search.request,
                task=search.way.task,
                route=search.way.route,
                choice=choice,
                arm=arm,
                repeat=repeat,
            )
            try:
                return await begin(station, errand, self._clock, self._observe)
            except (EngineError, UnableError) as error:
                failure = error
            except InputError as error:
                # The candidate's word is not enough: if the other side answers, it was wrong.
                if arm != "candidate":
                    raise
                failure = error
            wait = self._wait(failure, repeat)
            if wait is None or repeat == station.config.retries:
                break
            await self._clock.sleep(wait)
        search.failures.append(failure)
        search.tried.append(Attempt(engine=choice.engine, failure=str(failure)))
        if first and search.side is not None:
            if isinstance(failure, EngineError):
                self.rollouts.count(search.side, search.arm, None)
            search.candidate_refused = arm == "candidate" and isinstance(failure, InputError)
        return None

    def _wait(self, error: Exception, repeat: int) -> float | None:
        """Seconds before the next try at the same engine; None if there shall be none."""
        if not isinstance(error, EngineError) or isinstance(error, FullError | RestingError):
            return None
        asked: float = error.retry_after or 0.0
        if not error.retriable or asked > LONGEST_WAIT:
            return None
        # "Full jitter": Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
        longest = min(LONGEST_BACKOFF, FIRST_BACKOFF * float(2**repeat))
        backoff = longest * self._clock.chance()
        return max(asked, backoff)

    def _answer(
        self, search: _Search, choice: Choice, running: Running[Any], *, first: bool
    ) -> Answer[Any]:
        arm = search.arm if first else "stable"
        self._open.add(running)
        running.on_end.append(lambda _: self._open.discard(running))
        if first and search.side is not None:
            self._follow(search, search.side, running)
        elif search.side is not None and search.candidate_refused:
            self.rollouts.count(search.side, "candidate", None)
        way = search.way
        return Answer(
            decision=Decision(
                task=way.task,
                model=choice.model,
                engine=choice.engine,
                route=way.route,
                policy=way.policy,
                reason=_reason(search, choice, arm),
                arm=arm,
                ignored=running.ignored,
                tried=tuple(search.tried),
            ),
            events=running,
        )

    def _follow(self, search: _Search, side: Side, running: Running[Any]) -> None:
        """Count how the answer ends, and let the candidate answer unseen after it if it shall."""
        outline = Outline()

        def ended(ending: Ending) -> None:
            went_well = ending.outcome == "ok"
            if went_well or ending.outcome in ("failed", "timeout", "busy"):
                latency = ending.first_event_seconds if went_well else None
                self.rollouts.count(side, search.arm, latency)
            if went_well and side.shadow and search.arm == "stable":
                self._start_shadow(search, side, outline)

        running.on_end.append(ended)
        if side.shadow:
            running.on_event.append(outline.add)

    def _start_shadow(self, search: _Search, side: Side, shown: Outline) -> None:
        """Afterwards and not beside, so that it takes nothing from an answer that is waited for."""
        if len(self._shadows) >= SHADOWS:
            self.rollouts.skip(side)
            return
        task = asyncio.ensure_future(self._shadow(search, side, shown))
        self._shadows.add(task)
        task.add_done_callback(self._shadows.discard)

    async def _shadow(self, search: _Search, side: Side, shown: Outline) -> None:
        choice = self._routes.choice(side.candidate)
        errand = Errand(
            request=search.request,
            task=search.way.task,
            route=search.way.route,
            choice=choice,
            arm="candidate",
            shadow=True,
        )
        outline = Outline()
        endings: list[Ending] = []
        try:
            running = await begin(
                self._stations[choice.engine],
                errand,
                self._clock,
                self._observe,
                only_if_idle=True,
            )
            running.on_end.append(endings.append)
            async for event in running:
                outline.add(event)
        except BusyError:
            self.rollouts.skip(side)
        except EngineError:
            self.rollouts.count(side, "candidate", None)
        except InputError:
            # The stable arm could answer this and the candidate refuses it.
            self.rollouts.count(side, "candidate", None)
        except Exception:
            _log.exception("An unseen answer failed unexpectedly.")
        else:
            self.rollouts.count(side, "candidate", endings[0].first_event_seconds)
            self.rollouts.compare(side, outline.similarity(shown), outline.ratio(shown))

    def _check_candidate(self, route: str, candidate: str) -> None:
        """Refuse rollouts that can answer nothing.

        Raises:
            InputError: no such route or engine, or one of another task.
        """
        try:
            way = self._routes.find(route, None)
        except UnknownModelError as error:
            raise InputError(str(error), param="route") from error
        choice = self._routes.choice(candidate)
        task = self._routes.engine(choice).task
        if task != way.task:
            raise InputError(
                f"'{candidate}' is for {task}, and '{route}' for {way.task}.", param="candidate"
            )
        if way.policy == "local-only" and not self._routes.engine(choice).local:
            raise InputError(
                f"'{route}' is local-only, and '{candidate}' is not local.", param="candidate"
            )
        if all(c == choice for c in way.choices):
            raise InputError(
                f"'{route}' has no engine but '{candidate}'; there is nothing to compare with.",
                param="candidate",
            )

    def _info(self, way: Way) -> ModelInfo:
        stations = [self._stations[c.engine] for c in way.choices]
        first = stations[0]
        return ModelInfo(
            id=way.route,
            task=way.task,
            owner=first.config.owner or _owner(first.name, first.config),
            created=self._created,
            local=all(s.config.local for s in stations),
            ready=any(s.ready for s in stations),
            voices=first.voices(),
        )


def _owner(name: str, config: EngineConfig) -> str:
    if config.kind == "voice":
        return "voxhaus"
    return "openai" if config.kind == "openai" and config.address == OPENAI else name


def _reason(search: _Search, choice: Choice, arm: Arm) -> str:
    """Why this one, in one sentence."""
    way = search.way
    if arm == "candidate" and search.side is not None:
        side = search.side
        why = (
            f"rollout '{side.rollout}' gives it {side.percent:g} % of the callers of '{way.route}'"
        )
    elif way.direct:
        why = f"'{way.route}' was asked for by name"
    elif way.policy in ("in-order", "local-only"):
        local = " of this machine" if way.policy == "local-only" else ""
        why = f"it is the first engine{local} that route '{way.route}' names"
    else:
        why = f"it is the {way.policy} engine of route '{way.route}'"
    if search.tried:
        failed = ", ".join(f"'{t.engine}'" for t in search.tried)
        why = f"{failed} did not answer, and it comes next on '{way.route}'"
    return f"Engine '{choice.engine}' answers because {why}."


def _all_failed(search: _Search) -> Exception:
    """What to tell a caller whom no engine answered."""
    failures: Sequence[Exception] = search.failures
    if len(failures) == 1 or all(isinstance(f, InputError) for f in failures):
        return failures[-1]
    of_engines = [f for f in failures if isinstance(f, EngineError)]
    waits = [f.retry_after for f in of_engines if f.retry_after is not None]
    retry_after = min(waits, default=math.nan)
    after = None if math.isnan(retry_after) else retry_after
    said = " ".join(str(f) for f in failures)
    message = f"No engine of '{search.way.route}' answered. {said}"
    if all(isinstance(f, BusyError) for f in failures):
        return BusyError(message, retry_after=after)
    retriable = any(f.retriable for f in of_engines)
    return EngineError(message, retriable=retriable, retry_after=after)
