"""An engine with everything that stands around it.

Knows: that engines are made when they are first needed, their breakers, places and health.
Refuses to know: who asks, and in which order.
"""

import asyncio
import threading
from typing import Any

from voxhaus.core.errors import VoxhausError
from voxhaus.core.speech import VoiceInfo
from voxhaus.products.orchestrator.breaker import Breaker, BreakerSettings
from voxhaus.products.orchestrator.clock import Clock
from voxhaus.products.orchestrator.config import IN_PROCESS, EngineConfig
from voxhaus.products.orchestrator.contract import EngineError
from voxhaus.products.orchestrator.engine import Engine
from voxhaus.products.orchestrator.engines.build import build
from voxhaus.products.orchestrator.gate import Gate, GateSettings

UPSTREAM_PLACES = 8
LANGUAGE_PLACES = 16  # one batch


class Station:
    """One declared engine, made or not."""

    def __init__(self, name: str, config: EngineConfig, clock: Clock, threads: int) -> None:
        """Make nothing yet.

        Args:
            name: as declared.
            config: the declaration.
            clock: for the breaker and the places.
            threads: CPUs that in-process engines may use.
        """
        self.name, self.config = name, config
        self._places = config.concurrency or _places(config, threads)
        self.breaker = Breaker(
            BreakerSettings(failures=config.failures, cooldown=config.cooldown), clock.now
        )
        settings = GateSettings(places=self._places, queue=config.queue, patience=config.patience)
        self.gate = Gate(name, settings, clock.now)
        self.last_error = ""
        self._engine: Engine[Any, Any] | None = None
        self._making = threading.Lock()

    async def engine(self) -> Engine[Any, Any]:
        """The engine; made now if it was not.

        Raises:
            EngineError: it cannot be made; the message says what to do.
        """
        if self._engine is not None:
            return self._engine
        return await asyncio.to_thread(self._made)

    def _made(self) -> Engine[Any, Any]:
        with self._making:
            if self._engine is None:
                try:
                    self._engine = build(self.name, self.config, self._places)
                except EngineError:
                    raise
                except VoxhausError as error:  # ours to mend, not the caller's
                    raise EngineError(str(error), retriable=False) from error
            return self._engine

    async def check(self) -> None:
        """Make the engine and see whether it is there; `health` tells what came of it."""
        try:
            async with asyncio.timeout(self.config.timeout.first):
                await (await self.engine()).ping()
        except TimeoutError:
            self.last_error = f"Engine '{self.name}' did not answer in time."
        except VoxhausError as error:
            self.last_error = str(error)
        else:
            self.last_error = ""

    def voices(self) -> tuple[VoiceInfo, ...]:
        """The voices of an engine that speaks; loads our own voice (a twentieth of a second).

        An engine that cannot be made has none; its health says why.
        """
        if self.config.task != "speech" or (self._engine is None and self.config.kind != "voice"):
            return ()
        try:
            return self._made().voices()
        except EngineError as error:
            self.last_error = str(error)
            return ()

    @property
    def ready(self) -> bool:
        """Whether a request would be let through, as far as we know."""
        return self.breaker.wait_seconds() == 0 and not (self._engine is None and self.last_error)

    def health(self) -> dict[str, Any]:
        """For people and monitors."""
        return {
            "task": self.config.task,
            "kind": self.config.kind,
            "local": self.config.local,
            "models": list(self.config.models),
            "ready": self.ready,
            "made": self._engine is not None,
            "breaker": self.breaker.state,
            "last_error": self.last_error,
            "in_flight": self.gate.inside,
            "waiting": self.gate.waiting,
        }

    async def close(self) -> None:
        """Give back what the engine holds."""
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.close()


def _places(config: EngineConfig, threads: int) -> int:
    if config.kind == "voice":
        return max(1, threads // (config.threads or 1))
    if config.kind == "language":
        return LANGUAGE_PLACES
    return 1 if config.kind in IN_PROCESS else UPSTREAM_PLACES
