"""Time and chance, so that tests can hold both.

Knows: the monotonic clock, waiting, and random numbers.
Refuses to know: what is timed. The wall clock is only for showing: it can jump.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Where time and chance come from.

    Attributes:
        now: seconds of a clock that never jumps; its zero means nothing.
        wall: seconds since 1970, for people; it may jump either way.
        sleep: waits so many seconds.
        chance: a number in [0, 1).
    """

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
