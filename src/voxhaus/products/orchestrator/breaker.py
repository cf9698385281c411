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

    def enter(self) -> "Pass | None":
        """Let a request through, or not; a pass is handed back by one of its three methods."""
        if self.wait_seconds() > 0:
            return None
        if self._opened is None:
            return Pass(self._ended, probe=False)
        if self._probing:
            return None
        self._probing = True
        return Pass(self._ended, probe=True)

    def _ended(self, went_well: bool | None, probe: bool) -> None:
        if probe:
            self._probing = False
        if went_well is None:
            return
        if went_well:
            self._failures, self._opened = 0, None
            self._cooldown = self._settings.cooldown
            return
        self._failures += 1
        if probe:
            self._open(min(self._settings.longest, 2 * self._cooldown))
        elif self._opened is None and self._failures >= self._settings.failures:
            self._open(self._settings.cooldown)

    def rest(self, seconds: float) -> None:
        """Ask nothing of it for so long, because it said so itself."""
        self._rests_until = max(self._rests_until, self._now() + seconds)

    def wait_seconds(self) -> float:
        """How long until a request may go through; 0 if it may now or a probe is out."""
        opened = float("-inf") if self._opened is None else self._opened + self._cooldown
        return max(0.0, max(opened, self._rests_until) - self._now())

    def _open(self, cooldown: float) -> None:
        self._opened, self._cooldown = self._now(), cooldown


class Pass:
    """Leave to ask an engine once; the first word about how it went counts."""

    def __init__(self, ended: Callable[[bool | None, bool], None], *, probe: bool) -> None:
        self._ended: Callable[[bool | None, bool], None] | None = ended
        self.probe = probe

    def succeeded(self) -> None:
        """The request went well: what was before is forgotten."""
        self._end(True)

    def failed(self) -> None:
        """The request failed, and the engine is to blame."""
        self._end(False)

    def said_nothing(self) -> None:
        """It ended and tells nothing of the engine: refused, or given up by the caller."""
        self._end(None)

    def _end(self, went_well: bool | None) -> None:
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended(went_well, self.probe)
