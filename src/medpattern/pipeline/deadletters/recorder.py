"""The dead letter topic in the table `dead_letters`.

Every record may come more than once, and in a topic that was read anew from its beginning all of them do: a row
is the newest letter of its id, its attempts the highest number ever seen. The table is committed before the
topic's offsets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, and_, case, delete, or_, select

from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.results import upsert
from medpattern.pipeline.database.schema import dead_letters, tombstones
from medpattern.pipeline.deadletters.letter import DeadLetter, is_letter_id, read_letter
from medpattern.pipeline.failures import Unprocessable
from medpattern.pipeline.kafka.reader import Record

_LOG = logging.getLogger(__name__)

# Sends a null record for each id, after which a compacted topic forgets the letter.
Forget = Callable[[Sequence[str]], None]


class Recorder:
    """Records batches of the topic; `forget` is told the letters of images that were purged."""

    def __init__(self, engine: Engine, forget: Forget) -> None:
        self._engine = engine
        self._forget = forget

    def handle(self, records: Sequence[Record]) -> None:
        """Brings the table to what `records` say; a repeat changes nothing.

        Raises:
            Unavailable: the database is away, or Kafka where a purged image's letter has to go.
        """
        changes = [(_id(record), _letter(record)) for record in records]
        purged: list[str] = []
        with answers(), self._engine.begin() as connection:
            gone = _purged(connection, [letter.image_id for _, letter in changes if letter and letter.image_id])
            for (key, letter), record in zip(changes, records, strict=True):
                if record.value is None and key:
                    connection.execute(delete(dead_letters).where(dead_letters.c.dead_letter_id == key))
                elif letter and letter.image_id in gone:
                    purged.append(letter.id)
                elif letter:
                    connection.execute(_put(connection, letter))
        if purged:
            self._forget(purged)


def _id(record: Record) -> str:
    return record.key if record.key and is_letter_id(record.key) else ""


def _letter(record: Record) -> DeadLetter | None:
    if record.value is None:
        return None
    try:
        return read_letter(record.value)
    except Unprocessable as refused:
        place = {"partition": record.partition, "offset": record.offset}
        _LOG.error("left out of the table", extra={"reason": refused.reason, **place})
        return None


def _purged(connection: Connection, image_ids: Sequence[str]) -> set[str]:
    found = select(tombstones.c.image_id).where(tombstones.c.image_id.in_(image_ids))
    return {row[0] for row in connection.execute(found)} if image_ids else set()


def _put(connection: Connection, letter: DeadLetter) -> Any:
    table = dead_letters.c
    insert = upsert(connection, dead_letters).values(
        dead_letter_id=letter.id,
        image_id=letter.image_id,
        image_pseudonym=letter.image_pseudonym,
        reason=letter.reason,
        detail=letter.detail,
        retryable=letter.retryable,
        attempts=letter.attempts,
        first_at=letter.first_at,
        last_at=letter.last_at,
        replays=letter.attempts - 1,
        sealed=letter.sealed,
    )
    new = insert.excluded
    # By the round first: the clocks of two sinks may disagree, rounds cannot.
    same_round = and_(new.attempts == table.attempts, new.last_at >= table.last_at)
    is_newer = or_(new.attempts > table.attempts, same_round)
    changed = {
        name: case((is_newer, new[name]), else_=table[name]) for name in ("reason", "detail", "retryable", "sealed")
    }
    changed |= {name: _greater(new[name], table[name]) for name in ("attempts", "last_at", "replays")}
    changed["first_at"] = case((new.first_at < table.first_at, new.first_at), else_=table.first_at)
    return insert.on_conflict_do_update(index_elements=["dead_letter_id"], set_=changed)


def _greater(one: Any, other: Any) -> Any:
    return case((one > other, one), else_=other)
