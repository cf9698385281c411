"""From work in a thread to events on the event loop.

Knows: a bounded queue between the two, and that a reader who goes away stops the work.
Refuses to know: what the work is.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

AHEAD = 4  # events that may lie ready before the work waits for its reader


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


class _Belt(Generic[T]):
    """One reader's queue; `put` is called in the thread, everything else on the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[T | _Ended] = asyncio.Queue()
        self._room = threading.Semaphore(AHEAD)
        self.stopped = False

    def put(self, event: T) -> bool:
        """Hand an event over, waiting for room; False if nobody reads any more."""
        self._room.acquire()
        return not self.stopped and self._send(event)

    def end(self, error: BaseException | None) -> None:
        self._send(_Ended(error))

    def _send(self, event: T | _Ended) -> bool:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, event)
        except RuntimeError:  # the loop is closed, hence nobody reads
            return False
        return True

    async def get(self) -> T | _Ended:
        event = await self._queue.get()
        self._room.release()
        return event

    def stop(self) -> None:
        self.stopped = True
        self._room.release()  # the work may be waiting for room


async def streamed(
    pool: ThreadPoolExecutor, work: Callable[[], Iterator[T]]
) -> AsyncGenerator[T, None]:
    """The events of an iterator that runs in a thread.

    The work stops at its next event once the generator is closed. Closing does not wait for that,
    so that a caller who gives up is not held; a pool with as many threads as the engine has places
    keeps work that is still ending from being joined by more.
    """
    belt: _Belt[T] = _Belt()
    pool.submit(_run, belt, work)
    try:
        while not isinstance(event := await belt.get(), _Ended):
            yield event
        if event.error is not None:
            raise event.error
    finally:
        belt.stop()


def _run(belt: _Belt[T], work: Callable[[], Iterator[T]]) -> None:
    error: BaseException | None = None
    try:
        if belt.stopped:  # given up while it waited for a thread
            return
        events = work()
        try:
            for event in events:
                if not belt.put(event):
                    return
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()
    except BaseException as raised:  # whatever it is, the reader gets it
        error = raised
    finally:
        belt.end(error)


async def emptied(pool: ThreadPoolExecutor) -> None:
    """Wait until a pool's running work has ended, and take no more."""
    await asyncio.get_running_loop().run_in_executor(None, lambda: pool.shutdown(wait=True))
