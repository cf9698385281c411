"""The whole house: store, orchestrator, door and routes, put together.

Knows: which part gets which, and the order in which they begin and end.
Refuses to know: what they do, and where it listens.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request

from voxhaus.core.errors import InputError
from voxhaus.products.orchestrator.conductor import Orchestrator
from voxhaus.products.orchestrator.config import load_config
from voxhaus.products.server.access import routers
from voxhaus.products.server.access.administrator import Reception
from voxhaus.products.server.access.gate import Gate
from voxhaus.products.server.access.settings import AccessSettings
from voxhaus.products.server.app import create_app
from voxhaus.products.server.metrics import Metrics
from voxhaus.products.server.rollouts import router as rollouts
from voxhaus.products.server.running import is_loopback
from voxhaus.products.server.settings import ServerSettings
from voxhaus.products.store.database import url_of
from voxhaus.products.store.store import Store


@dataclass(frozen=True, kw_only=True)
class House:
    """A server that may begin to listen.

    Attributes:
        app: what it serves.
        store: what it remembers.
    """

    app: FastAPI
    store: Store


@contextmanager
def assembled(
    *,
    host: str,
    config: Path | None = None,
    database: str | None = None,
    threads: int | None = None,
    without_keys: bool = False,
    proxied_as: str | None = None,
) -> Iterator[House]:
    """Everything, for as long as it is served.

    Args:
        host: where it will listen. Beyond this machine, everybody needs a key.
        config: engines and routes.
        database: address of the database, or path of its file.
        threads: of models in this process.
        without_keys: listen beyond this machine although nobody has a key yet.
        proxied_as: the name under which a proxy on this machine publishes the server.

    Raises:
        InputError: the configuration says something impossible, or nobody could be served.
        StoreError: the database cannot be opened.
    """
    engines = load_config(config)
    alone, metrics = is_loopback(host), Metrics()
    # A proxy's requests come from this machine, whoever made them.
    trusting = alone and proxied_as is None
    with Store.open(None if database is None else url_of(database)) as store:
        if not (alone or without_keys or store.keys.all()):
            raise InputError(
                f"{host} can be reached by other machines, where everybody needs a key, and there "
                "is none yet. Make one with `voxhaus keys`, or say --open and give keys by the "
                "link that is printed.",
                param="host",
            )
        gate = Gate(store, open_on_loopback=trusting)
        orchestrator = Orchestrator.from_config(
            engines, store.ledger, observe=metrics.observe, threads=threads
        )
        access = AccessSettings(
            offered=lambda: sorted({m.id for m in orchestrator.models()}),
            base_url=f"https://{proxied_as}" if proxied_as else None,
        )
        reception = Reception(store=store, gate=gate, settings=access)

        def actor(request: Request) -> str:
            return str(reception.administrator(request).actor)

        pages = routers(store, gate, access)
        steering = rollouts(orchestrator, actor)
        app = create_app(
            conductor=orchestrator,
            gate=gate,
            settings=ServerSettings(hosts=_names(host, proxied_as) if alone else None),
            routers=[*pages, steering],
            metrics=metrics,
        )
        try:
            yield House(app=app, store=store)
        finally:
            gate.close()


def _names(host: str, proxied_as: str | None) -> frozenset[str]:
    """What a server that only this machine can reach may be called."""
    own = {"localhost", "127.0.0.1", "[::1]", host.lower(), f"[{host.lower()}]"}
    return frozenset(own | ({proxied_as.lower()} if proxied_as else set()))
