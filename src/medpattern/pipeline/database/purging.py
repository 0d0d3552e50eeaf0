"""Forgetting images: which there are, the tombstones that keep them forgotten, the rows that go, and who did it.

The order is the caller's (retention/purging.py); each function here is one transaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, select

from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.results import upsert
from medpattern.pipeline.database.schema import (
    DatabaseTime,
    audit,
    dead_letters,
    leases,
    notifications,
    results,
    superseded,
    tombstones,
    verdicts,
)

LONGEST_DETAIL = 255


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image by its two names."""

    image_id: str
    pseudonym: str


@dataclass(frozen=True, slots=True)
class Act:
    """Who purges, why, and what: it stands in the table `audit` for each image."""

    who: str
    purpose: str
    detail: str


@dataclass(frozen=True, slots=True)
class Rows:
    """How many rows of each table went."""

    results: int = 0
    superseded: int = 0
    verdicts: int = 0
    notifications: int = 0
    dead_letters: int = 0

    def __add__(self, other: Rows) -> Rows:
        return Rows(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Rows)))


def named(engine: Engine, pseudonym: str) -> set[ImageName]:
    """The images of that pseudonym, purged ones too, so that a purge that was cut off goes on."""
    tables = (results, superseded, dead_letters, tombstones)
    return _names(engine, [(table, table.c.image_pseudonym == pseudonym) for table in tables])


def of_patient(engine: Engine, pseudonym: str) -> set[ImageName]:
    """The images with a result whose patient has that pseudonym; nothing else knows a patient."""
    return _names(engine, [(results, results.c.patient_pseudonym == pseudonym)])


def known(engine: Engine, image_ids: Sequence[str]) -> set[str]:
    """Those of `image_ids` that anything is known of, or that somebody is at work on."""
    tables = (results, superseded, dead_letters, leases, tombstones)
    with answers(), engine.begin() as connection:
        return {
            image_id
            for table in tables
            for image_id in connection.scalars(select(table.c.image_id).where(table.c.image_id.in_(image_ids)))
        }


def results_before(engine: Engine, moment: datetime) -> set[ImageName]:
    """The images that were stored before `moment` and have a result or are superseded."""
    stored = func.coalesce(results.c.stored_at, results.c.received_at)
    gone = func.coalesce(superseded.c.stored_at, superseded.c.recorded_at)
    return _names(engine, [(results, stored < moment), (superseded, gone < moment)])


def dead_letters_before(engine: Engine, moment: datetime) -> tuple[set[ImageName], tuple[str, ...]]:
    """The images given up for the last time before `moment`, and the ids of older letters that name no image."""
    old = dead_letters.c.last_at < moment
    found = _names(engine, [(dead_letters, old & dead_letters.c.image_id.is_not(None))])
    nameless = select(dead_letters.c.dead_letter_id).where(old, dead_letters.c.image_id.is_(None))
    with answers(), engine.begin() as connection:
        return found, tuple(connection.scalars(nameless))


def _names(engine: Engine, places: Iterable[tuple[Table, Any]]) -> set[ImageName]:
    with answers(), engine.begin() as connection:
        return {
            ImageName(row[0], row[1])
            for table, condition in places
            for row in connection.execute(select(table.c.image_id, table.c.image_pseudonym).where(condition))
        }


def bury(engine: Engine, images: Sequence[ImageName], act: Act, *, without_result_only: bool = False) -> list[str]:
    """Writes the audit rows and the tombstones; returns the ids of the images that have one now.

    without_result_only: an image that has a result gets none, since the result keeps it from being scored again.

    Once it returns, no transaction is open that has looked for these tombstones and found none: whoever took a
    lease before shows it, and whoever comes later finds the image purged.
    """
    with answers(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Conflicts with every reader of the table, so it waits for those that read before. SQLite has one writer.
            connection.exec_driver_sql("LOCK TABLE tombstones IN ACCESS EXCLUSIVE MODE")
        _write_audit(connection, [image.pseudonym for image in images], act)
        buried = _without_result(connection, images) if without_result_only else list(images)
        for image in buried:
            insert = upsert(connection, tombstones).values(image_id=image.image_id, image_pseudonym=image.pseudonym)
            connection.execute(insert.values(purged_at=DatabaseTime()).on_conflict_do_nothing())
        return [image.image_id for image in buried]


def note(engine: Engine, pseudonyms: Sequence[str], act: Act) -> None:
    """Writes the audit rows alone."""
    with answers(), engine.begin() as connection:
        _write_audit(connection, pseudonyms, act)


def _write_audit(connection: Connection, pseudonyms: Sequence[str], act: Act) -> None:
    row = {"who": act.who, "action": "purge", "purpose": act.purpose, "detail": act.detail[:LONGEST_DETAIL]}
    for pseudonym in pseudonyms:
        values = row | {"audit_id": uuid.uuid4().hex, "pseudonym": pseudonym}
        connection.execute(audit.insert().values(**values, at=DatabaseTime()))


def _without_result(connection: Connection, images: Sequence[ImageName]) -> list[ImageName]:
    ids = [image.image_id for image in images]
    scored = set(connection.scalars(select(results.c.image_id).where(results.c.image_id.in_(ids))))
    return [image for image in images if image.image_id not in scored]


def live_leases(engine: Engine, image_ids: Sequence[str]) -> int:
    """How many workers are at one of these images, by the database's clock."""
    live = select(func.count()).where(leases.c.image_id.in_(image_ids), leases.c.until >= DatabaseTime())
    with answers(), engine.begin() as connection:
        return int(connection.scalar(live) or 0)


def letter_ids(engine: Engine, image_ids: Sequence[str]) -> list[str]:
    """The ids of the dead letters of these images."""
    wanted = select(dead_letters.c.dead_letter_id).where(dead_letters.c.image_id.in_(image_ids))
    with answers(), engine.begin() as connection:
        return list(connection.scalars(wanted))


def forget_results(engine: Engine, image_ids: Sequence[str]) -> Rows:
    """Deletes what is known of these images but dead letters and tombstones; unsent events go with their result.

    So does a verdict that is given at the same time; it is not counted.
    """
    of_images = results.c.image_id.in_(image_ids)
    mine = select(results.c.result_id).where(of_images)
    with answers(), engine.begin() as connection:
        found = Rows(
            verdicts=_count(connection, delete(verdicts).where(verdicts.c.result_id.in_(mine))),
            notifications=_count(connection, delete(notifications).where(notifications.c.result_id.in_(mine))),
            results=_count(connection, delete(results).where(of_images)),
            superseded=_count(connection, delete(superseded).where(superseded.c.image_id.in_(image_ids))),
        )
        connection.execute(delete(leases).where(leases.c.image_id.in_(image_ids)))
        return found


def forget_letters(engine: Engine, dead_letter_ids: Sequence[str]) -> Rows:
    """Deletes these dead letters."""
    with answers(), engine.begin() as connection:
        chosen = delete(dead_letters).where(dead_letters.c.dead_letter_id.in_(dead_letter_ids))
        return Rows(dead_letters=_count(connection, chosen))


def count_rows(engine: Engine, image_ids: Sequence[str]) -> Rows:
    """What `forget_results` and `forget_letters` would delete of these images."""
    mine = select(results.c.result_id).where(results.c.image_id.in_(image_ids))
    queries = {
        "results": select(func.count()).where(results.c.image_id.in_(image_ids)),
        "superseded": select(func.count()).where(superseded.c.image_id.in_(image_ids)),
        "verdicts": select(func.count()).where(verdicts.c.result_id.in_(mine)),
        "notifications": select(func.count()).where(notifications.c.result_id.in_(mine)),
        "dead_letters": select(func.count()).where(dead_letters.c.image_id.in_(image_ids)),
    }
    with answers(), engine.begin() as connection:
        return Rows(**{name: int(connection.scalar(query) or 0) for name, query in queries.items()})


def _count(connection: Connection, statement: Any) -> int:
    return int(connection.execute(statement).rowcount)
