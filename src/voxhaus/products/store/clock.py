"""What time it is, and whether something still holds.

Knows: whole seconds since 1970, months, and that a clock can be wrong.
Refuses to know: what expires.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]  # seconds since 1970; tests move their own

MINUTE, HOUR, DAY = 60, 3600, 86400
SLACK = 5 * MINUTE  # machines that share a database differ by less


def system_clock() -> float:
    """The machine's clock."""
    return time.time()


def holds(made: int, until: int | None, now: int) -> bool:
    """Whether what was made then and ends at `until` (None: never) still holds.

    A time well before it was made is a clock that went back (a flat battery says 1970). Then
    nothing that ends holds, or a wrong clock would keep it open forever.
    """
    return until is None or made - SLACK <= now < until


def month_of(now: int) -> str:
    """The calendar month in UTC, as 2026-11."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m}"


def next_month(now: int) -> int:
    """When the next calendar month begins."""
    here = datetime.fromtimestamp(now, UTC)
    year, month = (here.year + 1, 1) if here.month == 12 else (here.year, here.month + 1)
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp())


def stamp(at: int | None) -> str | None:
    """A time as people and programs read it, 2026-11-25T18:00:00Z."""
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
