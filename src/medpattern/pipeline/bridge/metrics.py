"""The bridge's counters and gauges."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

FORWARDED = Counter("medpattern_bridge_forwarded", "Notifications that Kafka has acknowledged.", ["topic"])
UNAVAILABLE = Counter("medpattern_bridge_unavailable", "Notifications answered 503: Kafka did not acknowledge.")
REFUSED = Counter("medpattern_bridge_refused", "Requests that no repeat can help.", ["reason"])
IGNORED = Counter("medpattern_bridge_ignored", "Messages with nothing to do.", ["why"])
DROPPED = Counter(
    "medpattern_bridge_dropped_metadata", "Entries of metadata that were not forwarded (not x-amz-meta-)."
)
WAITING = Gauge("medpattern_bridge_waiting_bytes", "Bytes that wait for Kafka to acknowledge them.")
