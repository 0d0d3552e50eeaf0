"""One purge put together: its clients, and the selections it works off."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from medpattern.pipeline.retention.finding import Finder
from medpattern.pipeline.retention.purging import ForgetLetters, Outputs, Purged, Purger
from medpattern.pipeline.retention.selection import Selection
from medpattern.pipeline.retention.settings import PurgeSettings
from medpattern.pipeline.store.objects import ObjectStore


def run(
    settings: PurgeSettings,
    selections: Sequence[Selection],
    *,
    who: str,
    purpose: str,
    dry: bool,
    stopping: threading.Event,
) -> tuple[Purged, int]:
    """What went, and how many images could not be opened to see whose they are.

    Raises:
        Unavailable: a dependency is away; a further run does what is left.
        Busy: a worker does not end.
    """
    from medpattern.pipeline.database.engine import open_engine

    store, engine = ObjectStore(settings.store), open_engine(settings.database_url, connections=1)
    finder = Finder(store, engine, settings.keys, settings.store.sources, dry)
    outputs = Outputs(settings.store.processed, settings.store.anonymised)
    total = Purged()
    with _forgetting(settings, dry=dry) as forget:
        purger = Purger(store, engine, finder, outputs, forget, who, purpose, dry, stopping)
        for selection in selections:
            total += purger.run(selection)
    return total, finder.unreadable


@contextmanager
def _forgetting(settings: PurgeSettings, *, dry: bool) -> Iterator[ForgetLetters]:
    if settings.kafka is None or dry:
        yield lambda _ids: None
        return
    from medpattern.pipeline.kafka.producer import Producer

    producer = Producer(settings.kafka)
    try:
        producer.open([settings.dead_letters_topic])
        yield lambda ids: producer.send_all(settings.dead_letters_topic, [(name, None, ()) for name in ids])
    finally:
        producer.close()
