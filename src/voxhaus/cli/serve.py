"""`voxhaus serve`: one process that answers programs.

Knows: the arguments, and what is said when it listens.
Refuses to know: how the server is put together (`products/server/assembly.py`).
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from voxhaus.core.errors import MissingExtraError

WYOMING_KEY = "VOXHAUS_WYOMING_KEY"
PACKAGES = ("fastapi", "uvicorn", "wyoming", "sqlalchemy", "alembic", "openai")
EVERYWHERE = ("0.0.0.0", "::")


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
        bool, typer.Option("--open", help="Listen to other machines although nobody has a key.")
    ] = False,
    proxied_as: Annotated[
        str | None,
        typer.Option(
            help="The name under which a proxy on this machine publishes it: all then need keys.",
            metavar="NAME",
        ),
    ] = None,
) -> None:
    """Serve speech and text models in the shape of OpenAI's API.

    Only this machine can reach it unless --host says otherwise; other machines need keys. The
    first start prints a link, good once, for whoever administers it. Logs are JSON lines on
    stderr. VOXHAUS_WYOMING_KEY: the key on whose account Home Assistant speaks.
    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise MissingExtraError(package, "server")
    from voxhaus.products.server import running
    from voxhaus.products.server.assembly import assembled

    bound = running.listening(host, port)
    wyoming = running.listening(host, wyoming_port, "--wyoming-port") if wyoming_port else None
    here = "127.0.0.1" if host in EVERYWHERE else host
    url = f"http://{f'[{here}]' if ':' in here else here}:{port}"
    with assembled(
        host=host,
        config=config,
        database=database,
        threads=threads,
        without_keys=open_,
        proxied_as=proxied_as,
    ) as house:

        def ready() -> None:
            typer.echo(f"Listening on {url}/v1", err=True)
            if wyoming_port:
                typer.echo(f"Home Assistant: {host}, port {wyoming_port}", err=True)
            if house.store.needs_admin():
                typer.echo(f"To administer it, open once: {house.store.admin_link(url)}", err=True)

        key = os.environ.get(WYOMING_KEY)
        running.run(house.app, bound, wyoming=wyoming, wyoming_key=key, ready=ready)
