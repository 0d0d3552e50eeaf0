"""The tables. `migrations/` makes them; a test holds the two against each other.

`results`, `superseded`, `verdicts` and `audit` only ever grow: no role of the pipeline needs UPDATE there, and
DELETE is for `medpattern purge` alone (`roles.py` says who may what). What changes (is the event sent? who is at
work?) stands in tables apart.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class UtcTime(TypeDecorator[datetime]):
    """`timestamptz`; SQLite, which has no such type, keeps the same moment as text in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class DatabaseTime(FunctionElement[datetime]):
    """The database's own clock, `seconds` from now: the only one that several pods agree on."""

    type = UtcTime()
    inherit_cache = False

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self.seconds = float(seconds)


@compiles(DatabaseTime, "postgresql")
def _postgresql_time(element: DatabaseTime, _compiler: Any, **_: Any) -> str:
    return f"(clock_timestamp() + interval '{element.seconds:.3f} seconds')"


@compiles(DatabaseTime, "sqlite")
def _sqlite_time(element: DatabaseTime, _compiler: Any, **_: Any) -> str:
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', '{element.seconds:+.3f} seconds') || '000')"


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

results = Table(
    "results",
    metadata,
    Column("result_id", String(64), primary_key=True),
    Column("image_id", String(64), nullable=False, index=True),
    Column("image_pseudonym", String(64), nullable=False, index=True),
    Column("patient_pseudonym", String(64), index=True),
    Column("source_bucket", String(255), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("risk", Float),
    Column("score", Float),
    Column("gate", Float),
    Column("operating_point", String(32), nullable=False),
    Column("model_name", String(128), nullable=False),
    Column("model_version", String(64), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("stand_in", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("notify", Boolean, nullable=False),
    Column("publication", String(16), nullable=False),
    Column("publication_reason", String(64), nullable=False),
    Column("processed_key", String(255)),
    Column("anonymised_key", String(255)),
    Column("image_format", String(16), nullable=False),
    Column("image_width", Integer, nullable=False),
    Column("image_height", Integer, nullable=False),
    Column("acquired_at", UtcTime),
    Column("acquired_local", String(64)),
    Column("stored_at", UtcTime),
    Column("received_at", UtcTime, nullable=False),
    Column("scored_at", UtcTime, nullable=False),
    Index("ix_results_image_id_scored_at", "image_id", "scored_at"),
    Index("ix_results_scored_at", "scored_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("result_id", String(64), ForeignKey("results.result_id", ondelete="CASCADE"), primary_key=True),
    Column("event", Text, nullable=False),
    Column("published_at", UtcTime),
    Column("duplicates", Integer, nullable=False, default=0),
    Index("ix_outbox_unpublished", "result_id", postgresql_where=Column("published_at").is_(None)),
)

leases = Table(
    "leases",
    metadata,
    Column("result_id", String(64), primary_key=True),
    Column("image_id", String(64), nullable=False, index=True),
    Column("holder", String(64), nullable=False),
    Column("until", UtcTime, nullable=False),
)

superseded = Table(
    "superseded",
    metadata,
    Column("image_id", String(64), primary_key=True),
    Column("image_pseudonym", String(64), nullable=False, index=True),
    Column("how", String(16), nullable=False),
    Column("stored_at", UtcTime),
    Column("recorded_at", UtcTime, nullable=False),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("image_id", String(64), primary_key=True),
    Column("image_pseudonym", String(64), nullable=False, index=True),
    Column("purged_at", UtcTime, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("dead_letter_id", String(64), primary_key=True),
    Column("image_id", String(64), index=True),
    Column("image_pseudonym", String(64), index=True),
    Column("reason", String(64), nullable=False),
    Column("detail", String(255), nullable=False),
    Column("retryable", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("replays", Integer, nullable=False, default=0),
    Column("replayed_at", UtcTime),
    Column("sealed", LargeBinary, nullable=False),
)

notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", String(80), primary_key=True),
    Column("result_id", String(64), nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("recorded_at", UtcTime),
    Column("due_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("problem", String(64), nullable=False, default=""),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", String(64), primary_key=True),
    Column("result_id", String(64), ForeignKey("results.result_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("reader", String(255), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("comment", String(2000), nullable=False),
    Column("given_at", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", String(64), primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("who", String(255), nullable=False),
    Column("action", String(32), nullable=False),
    Column("pseudonym", String(64), nullable=False, index=True),
    Column("purpose", String(255), nullable=False),
    Column("detail", String(255), nullable=False, default=""),
)
