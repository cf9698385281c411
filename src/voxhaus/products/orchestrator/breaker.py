"""A circuit breaker: an engine that keeps failing is left alone for a while.

Knows: closed (ask it), open (leave it alone), half-open (ask once, to see).
Refuses to know: what an engine is, and what counts as a failure.

Source: Nygard, "Release It!" (2007), chapter 5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """When to give up, and for how long.

    Attributes:
        failures: in a row, after which it opens.
        cooldown: seconds until the first probe.
        longest: every probe that fails doubles the cooldown, up to this many seconds.
    """

    failures: int = 5
    cooldown: float = 5.0
    longest: float = 120.0


class Breaker:
    """The state of one engine. Not for several threads: it lives on the event loop."""

    def __init__(self, settings: BreakerSettings, now: Callable[[], float]) -> None:
        self._settings, self._now = settings, now
        self._failures = 0
        self._opened: float | None = None
        self._cooldown = settings.cooldown
        self._probing = False
        self._rests_until = float("-inf")

    @property
    def state(self) -> State:
        """As a request would find it now."""
        if self._opened is None:
            return "closed"
        return "half-open" if self._now() >= self._opened + self._cooldown else "open"

    def enter(self) -> bool:
        """Whether a request may go through; each True must be followed by one of the next three."""
        if self.wait_seconds() > 0:
            return False
        if self._opened is None:
            return True
        if self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The request went well: whatever was, is forgotten."""
        self._failures, self._opened, self._probing = 0, None, False
        self._cooldown = self._settings.cooldown

    def failed(self) -> None:
        """The request failed, and the engine is to blame."""
        self._failures += 1
        if self._probing:
            self._probing = False
            self._open(min(self._settings.longest, 2 * self._cooldown))
        elif self._opened is None and self._failures >= self._settings.failures:
            self._open(self._settings.cooldown)

    def said_nothing(self) -> None:
        """The request ended and tells nothing of the engine: refused, or given up by the caller."""
        self._probing = False

    def rest(self, seconds: float) -> None:
        """Ask nothing of it for so long, because it said so itself."""
        self._rests_until = max(self._rests_until, self._now() + seconds)

    def wait_seconds(self) -> float:
        """How long until a request may go through; 0 if it may now or a probe is out."""
        opened = float("-inf") if self._opened is None else self._opened + self._cooldown
        return max(0.0, max(opened, self._rests_until) - self._now())

    def _open(self, cooldown: float) -> None:
        self._opened, self._cooldown = self._now(), cooldown
