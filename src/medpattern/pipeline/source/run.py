"""Puts the source together and runs it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from medpattern.pipeline.http.health import serve_health
from medpattern.pipeline.source.board import Board
from medpattern.pipeline.source.consumer import Consumer
from medpattern.pipeline.source.delivery import Sink
from medpattern.pipeline.source.dispatch import Dispatcher
from medpattern.pipeline.source.settings import SourceSettings
from medpattern.pipeline.source.words import Ordering

_LOG = logging.getLogger(__name__)


def run(
    settings: SourceSettings, stopping: threading.Event, metrics_host: str = "127.0.0.1", metrics_port: int = 0
) -> None:
    """Delivers until `stopping` is set; `metrics_port` 0 serves no health and no metrics.

    Raises:
        Unavailable: Kafka refuses this client, at the start or later.
    """
    state = ["not yet connected to Kafka"]
    end_health = serve_health(metrics_host, metrics_port, lambda: state[0])
    try:
        deliver(settings, stopping, lambda: state.__setitem__(0, ""))
    finally:
        end_health()


def deliver(settings: SourceSettings, stopping: threading.Event, ready: Callable[[], None]) -> None:
    """Delivers until `stopping` is set; calls `ready` once the brokers took this client.

    Raises:
        Unavailable: they refuse it.
    """
    threads = settings.concurrency
    board = Board(ordered=settings.ordering is Ordering.ORDERED, most_open=max(32, 4 * threads))
    sink = Sink(settings.sink, settings.delivery.timeout, settings.sink_ca)
    dead_letters = Sink(settings.dead_letter_sink, settings.delivery.timeout, settings.sink_ca)
    consumer = Consumer(settings, board)
    try:
        consumer.open()
        ready()
        _LOG.info("delivering", extra={"topic": settings.topic, "group": settings.group})
        Dispatcher(board, sink, dead_letters, settings.delivery, settings.namespace).start(threads)
        consumer.run(stopping)
    finally:
        consumer.close()
