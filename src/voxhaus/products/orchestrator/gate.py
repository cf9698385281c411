"""How many requests an engine works on at the same time, and how long others wait.

Knows: places, a queue of bounded length and patience, and how long places were held.
Refuses to know: what is done in a place.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voxhaus.products.orchestrator.contract import BusyError

_MEMORY = 0.2  # weight of the newest holding time in the running mean


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """What fits through.

    Attributes:
        places: requests at the same time.
        queue: requests that may wait for a place.
        patience: seconds that each of them waits at most.
    """

    places: int
    queue: int
    patience: float


class FullError(BusyError):
    """No place; the engine itself was not asked."""


class Gate:
    """The places of one engine."""

    def __init__(self, name: str, settings: GateSettings, now: Callable[[], float]) -> None:
        self._name, self._settings, self._now = name, settings, now
        self._free = asyncio.Semaphore(settings.places)
        self._held = 1.0  # seconds that a place is held, on average
        self.inside = 0
        self.waiting = 0

    async def enter(self) -> "Place":
        """Take a place; wait for one if need be.

        Raises:
            FullError: the queue is full, or no place came free in time.
        """
        if self._free.locked() and self.waiting >= self._settings.queue:
            raise self._busy()
        self.waiting += 1
        try:
            async with asyncio.timeout(self._settings.patience):
                await self._free.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self.waiting -= 1
        self.inside += 1
        return Place(self._leave, self._now())

    async def enter_if_idle(self) -> "Place | None":
        """Take a place only if nobody else is here; never waits."""
        if self.inside or self.waiting or self._free.locked():
            return None
        return await self.enter()

    def _leave(self, since: float) -> None:
        self._held += _MEMORY * (self._now() - since - self._held)
        self.inside -= 1
        self._free.release()

    def _busy(self) -> FullError:
        rounds = 1 + self.waiting / self._settings.places
        return FullError(
            f"Engine '{self._name}' works on {self.inside} requests and {self.waiting} wait; "
            "try again later, or raise its 'concurrency' or 'queue'.",
            retry_after=max(1.0, rounds * self._held),
        )


class Place:
    """A place that was taken; leaving twice is leaving once."""

    def __init__(self, leave: Callable[[float], None], since: float) -> None:
        self._leave: Callable[[float], None] | None = leave
        self._since = since

    def leave(self) -> None:
        """Give the place back."""
        if self._leave is not None:
            leave, self._leave = self._leave, None
            leave(self._since)
