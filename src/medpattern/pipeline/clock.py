"""Times: UTC on the outside, RFC 3339 with Z; what a process measures for itself uses `time.monotonic`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from medpattern.errors import UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?\s*(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII)


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`moment`, which must know its zone, as RFC 3339 in UTC with microseconds and Z.

    >>> rfc3339(datetime(2026, 11, 21, 9, 0, 0, 120, tzinfo=UTC))
    '2026-11-21T09:00:00.000120Z'
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime | None:
    """An event's time in UTC, or None where `text` is none.

    Accepts what object stores send: with or without a fraction (cut after microseconds), a space for the T as
    old Ceph wrote it, an offset or Z; without either, UTC is meant.

    >>> parse_time("2026-11-21 02:55:58.572916Z").second
    58
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else zone
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6].ljust(6, '0')}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def seconds_between(earlier: datetime, later: datetime) -> tuple[float, bool]:
    """Seconds from `earlier` to `later` of two hosts, and whether their clocks disagree.

    A negative span, which only a skewed clock can make, counts as 0.
    """
    span = (later - earlier) / timedelta(seconds=1)
    return (span, False) if span >= 0 else (0.0, True)


def parse_span(text: str) -> timedelta:
    """A time span as people give it: a whole number and s, m, h, d or w.

    Raises:
        UsageError: `text` is none.

    >>> parse_span("90s"), parse_span("10m"), parse_span("30d")
    (datetime.timedelta(seconds=90), datetime.timedelta(seconds=600), datetime.timedelta(days=30))
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no time span: a number and s, m, h, d or w is wanted, as in 10m or 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
