"""The source's counters and gauges."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

DELIVERED = Counter("medpattern_source_delivered", "Events that the sink took (2xx).")
RETRIED = Counter("medpattern_source_retried", "Tries after an answer that may be better next time.")
DEAD_LETTERED = Counter("medpattern_source_dead_lettered", "Events that the dead letter sink took.")
HELD = Gauge("medpattern_source_held", "Events held back now, by what is away.", ["reason"])
IN_FLIGHT = Gauge("medpattern_source_in_flight", "Events taken from Kafka and not done.")
LAG = Gauge("medpattern_source_lag", "Records of a partition that are not done.", ["topic", "partition"])
