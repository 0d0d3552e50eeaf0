"""The table `notifications`: what is to be sent, what was, and what could not be.

    pending ──lease──> sent
       ^  └──────────> dead      after the last attempt; `medpattern notify --retry-dead` makes it pending again
       └── due again: the lease is over, or the pause after a failure

A lease is nothing but a later `due_at`, by the database's clock: a sender that died leaves its row due again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, func, select, update

from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.results import upsert
from medpattern.pipeline.database.schema import DatabaseTime, notifications
from medpattern.pipeline.notification.message import Message, read_message

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 900.0


class State(StrEnum):
    """Where a notification stands."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Notification:
    """One message for one channel, to be recorded."""

    id: str
    result_id: str
    channel: str
    message: Message


@dataclass(frozen=True, slots=True)
class Leased:
    """A notification that this sender is to send now; `attempt` counts from 1."""

    id: str
    channel: str
    message: Message
    attempt: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Numbers of notifications by state, and the age of the oldest pending one in seconds (0 without any)."""

    pending: int
    sent: int
    dead: int
    oldest_seconds: float


def pause_after(attempt: int) -> float:
    """Seconds from failed attempt number `attempt` to the next: 5, 10, 20 ... 900."""
    return min(_FIRST_PAUSE * 2.0 ** min(attempt - 1, 30), _LONGEST_PAUSE)


class Outgoing:
    """The table, as the notification stage uses it."""

    def __init__(self, engine: Engine, *, lease_seconds: float = 120) -> None:
        """`lease_seconds` is more than one attempt ever takes."""
        self._engine = engine
        self._lease_seconds = lease_seconds

    def record(self, found: Sequence[Notification]) -> int:
        """Adds those that are not there yet, due at once; returns how many they are."""
        new = 0
        with answers(), self._engine.begin() as connection:
            for one in found:
                insert = upsert(connection, notifications).values(
                    notification_id=one.id,
                    result_id=one.result_id,
                    channel=one.channel,
                    state=State.PENDING.value,
                    message=one.message.stored(),
                    attempts=0,
                    due_at=DatabaseTime(),
                    recorded_at=DatabaseTime(),
                )
                stored = insert.on_conflict_do_nothing().returning(notifications.c.notification_id)
                new += connection.execute(stored).first() is not None
        return new

    def take(self, channel: str) -> Leased | None:
        """The notification of `channel` that has been due longest, leased to the caller; None where nothing is due.

        Two senders never get the same: PostgreSQL skips rows that another is taking, SQLite lets one in at a time.
        """
        table = notifications.c
        due = (
            select(table.notification_id, table.channel, table.message, table.attempts)
            .where(table.state == State.PENDING.value, table.due_at <= DatabaseTime(), table.channel == channel)
            .order_by(table.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with answers(), self._engine.begin() as connection:
            row = connection.execute(due).first()
            if row is None:
                return None
            taken = {"attempts": row.attempts + 1, "due_at": DatabaseTime(self._lease_seconds)}
            connection.execute(
                update(notifications).where(table.notification_id == row.notification_id).values(**taken)
            )
        return Leased(row.notification_id, row.channel, read_message(row.message), row.attempts + 1)

    def sent(self, leased: Leased, problem: str = "") -> None:
        """Notes that it has arrived; `problem` is what a person should see to all the same."""
        self._end(leased, State.SENT, problem)

    def failed(self, leased: Leased, problem: str, most_attempts: int) -> State:
        """Notes a failure: due again after a pause, or dead after `most_attempts`."""
        if leased.attempt >= most_attempts:
            self._end(leased, State.DEAD, problem)
            return State.DEAD
        with answers(), self._engine.begin() as connection:
            connection.execute(
                update(notifications)
                .where(
                    notifications.c.notification_id == leased.id,
                    notifications.c.state == State.PENDING.value,
                    notifications.c.attempts == leased.attempt,
                )
                .values(problem=problem, due_at=DatabaseTime(pause_after(leased.attempt)))
            )
        return State.PENDING

    def _end(self, leased: Leased, state: State, problem: str) -> None:
        change = update(notifications).where(notifications.c.notification_id == leased.id)
        if state is State.DEAD:
            # Whoever took it over may have sent it.
            change = change.where(
                notifications.c.state == State.PENDING.value, notifications.c.attempts == leased.attempt
            )
        with answers(), self._engine.begin() as connection:
            connection.execute(change.values(state=state.value, problem=problem, ended_at=DatabaseTime()))

    def revive(self) -> int:
        """Makes the dead pending again, with all attempts before them; returns how many they are."""
        dead = update(notifications).where(notifications.c.state == State.DEAD.value)
        with answers(), self._engine.begin() as connection:
            changed = dead.values(state=State.PENDING.value, attempts=0, due_at=DatabaseTime(), ended_at=None)
            return connection.execute(changed).rowcount

    def backlog(self) -> Backlog:
        """The numbers of now."""
        table = notifications.c
        numbers = select(table.state, func.count()).group_by(table.state)
        oldest = select(func.min(table.recorded_at)).where(table.state == State.PENDING.value)
        with answers(), self._engine.begin() as connection:
            counts = {row[0]: row[1] for row in connection.execute(numbers)}
            since = connection.execute(oldest).scalar()
            present = connection.execute(select(DatabaseTime())).scalar_one()
        age = max((present - since).total_seconds(), 0.0) if since else 0.0
        pending, sent, dead = (counts.get(state.value, 0) for state in State)
        return Backlog(pending, sent, dead, age)
