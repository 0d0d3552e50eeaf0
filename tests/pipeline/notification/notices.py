"""Results as the topic brings them, and channels that do as they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medpattern.pipeline.events.results import ResultNotice, read_result_event
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.kafka.reader import Record
from medpattern.pipeline.notification.channels import NotSent
from medpattern.pipeline.notification.message import Message
from tests.pipeline.samples import result_of

BUCKET = "xrays"


def event(key: str = "DOE^JANE.png", **changes: Any) -> bytes:
    """The data of the event of a result for the image under `key`."""
    return result_of(ObjectVersion(BUCKET, key, "e" * 32), **changes).event().data


def notice(key: str = "DOE^JANE.png", **changes: Any) -> ResultNotice:
    """The result as a reader sees it."""
    return read_result_event(event(key, **changes))


def record(key: str = "DOE^JANE.png", **changes: Any) -> Record:
    """The result as a record."""
    return Record(0, 0, None, event(key, **changes))


class Scripted:
    """A channel that keeps what it sends; `problems` are raised one by one before."""

    def __init__(self, *problems: str, before: Callable[[], None] = lambda: None) -> None:
        self.problems = list(problems)
        self.sent: list[tuple[str, Message]] = []
        self._before = before

    def send(self, notification_id: str, message: Message) -> str:
        self._before()
        if self.problems:
            raise NotSent(self.problems.pop(0))
        self.sent.append((notification_id, message))
        return ""
