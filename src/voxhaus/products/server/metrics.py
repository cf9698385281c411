"""What is counted, for Prometheus.

Knows: the names of all figures of the HTTP side and their labels.
Refuses to know: when they change, and who reads them.

`Metrics.observe` is what the orchestrator is given as its observer, so that one page shows both.
"""

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Observation(Protocol):
    """What is counted of an engine's attempt; the orchestrator's own class has these and more."""

    @property
    def moment(self) -> str:
        """`started` or `ended`."""
        ...

    @property
    def task(self) -> str:
        """Of the request."""
        ...

    @property
    def model(self) -> str:
        """Public name."""
        ...

    @property
    def engine(self) -> str:
        """The engine that was asked."""
        ...

    @property
    def arm(self) -> str:
        """The side of a rollout."""
        ...

    @property
    def shadow(self) -> bool:
        """Whether nobody is shown the answer."""
        ...

    @property
    def outcome(self) -> str | None:
        """How it ended."""
        ...

    @property
    def first_event_seconds(self) -> float | None:
        """From the start to the first event."""
        ...


class Metrics:
    """The figures of one server; never those of another one in the same process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        route = ["route", "method"]
        self.requests = Counter(
            "voxhaus_requests", "Answered requests.", [*route, "status"], registry=self.registry
        )
        self.first_byte = Histogram(
            "voxhaus_first_byte_seconds",
            "From the request to the first byte of the answer's body.",
            route,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.duration = Histogram(
            "voxhaus_request_seconds",
            "From the request to the last byte.",
            route,
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "voxhaus_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        self.hung_up = Counter(
            "voxhaus_hang_ups", "Clients that left early.", route, registry=self.registry
        )
        self.audio_seconds = Counter(
            "voxhaus_audio_seconds",
            "Seconds of sound, made (speech) or heard (transcription).",
            ["task", "model"],
            registry=self.registry,
        )
        self.tokens = Counter(
            "voxhaus_tokens", "Tokens of text.", ["model", "direction"], registry=self.registry
        )
        engine = ["task", "model", "engine", "arm", "shadow"]
        self.attempts = Counter(
            "voxhaus_engine_attempts",
            "Attempts of engines by how they ended.",
            [*engine, "outcome"],
            registry=self.registry,
        )
        self.running = Gauge(
            "voxhaus_engine_running", "Attempts under way.", engine, registry=self.registry
        )
        self.first_event = Histogram(
            "voxhaus_engine_first_event_seconds",
            "From the start of an attempt to its first event.",
            engine,
            buckets=_SECONDS,
            registry=self.registry,
        )

    def observe(self, seen: Observation) -> None:
        """Count one moment of an engine's attempt."""
        labels = (seen.task, seen.model, seen.engine, seen.arm, "yes" if seen.shadow else "no")
        if seen.moment == "started":
            self.running.labels(*labels).inc()
            return
        self.running.labels(*labels).dec()
        self.attempts.labels(*labels, seen.outcome or "unknown").inc()
        if seen.first_event_seconds is not None:
            self.first_event.labels(*labels).observe(seen.first_event_seconds)

    def page(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self.registry)
