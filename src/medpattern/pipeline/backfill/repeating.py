"""A backfill that looks again and again, so that a lost notification costs minutes, and its numbers can be scraped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from medpattern.pipeline.backfill.publishing import Progress
from medpattern.pipeline.failures import Unavailable

_LOG = logging.getLogger(__name__)


def repeat(work: Callable[[], Progress], every: timedelta, stopping: threading.Event) -> None:
    """Does `work` at once and then after each pause of `every`, until `stopping` is set.

    A dependency that is away is logged and costs one turn: what was counted before stays told, with its time.
    """
    while not stopping.is_set():
        try:
            done = work()
        except Unavailable as away:
            _LOG.warning("left out", extra={"dependency": away.dependency, "cause": str(away)})
        else:
            known = {"listed": done.listed, "without_outcome": done.without_outcome, "published": done.published}
            _LOG.info("looked", extra=known)
        stopping.wait(every.total_seconds())
