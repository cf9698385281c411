"""The tables.

Knows: what is kept of keys, requests, usage, sessions, documents and deeds, and in which columns.
Refuses to know: who asks, and what follows from a row.

Times are whole seconds since 1970, which every database orders and subtracts alike. A change here
needs a new migration; a test compares the two.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
# SQLite numbers rows by itself only if the key's type is exactly INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")
Json = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """All tables of the store."""

    metadata = MetaData(naming_convention=NAMING)


class KeyRow(Base):
    """An API key without its secrets. Limits are None where there is none."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    owner: Mapped[str] = mapped_column(String(320))
    scopes: Mapped[list[str]] = mapped_column(Json)
    models: Mapped[list[str] | None] = mapped_column(Json)
    local_only: Mapped[bool]
    created: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)
    revoked: Mapped[int | None] = mapped_column(BigInteger)
    per_minute: Mapped[int | None] = mapped_column(Integer)
    month_requests: Mapped[int | None] = mapped_column(BigInteger)
    month_audio_seconds: Mapped[float | None] = mapped_column(Double)
    month_tokens: Mapped[int | None] = mapped_column(BigInteger)


class SecretRow(Base):
    """What is kept of a key's secret. While a key is rotated it has two."""

    __tablename__ = "key_secrets"

    prefix: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("keys.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    created: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)


class RequestRow(Base):
    """Somebody asks for a key. `state`: pending, approved, refused, collected."""

    __tablename__ = "access_requests"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    link_digest: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    reason: Mapped[str] = mapped_column(Text)
    wanted: Mapped[list[str]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(16))
    created: Mapped[int] = mapped_column(BigInteger)
    decided: Mapped[int | None] = mapped_column(BigInteger)
    decided_by: Mapped[str | None] = mapped_column(String(200))
    answer: Mapped[str] = mapped_column(Text)
    terms: Mapped[dict[str, Any] | None] = mapped_column(Json)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("keys.id"))

    __table_args__ = (Index(None, "state", "created"),)


class UsageRow(Base):
    """One request that was worked on. `key_id` is None for callers without a key."""

    __tablename__ = "usage"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("keys.id"))
    model: Mapped[str] = mapped_column(String(200))
    task: Mapped[str] = mapped_column(String(40))
    status: Mapped[int] = mapped_column(Integer)
    requests: Mapped[int] = mapped_column(Integer)
    audio_seconds: Mapped[float] = mapped_column(Double)
    characters: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index(None, "task", "at"), Index(None, "key_id", "at"))


class SpendingRow(Base):
    """What a key has used of its month, so that admission need not add up `usage`."""

    __tablename__ = "spending"

    key_id: Mapped[str] = mapped_column(ForeignKey("keys.id"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    requests: Mapped[int] = mapped_column(BigInteger)
    audio_seconds: Mapped[float] = mapped_column(Double)
    tokens: Mapped[int] = mapped_column(BigInteger)


class AuditRow(Base):
    """Who did what to what, when. Rows are only ever added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    at: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(Json)


class DocumentRow(Base):
    """A document of the ledger."""

    __tablename__ = "documents"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json)
    saved: Mapped[int] = mapped_column(BigInteger)


class SessionRow(Base):
    """What an administrator holds: `kind` is link (one use) or session (a cookie)."""

    __tablename__ = "admin_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(8))
    created: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger)
    used: Mapped[int | None] = mapped_column(BigInteger)
