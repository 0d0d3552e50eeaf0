"""From a record to the event that a KafkaSource makes of it, and to the headers of the request.

Forms: knative-extensions/eventing-kafka-broker, InvalidCloudEventInterceptor.java (a record that is no
CloudEvent), WebClientCloudEventSender.java (the request), RecordDispatcherImpl.java (the dead letter).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from medpattern.pipeline.events.cloudevents import CloudEvent, from_kafka
from medpattern.pipeline.failures import Unprocessable

EVENT_TYPE = "dev.knative.kafka.event"
MOST_ERROR_BYTES = 1024
# Longer values would make a request that no server takes, and so one that no dead letter sink takes either.
LONGEST_ATTRIBUTE = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_CONTENT_TYPE = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read. `timestamp` is milliseconds since 1970, negative where there is none."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: Sequence[tuple[str, bytes | None]] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """The KafkaSource that this source stands for."""

    namespace: str
    name: str
    topic: str

    @property
    def source(self) -> str:
        """The attribute `source` of its events."""
        return f"/apis/v1/namespaces/{self.namespace}/kafkasources/{self.name}#{self.topic}"


def event_of(record: Record, origin: Origin) -> CloudEvent:
    """The CloudEvent that the record is; else one that says which record it was, with the value untouched."""
    if record.headers:
        own = _own_event(record)
        if own is not None:
            return own
    extensions = _headers(record.headers)
    if record.key is not None:
        extensions["key"] = extensions["partitionkey"] = record.key[:LONGEST_ATTRIBUTE].decode("utf-8", "replace")
    return CloudEvent(
        id=f"partition:{record.partition}/offset:{record.offset}",
        source=origin.source,
        type=EVENT_TYPE,
        subject=f"partition:{record.partition}#{record.offset}",
        time=_time(record.timestamp),
        content_type=_content_type(_value_of(record.headers, "content-type")),
        data=record.value or b"",
        extensions=extensions,
    )


def request_headers(event: CloudEvent, namespace: str) -> dict[str, str]:
    """The headers of the request that delivers `event`, whose data is the body."""
    return {**event.headers(), "Kn-Namespace": namespace, "Prefer": "reply"}


def dead_letter(event: CloudEvent, sink: str, attempts: int, status: int | None, body: bytes) -> CloudEvent:
    """`event` with what became of it: the sink's address, its last answer (None: there was none), the attempts."""
    more = {"knativeerrordest": sink, "attempts": str(attempts)}
    if status is not None:
        more["knativeerrorcode"] = str(status)
        more["knativeerrordata"] = base64.b64encode(body[:MOST_ERROR_BYTES]).decode()
    return replace(event, extensions={**event.extensions, **more})


def _own_event(record: Record) -> CloudEvent | None:
    try:
        own = from_kafka(record.headers, record.value or b"")
        if own is not None:
            own = replace(own, content_type=_content_type(own.content_type))
            # Text that is no Unicode (half a surrogate, by an escape of JSON) shows up here.
            own.headers()
    except (Unprocessable, ValueError, RecursionError):
        # It says that it is an event and is none: a KafkaSource, too, then treats it as any record.
        return None
    return own


def _headers(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, content in headers:
        known = _NOT_IN_NAMES.sub("", name.lower())[:50]
        if known and content is not None and len(content) <= LONGEST_ATTRIBUTE:
            found[f"kafkaheader{known}"] = content.decode("utf-8", "replace")
    return found


def _value_of(headers: Sequence[tuple[str, bytes | None]], wanted: str) -> str:
    for name, content in headers:
        if name.lower() == wanted:
            return (content or b"").decode("utf-8", "replace")
    return ""


def _content_type(text: str) -> str:
    # A line feed in it would be a header of somebody else's choice.
    return text if _CONTENT_TYPE.fullmatch(text) else ""


def _time(milliseconds: int) -> str:
    if milliseconds < 0:
        return ""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return ""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
