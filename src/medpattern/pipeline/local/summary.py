"""What a run has done, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from medpattern.pipeline.clock import seconds_between
from medpattern.pipeline.database.accounting import Accounts, accounts, current_results
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import notifications, outbox, results


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles of the seconds from an image's storing to its result's publishing; None without any."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The books at one moment. `stored` are the image versions in the bucket."""

    stored: int
    accounts: Accounts
    outcomes: dict[str, int]
    latency: Latency

    @property
    def accounted(self) -> bool:
        """Whether every stored image has its outcome."""
        return self.accounts.images >= self.stored

    def as_json(self) -> dict[str, Any]:
        """The form of `--output json`."""
        books = self.accounts
        return {
            "stored": self.stored,
            "results": books.results,
            "deadLetters": books.dead_letters,
            "superseded": books.superseded,
            "quarantined": books.quarantined,
            "duplicates": books.duplicates,
            "notifications": books.notifications,
            "namelessDeadLetters": books.nameless,
            "outcomes": self.outcomes,
            "latency": {"p50": self.latency.p50, "p95": self.latency.p95, "p99": self.latency.p99},
            "accounted": self.accounted,
        }


def summarise(engine: Engine, stored: int) -> Summary:
    """The summary of the database's present state."""
    current = current_results()
    spans = select(results.c.stored_at, outbox.c.published_at).join(outbox, outbox.c.result_id == results.c.result_id)
    with answers(), engine.begin() as connection:
        outcomes = connection.execute(select(current.c.outcome, func.count()).group_by(current.c.outcome)).all()
        times = connection.execute(
            spans.where(results.c.stored_at.is_not(None), outbox.c.published_at.is_not(None))
        ).all()
    return Summary(
        stored=stored,
        accounts=accounts(engine),
        outcomes={outcome: int(count) for outcome, count in outcomes},
        latency=_quantiles([(row[0], row[1]) for row in times]),
    )


def unsent(engine: Engine) -> int:
    """Results whose event is not published, and messages that are not sent yet; not those that nobody has read yet."""
    waiting = [
        select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None)),
        select(func.count()).select_from(notifications).where(notifications.c.state == "pending"),
    ]
    with answers(), engine.begin() as connection:
        return sum(int(connection.scalar(query) or 0) for query in waiting)


def _quantiles(times: list[tuple[datetime, datetime]]) -> Latency:
    spans = sorted(seconds_between(stored, published)[0] for stored, published in times)
    if not spans:
        return Latency(None, None, None)

    def at(share: float) -> float:
        return round(spans[min(len(spans) - 1, int(share * len(spans)))], 3)

    return Latency(at(0.5), at(0.95), at(0.99))
