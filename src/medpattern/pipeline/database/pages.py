"""Results page by page: all of them, newest first, and the worklist of those that nobody has read.

A page goes on after the last row of the page before, whatever has come in meanwhile: nothing is told twice, nothing
left out. One result counts per image, that of the pinned model, else the newest (`accounting.current_results`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, case, exists, or_, select

from medpattern.errors import UsageError
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import results, verdicts
from medpattern.pipeline.database.verdicts import result_of_row
from medpattern.pipeline.events.results import Outcome, Result

# What somebody should look at first.
URGENCY = (Outcome.PNEUMONIA, Outcome.UNSURE, Outcome.NORMAL)
MOST = 200
_CURSOR = re.compile(r"([0-2])-(\d{1,20})-([0-9a-f]{64})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class State(StrEnum):
    """As FHIR says it: preliminary until a reader's verdict stands."""

    PRELIMINARY = "preliminary"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which results; None and "" mean any. `image` and `patient` are pseudonyms.

    `since` and `until` bound the time of scoring, the second exclusively.
    """

    outcome: Outcome | None = None
    state: State | None = None
    since: datetime | None = None
    until: datetime | None = None
    image: str = ""
    patient: str = ""
    simulated: bool | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page."""

    rank: int
    scored: datetime
    result_id: str

    def __str__(self) -> str:
        return f"{self.rank}-{(self.scored - _EPOCH) // timedelta(microseconds=1)}-{self.result_id}"

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that `str` made. Raises UsageError for any other text."""
        match = _CURSOR.fullmatch(text)
        try:
            if match:
                return cls(int(match[1]), _EPOCH + timedelta(microseconds=int(match[2])), match[3])
        except OverflowError:
            pass
        raise UsageError("after: this is no place in the list; use `next` of the page before")


@dataclass(frozen=True, slots=True)
class Page:
    """Results in order, and where the next page begins after; None where this is the last."""

    results: tuple[Result, ...]
    next: Cursor | None


def read_page(engine: Engine, wanted: Filter, limit: int, after: Cursor | None = None, pinned: str = "") -> Page:
    """Results, newest first; at most `limit`, 1 to 200.

    Raises:
        Unavailable: the database is away.
    """
    query = _query(wanted, pinned).order_by(results.c.scored_at.desc(), results.c.result_id.desc())
    if after:
        query = query.where(_beyond(after, newer=False))
    with answers(), engine.begin() as connection:
        found = [result_of_row(row) for row in connection.execute(query.limit(limit + 1)).mappings()]
    return _page(found, limit)


def read_worklist(engine: Engine, wanted: Filter, limit: int, after: Cursor | None = None, pinned: str = "") -> Page:
    """Results without a verdict: pneumonia, then unsure, then normal; those that have waited longest come first.

    Raises:
        Unavailable: the database is away.
    """
    found: list[Result] = []
    with answers(), engine.begin() as connection:
        for query in _by_urgency(wanted, pinned, after):
            rows = connection.execute(query.limit(limit + 1 - len(found))).mappings()
            found += [result_of_row(row) for row in rows]
            if len(found) > limit:
                break
    return _page(found, limit)


def _by_urgency(wanted: Filter, pinned: str, after: Cursor | None) -> Iterator[Select[Any]]:
    for rank, outcome in enumerate(URGENCY):
        if wanted.outcome not in (None, outcome) or (after and rank < after.rank):
            continue
        query = _query(wanted, pinned).where(results.c.outcome == outcome.value, ~_has_verdict())
        if after and rank == after.rank:
            query = query.where(_beyond(after, newer=True))
        yield query.order_by(results.c.scored_at, results.c.result_id)


def _page(found: list[Result], limit: int) -> Page:
    if len(found) <= limit:
        return Page(tuple(found), None)
    last = found[limit - 1]
    return Page(tuple(found[:limit]), Cursor(URGENCY.index(last.outcome), last.scored_at, last.result_id))


def _query(wanted: Filter, pinned: str) -> Select[Any]:
    table = results.c
    query = select(results).where(_is_current(pinned))
    if wanted.outcome:
        query = query.where(table.outcome == wanted.outcome.value)
    if wanted.state:
        query = query.where(_has_verdict() if wanted.state is State.FINAL else ~_has_verdict())
    if wanted.since:
        query = query.where(table.scored_at >= wanted.since)
    if wanted.until:
        query = query.where(table.scored_at < wanted.until)
    if wanted.image:
        query = query.where(table.image_pseudonym == wanted.image)
    if wanted.patient:
        query = query.where(table.patient_pseudonym == wanted.patient)
    if wanted.simulated is not None:
        query = query.where(table.simulated.is_(wanted.simulated))
    return query


def _has_verdict() -> ColumnElement[bool]:
    return exists().where(verdicts.c.result_id == results.c.result_id)


def _beyond(cursor: Cursor, *, newer: bool) -> ColumnElement[bool]:
    scored, result_id = results.c.scored_at, results.c.result_id
    same = scored == cursor.scored
    if newer:
        return or_(scored > cursor.scored, and_(same, result_id > cursor.result_id))
    return or_(scored < cursor.scored, and_(same, result_id < cursor.result_id))


def _is_current(pinned: str) -> ColumnElement[bool]:
    """Asked of each row by an index, unlike `current_results`, which ranks the whole table."""
    other = results.alias("other")
    newer = or_(
        other.c.scored_at > results.c.scored_at,
        and_(other.c.scored_at == results.c.scored_at, other.c.result_id < results.c.result_id),
    )
    if pinned:
        mine, others = (case((table.c.model_sha256 == pinned, 0), else_=1) for table in (results, other))
        newer = or_(others < mine, and_(others == mine, newer))
    return ~exists().where(other.c.image_id == results.c.image_id, newer)
