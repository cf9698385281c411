"""How often somebody may come.

Knows: a bucket of tokens for each: full at first, one token a request, filled up evenly.
Refuses to know: who comes and for what.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MOST_KNOWN = 20_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Rates:
    """Buckets in memory; a restart fills them.

    Of a clock that goes back no time is credited, and one that leaps fills a bucket once.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most_known: int = MOST_KNOWN
    ) -> None:
        self._clock, self._most_known = clock, most_known
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def wait(self, who: str, most: int, seconds: float) -> float:
        """Take a token, or say for how many seconds there is none.

        Args:
            who: whose bucket.
            most: how many fit in; they come back within `seconds`.
            seconds: how long an empty bucket takes to fill.
        """
        if most <= 0:
            return seconds
        with self._lock:
            now = self._clock()
            bucket = self._buckets.get(who) or self._new(who, most, seconds, now)
            filled = max(0.0, now - bucket.at) * most / seconds
            bucket.tokens, bucket.at = min(most, bucket.tokens + filled), now
            if bucket.tokens < 1:
                return (1 - bucket.tokens) * seconds / most
            bucket.tokens -= 1
            return 0.0

    def _new(self, who: str, most: int, seconds: float, now: float) -> _Bucket:
        if len(self._buckets) >= self._most_known:
            # Whoever has not come for long has a full bucket, which need not be remembered.
            full = [w for w, b in self._buckets.items() if now - b.at >= seconds]
            # Else the ones that came first: memory must not grow with the number of addresses.
            for name in full or list(self._buckets)[: self._most_known // 10 + 1]:
                del self._buckets[name]
        return self._buckets.setdefault(who, _Bucket(float(most), now))
