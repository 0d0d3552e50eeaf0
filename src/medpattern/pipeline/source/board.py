"""The events that were taken and are not done: what is due, what is held, what may be committed.

The consumer puts records in and reads offsets off; delivery threads take jobs and settle them. One lock guards
it all; nothing here waits for the network.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medpattern.pipeline.events.cloudevents import CloudEvent
from medpattern.pipeline.source import metrics
from medpattern.pipeline.source.offsets import Offsets
from medpattern.pipeline.source.policy import Progress, Step, Verdict

_LOG = logging.getLogger(__name__)
_FOREVER = 3600.0


@dataclass(slots=True, eq=False)
class Lane:
    """A partition that this source was given. `open` jobs are not done, `busy` ones are on their way right now.

    `requested` is the offset that was last asked to be committed.
    """

    partition: int
    offsets: Offsets = field(default_factory=Offsets)
    waiting: deque[Job] = field(default_factory=deque)
    open: int = 0
    busy: int = 0
    requested: int | None = None
    given_back: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One event on its way. `headers` are those of the next request."""

    lane: Lane
    offset: int
    event: CloudEvent
    headers: Mapping[str, str] = field(repr=False)
    progress: Progress = field(default_factory=Progress)
    held_for: str = ""


class Board:
    """All of it; safe for threads."""

    def __init__(self, *, ordered: bool, most_open: int, most_uncommitted: int = 10_000) -> None:
        """`most_open` bounds the events in memory, `most_uncommitted` what a crash would repeat, per partition."""
        self._ordered = ordered
        self._most_open = most_open
        self._most_uncommitted = most_uncommitted
        self._lanes: dict[int, Lane] = {}
        self._due: list[tuple[float, int, Job]] = []
        self._number = itertools.count()
        self._held: Counter[str] = Counter()
        self._open = 0
        self._ended = False
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._room = threading.Condition(lock)

    # What the consumer calls.

    def add_lane(self, partition: int) -> None:
        """Begins with a partition that was assigned."""
        with self._work:
            self._lanes[partition] = Lane(partition)

    def has_lane(self, partition: int) -> bool:
        """Whether the partition is this source's."""
        return partition in self._lanes

    def take(self, partition: int, offset: int, event: CloudEvent, headers: Mapping[str, str]) -> None:
        """Puts in a record of a partition that was added, as the event and headers to send."""
        with self._work:
            lane = self._lanes[partition]
            lane.offsets.take(offset)
            job = Job(lane, offset, event, headers)
            lane.open += 1
            self._open += 1
            if self._ordered and lane.open > 1:
                lane.waiting.append(job)
            else:
                self._push(job, 0.0)

    def wait_for_room(self, seconds: float) -> bool:
        """Whether another record may be taken now, or within `seconds`."""
        with self._room:
            return self._room.wait_for(self._has_room, seconds)

    def remove_lanes(self, partitions: Iterable[int], seconds: float) -> dict[int, int]:
        """Gives partitions back: what waits is dropped, what is on its way has `seconds` to arrive.

        Returns the offset to commit of each that has a new one.
        """
        with self._room:
            lanes = [self._lanes.pop(partition) for partition in partitions if partition in self._lanes]
            for lane in lanes:
                lane.given_back = True
                self._open -= lane.open
            for job in [job for _, _, job in self._due if job.lane.given_back]:
                self._let_go(job)
            self._due = [entry for entry in self._due if not entry[2].lane.given_back]
            heapq.heapify(self._due)
            self._room.wait_for(lambda: not any(lane.busy for lane in lanes), seconds)
            return _new_positions(lanes)

    def positions(self) -> dict[int, int]:
        """The offsets to commit that were not asked to be committed yet; they count as asked for from now on."""
        with self._work:
            return _new_positions(self._lanes.values())

    def refuse_commit(self, partitions: Iterable[int]) -> None:
        """A commit did not work: `positions` will name these again."""
        with self._work:
            for partition in partitions:
                if partition in self._lanes:
                    self._lanes[partition].requested = None

    def position(self, partition: int) -> int | None:
        """The offset up to which a partition is done."""
        lane = self._lanes.get(partition)
        return lane.offsets.position if lane else None

    @property
    def open(self) -> int:
        """Events taken and not done."""
        return self._open

    @property
    def partitions(self) -> list[int]:
        """The partitions that are this source's."""
        with self._work:
            return list(self._lanes)

    def end(self) -> None:
        """`next_job` gives no more."""
        with self._work:
            self._ended = True
            self._work.notify_all()

    # What the delivery threads call.

    def next_job(self) -> Job | None:
        """The next job that is due, as soon as there is one; None after the end. It must be settled."""
        with self._work:
            while not self._ended:
                wait = self._due[0][0] - time.monotonic() if self._due else _FOREVER
                if wait <= 0:
                    job = heapq.heappop(self._due)[2]
                    job.lane.busy += 1
                    return job
                self._work.wait(wait)
            return None

    def settle(self, job: Job, step: Step) -> None:
        """Takes a job back with what follows for it."""
        with self._work:
            lane = job.lane
            lane.busy -= 1
            job.progress = step.progress
            self._hold(job, step.held_for)
            if step.verdict is Verdict.DONE:
                self._finish(job)
            elif not lane.given_back:
                self._push(job, time.monotonic() + step.pause)
            else:
                self._let_go(job)
            self._room.notify_all()

    def _finish(self, job: Job) -> None:
        lane = job.lane
        lane.offsets.finish(job.offset)
        if lane.given_back:
            return
        lane.open -= 1
        self._open -= 1
        if lane.waiting:
            self._push(lane.waiting.popleft(), 0.0)

    def _push(self, job: Job, due: float) -> None:
        heapq.heappush(self._due, (due, next(self._number), job))
        self._work.notify()

    def _has_room(self) -> bool:
        return self._open < self._most_open and all(
            len(lane.offsets) < self._most_uncommitted for lane in self._lanes.values()
        )

    def _let_go(self, job: Job) -> None:
        self._hold(job, "")

    def _hold(self, job: Job, reason: str) -> None:
        if job.held_for == reason:
            return
        for name, change in ((job.held_for, -1), (reason, 1)):
            if name:
                before = self._held[name]
                self._held[name] += change
                metrics.HELD.labels(name).set(self._held[name])
                if not before:
                    _LOG.warning("holding events back", extra={"reason": name})
                elif not self._held[name]:
                    _LOG.info("no longer holding back", extra={"reason": name})
        job.held_for = reason


def _new_positions(lanes: Iterable[Lane]) -> dict[int, int]:
    found: dict[int, int] = {}
    for lane in lanes:
        if lane.offsets.position is not None and lane.offsets.position != lane.requested:
            lane.requested = found[lane.partition] = lane.offsets.position
    return found
