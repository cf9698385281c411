"""What was used: a row for each request, sums of them, and what is left of a month's budget.

Knows: rows of usage and the running sums of a key's month.
Refuses to know: prices, how sums are shown, and who may see them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from voxhaus.products.store.clock import Clock, month_of, next_month
from voxhaus.products.store.database import Database
from voxhaus.products.store.fields import storable
from voxhaus.products.store.keys import ApiKey
from voxhaus.products.store.tables import SpendingRow, UsageRow

Grouping = Literal["model", "api_key_id"]
COLUMNS: Mapping[Grouping, InstrumentedAttribute[Any]] = {
    "model": UsageRow.model,
    "api_key_id": UsageRow.key_id,
}
SUMS = ("requests", "audio_seconds", "characters", "input_tokens", "output_tokens")


@dataclass(frozen=True, kw_only=True)
class Work:
    """One request that was worked on.

    Attributes:
        key_id: None for callers without a key.
        status: as HTTP has it.
        audio_seconds: spoken or heard.
    """

    key_id: str | None
    model: str
    task: str
    status: int
    requests: int = 1
    audio_seconds: float = 0.0
    characters: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a key has used of a month."""

    requests: int = 0
    audio_seconds: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What admission found.

    Attributes:
        requests: how many are counted for this one; `Usage.record` does not count them again.
        exhausted: the budget that is used up, in words; None to go ahead.
        resets: when the next month begins, seconds since 1970.
    """

    requests: int
    exhausted: str | None
    resets: int


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over rows of one group; the fields of a group are None when not grouped by them."""

    model: str | None = None
    api_key_id: str | None = None
    requests: int = 0
    audio_seconds: float = 0.0
    characters: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A stretch of time, its end excluded, and what was used in it."""

    start: int
    end: int
    totals: tuple[Totals, ...]


class Usage:
    """All usage."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def charge(self, key: ApiKey) -> Charge:
        """Look whether a key has budget for one more request, and count it if requests are limited.

        Counting beforehand keeps the number exact, however many ask at the same time, from however
        many processes. Audio and tokens are known only afterwards; what is under way when they
        run out is finished.
        """
        limits, now = key.terms.limits, int(self._clock())
        resets = next_month(now)
        if limits.month_audio_seconds is not None or limits.month_tokens is not None:
            spent = self.spent(key.id)
            if limits.month_audio_seconds is not None and (
                spent.audio_seconds >= limits.month_audio_seconds
            ):
                return Charge(requests=0, exhausted="seconds of audio", resets=resets)
            if limits.month_tokens is not None and spent.tokens >= limits.month_tokens:
                return Charge(requests=0, exhausted="tokens", resets=resets)
        if limits.month_requests is None:
            return Charge(requests=0, exhausted=None, resets=resets)
        if not self._count_one(key.id, month_of(now), limits.month_requests):
            return Charge(requests=0, exhausted="requests", resets=resets)
        return Charge(requests=1, exhausted=None, resets=resets)

    def _count_one(self, key_id: str, month: str, most: int) -> bool:
        with self._database.write() as session:
            self._add(session, key_id, month, Spent())
            done = session.execute(
                update(SpendingRow)
                .where(SpendingRow.key_id == key_id, SpendingRow.month == month)
                .where(SpendingRow.requests < most)
                .values(requests=SpendingRow.requests + 1)
                .returning(SpendingRow.requests)
            )
            return done.scalar() is not None

    def spent(self, key_id: str) -> Spent:
        """What a key has used of this month."""
        with self._database.read() as session:
            row = session.get(SpendingRow, (key_id, month_of(int(self._clock()))))
        if row is None:
            return Spent()
        return Spent(requests=row.requests, audio_seconds=row.audio_seconds, tokens=row.tokens)

    def record(self, work: Work, *, charged: int = 0) -> None:
        """Write down what was used; on disk when this returns.

        Args:
            work: the request.
            charged: requests that `charge` has counted for it.
        """
        now = int(self._clock())
        row = UsageRow(
            at=now,
            key_id=work.key_id,
            model=storable(work.model),
            task=storable(work.task, 40),
            status=work.status,
            **{name: max(0, getattr(work, name)) for name in SUMS},
        )
        with self._database.write() as session:
            session.add(row)
            if work.key_id is not None:
                used = Spent(
                    requests=max(0, row.requests - charged),
                    audio_seconds=row.audio_seconds,
                    tokens=row.input_tokens + row.output_tokens,
                )
                self._add(session, work.key_id, month_of(now), used)

    def _add(self, session: Session, key_id: str, month: str, used: Spent) -> None:
        new = self._database.insert(SpendingRow).values(
            key_id=key_id,
            month=month,
            requests=used.requests,
            audio_seconds=used.audio_seconds,
            tokens=used.tokens,
        )
        session.execute(
            new.on_conflict_do_update(
                index_elements=["key_id", "month"],
                set_={
                    "requests": SpendingRow.requests + used.requests,
                    "audio_seconds": SpendingRow.audio_seconds + used.audio_seconds,
                    "tokens": SpendingRow.tokens + used.tokens,
                },
            )
        )

    def buckets(
        self,
        *,
        start: int,
        end: int,
        width: int,
        task: str | None = None,
        group_by: Collection[Grouping] = (),
        models: Sequence[str] = (),
        api_key_ids: Sequence[str] = (),
    ) -> list[Bucket]:
        """Sums by stretches of time, which begin at multiples of `width` since 1970.

        Args:
            start: seconds since 1970; earlier rows do not count.
            end: as `start`; rows from there on do not count.
            width: seconds of a stretch.
            task: only this one.
            group_by: what to keep apart within a stretch.
            models: only these; all if empty.
            api_key_ids: only these; all if empty.
        """
        groups = [g for g in COLUMNS if g in group_by]
        # Written out, not bound: PostgreSQL must see that what is grouped by is what is selected.
        wide: ColumnElement[int] = literal_column(str(int(width)))
        begins: ColumnElement[int] = UsageRow.at - UsageRow.at % wide
        query = select(
            begins.label("begins"),
            *(COLUMNS[g].label(g) for g in groups),
            *(func.sum(getattr(UsageRow, s)).label(s) for s in SUMS),
        ).where(UsageRow.at >= start, UsageRow.at < end)
        query = _only(query, task, models, api_key_ids).group_by(
            begins, *(COLUMNS[g] for g in groups)
        )
        with self._database.read() as session:
            rows = session.execute(query).all()
        firsts = range(start - start % width, end, width)
        found: dict[int, list[Totals]] = {first: [] for first in firsts}
        for row in rows:
            found[int(row.begins)].append(_totals(row, groups))
        return [
            Bucket(start=first, end=first + width, totals=tuple(sorted(totals, key=_order)))
            for first, totals in found.items()
        ]


def _only(
    query: Select[Any], task: str | None, models: Sequence[str], api_key_ids: Sequence[str]
) -> Select[Any]:
    if task is not None:
        query = query.where(UsageRow.task == task)
    if models:
        query = query.where(UsageRow.model.in_([storable(m) for m in models]))
    if api_key_ids:
        query = query.where(UsageRow.key_id.in_([storable(k) for k in api_key_ids]))
    return query


def _totals(row: Row[Any], groups: Sequence[Grouping]) -> Totals:
    # PostgreSQL sums whole numbers to decimals.
    return Totals(
        **{g: getattr(row, g) for g in groups},
        requests=int(row.requests),
        audio_seconds=float(row.audio_seconds),
        characters=int(row.characters),
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
    )


def _order(totals: Totals) -> tuple[str, str]:
    return totals.model or "", totals.api_key_id or ""
