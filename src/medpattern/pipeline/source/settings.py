"""What the source is told: where from, where to, how often, how long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from medpattern.errors import UsageError
from medpattern.pipeline.settings import KafkaSettings
from medpattern.pipeline.source.words import Growth, Ordering, Start

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?", re.ASCII
)
_UNITS = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0}


def duration(text: str) -> float:
    """Seconds of an ISO 8601 duration of days, hours, minutes and seconds.

    Raises:
        UsageError: it is none.

    >>> duration("PT0.2S"), duration("PT1M30S")
    (0.2, 90.0)
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise UsageError(f"{text!r} is no duration; write PT0.2S, PT30S or PT5M")
    return sum(float(found) * _UNITS[unit] for unit, found in match.groupdict().items() if found)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to POST: an address of HTTP, taken apart."""

    url: str
    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def read(cls, url: str) -> Target:
        """The parts of `url`.

        Raises:
            UsageError: it is no plain http or https address. A user in it would end in dead letters.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UsageError(f"{url!r} is no address: its port is no number") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or not url.isprintable():
            raise UsageError(f"{url!r} is no address; write http://HOST:PORT/PATH or https://...")
        if parts.username is not None or " " in url:
            raise UsageError("the address of a sink takes no user name, no password and no blank")
        secure = parts.scheme == "https"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(url, secure, parts.hostname, port or (443 if secure else 80), path)


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often an event is sent again, and after how many seconds.

    `retry` and `growth` are those of a KafkaSource. An outage is waited out however long it lasts, with pauses of
    at most `longest_hold`; an event on which the connection broke more than `most_breaks` times goes to the dead
    letters, since it may be what kills the sink.
    """

    retry: int = 4
    delay: float = 2.0
    growth: Growth = Growth.EXPONENTIAL
    timeout: float = 60.0
    first_hold: float = 0.2
    longest_hold: float = 5.0
    most_breaks: int = 10


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """All of it. `namespace` and `name` are those that a KafkaSource would have: they stand in `ce-source`."""

    kafka: KafkaSettings
    topic: str
    group: str
    sink: Target
    dead_letter_sink: Target
    namespace: str = "medpattern"
    name: str = "xray-images"
    ordering: Ordering = Ordering.UNORDERED
    concurrency: int = 8
    start: Start = Start.EARLIEST
    delivery: DeliveryPolicy = DeliveryPolicy()
    sink_ca: str = ""
    # How long a record that is on its way may take when partitions are given back or the source ends, in seconds.
    grace: float = 20.0
    # After how many seconds without a sign of life the brokers give a source's partitions to others.
    session: float = 10.0
