"""`voxhaus rollout`: see and steer how a new engine enters a route.

Knows: the words of the door for rollouts; they act on the database that the server uses too.
Refuses to know: what a rollout is.
"""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voxhaus.cli.engines import ConfigFile
from voxhaus.cli.keys import Place, open_store
from voxhaus.cli.terminal import AsJson, print_json, print_table

if TYPE_CHECKING:
    from voxhaus.products.orchestrator.rollouts import Rollouts

Name = Annotated[str, typer.Argument(help="Name of the rollout.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")]

rollout_app = typer.Typer(help="See and steer how a new engine enters a route.")


@rollout_app.callback()
def _group() -> None:
    """See and steer how a new engine enters a route."""


@contextmanager
def _rollouts(config: Path | None, database: str | None) -> Iterator["Rollouts"]:
    from voxhaus.products.orchestrator.conductor import Orchestrator
    from voxhaus.products.orchestrator.config import load_config

    declared = load_config(config)
    with open_store(database) as store:
        yield Orchestrator.from_config(declared, store.ledger).rollouts


def _actor() -> str:
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # a container whose user has no name
        return "command line"


@rollout_app.command("list")
def list_rollouts(
    config: ConfigFile = None, database: Place = None, as_json: AsJson = False
) -> None:
    """List all rollouts. With --json: rollouts, each as of `show`."""
    with _rollouts(config, database) as rollouts:
        found = rollouts.list()
    if as_json:
        print_json({"rollouts": found})
        return
    columns = ["ROLLOUT", "ROUTE", "CANDIDATE", "STATE", "REQUESTS", "ERRORS"]
    print_table(columns, [_row(r) for r in found])


def _row(rollout: dict[str, Any]) -> list[str]:
    candidate = rollout["arms"]["candidate"]
    return [
        rollout["name"],
        rollout["route"],
        rollout["candidate"],
        _state(rollout),
        str(candidate["requests"]),
        str(candidate["errors"]),
    ]


def _state(rollout: dict[str, Any]) -> str:
    return f"{rollout['percent']:g} %" if rollout["phase"] == "running" else str(rollout["phase"])


@rollout_app.command()
def show(
    name: Name, config: ConfigFile = None, database: Place = None, as_json: AsJson = False
) -> None:
    """Show one rollout: what was decided, what was seen, and what keeps it from going on.

    Counts come from the server, which writes them down once a minute. With --json: name, route,
    candidate, phase, percent, steps, guardrails, watched_seconds, arms, shadow, objections, ...
    """
    with _rollouts(config, database) as rollouts:
        _told(rollouts.show(name), as_json)


@rollout_app.command()
def start(
    name: Name,
    route: Annotated[str, typer.Option("--route", help="The route whose requests are shared.")],
    candidate: Annotated[
        str, typer.Option("--candidate", help="The new engine: ENGINE or ENGINE/MODEL.")
    ],
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Answer beside first, without being shown.")
    ] = False,
    steps: Annotated[
        str | None, typer.Option("--steps", help="Percent, such as 1,5,25,50,100 (the default).")
    ] = None,
    min_minutes: Annotated[
        float | None, typer.Option("--min-minutes", help="Of each step; an hour by default.")
    ] = None,
    min_samples: Annotated[
        int | None,
        typer.Option("--min-samples", help="Requests of each arm in each step; 100 by default."),
    ] = None,
    guardrails: Annotated[
        Path | None,
        typer.Option("--guardrails", metavar="FILE", help="Limits, as TOML; see the guide."),
    ] = None,
    on_breach: Annotated[
        Literal["stop", "back"], typer.Option("--on-breach", help="What a breach does by itself.")
    ] = "stop",
    reason: Reason = "",
    config: ConfigFile = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Let a new engine enter a route. With --json: as of `show`."""
    settings: dict[str, Any] = {
        "steps": None if steps is None else _numbers(steps),
        "min_seconds": None if min_minutes is None else 60 * min_minutes,
        "min_samples": min_samples,
        "guardrails": None if guardrails is None else _table(guardrails),
        "on_breach": on_breach,
        "reason": reason,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    with _rollouts(config, database) as rollouts:
        made = rollouts.start(
            name, route=route, candidate=candidate, actor=_actor(), shadow=shadow, **given
        )
    _told(made, as_json)


def _numbers(text: str) -> list[float]:
    from voxhaus.core.errors import InputError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            "Steps are numbers with commas between them, such as 1,5,25,50,100.", param="steps"
        ) from None


def _table(path: Path) -> dict[str, Any]:
    import tomllib

    from voxhaus.core.errors import InputError

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not valid TOML: {error}.", param="guardrails") from error


@rollout_app.command()
def step(
    name: Name, config: ConfigFile = None, database: Place = None, as_json: AsJson = False
) -> None:
    """Go one step forward; refused while data is missing, too little or bad."""
    with _rollouts(config, database) as rollouts:
        _told(rollouts.advance(name, _actor()), as_json)


@rollout_app.command()
def back(
    name: Name,
    reason: Reason = "",
    config: ConfigFile = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Go one step back; from the first step that is a stop."""
    with _rollouts(config, database) as rollouts:
        _told(rollouts.back(name, _actor(), reason), as_json)


@rollout_app.command()
def stop(
    name: Name,
    reason: Reason = "",
    config: ConfigFile = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Give the candidate nothing more."""
    with _rollouts(config, database) as rollouts:
        _told(rollouts.stop(name, _actor(), reason), as_json)


@rollout_app.command()
def shadow(
    name: Name, config: ConfigFile = None, database: Place = None, as_json: AsJson = False
) -> None:
    """Let the candidate answer beside only, without being shown."""
    with _rollouts(config, database) as rollouts:
        _told(rollouts.shadow(name, _actor()), as_json)


@rollout_app.command()
def score(
    name: Name,
    arm: Annotated[Literal["stable", "candidate"], typer.Argument(help="Whose figure it is.")],
    metric: Annotated[str, typer.Argument(help="Such as arena_rating.")],
    value: Annotated[float, typer.Argument(help="Mean, rate or rating so far in this step.")],
    count: Annotated[int, typer.Argument(help="What it rests on: votes, conversations.")],
    config: ConfigFile = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Report a figure from outside, which guardrails may ask for."""
    with _rollouts(config, database) as rollouts:
        _told(rollouts.record_score(name, arm, metric, value, count, _actor()), as_json)


def _told(rollout: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(rollout)
        return
    typer.echo(
        f"{rollout['name']}: {rollout['candidate']} on {rollout['route']}, {_state(rollout)}"
        f" (by {rollout['changed_by']})"
    )
    if rollout["reason"]:
        typer.echo(f"because: {rollout['reason']}")
    typer.echo()
    rows = [
        [
            arm,
            str(seen["requests"]),
            _or_dash(seen["error_rate"], ".1%"),
            _or_dash(seen["p95_seconds"], ".3g"),
            ", ".join(f"{m} {s['value']:g} ({s['count']})" for m, s in seen["scores"].items()),
        ]
        for arm, seen in rollout["arms"].items()
    ]
    print_table(["ARM", "REQUESTS", "ERRORS", "P95 (S)", "SCORES"], rows)
    if compared := rollout["shadow"]["compared"]:
        typer.echo(
            f"\n{compared} unseen answers: likeness {rollout['shadow']['mean_similarity']:.2f}, "
            f"length {rollout['shadow']['mean_length_ratio']:.2f} times the stable one's"
        )
    if rollout["objections"]:
        typer.echo("\nNot yet forward:")
        for objection in rollout["objections"]:
            typer.echo(f"- {objection}")


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
