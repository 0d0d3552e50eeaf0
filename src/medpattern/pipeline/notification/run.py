"""Puts the notification stage together and runs it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import check_revision
from medpattern.pipeline.http.health import serve_health
from medpattern.pipeline.kafka.reader import Reader
from medpattern.pipeline.notification.notifier import Intake, Sender, run_stage
from medpattern.pipeline.notification.outgoing import Outgoing
from medpattern.pipeline.notification.settings import NotifySettings

_LOG = logging.getLogger(__name__)


def run(
    settings: NotifySettings, stop: threading.Event, metrics_host: str = "127.0.0.1", metrics_port: int = 0
) -> None:
    """Notifies until `stop` is set; `metrics_port` 0 serves no health and no metrics.

    Raises:
        Unavailable: the database or Kafka is away at the start, or Kafka refuses this client.
    """
    state = ["not yet connected"]
    end_health = serve_health(metrics_host, metrics_port, lambda: state[0])
    try:
        notify(settings, stop, lambda: state.__setitem__(0, ""))
    finally:
        end_health()


def notify(settings: NotifySettings, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Notifies until `stop` is set; calls `ready` once database and brokers have answered. Raises as `run` does."""
    channels = settings.channels()
    engine = open_engine(settings.database_url, connections=2 + len(channels))
    try:
        check_revision(engine)
        reader = Reader(settings.kafka, settings.topic, settings.group)
        reader.open()
        ready()
        _LOG.info("notifying", extra={"topic": settings.topic, "channels": ", ".join(channels)})
        outgoing = Outgoing(engine)
        intake = Intake(outgoing, settings.policy(), settings.results_url)
        senders = [Sender(outgoing, name, channel, settings.attempts) for name, channel in channels.items()]
        run_stage(reader, intake, senders, outgoing, stop)
    finally:
        engine.dispose()


def retry_dead(settings: NotifySettings) -> int:
    """Makes notifications that were given up pending again; returns how many.

    Raises:
        Unavailable: the database is away.
    """
    engine = open_engine(settings.database_url, connections=1)
    try:
        check_revision(engine)
        return Outgoing(engine).revive()
    finally:
        engine.dispose()
