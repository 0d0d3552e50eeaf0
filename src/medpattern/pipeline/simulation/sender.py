"""The machine's cable: films go to the bucket when they are due, and wait while the store is away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.simulation.machine import MachineSettings, SimulatedImage, schedule, simulate

if TYPE_CHECKING:
    from medpattern.pipeline.store.objects import ObjectStore

_LOG = logging.getLogger(__name__)
_LONGEST_PAUSE_S = 5.0


def send_films(
    store: ObjectStore,
    settings: MachineSettings,
    *,
    stopping: threading.Event,
    duration: float | None = None,
    stored: Callable[[SimulatedImage], None] = lambda _: None,
) -> int:
    """Stores the films of `settings` in its bucket, each when it is due; returns how many.

    Ends when all are stored, after `duration` seconds, or when `stopping` is set. A film that is late, since the
    store was slow or away, is sent at once; none is left out.
    """
    start = time.monotonic()
    end = float("inf") if duration is None else start + duration
    number = 0
    for due, film in zip(schedule(settings), simulate(settings), strict=False):
        if start + due > end or stopping.wait(max(0.0, start + due - time.monotonic())):
            break
        if not _store(store, settings.bucket, film, stopping, end):
            break
        number += 1
        stored(film)
    return number


def _store(store: ObjectStore, bucket: str, film: SimulatedImage, stopping: threading.Event, end: float) -> bool:
    pause = 0.2
    while True:
        try:
            store.put(bucket, film.key, film.data, film.content_type, film.metadata)
        except Unavailable as away:
            _LOG.warning("the film waits", extra={"cause": str(away)})
            if stopping.wait(pause) or time.monotonic() > end:
                return False
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        else:
            return True
