"""Puts the bridge together."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable

from medpattern.pipeline.bridge.settings import BridgeSettings
from medpattern.pipeline.bridge.supervisor import Supervisor
from medpattern.pipeline.failures import Unavailable

_LOG = logging.getLogger(__name__)
_FIRST_LOOK = 3.0


def run(settings: BridgeSettings, held: socket.socket) -> int:
    """Answers on `held` until TERM or INT, in a child of this process; the exit code."""
    return Supervisor(lambda started: answer(settings, held, started)).run()


def answer(settings: BridgeSettings, held: socket.socket, started: Callable[[], None]) -> int:
    """Answers on `held` until TERM, in this process; calls `started` when it does.

    Raises:
        Unavailable: Kafka refuses this client. A Kafka that does not answer is waited for, with 503.
    """
    from medpattern.pipeline.bridge.app import Bridge
    from medpattern.pipeline.http.server import serve
    from medpattern.pipeline.kafka.producer import Producer

    producer = Producer(settings.kafka, seconds=settings.seconds)
    try:
        with contextlib.suppress(Unavailable):
            producer.open(settings.topics, _FIRST_LOOK)
        if producer.refusal:
            raise Unavailable("kafka", producer.refusal)
        started()
        _LOG.info("listening", extra={"address": "{}:{}".format(*held.getsockname()[:2]), "topics": settings.topics})
        serve(Bridge(settings, producer), held)
    finally:
        producer.close()
    return 0
