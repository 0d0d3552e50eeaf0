"""Purging in an order that is safe beside a service at work, and after a kill at any point.

    tombstones + audit, committed ─> no worker holds a lease on the images any more
        ─> dead letters, in the topic and in the table ─> images made ─> source versions ─> results

Once the tombstones stand nobody begins with these images, and whoever had begun has ended when the leases are gone.
What an image is found by goes last, its result, or for one without result its object: so a purge that was cut off
finds it again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from medpattern.pipeline.database import purging as books
from medpattern.pipeline.database.purging import Act, ImageName, Rows
from medpattern.pipeline.events.notifications import StoredObject
from medpattern.pipeline.failures import Busy
from medpattern.pipeline.retention.finding import Batch, Finder, in_batches
from medpattern.pipeline.retention.selection import DataClass, Selection

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from medpattern.pipeline.store.objects import ObjectStore

# Longer than any lease may last.
_LONGEST_WAIT = 660.0
_SECONDS_BETWEEN_LOOKS = 0.25
# An image's outputs are named <pseudonym>.png and <pseudonym>/<model>.png.
_PSEUDONYM_LENGTH = 32

# Sends a null record for each id to the dead letter topic, which then forgets the letters.
ForgetLetters = Callable[[Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Purged:
    """What went, or in a dry run what would go."""

    images: int = 0
    source: int = 0
    processed: int = 0
    anonymised: int = 0
    rows: Rows = field(default_factory=Rows)

    def __add__(self, other: Purged) -> Purged:
        sums = [getattr(self, one.name) + getattr(other, one.name) for one in fields(Purged)]
        return Purged(*sums)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The buckets of the images made; "" where there is none."""

    processed: str
    anonymised: str

    def of(self, selection: Selection) -> Iterator[tuple[DataClass, str]]:
        """Class and bucket of those that `selection` empties."""
        for kind, bucket in ((DataClass.PROCESSED, self.processed), (DataClass.ANONYMISED, self.anonymised)):
            if bucket and selection.has(kind):
                yield kind, bucket


@dataclass(frozen=True, slots=True)
class Purger:
    """One purge. `dry` changes nothing and counts."""

    store: ObjectStore
    engine: Engine
    finder: Finder
    outputs: Outputs
    forget_letters: ForgetLetters
    who: str
    purpose: str
    dry: bool = False
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, selection: Selection) -> Purged:
        """Purges, batch by batch, until all is done or `stopping` is set. A further run does what is left.

        Raises:
            Unavailable: a dependency is away.
            Busy: a worker does not end.
        """
        act = Act(self.who, self.purpose, selection.detail)
        total = Purged()
        for batch in self.finder.batches(selection):
            if self.stopping.is_set():
                return total
            total += self._batch(selection, batch, act)
        if selection.before is not None:
            total += self._sweep(selection, selection.before, act)
        return total

    def _batch(self, selection: Selection, batch: Batch, act: Act) -> Purged:
        if self.dry:
            return self._count(selection, batch)
        buried = self._bury(selection, batch.images, act)
        self._wait_for_workers(buried)
        rows = self._forget_letters(selection, batch)
        made = self._remove_made(selection, batch.images)
        for stored in batch.objects:
            self.store.delete(stored)
        if selection.has(DataClass.RESULTS):
            rows += books.forget_results(self.engine, [image.image_id for image in batch.images])
        return made + Purged(images=len(batch.images), source=len(batch.objects), rows=rows)

    def _bury(self, selection: Selection, images: Sequence[ImageName], act: Act) -> list[str]:
        """An image whose result goes would be scored again, and so would one that has but a dead letter."""
        if not images:
            return []
        if selection.has(DataClass.RESULTS):
            return books.bury(self.engine, images, act)
        if selection.has(DataClass.DEAD_LETTERS):
            return books.bury(self.engine, images, act, without_result_only=True)
        books.note(self.engine, [image.pseudonym for image in images], act)
        return []

    def _wait_for_workers(self, image_ids: Sequence[str]) -> None:
        deadline = time.monotonic() + _LONGEST_WAIT
        while image_ids and (working := books.live_leases(self.engine, image_ids)):
            if time.monotonic() > deadline:
                raise Busy(f"{working} images are still being worked at; run the purge again")
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _forget_letters(self, selection: Selection, batch: Batch) -> Rows:
        if not selection.has(DataClass.DEAD_LETTERS):
            return Rows()
        ids = [image.image_id for image in batch.images]
        letters = [*books.letter_ids(self.engine, ids), *batch.nameless]
        if not letters:
            return Rows()
        self.forget_letters(letters)
        return books.forget_letters(self.engine, letters)

    def _remove_made(self, selection: Selection, images: Sequence[ImageName]) -> Purged:
        total = Purged()
        for kind, bucket in self.outputs.of(selection):
            found = [stored for image in images for stored in self._outputs_of(bucket, image)]
            for stored in found:
                self.store.delete(stored)
            total += _made(kind, len(found))
        return total

    def _outputs_of(self, bucket: str, image: ImageName) -> list[StoredObject]:
        return [listed.object for listed in self.store.versions(bucket, image.pseudonym)]

    def _count(self, selection: Selection, batch: Batch) -> Purged:
        known = books.count_rows(self.engine, [image.image_id for image in batch.images])
        rows = replace(known, dead_letters=0) if selection.has(DataClass.RESULTS) else Rows()
        if selection.has(DataClass.DEAD_LETTERS):
            rows += Rows(dead_letters=known.dead_letters + len(batch.nameless))
        total = Purged(images=len(batch.images), source=len(batch.objects), rows=rows)
        for kind, bucket in self.outputs.of(selection):
            total += _made(kind, sum(len(self._outputs_of(bucket, image)) for image in batch.images))
        return total

    def _sweep(self, selection: Selection, before: datetime, act: Act) -> Purged:
        """Removes old images made, whether or not anything else is known of them."""
        total = Purged()
        for kind, bucket in self.outputs.of(selection):
            old = (
                listed.object
                for listed in self.store.versions(bucket)
                if listed.modified < before and _pseudonym(listed.object) not in self.finder.counted
            )
            total += _made(kind, sum(self._sweep_batch(objects, act) for objects in in_batches(old)))
        return total

    def _sweep_batch(self, objects: Sequence[StoredObject], act: Act) -> int:
        if self.dry:
            return len(objects)
        if self.stopping.is_set():
            return 0
        books.note(self.engine, sorted({_pseudonym(stored) for stored in objects}), act)
        for stored in objects:
            self.store.delete(stored)
        return len(objects)


def _made(kind: DataClass, count: int) -> Purged:
    return Purged(processed=count) if kind is DataClass.PROCESSED else Purged(anonymised=count)


def _pseudonym(made: StoredObject) -> str:
    return made.key[:_PSEUDONYM_LENGTH]
