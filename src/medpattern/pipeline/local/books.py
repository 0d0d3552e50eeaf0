"""Keeps the run's books: what is stored, what is still without an outcome, and what has to be announced again.

The embedded object store sends each notification once and never repeats it, so the run does what a CronJob
does in a cluster: it compares the bucket with the results and publishes what nobody heard of.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine

from medpattern.pipeline.backfill.message import Mode, headers, notification
from medpattern.pipeline.backfill.missing import missing
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import PipelineError
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.kafka.reader import Reader
from medpattern.pipeline.local.summary import Summary, summarise, unsent
from medpattern.pipeline.store.objects import ObjectStore

# How long an image is given before it counts as unheard of.
_PATIENCE_SECONDS = 8.0
_MOST_AT_ONCE = 200


@dataclass(slots=True)
class Books:
    """The state of the run in numbers; `look` brings it up to date. `notified` reads as `notify` does. Close it."""

    store: ObjectStore
    engine: Engine
    keys: Keys
    producer: Producer
    notified: Reader
    bucket: str
    topic: str
    stored: int = 0
    open: int = 0
    problem: str = ""
    _due: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        """Counts what is stored and what has no outcome, and announces again what is overdue.

        A dependency that is away leaves the numbers as they were, and says so in `problem`.
        """
        try:
            found = missing(self.store, self.engine, self.keys, self.bucket, timedelta(0))
            self.stored, self.open = found.listed, found.count
            self._announce([stored for stored in found.objects if self._is_due(stored)][:_MOST_AT_ONCE])
        except PipelineError as away:
            self.problem = str(away)
        else:
            self.problem = ""

    def settled(self) -> bool:
        """Whether every image has its outcome, and everybody was told of it; of the last look's images."""
        if self.open or self.problem:
            return False
        try:
            return unsent(self.engine) == 0 and self.notified.unread() == 0
        except PipelineError as away:
            self.problem = str(away)
            return False

    def close(self) -> None:
        """Ends the connections to Kafka."""
        self.producer.close()
        self.notified.close()

    def summary(self) -> Summary:
        """The books of now, with the last count of what is stored."""
        return summarise(self.engine, self.stored)

    def _announce(self, due: list[StoredObject]) -> None:
        if due:
            records = [(self.keys.image_id(stored.image), notification(stored), headers(Mode.NOTIFY)) for stored in due]
            self.producer.send_all(self.topic, records)

    def _is_due(self, stored: StoredObject) -> bool:
        present = time.monotonic()
        image_id = self.keys.image_id(stored.image)
        if present < self._due.setdefault(image_id, present + _PATIENCE_SECONDS):
            return False
        # What is only slow is not made slower by asking for it again and again.
        self._due[image_id] = present + 4 * _PATIENCE_SECONDS
        return True
