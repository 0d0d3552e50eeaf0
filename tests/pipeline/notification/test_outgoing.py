"""The table of what is to be sent: once each, leased, tried again, given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import notifications
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.reader import Record
from medpattern.pipeline.notification.message import message_of
from medpattern.pipeline.notification.notifier import Intake, Sender
from medpattern.pipeline.notification.outgoing import Backlog, Notification, Outgoing, State, pause_after
from medpattern.pipeline.notification.policy import Policy
from tests.pipeline.notification.notices import Scripted, notice, record
from tests.pipeline.samples import OTHER_MODEL


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'notifications.sqlite'}")
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def outgoing(engine: Engine) -> Outgoing:
    return Outgoing(engine)


def notification(number: int = 0, channel: str = "mail") -> Notification:
    found = notice(f"{number}.png")
    return Notification(f"{found.image_id}-{channel}", found.result_id, channel, message_of(found, ""))


def let_pass(engine: Engine, seconds: float) -> None:
    """As if that much time had gone by."""
    with engine.begin() as connection:
        for row in connection.execute(select(notifications)).all():
            change = update(notifications).where(notifications.c.notification_id == row.notification_id)
            connection.execute(change.values(due_at=row.due_at - timedelta(seconds=seconds)))


def rows(engine: Engine) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(select(notifications)))


def test_what_is_recorded_twice_is_there_once(outgoing: Outgoing) -> None:
    assert outgoing.record([notification(), notification(), notification(channel="webhook")]) == 2
    assert outgoing.record([notification()]) == 0
    assert outgoing.backlog().pending == 2


def test_a_channel_gets_its_own_and_each_only_once(outgoing: Outgoing) -> None:
    outgoing.record([notification(1), notification(2), notification(1, "webhook")])
    taken = [outgoing.take("mail") for _ in range(3)]
    assert taken[2] is None
    assert {one.id for one in taken if one} == {notification(1).id, notification(2).id}
    assert [one.attempt for one in taken if one] == [1, 1]
    assert outgoing.take("webhook") is not None


def test_a_sender_that_died_leaves_its_message_to_the_next(engine: Engine) -> None:
    outgoing = Outgoing(engine, lease_seconds=60)
    outgoing.record([notification()])
    first = outgoing.take("mail")
    let_pass(engine, 59)
    assert outgoing.take("mail") is None
    let_pass(engine, 2)
    again = outgoing.take("mail")
    assert first is not None
    assert again is not None
    assert (again.id, again.message, again.attempt) == (first.id, first.message, 2)


def test_sent_is_the_end(engine: Engine, outgoing: Outgoing) -> None:
    outgoing.record([notification()])
    leased = outgoing.take("mail")
    assert leased is not None
    outgoing.sent(leased)
    let_pass(engine, 10_000)
    assert outgoing.take("mail") is None
    assert outgoing.record([notification()]) == 0
    (row,) = rows(engine)
    assert (row.state, row.problem, row.attempts) == ("sent", "", 1)
    assert abs(row.ended_at - now()) < timedelta(minutes=1)


def test_a_failure_is_tried_again_after_a_pause_and_given_up_at_last(engine: Engine, outgoing: Outgoing) -> None:
    outgoing.record([notification()])
    states = []
    for attempt in (1, 2, 3):
        leased = outgoing.take("mail")
        assert leased is not None
        assert leased.attempt == attempt
        states.append(outgoing.failed(leased, "smtp-451", most_attempts=3))
        assert outgoing.take("mail") is None
        let_pass(engine, pause_after(attempt) - 1)
        assert outgoing.take("mail") is None
        let_pass(engine, 2)
    assert states == [State.PENDING, State.PENDING, State.DEAD]
    assert outgoing.take("mail") is None
    (row,) = rows(engine)
    assert (row.state, row.problem, row.attempts) == ("dead", "smtp-451", 3)
    assert outgoing.revive() == 1
    assert outgoing.revive() == 0
    revived = outgoing.take("mail")
    assert revived is not None
    assert revived.attempt == 1


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, 101)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) == pauses[-1] == 900
    assert sum(pauses) > timedelta(hours=20).total_seconds()


def test_a_late_failure_does_not_undo_what_another_sender_did(engine: Engine, outgoing: Outgoing) -> None:
    outgoing.record([notification()])
    slow = outgoing.take("mail")
    let_pass(engine, 1000)
    quick = outgoing.take("mail")
    assert slow is not None
    assert quick is not None
    outgoing.failed(slow, "timeout", most_attempts=1)
    outgoing.sent(quick)
    outgoing.failed(slow, "timeout", most_attempts=10)
    assert [(row.state, row.problem) for row in rows(engine)] == [("sent", "")]


def test_the_backlog_counts_and_says_how_old_it_is(engine: Engine, outgoing: Outgoing) -> None:
    assert outgoing.backlog() == Backlog(0, 0, 0, 0.0)
    outgoing.record([notification(number) for number in range(3)])
    leased = outgoing.take("mail")
    assert leased is not None
    outgoing.sent(leased)
    with engine.begin() as connection:
        pending = notifications.c.state == "pending"
        connection.execute(update(notifications).where(pending).values(recorded_at=now() - timedelta(minutes=7)))
    found = outgoing.backlog()
    assert (found.pending, found.sent, found.dead) == (2, 1, 0)
    assert 415 < found.oldest_seconds < 480


def test_several_senders_send_each_message_once(engine: Engine, outgoing: Outgoing) -> None:
    outgoing.record([notification(number) for number in range(40)])
    channel = Scripted()

    def work() -> None:
        while Sender(Outgoing(engine), "mail", channel, 3).send_next():
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent[0] for sent in channel.sent) == sorted(notification(number).id for number in range(40))


def test_results_become_rows(engine: Engine, outgoing: Outgoing) -> None:
    intake = Intake(outgoing, Policy(("mail", "webhook")), "https://results.example.org")
    foreign = [Record(0, 1, None, None), Record(0, 2, None, b"\xff"), Record(0, 3, None, b"{}")]
    batch = [record("a"), record("a", model_sha256=OTHER_MODEL), *foreign, record("b", notify=False), record("c")]
    intake.handle(batch)
    intake.handle(batch)
    assert {row.notification_id for row in rows(engine)} == {
        f"{notice(key).image_id}-{channel}" for key in "ac" for channel in ("mail", "webhook")
    }


def test_a_crash_between_sending_and_noting_repeats_the_same_id(engine: Engine, outgoing: Outgoing) -> None:
    outgoing.record([notification()])
    channel = Scripted()
    leased = outgoing.take("mail")
    assert leased is not None
    channel.send(leased.id, leased.message)  # and here the process ends
    let_pass(engine, 1000)
    assert Sender(outgoing, "mail", channel, 3).send_next()
    assert len({sent[0] for sent in channel.sent}) == 1
    assert len(channel.sent) == 2


def test_a_channel_that_breaks_in_an_unforeseen_way_ends_nothing(engine: Engine, outgoing: Outgoing) -> None:
    def break_() -> None:
        raise RuntimeError("DOE^JANE")

    outgoing.record([notification()])
    sender = Sender(outgoing, "mail", Scripted(before=break_), 3)
    assert sender.send_next()
    assert [(row.state, row.problem) for row in rows(engine)] == [("pending", "internal-error")]


def test_a_database_without_tables_counts_as_away(tmp_path: Path) -> None:
    empty = open_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with pytest.raises(Unavailable, match="database"):
        Sender(Outgoing(empty), "mail", Scripted(), 3).send_next()
    empty.dispose()
