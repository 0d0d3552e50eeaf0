"""One result per image and model, whoever asks, and however often.

    begin ──> Known        a result, a tombstone or `superseded` is there: nothing is scored again
      │  └──> Busy         another delivery holds the lease
      └────> Lease ──> commit (result + its unpublished event) ──> published
                 └──> supersede | release

The lease only saves work: the primary key is what makes a result the only one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, literal, null, select, union_all, update
from sqlalchemy.dialects import postgresql, sqlite

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import DatabaseTime, leases, outbox, results, superseded, tombstones
from medpattern.pipeline.database.standing import Known, Lease, Standing
from medpattern.pipeline.events.results import Result
from medpattern.pipeline.failures import Busy, Replacement


class Results:
    """The tables of results, as the service uses them."""

    def __init__(self, engine: Engine, *, lease_seconds: float = 20) -> None:
        """`lease_seconds` is more than one image ever takes, and what a killed worker's image waits."""
        self._engine = engine
        self._lease_seconds = lease_seconds

    def begin(self, result_id: str, image_id: str, holder: str) -> Known | Lease:
        """What is known of the image, else a lease on its result.

        Raises:
            Busy: another delivery of it is being handled.
            Unavailable: the database is away.
        """
        lease = Lease(result_id, image_id, holder)
        with answers(), self._engine.begin() as connection:
            # The lease first: what is known is then looked up after whoever held it before has committed.
            won = _take(connection, lease, self._lease_seconds)
            known = _standing(connection, result_id, image_id)
            if known is not None:
                if won:
                    _release(connection, lease)
                if known.standing is Standing.RESULT:
                    _count_duplicate(connection, result_id)
                return known
        if not won:
            raise Busy("another delivery of this image is being handled")
        return lease

    def commit(self, result: Result, lease: Lease, event: str) -> bool:
        """Stores `result` and its unpublished `event` in one transaction; False where it was there, or purged.

        Raises:
            Unavailable: the database is away; whether it has stored the result, a repeat finds out.
        """
        with answers(), self._engine.begin() as connection:
            if connection.scalar(select(tombstones.c.image_id).where(tombstones.c.image_id == result.image_id)):
                _release(connection, lease)
                return False
            insert = upsert(connection, results).values(**result.row()).on_conflict_do_nothing()
            stored = connection.execute(insert.returning(results.c.result_id)).first() is not None
            if stored:
                connection.execute(outbox.insert().values(result_id=result.result_id, event=event, duplicates=0))
            _release(connection, lease)
            return stored

    def published(self, result_ids: Iterable[str]) -> None:
        """Notes, by the database's clock, that the events of these results are in the topic."""
        with answers(), self._engine.begin() as connection:
            connection.execute(
                update(outbox)
                .where(outbox.c.result_id.in_(list(result_ids)), outbox.c.published_at.is_(None))
                .values(published_at=DatabaseTime())
            )

    def supersede(self, lease: Lease, pseudonym: str, how: Replacement, stored: datetime | None) -> None:
        """Records that the image is gone or replaced; a second time changes nothing."""
        row = {"image_id": lease.image_id, "image_pseudonym": pseudonym, "how": how, "stored_at": stored}
        with answers(), self._engine.begin() as connection:
            insert = upsert(connection, superseded).values(**row, recorded_at=now())
            connection.execute(insert.on_conflict_do_nothing())
            _release(connection, lease)

    def release(self, lease: Lease) -> None:
        """Gives the lease back, so that a repeat need not wait for its end."""
        with answers(), self._engine.begin() as connection:
            _release(connection, lease)

    def check(self) -> None:
        """Raises Unavailable unless the database answers and has its tables."""
        with answers(), self._engine.begin() as connection:
            connection.execute(select(results.c.result_id).limit(1))


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT with ON CONFLICT in the dialect at hand; both dialects write it alike."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _take(connection: Connection, lease: Lease, seconds: float) -> bool:
    taken = {"holder": lease.holder, "until": DatabaseTime(seconds)}
    insert = upsert(connection, leases).values(result_id=lease.result_id, image_id=lease.image_id, **taken)
    upserted = insert.on_conflict_do_update(
        index_elements=["result_id"], set_=taken, where=leases.c.until < DatabaseTime()
    )
    return connection.execute(upserted.returning(leases.c.holder)).first() is not None


def _standing(connection: Connection, result_id: str, image_id: str) -> Known | None:
    none = null()
    unpublished = (outbox.c.result_id == results.c.result_id) & outbox.c.published_at.is_(None)
    found = connection.execute(
        union_all(
            select(literal("1"), literal(Standing.PURGED.value), none).where(tombstones.c.image_id == image_id),
            select(literal("2"), literal(Standing.RESULT.value), outbox.c.event)
            .select_from(results.outerjoin(outbox, unpublished))
            .where(results.c.result_id == result_id),
            select(literal("3"), literal(Standing.SUPERSEDED.value), none).where(superseded.c.image_id == image_id),
        )
    ).all()
    if not found:
        return None
    _, standing, event = min(found, key=lambda row: str(row[0]))
    return Known(Standing(standing), event)


def _count_duplicate(connection: Connection, result_id: str) -> None:
    connection.execute(update(outbox).where(outbox.c.result_id == result_id).values(duplicates=outbox.c.duplicates + 1))


def _release(connection: Connection, lease: Lease) -> None:
    connection.execute(delete(leases).where(leases.c.result_id == lease.result_id, leases.c.holder == lease.holder))
