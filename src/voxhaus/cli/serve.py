"""`voxhaus serve`: one process that answers programs.

Knows: the arguments, the order in which store, orchestrator and server are put together, and when
listening to other machines is refused.
Refuses to know: what any of them does.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxhaus.core.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from voxhaus.products.store import Store  # type: ignore[attr-defined]

WYOMING_KEY = "VOXHAUS_WYOMING_KEY"


def serve(
    host: Annotated[str, typer.Option(help="Address; 0.0.0.0 is all of them.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where programs find it.")] = 8000,
    wyoming_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Home Assistant's protocol, on a port of its own."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Engines and routes: a file engines.toml.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Default: SQLite in the user's data folder.", metavar="URL")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="For models in this process; default: the CPUs.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Listen to other machines although there is no key.")
    ] = False,
) -> None:
    """Serve speech and text models in the shape of OpenAI's API.

    Only this machine can reach it unless --host says otherwise, and that is refused while there is
    no key. The first start prints a link, good once, for whoever administers it. Logs are JSON
    lines on stderr. VOXHAUS_WYOMING_KEY: the key on whose account Home Assistant speaks.
    """
    _need_extra()
    from voxhaus.products.orchestrator.conductor import Orchestrator  # type: ignore[import-not-found]
    from voxhaus.products.orchestrator.config import load_config  # type: ignore[import-not-found]
    from voxhaus.products.server import access, rollouts, running  # type: ignore[attr-defined]
    from voxhaus.products.server.app import create_app
    from voxhaus.products.server.metrics import Metrics
    from voxhaus.products.store import Store  # type: ignore[attr-defined]

    engines = load_config(config)
    bound = running.listening(host, port)
    wyoming = running.listening(host, wyoming_port, "--wyoming-port") if wyoming_port else None
    url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"
    with Store.open(database) as store:
        if not (open_ or running.is_loopback(host)):
            _refuse_without_keys(store, host)
        metrics = Metrics()
        orchestrator = Orchestrator.from_config(
            engines, store.ledger, observe=metrics.observe, threads=threads
        )
        gate = access.Gate(store)
        pages = access.routers(store, gate)
        app = create_app(
            conductor=orchestrator,
            gate=gate,
            routers=[*pages, rollouts.router(orchestrator, gate.require_admin)],
            metrics=metrics,
        )

        def ready() -> None:
            typer.echo(f"Listening on {url}/v1", err=True)
            if wyoming_port:
                typer.echo(f"Home Assistant: {host}, port {wyoming_port}", err=True)
            if store.needs_admin():
                typer.echo(f"To administer it, open once: {store.admin_link(url)}", err=True)

        key = os.environ.get(WYOMING_KEY)
        running.run(app, bound, wyoming=wyoming, wyoming_key=key, ready=ready)


def _need_extra() -> None:
    for package in ("fastapi", "uvicorn", "wyoming", "sqlalchemy"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "server")


def _refuse_without_keys(store: "Store", host: str) -> None:
    if not store.keys.all():
        raise InputError(
            f"{host} can be reached by other machines and there is no key yet, so anyone could use "
            "this server. Start it on 127.0.0.1 and make a key, or say --open.",
            param="host",
        )
