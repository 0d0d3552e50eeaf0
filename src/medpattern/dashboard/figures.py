"""The arithmetic behind the page's charts: pure functions on numbers and times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from medpattern.pipeline.clock import seconds_between

THROUGHPUT_SECONDS = 60
RISK_BINS = 20


@dataclass(frozen=True, slots=True)
class Quantiles:
    """How long something took, in seconds, over `count` images; all None where `count` is 0."""

    name: str
    count: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Moments:
    """When one image was stored, received, scored and its event published; stored may not be known."""

    stored: datetime | None
    received: datetime
    scored: datetime
    published: datetime


@dataclass(frozen=True, slots=True)
class RiskBin:
    """Current results with a risk from `low` up to `high` (the last bin includes 1), by outcome."""

    low: float
    high: float
    normal: int
    unsure: int
    pneumonia: int


def latencies(moments: Sequence[Moments]) -> tuple[Quantiles, ...]:
    """Quantiles of the whole way of an image and of its three parts; a negative span counts as 0."""
    stored = [(moment.stored, moment) for moment in moments if moment.stored is not None]
    return (
        quantiles("stored to published", (_span(start, moment.published) for start, moment in stored)),
        quantiles("stored to received", (_span(start, moment.received) for start, moment in stored)),
        quantiles("received to scored", (_span(moment.received, moment.scored) for moment in moments)),
        quantiles("scored to published", (_span(moment.scored, moment.published) for moment in moments)),
    )


def quantiles(name: str, seconds: Iterable[float]) -> Quantiles:
    """The median, 95th and 99th percentile by nearest rank: each is a span that some image really took."""
    ordered = sorted(seconds)
    if not ordered:
        return Quantiles(name, 0, None, None, None)
    p50, p95, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.50, 0.95, 0.99))
    return Quantiles(name, len(ordered), round(p50, 3), round(p95, 3), round(p99, 3))


def per_second(scored: Iterable[datetime], now: datetime) -> tuple[int, ...]:
    """How many of `scored` fell in each of the last 60 complete seconds, oldest first."""
    last = math.floor(now.timestamp())
    counts = [0] * THROUGHPUT_SECONDS
    for moment in scored:
        index = math.floor(moment.timestamp()) - (last - THROUGHPUT_SECONDS)
        if 0 <= index < THROUGHPUT_SECONDS:
            counts[index] += 1
    return tuple(counts)


def bin_edges() -> tuple[tuple[float, float], ...]:
    """The bounds of the bins of risk, ascending."""
    return tuple((index / RISK_BINS, (index + 1) / RISK_BINS) for index in range(RISK_BINS))


def _span(earlier: datetime, later: datetime) -> float:
    return seconds_between(earlier, later)[0]
