"""Publishing at a bounded pace: no more records wait in the topic than its consumers are meant to have before them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from medpattern.pipeline.backfill.message import Mode, headers, notification
from medpattern.pipeline.backfill.missing import Batch
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.identity import Keys

_SECONDS_BETWEEN_LOOKS = 1.0
_MOST_AT_ONCE = 500

Record = tuple[str | None, bytes | None, Sequence[tuple[str, bytes]]]
# How many records the consumers have not read yet.
Lag = Callable[[], int]


class Sender(Protocol):
    """Sends records; returns once the brokers have them, raises Unavailable otherwise."""

    def __call__(self, records: Sequence[Record]) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill has come. `lag` is the last one seen, None where none is looked at."""

    listed: int = 0
    without_outcome: int = 0
    young: int = 0
    published: int = 0
    lag: int | None = None
    waiting: bool = False


Report = Callable[[Progress], None]


@dataclass(slots=True)
class Publisher:
    """One backfill. Without state: whoever runs it again publishes what has no outcome by then.

    backlog: it waits while `lag()` is at least that; rate: records a second at most, 0 for no bound.
    """

    keys: Keys
    send: Sender
    lag: Lag | None
    backlog: int
    rate: float
    mode: Mode
    stopping: threading.Event
    report: Report
    progress: Progress = field(default_factory=Progress)
    _due: float = field(default=0.0, init=False)

    def run(self, batches: Iterable[Batch]) -> Progress:
        """Publishes every object of `batches`, until `stopping` is set.

        Raises:
            Unavailable: the object store, the database or Kafka is away.
        """
        for batch in batches:
            done = self.progress
            self._note(
                listed=done.listed + batch.listed,
                without_outcome=done.without_outcome + len(batch.objects),
                young=done.young + batch.young,
            )
            for chunk in self._chunks(batch.objects):
                self.send([self._record(found) for found in chunk])
                self._note(published=self.progress.published + len(chunk))
            if self.stopping.is_set():
                break
        return self.progress

    def _record(self, found: StoredObject) -> Record:
        # Keyed by the image's id, which names nothing, so that a repeat goes to the same partition.
        return self.keys.image_id(found.image), notification(found), headers(self.mode)

    def _chunks(self, objects: Sequence[StoredObject]) -> Iterator[Sequence[StoredObject]]:
        at = 0
        while at < len(objects):
            size = min(self._room(), _MOST_AT_ONCE, int(self.rate) or _MOST_AT_ONCE, len(objects) - at)
            self._keep_pace(size)
            if self.stopping.is_set():
                return
            yield objects[at : at + size]
            at += size

    def _room(self) -> int:
        """How many records may be added; waits until that is at least one, or the end is wanted."""
        if self.lag is None:
            return _MOST_AT_ONCE
        while not self.stopping.is_set():
            behind = self.lag()
            self._note(lag=behind, waiting=behind >= self.backlog)
            if behind < self.backlog:
                return self.backlog - behind
            self.stopping.wait(_SECONDS_BETWEEN_LOOKS)
        return 1

    def _keep_pace(self, size: int) -> None:
        if not self.rate:
            return
        present = time.monotonic()
        self.stopping.wait(max(0.0, self._due - present))
        self._due = max(self._due, present) + size / self.rate

    def _note(self, **changes: int | bool) -> None:
        self.progress = replace(self.progress, **changes)  # type: ignore[arg-type]
        self.report(self.progress)
