"""How much is published, how fast, and that a run that was stopped leaves the rest to the next."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from medpattern.pipeline.backfill.message import Mode
from medpattern.pipeline.backfill.missing import Batch
from medpattern.pipeline.backfill.publishing import Lag, Progress, Publisher, Record
from medpattern.pipeline.events.notifications import StoredObject, parse_notification
from tests.pipeline.samples import KEYS


def batch(*names: str) -> Batch:
    objects = tuple(StoredObject("xrays", name, "", f"etag-{name}", 1, None) for name in names)
    return Batch(len(objects) + 1, 1, objects)


class Topic:
    """Keeps what is sent; its consumers read `reads` records whenever somebody looks at the lag."""

    def __init__(self, reads: int = 0) -> None:
        self.records: list[Record] = []
        self.longest = 0
        self._reads = reads
        self._read = 0

    def send(self, records: Sequence[Record]) -> None:
        self.records += records
        self.longest = max(self.longest, len(self.records) - self._read)

    def lag(self) -> int:
        self._read = min(len(self.records), self._read + self._reads)
        return len(self.records) - self._read

    def keys(self) -> list[str]:
        return [stored.key for _, value, _ in self.records for stored in parse_notification(value or b"").stored]


def publisher(topic: Topic, lag: Lag | None = None, **changes: Any) -> Publisher:
    settings: dict[str, Any] = {"backlog": 1000, "rate": 0, "mode": Mode.SILENT}
    settings |= {"stopping": threading.Event(), "report": lambda _progress: None}
    return Publisher(keys=KEYS, send=topic.send, lag=lag, **(settings | changes))


def test_every_object_is_published_once_with_its_header() -> None:
    topic = Topic()
    done = publisher(topic, mode=Mode.NOTIFY).run([batch("a", "b"), batch(), batch("c")])
    assert topic.keys() == ["a", "b", "c"]
    assert {headers[0] for _, _, headers in topic.records} == {("backfill", b"notify")}
    assert done == Progress(listed=6, without_outcome=3, young=3, published=3)


def test_record_key_is_the_images_id_and_names_nothing() -> None:
    topic = Topic()
    publisher(topic).run([batch("Wilhelmina-Testperson.png")])
    ((key, value, _),) = topic.records
    assert key == KEYS.image_id(parse_notification(value or b"").stored[0].image)


@given(sizes=st.lists(st.integers(0, 30), max_size=6), backlog=st.integers(1, 20), reads=st.integers(1, 10))
def test_no_more_than_the_backlog_ever_waits_and_all_arrives(sizes: list[int], backlog: int, reads: int) -> None:
    topic = Topic(reads)
    names = [[f"{number}-{at}" for at in range(size)] for number, size in enumerate(sizes)]
    runner = publisher(topic, topic.lag, backlog=backlog)
    runner.stopping.wait = lambda _seconds=None: False  # type: ignore[method-assign, assignment]
    runner.run(batch(*some) for some in names)
    assert topic.keys() == [name for some in names for name in some]
    assert topic.longest <= backlog


def test_run_that_is_stopped_while_it_waits_publishes_no_more() -> None:
    topic = Topic()
    stopping = threading.Event()
    seen: list[Progress] = []

    def report(progress: Progress) -> None:
        seen.append(progress)
        if progress.waiting:
            stopping.set()

    runner = publisher(topic, topic.lag, backlog=2, stopping=stopping, report=report)
    done = runner.run([batch("a", "b", "c", "d"), batch("e")])
    assert topic.keys() == ["a", "b"]
    assert done.published == 2
    assert seen[-1].waiting


def test_rate_bounds_what_goes_at_once() -> None:
    waits: list[float] = []
    topic = Topic()
    runner = publisher(topic, rate=2)

    def wait(seconds: float | None = None) -> bool:
        waits.append(seconds or 0)
        return False

    runner.stopping.wait = wait  # type: ignore[method-assign]
    runner.run([batch(*"abcdef")])
    assert topic.keys() == list("abcdef")
    assert len(waits) == 3
    # Nobody really waited, so that each pause is longer by the second that the one before asked for.
    assert waits[0] == 0
    assert 0.5 < waits[1] <= 1 < waits[2] <= 2
