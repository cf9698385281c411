"""Places for requests, and a queue of bounded length before them.

Knows: how many run, how many wait, and for how long.
Refuses to know: what they do.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voxhaus.products.server.errors import ApiError


class Places:
    """So many at the same time; the next wait in line, and the rest are sent away."""

    def __init__(self, running: int, waiting: int, wait_seconds: float) -> None:
        self._limit, self._seconds = waiting, wait_seconds
        self._free = asyncio.Semaphore(running)
        self._line = 0

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._line

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """A place, given back at the end.

        Raises:
            ApiError: 503, too many wait already, or no place became free in time.
        """
        await self._take()
        try:
            yield
        finally:
            self._free.release()

    async def _take(self) -> None:
        if self._free.locked() and self._line >= self._limit:
            raise _full("All places are taken and the queue is full.", self._seconds / 4)
        self._line += 1
        try:
            await asyncio.wait_for(self._free.acquire(), self._seconds)
        except TimeoutError:
            raise _full("No place became free in time.", self._seconds / 2) from None
        finally:
            self._line -= 1


def _full(what: str, retry_after: float) -> ApiError:
    message = f"{what} Try again in a moment."
    return ApiError(503, message, code="overloaded", retry_after=retry_after)
