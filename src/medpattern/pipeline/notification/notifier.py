"""The stage: results become rows, rows become messages.

The reader's thread records what is to be sent and commits offsets after that; the sender's loop sends. So a mail
server that is away holds up nothing but mail. A crash between sending and noting sends once more, with the same id.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import closing

from prometheus_client import Counter, Gauge

from medpattern.pipeline.events.results import read_result_event
from medpattern.pipeline.failures import Unavailable, Unprocessable
from medpattern.pipeline.kafka.reader import Reader, Record
from medpattern.pipeline.notification.channels import Channel, NotSent
from medpattern.pipeline.notification.message import message_of
from medpattern.pipeline.notification.outgoing import Leased, Notification, Outgoing, State
from medpattern.pipeline.notification.policy import Policy, notification_id

_LOG = logging.getLogger(__name__)
_IDLE = 0.5
_COUNT_EVERY = 5.0

_ATTEMPTS = Counter("medpattern_notification_attempts", "Messages tried", ["channel", "end"])
_UNREADABLE = Counter("medpattern_notification_unreadable", "Records of the results topic that are no results")
_STATES = Gauge("medpattern_notifications", "Notifications by state", ["state"])
_OLDEST = Gauge("medpattern_notification_oldest_pending_seconds", "Age of the oldest notification not yet sent")


class Intake:
    """Records of the results topic become rows."""

    def __init__(self, outgoing: Outgoing, policy: Policy, results_url: str) -> None:
        self._outgoing = outgoing
        self._policy = policy
        self._results_url = results_url

    def handle(self, records: Sequence[Record]) -> None:
        """Adds what `records` ask for; a repeat changes nothing.

        Raises:
            Unavailable: the database is away.
        """
        found = [one for record in records for one in self._notifications(record)]
        if found:
            new = self._outgoing.record(found)
            _LOG.info("to be told", extra={"new": new, "known": len(found) - new})

    def _notifications(self, record: Record) -> list[Notification]:
        if record.value is None:
            return []
        try:
            notice = read_result_event(record.value)
        except Unprocessable:
            _UNREADABLE.inc()
            _LOG.error("no result", extra={"partition": record.partition, "offset": record.offset})
            return []
        message = message_of(notice, self._results_url)
        return [
            Notification(notification_id(notice, channel), notice.result_id, channel, message)
            for channel in self._policy.channels_for(notice)
        ]


class Sender:
    """Rows of one channel become messages: a channel that hangs keeps no other waiting. Several may run at once."""

    def __init__(self, outgoing: Outgoing, name: str, channel: Channel, most_attempts: int) -> None:
        self._outgoing = outgoing
        self._name = name
        self._channel = channel
        self._most_attempts = most_attempts

    def send_next(self) -> bool:
        """Sends what has been due longest; False where nothing is due.

        Raises:
            Unavailable: the database is away.
        """
        leased = self._outgoing.take(self._name)
        if leased is None:
            return False
        try:
            seen_to = self._channel.send(leased.id, leased.message)
        except NotSent as problem:
            self._failed(leased, problem.problem)
        except Exception:
            _LOG.exception("not foreseen")
            self._failed(leased, "internal-error")
        else:
            self._outgoing.sent(leased, seen_to)
            _ATTEMPTS.labels(leased.channel, "sent").inc()
            _LOG.info("told", extra={"image": leased.message.image, "channel": leased.channel, "problem": seen_to})
        return True

    def _failed(self, leased: Leased, problem: str) -> None:
        state = self._outgoing.failed(leased, problem, self._most_attempts)
        _ATTEMPTS.labels(leased.channel, "dead" if state is State.DEAD else "failed").inc()
        known = {"image": leased.message.image, "channel": leased.channel, "problem": problem}
        _LOG.log(
            logging.ERROR if state is State.DEAD else logging.WARNING,
            "given up" if state is State.DEAD else "not sent",
            extra=known | {"attempt": leased.attempt},
        )

    def run(self, stop: threading.Event) -> None:
        """Sends until `stop`; while the database is away it waits."""
        while not stop.is_set():
            try:
                if not self.send_next():
                    stop.wait(_IDLE)
            except Unavailable as away:
                _LOG.warning("held back", extra={"dependency": away.dependency})
                stop.wait(4 * _IDLE)


def count(outgoing: Outgoing) -> None:
    """Brings the metrics up to date.

    Raises:
        Unavailable: the database is away.
    """
    backlog = outgoing.backlog()
    for state in State:
        _STATES.labels(state.value).set(getattr(backlog, state.value))
    _OLDEST.set(backlog.oldest_seconds)


def run_stage(
    reader: Reader, intake: Intake, senders: Sequence[Sender], outgoing: Outgoing, stop: threading.Event
) -> None:
    """Reads and sends until `stop`.

    Raises:
        Unavailable: the brokers refuse this client.
    """
    work = [threading.Thread(target=sender.run, args=(stop,), name="sender") for sender in senders]
    work.append(threading.Thread(target=_keep_counting, args=(outgoing, stop), name="counts"))
    for thread in work:
        thread.start()
    try:
        with closing(reader):
            reader.follow(intake.handle, stop)
    finally:
        stop.set()
        for thread in work:
            thread.join()


def _keep_counting(outgoing: Outgoing, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            count(outgoing)
        except Unavailable as away:
            _LOG.warning("not counted", extra={"dependency": away.dependency})
        stop.wait(_COUNT_EVERY)
