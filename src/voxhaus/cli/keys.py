"""`voxhaus keys`: who may use the server, and what they used.

Knows: the words of the door for keys, requests for them, and usage.
Refuses to know: how any of it is kept; the store does, and needs the extra "server".
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxhaus.cli.terminal import AsJson, print_json, print_table
from voxhaus.core.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from voxhaus.products.store.access_requests import AccessRequest
    from voxhaus.products.store.keys import NewKey, Terms
    from voxhaus.products.store.store import Store

ACTOR = "command line"
DAY, HOUR = 86400, 3600
TASKS = ("speech", "chat", "transcription")
GROUPS = ("day", "key", "model", "task")
STATES = ("pending", "approved", "refused", "collected")
MEASURES = ("requests", "audio_seconds", "characters", "input_tokens", "output_tokens")

keys_app = typer.Typer(help="Who may use the server, and what they used (extra 'server').")


@keys_app.callback()
def _group() -> None:
    """Who may use the server, and what they used (extra 'server')."""


Place = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Address or file of the database. Default: VOXHAUS_DATABASE, else the user's data.",
    ),
]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `voxhaus keys list` has it.")]
RequestId = Annotated[
    str, typer.Argument(metavar="REQUEST", help="Its id, as `voxhaus keys requests` has it.")
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="speech, chat, transcription, admin; repeat for several. Default: the first three.",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="MODEL", help="Only this one; repeat for several."),
]
Days = Annotated[float | None, typer.Option(help="Days until it ends. Default: never.")]
LocalOnly = Annotated[
    bool, typer.Option("--local-only", help="Nothing it asks for may leave the machine.")
]
PerMinute = Annotated[int | None, typer.Option(help="Requests a minute.")]
MonthRequests = Annotated[int | None, typer.Option(help="Requests a month.")]
MonthAudio = Annotated[
    float | None, typer.Option("--month-audio-seconds", help="Seconds of audio a month.")
]
MonthTokens = Annotated[int | None, typer.Option(help="Tokens a month, read plus written.")]


def open_store(place: str | None) -> "Store":
    """The store that a command works on.

    Raises:
        MissingExtraError: the extra "server" is not installed.
        InputError: no address of a database.
        StoreError: it cannot be opened.
    """
    try:
        from voxhaus.products.store.database import url_of
        from voxhaus.products.store.store import Store
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "sqlalchemy", "server") from error
    return Store.open(None if place is None else url_of(place))


@keys_app.command("list")
def list_keys(database: Place = None, as_json: AsJson = False) -> None:
    """List the keys, the newest first."""
    with closing(open_store(database)) as store:
        from voxhaus.products.store.keys import key_as_json

        now = int(store.clock())
        found = [key_as_json(key, now) for key in store.keys.all()]
    if as_json:
        print_json({"keys": found})
        return
    rows = [
        [
            str(k["id"]),
            f"{k['prefix']}...",
            str(k["state"]),
            _day(k["expires_at"]) or "never",
            ", ".join(k["scopes"]),
            "all" if k["models"] is None else ", ".join(k["models"]) or "none",
            str(k["owner"]),
            str(k["name"]),
        ]
        for k in found
    ]
    print_table(["ID", "BEGINS", "STATE", "ENDS", "SCOPES", "MODELS", "OWNER", "NAME"], rows)


@keys_app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    owner: Annotated[str, typer.Option(help="Whose it is.")] = "administrator",
    scope: Scopes = None,
    model: Models = None,
    days: Days = None,
    local_only: LocalOnly = False,
    per_minute: PerMinute = None,
    month_requests: MonthRequests = None,
    month_audio_seconds: MonthAudio = None,
    month_tokens: MonthTokens = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is printed this once; only what it begins with is kept."""
    with closing(open_store(database)) as store:
        terms = _terms(
            store,
            scope,
            model,
            days,
            local_only,
            per_minute=per_minute,
            month_requests=month_requests,
            month_audio_seconds=month_audio_seconds,
            month_tokens=month_tokens,
        )
        made = store.keys.create(name=name, owner=owner, terms=terms, actor=ACTOR)
        _show_new(store, made, as_json)


@keys_app.command()
def rotate(
    key: KeyId,
    grace_hours: Annotated[float, typer.Option(help="How long the old secret still works.")] = 24,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, which is printed this once; the old one works for a while."""
    with closing(open_store(database)) as store:
        grace = _seconds(grace_hours, HOUR, "grace-hours")
        _show_new(store, store.keys.rotate(key, grace=grace, actor=ACTOR), as_json)


@keys_app.command()
def revoke(key: KeyId, database: Place = None, as_json: AsJson = False) -> None:
    """End a key at once."""
    with closing(open_store(database)) as store:
        from voxhaus.products.store.keys import key_as_json

        report = key_as_json(store.keys.revoke(key, actor=ACTOR), int(store.clock()))
    if as_json:
        print_json(report)
    else:
        typer.echo(f"{report['id']} ({report['name']}) is revoked.")


@keys_app.command()
def requests(
    state: Annotated[
        str | None, typer.Option(help=f"Only those that are {', '.join(STATES)}.")
    ] = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """List who asks for a key."""
    if state is not None and state not in STATES:
        raise InputError(f"There is no state '{state}', only {', '.join(STATES)}.", param="state")
    with closing(open_store(database)) as store:
        from voxhaus.products.store.access_requests import request_as_json

        found = [request_as_json(r) for r in store.requests.all(state)]  # type: ignore[arg-type]
    if as_json:
        print_json({"requests": found})
        return
    rows = [
        [
            r["id"],
            r["state"],
            _day(r["created_at"]),
            r["name"],
            r["email"],
            ", ".join(r["models"]) or "-",
            " ".join(r["reason"].split()),
        ]
        for r in found
    ]
    print_table(["ID", "STATE", "ASKED", "NAME", "EMAIL", "MODELS", "REASON"], rows)


@keys_app.command()
def approve(
    request: RequestId,
    answer: Annotated[str, typer.Option(help="What the applicant reads.")] = "",
    scope: Scopes = None,
    model: Models = None,
    days: Days = None,
    local_only: LocalOnly = False,
    per_minute: PerMinute = None,
    month_requests: MonthRequests = None,
    month_audio_seconds: MonthAudio = None,
    month_tokens: MonthTokens = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Say yes to a request. The applicant picks the key up by their own link."""
    with closing(open_store(database)) as store:
        terms = _terms(
            store,
            scope,
            model,
            days,
            local_only,
            per_minute=per_minute,
            month_requests=month_requests,
            month_audio_seconds=month_audio_seconds,
            month_tokens=month_tokens,
        )
        decided = store.requests.approve(request, terms, actor=ACTOR, answer=answer)
    _show_decided(decided, as_json)


@keys_app.command()
def refuse(
    request: RequestId,
    reason: Annotated[str, typer.Option(help="Why; the applicant reads it.")],
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Say no to a request."""
    with closing(open_store(database)) as store:
        decided = store.requests.refuse(request, reason=reason, actor=ACTOR)
    _show_decided(decided, as_json)


@keys_app.command()
def link(
    base_url: Annotated[
        str, typer.Option(help="Where the server is, such as http://127.0.0.1:8080.")
    ] = "",
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Make a link that opens the administrator's pages once, within a day."""
    with closing(open_store(database)) as store:
        made = store.admin_link(base_url)
    if as_json:
        print_json({"link": made})
    else:
        typer.echo(made)


@keys_app.command()
def usage(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far back, with today.")] = 30,
    by: Annotated[
        list[str] | None,
        typer.Option(help="day, key, model, task; repeat for several. Default: all four."),
    ] = None,
    database: Place = None,
    as_json: AsJson = False,
) -> None:
    """Sum up what was used. Days are those of UTC; callers without a key have none."""
    groups = by or list(GROUPS)
    if unknown := [g for g in groups if g not in GROUPS]:
        message = f"There is no sum by '{unknown[0]}', only by {', '.join(GROUPS)}."
        raise InputError(message, param="by")
    with closing(open_store(database)) as store:
        found = _sums(store, days, [g for g in GROUPS if g in groups])
    if as_json:
        print_json({"usage": found})
        return
    columns = [g for g in GROUPS if g in groups]
    rows = [[str(row[c] or "-") for c in columns] + _figures(row) for row in found]
    print_table([c.upper().replace("_", " ") for c in (*columns, *MEASURES)], rows)


def _sums(store: "Store", days: int, groups: Sequence[str]) -> list[dict[str, Any]]:
    now = int(store.clock())
    start = now - now % DAY - (days - 1) * DAY
    sums: dict[tuple[str, ...], dict[str, float]] = defaultdict(lambda: dict.fromkeys(MEASURES, 0))
    for task in TASKS:
        buckets = store.usage.buckets(
            start=start, end=now + 1, width=DAY, task=task, group_by=["model", "api_key_id"]
        )
        for bucket in buckets:
            for t in bucket.totals:
                place = {
                    "day": _day(bucket.start),
                    "key": t.api_key_id or "",
                    "model": t.model or "",
                    "task": task,
                }
                row = sums[tuple(place[g] for g in groups)]
                for measure in MEASURES:
                    row[measure] += getattr(t, measure)
    return [
        {**{g: v or None for g, v in zip(groups, place, strict=True)}, **row}
        for place, row in sorted(sums.items())
    ]


def _figures(row: dict[str, Any]) -> list[str]:
    return [f"{row[m]:.1f}" if m == "audio_seconds" else str(row[m]) for m in MEASURES]


def _terms(
    store: "Store",
    scopes: list[str] | None,
    models: list[str] | None,
    days: float | None,
    local_only: bool,
    **limits: float | None,
) -> "Terms":
    from voxhaus.products.store.keys import USUAL_SCOPES, Limits, Terms

    ends = None if days is None else int(store.clock()) + _seconds(days, DAY, "days")
    return Terms(
        scopes=frozenset(scopes) if scopes else USUAL_SCOPES,
        models=frozenset(models) if models else None,
        local_only=local_only,
        expires=ends,
        limits=Limits(**limits),  # type: ignore[arg-type]
    )


def _seconds(value: float, unit: int, name: str) -> int:
    # Written so that "nan" is refused, too.
    if not 0 <= value * unit <= 100 * 366 * DAY:
        raise InputError(f"--{name} must be from 0 to a hundred years.", param=name)
    return round(value * unit)


def _show_new(store: "Store", made: "NewKey", as_json: bool) -> None:
    from voxhaus.products.store.keys import key_as_json

    if as_json:
        print_json({**key_as_json(made.key, int(store.clock())), "value": made.secret})
        return
    # The key alone on stdout, so that `KEY=$(voxhaus keys create ci)` works.
    typer.echo(made.secret)
    typer.echo(f"{made.key.id}: it is shown only now, keep it.", err=True)


def _show_decided(request: "AccessRequest", as_json: bool) -> None:
    if as_json:
        from voxhaus.products.store.access_requests import request_as_json

        print_json(request_as_json(request))
    else:
        typer.echo(f"{request.id} of {request.name} is {request.state}.")


def _day(at: object) -> str:
    """The day of a time in seconds since 1970; empty for None."""
    import time

    return "" if at is None else time.strftime("%Y-%m-%d", time.gmtime(float(str(at))))
