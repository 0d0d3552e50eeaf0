"""One backfill put together: from buckets and books to records in a topic."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from medpattern.errors import UsageError
from medpattern.pipeline.backfill.message import Mode
from medpattern.pipeline.backfill.missing import Batch, Missing, batches, missing
from medpattern.pipeline.backfill.publishing import Progress, Publisher, Report
from medpattern.pipeline.backfill.settings import BackfillSettings
from medpattern.pipeline.clock import now
from medpattern.pipeline.store.objects import ObjectStore

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from medpattern.pipeline.backfill.publishing import Lag, Sender


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted.

    where: BUCKET[/PREFIX], "" for all declared buckets; model_sha256: whose results are wanted, "" for any model's;
    topic: "" counts only; backlog: 0 never waits; rate: events a second, 0 for no bound; counted: takes the numbers of
    each bucket before anything is published.
    """

    where: str
    older_than: timedelta
    model_sha256: str
    topic: str
    group: str
    backlog: int
    rate: float
    mode: Mode
    counted: Callable[[Mapping[str, Missing]], None] | None = None


def run(settings: BackfillSettings, order: Order, stopping: threading.Event, report: Report) -> Progress:
    """Publishes what has no outcome, until all is published or `stopping` is set.

    Raises:
        UsageError: the bucket is none of the declared ones.
        Unavailable: the object store, the database or Kafka is away; a further run goes on.
    """
    from medpattern.pipeline.database.engine import open_engine

    places = settings.places(order.where)
    with ExitStack() as stack:
        engine = open_engine(settings.database_url, connections=1)
        stack.callback(engine.dispose)
        found = _found(settings, order, places, ObjectStore(settings.store), engine)
        send, lag = _kafka(settings, order, stack)
        rate = order.rate if order.topic else 0
        publisher = Publisher(settings.keys, send, lag, order.backlog, rate, order.mode, stopping, report)
        done = publisher.run(found)
    return done if order.topic else replace(done, published=0)


def _found(
    settings: BackfillSettings, order: Order, places: list[tuple[str, str]], store: ObjectStore, engine: Engine
) -> Iterator[Batch]:
    if order.counted is not None:
        yield from _counted(settings, order, places, store, engine, order.counted)
        return
    before = now() - order.older_than if order.older_than else None
    for bucket, prefix in places:
        yield from batches(store, engine, settings.keys, bucket, prefix, model_sha256=order.model_sha256, before=before)


def _counted(
    settings: BackfillSettings,
    order: Order,
    places: list[tuple[str, str]],
    store: ObjectStore,
    engine: Engine,
    counted: Callable[[Mapping[str, Missing]], None],
) -> Iterator[Batch]:
    """Counts everything before anything is published, since publishing may wait for long."""
    if any(prefix for _, prefix in places):
        raise UsageError("--metrics-file and --metrics-port count whole buckets: leave the prefix out")
    found = {bucket: missing(store, engine, settings.keys, bucket, order.older_than) for bucket, _ in places}
    counted(found)
    for numbers in found.values():
        yield Batch(numbers.listed, numbers.young, numbers.objects)


def _kafka(settings: BackfillSettings, order: Order, stack: ExitStack) -> tuple[Sender, Lag | None]:
    if settings.kafka is None or not order.topic:
        return (lambda _records: None), None
    from medpattern.pipeline.kafka.producer import Producer

    producer = Producer(settings.kafka)
    stack.callback(producer.close)
    producer.open([order.topic])
    lag: Lag | None = None
    if order.backlog:
        from medpattern.pipeline.kafka.reader import Reader

        reader = Reader(settings.kafka, order.topic, order.group)
        stack.callback(reader.close)
        lag = reader.unread
    return (lambda records: producer.send_all(order.topic, records)), lag
