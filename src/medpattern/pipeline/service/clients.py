"""The service's connections. Building them costs nothing; they are opened in the background, or by the first event."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from medpattern.pipeline.failures import PipelineError
from medpattern.pipeline.kafka.producer import Producer
from medpattern.pipeline.store.objects import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from medpattern.pipeline.database.results import Results
    from medpattern.pipeline.events.cloudevents import CloudEvent
    from medpattern.pipeline.service.settings import ServiceSettings

_LOG = logging.getLogger(__name__)


class Clients:
    """The object store, the database and the brokers."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self.store = ObjectStore(settings.store, connections=2 * settings.concurrency)
        self._producer = Producer(settings.kafka)
        self._opening = threading.Lock()
        self._results: Results | None = None

    @property
    def results(self) -> Results:
        """The tables of results. Their library is loaded here, not while the service becomes ready."""
        with self._opening:
            if self._results is None:
                from medpattern.pipeline.database.engine import open_engine
                from medpattern.pipeline.database.results import Results

                settings = self._settings
                engine = open_engine(settings.database_url, connections=settings.concurrency)
                self._results = Results(engine, lease_seconds=settings.lease_seconds)
            return self._results

    def publish(self, event: CloudEvent) -> None:
        """Sends `event` to the results topic, keyed by its id, and waits until it is safe."""
        self._producer.send(self._settings.results_topic, event.data, key=event.id, headers=event.kafka_headers())

    def open(self) -> None:
        """Connects to all three, so that the first event need not; what is away is logged and tried again by it."""
        store = self._settings.store
        opening: list[Callable[[], object]] = [
            lambda: self.store.check([*store.sources, store.processed, store.anonymised]),
            lambda: self.results.check(),  # noqa: PLW0108 - the property loads a library
            lambda: self._producer.open([self._settings.results_topic]),
        ]
        for connect in opening:
            try:
                connect()
            except PipelineError as away:
                _LOG.warning("not yet", extra={"cause": str(away)})

    def close(self) -> None:
        """Sends what waits."""
        self._producer.close()
