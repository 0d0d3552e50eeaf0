"""Sending given-up events again, and forgetting letters whose image has come to its outcome.

    topic ──> table ──> settled? ──yes──> null record into the topic, row deleted
                           └─no──> due? ──yes──> the event into its topic again, row marked

A letter is settled when its image has a result whose event is in the results topic, or is superseded, or was
purged. A result whose event is still unpublished does not settle it: only a redelivery publishes that event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, exists, or_, select, update

from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import (
    DatabaseTime,
    dead_letters,
    outbox,
    results,
    superseded,
    tombstones,
)
from medpattern.pipeline.deadletters.letter import open_event
from medpattern.pipeline.deadletters.letters import RECORD_TYPE, REPLAY
from medpattern.pipeline.deadletters.sealing import Seal, SealBroken
from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.kafka.producer import Headers, Producer

_BATCH = 100
_FIRST_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=6)
# After that a replayed image without an outcome counts as lost on its way (the topic's retention, say).
_LOST_AFTER = timedelta(hours=12)
_HEADER = "kafkaheader"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters to replay. `retryable`: those alone, with growing pauses, as a schedule does it."""

    retryable: bool = False
    reason: str = ""
    limit: int | None = None
    most_replays: int = 10


class Standing(StrEnum):
    """What is to be done with a letter that is not settled."""

    DUE = "due"
    WAITING = "waiting"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class OpenLetter:
    """A letter without an outcome, as far as the choice needs it."""

    id: str
    image_id: str | None
    retryable: bool
    attempts: int
    replays: int
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of letters; `recorded` and `unrecorded` of the topic's records.

    `unopened` are sealed with a key that is not given, `incomplete` were too large to be kept whole.
    """

    recorded: int = 0
    unrecorded: int = 0
    settled: int = 0
    replayed: int = 0
    waiting: int = 0
    exhausted: int = 0
    unopened: int = 0
    incomplete: int = 0


def standing(letter: OpenLetter, present: datetime, choice: Choice) -> Standing:
    """What is to be done with `letter` at `present` (the database's time)."""
    if letter.replays >= choice.most_replays:
        return Standing.EXHAUSTED
    if letter.replayed_at is None:
        return Standing.DUE
    passed = present - letter.replayed_at
    if letter.attempts <= letter.replays:
        # Not back yet. Of an event without an image nobody ever hears that it went well.
        return Standing.DUE if letter.image_id and passed >= _LOST_AFTER else Standing.WAITING
    if not choice.retryable:
        return Standing.DUE
    pause = min(_FIRST_PAUSE * 2 ** min(letter.replays - 1, 16), _LONGEST_PAUSE)
    return Standing.DUE if passed >= pause else Standing.WAITING


def replay_record(event: CloudEvent, count: int) -> tuple[str | None, bytes, Headers]:
    """Key, value and headers of the record that brings `event` once more; the header `replay` is `count`.

    A record that was no CloudEvent becomes one like it: a Kafka source gives it a new id, and passes its headers
    on under their names in lower case. A CloudEvent keeps its attributes.
    """
    given = event.extensions
    headers = [
        (name.removeprefix(_HEADER), text.encode())
        for name, text in given.items()
        if name.startswith(_HEADER) and name not in (_HEADER, _HEADER + REPLAY, _HEADER + "contenttype")
    ]
    if event.type == RECORD_TYPE:
        headers += [("content-type", event.content_type.encode())] if event.content_type else []
        headers.append((REPLAY, str(count).encode()))
    else:
        own = {name: text for name, text in given.items() if not name.startswith(_HEADER) and name != "key"}
        headers += replace(event, extensions=own | {REPLAY: str(count)}).kafka_headers()
    return given.get("key"), event.data, headers


def topic_of(event: CloudEvent, topics: Sequence[str]) -> str:
    """Where `event` came from, if that is one of `topics`; else the first of them."""
    came_from = event.source.rpartition("#")[2]
    return came_from if came_from in topics else topics[0]


class Letters:
    """The table `dead_letters`, as replay uses it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def settled(self) -> list[str]:
        """Ids of letters whose image has come to its outcome."""
        with answers(), self._engine.begin() as connection:
            return list(connection.scalars(select(dead_letters.c.dead_letter_id).where(_is_settled())))

    def forget(self, letter_ids: Sequence[str]) -> None:
        """Removes rows."""
        with answers(), self._engine.begin() as connection:
            connection.execute(delete(dead_letters).where(dead_letters.c.dead_letter_id.in_(letter_ids)))

    def open(self, choice: Choice) -> tuple[list[OpenLetter], datetime]:
        """Letters that are not settled, oldest first, and the database's time."""
        table = dead_letters.c
        columns = (
            table.dead_letter_id,
            table.image_id,
            table.retryable,
            table.attempts,
            table.replays,
            table.replayed_at,
        )
        query = select(*columns).where(~_is_settled()).order_by(table.first_at, table.dead_letter_id)
        if choice.retryable:
            query = query.where(table.retryable)
        if choice.reason:
            query = query.where(table.reason == choice.reason)
        with answers(), self._engine.begin() as connection:
            present = connection.execute(select(DatabaseTime())).scalar_one()
            return [OpenLetter(*row) for row in connection.execute(query)], present

    def sealed(self, letter_ids: Sequence[str]) -> dict[str, bytes]:
        """Sealed events by the letters' ids."""
        query = select(dead_letters.c.dead_letter_id, dead_letters.c.sealed)
        with answers(), self._engine.begin() as connection:
            found = connection.execute(query.where(dead_letters.c.dead_letter_id.in_(letter_ids)))
            return {row[0]: bytes(row[1]) for row in found}

    def mark(self, letter_ids: Sequence[str]) -> None:
        """Counts one replay of each, now."""
        change = update(dead_letters).where(dead_letters.c.dead_letter_id.in_(letter_ids))
        with answers(), self._engine.begin() as connection:
            connection.execute(change.values(replays=dead_letters.c.replays + 1, replayed_at=DatabaseTime()))


@dataclass(frozen=True, slots=True)
class Replay:
    """Sends letters again. `letters_topic` is the dead letter topic, `topics` where events may go."""

    letters: Letters
    producer: Producer
    seal: Seal
    letters_topic: str
    topics: tuple[str, ...]

    def run(self, choice: Choice, *, dry: bool = False) -> Summary:
        """Forgets what is settled, replays what is due; `dry` only counts.

        Raises:
            Unavailable: the database or Kafka is away; what was done stays done.
        """
        settled = self.letters.settled()
        if not dry:
            self._forget(settled)
        found, present = self.letters.open(choice)
        standings = [(standing(letter, present, choice), letter) for letter in found]
        due = [letter for kind, letter in standings if kind is Standing.DUE]
        counts = Counter({"settled": len(settled)})
        counts.update(kind.value for kind, _ in standings if kind is not Standing.DUE)
        for batch in _batches(due[: choice.limit]):
            self._replay(batch, counts, dry=dry)
        return Summary(**counts)

    def forget(self, letter_ids: Sequence[str]) -> None:
        """Null records for the letters into the topic."""
        self.producer.send_all(self.letters_topic, [(letter_id, None, ()) for letter_id in letter_ids])

    def _forget(self, letter_ids: Sequence[str]) -> None:
        # The topic first: a row that is made from it again is then removed again.
        for batch in _batches(letter_ids):
            self.forget(batch)
            self.letters.forget(batch)

    def _replay(self, batch: Sequence[OpenLetter], counts: Counter[str], *, dry: bool) -> None:
        # Sent before it is marked: an end in between sends it once more, and loses nothing.
        sealed = self.letters.sealed([letter.id for letter in batch])
        opened = [(letter, self._open(letter, sealed[letter.id], counts)) for letter in batch if letter.id in sealed]
        records: dict[str, list[tuple[str | None, bytes, Headers]]] = {}
        for letter, event in opened:
            if event is not None:
                records.setdefault(topic_of(event, self.topics), []).append(replay_record(event, letter.replays + 1))
        sent = [letter.id for letter, event in opened if event is not None]
        counts["replayed"] += len(sent)
        if not dry:
            for topic, some in records.items():
                self.producer.send_all(topic, some)
            self.letters.mark(sent)

    def _open(self, letter: OpenLetter, sealed: bytes, counts: Counter[str]) -> CloudEvent | None:
        try:
            kept = open_event(sealed, letter.id, self.seal)
        except SealBroken:
            counts["unopened"] += 1
            return None
        counts["incomplete"] += not kept.whole
        return kept.event if kept.whole else None


def _is_settled() -> ColumnElement[bool]:
    image = dead_letters.c.image_id
    told = exists().where(
        results.c.image_id == image, outbox.c.result_id == results.c.result_id, outbox.c.published_at.is_not(None)
    )
    return or_(
        told,
        exists().where(superseded.c.image_id == image),
        exists().where(tombstones.c.image_id == image),
    )


def _batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
