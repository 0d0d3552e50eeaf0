"""Everything the page shows, at one moment: read from the database, held in dataclasses, told as JSON.

Pseudonyms, codes and numbers only: no key of a stored image is ever read here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import Connection, Engine, Integer, case, cast, exists, func, or_, select

from medpattern.dashboard.figures import (
    RISK_BINS,
    THROUGHPUT_SECONDS,
    Moments,
    Quantiles,
    RiskBin,
    bin_edges,
    latencies,
    per_second,
)
from medpattern.dashboard.health import StageHealth
from medpattern.dashboard.state import Model, Phase
from medpattern.pipeline.clock import rfc3339
from medpattern.pipeline.database.accounting import Accounts, accounts, current_results
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import dead_letters, outbox, results, superseded

LATEST_IMAGES = 6
MOST_DEAD_LETTERS = 50
LATENCY_IMAGES = 1000
_RISK_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Current results by outcome, and how many of them are of simulated images or of a stand-in model."""

    normal: int = 0
    pneumonia: int = 0
    unsure: int = 0
    simulated: int = 0
    stand_in: int = 0


@dataclass(frozen=True, slots=True)
class Latest:
    """One of the newest results; `withheld` is why its images are not published, "" where they are."""

    result_id: str
    image: str
    outcome: str
    reason: str
    risk: float | None
    simulated: bool
    stand_in: bool
    withheld: str
    width: int
    height: int
    scored: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An image, or an event that names none (`image` is None), that was given up."""

    id: str
    image: str | None
    reason: str
    detail: str
    retryable: bool
    attempts: int
    replays: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database knows."""

    accounts: Accounts
    outcomes: Outcomes
    throughput: tuple[int, ...]
    latency: tuple[Quantiles, ...]
    risk: tuple[RiskBin, ...]
    latest: tuple[Latest, ...]
    dead_letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The page at one moment; `figures` is None, and the headline says why, while the database does not answer.

    Where a stage listens is not in it.
    """

    headline: str
    phase: Phase
    reporting: bool
    stored: int
    expected: int | None
    embedded: tuple[str, ...]
    model: Model | None
    stages: tuple[StageHealth, ...]
    figures: Figures | None


def read_figures(engine: Engine, at: datetime, pinned_sha256: str = "") -> Figures:
    """The figures of the moment `at` (UTC); a result of the model `pinned_sha256` counts before a newer one.

    Raises:
        Unavailable: the database is away or has no tables yet.
    """
    with answers(), engine.begin() as connection:
        current = _current(connection, pinned_sha256)
        scored, risk = _by_outcome(connection, current)
        throughput = _throughput(connection, at)
        latency = latencies(_moments(connection))
        latest = _latest(connection, current)
        letters = _dead_letters(connection)
    return Figures(accounts(engine), scored, throughput, latency, risk, latest, letters)


def to_json(value: Any) -> Any:
    """Dataclasses as maps with camelCase names, times as RFC 3339; what `json.dumps` takes."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(field.name): to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [to_json(part) for part in value]
    return value


def _current(connection: Connection, pinned_sha256: str) -> Any:
    """What `current_results` says, without its sort of the whole table where no image has two results."""
    rows = func.count(), func.count(func.distinct(results.c.image_id))
    total, images = connection.execute(select(*rows)).one()
    return results if total == images else current_results(pinned_sha256)


def _by_outcome(connection: Connection, current: Any) -> tuple[Outcomes, tuple[RiskBin, ...]]:
    width = _RISK_STEPS // RISK_BINS
    # To six decimals, since the databases turn fractions into whole numbers differently: cut here, rounded there.
    part = cast(current.c.risk * _RISK_STEPS + 0.25, Integer) // width
    marks = [func.sum(case((mark, 1), else_=0)) for mark in (current.c.simulated, current.c.stand_in)]
    query = select(current.c.outcome, part, func.count(), *marks).group_by(current.c.outcome, part)
    sums, simulated, stand_in, bins = Counter[str](), 0, 0, Counter[tuple[str, int]]()
    for outcome, index, number, of_simulated, of_stand_in in connection.execute(query):
        sums[outcome] += number
        simulated += of_simulated
        stand_in += of_stand_in
        if index is not None:
            bins[outcome, min(int(index), RISK_BINS - 1)] += number
    counts = Outcomes(sums["normal"], sums["pneumonia"], sums["unsure"], simulated, stand_in)
    order = ("normal", "unsure", "pneumonia")
    return counts, tuple(
        RiskBin(low, high, *(bins[name, index] for name in order)) for index, (low, high) in enumerate(bin_edges())
    )


def _throughput(connection: Connection, at: datetime) -> tuple[int, ...]:
    start = at - timedelta(seconds=THROUGHPUT_SECONDS + 1)
    rows = connection.execute(select(results.c.scored_at).where(results.c.scored_at >= start))
    return per_second((row[0] for row in rows), at)


def _moments(connection: Connection) -> Sequence[Moments]:
    columns = (results.c.stored_at, results.c.received_at, results.c.scored_at, outbox.c.published_at)
    published = select(*columns).join(outbox, outbox.c.result_id == results.c.result_id)
    newest = published.where(outbox.c.published_at.is_not(None)).order_by(results.c.scored_at.desc())
    return [Moments(*row) for row in connection.execute(newest.limit(LATENCY_IMAGES))]


def _latest(connection: Connection, current: Any) -> tuple[Latest, ...]:
    query = select(current).order_by(current.c.scored_at.desc(), current.c.result_id).limit(LATEST_IMAGES)
    return tuple(
        Latest(
            result_id=row["result_id"],
            image=row["image_pseudonym"],
            outcome=row["outcome"],
            reason=row["reason"],
            risk=row["risk"],
            simulated=row["simulated"],
            stand_in=row["stand_in"],
            withheld=withheld(row["publication"], row["publication_reason"]),
            width=row["image_width"],
            height=row["image_height"],
            scored=row["scored_at"],
        )
        for row in connection.execute(query).mappings()
    )


def withheld(publication: str, reason: str) -> str:
    """Why the images of a result are not shown, "" where they are published."""
    return "" if publication == "published" else reason or "no reason given"


def _dead_letters(connection: Connection) -> tuple[DeadLetter, ...]:
    """The newest that still count: an image that has its result by now, or was superseded, is no dead letter."""
    letters = dead_letters.c
    settled = or_(
        exists().where(results.c.image_id == letters.image_id),
        exists().where(superseded.c.image_id == letters.image_id),
    )
    columns = (
        letters.dead_letter_id,
        letters.image_pseudonym,
        letters.reason,
        letters.detail,
        letters.retryable,
        letters.attempts,
    )
    query = select(*columns, letters.replays, letters.last_at).where(or_(letters.image_id.is_(None), ~settled))
    newest = query.order_by(letters.last_at.desc(), letters.dead_letter_id).limit(MOST_DEAD_LETTERS)
    return tuple(DeadLetter(*row) for row in connection.execute(newest))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
