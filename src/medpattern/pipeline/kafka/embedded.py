"""A broker inside this program, for a local run: librdkafka's mock cluster, reached through its C interface.

Real Kafka protocol over TCP on 127.0.0.1, consumer groups and commits included; no disk, no transactions, no
access control, and 5 MB a partition, after which the oldest records go: a local run bounds what waits in it.
The functions are exported by the library that confluent-kafka brings; upstream calls them experimental.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

from medpattern.errors import UsageError


class EmbeddedBroker:
    """One broker on a port of its own choice; it lives until `close`."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        """`topics` says how many partitions each has."""
        library = ctypes.CDLL(_library())
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(library, name).restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        error = ctypes.create_string_buffer(512)
        handle = library.rd_kafka_new(0, ctypes.c_void_p(library.rd_kafka_conf_new()), error, 512)
        if not handle:
            raise UsageError(f"the embedded broker did not start: {error.value.decode()}; use --kafka HOST:PORT")
        self._library = library
        self._handle = ctypes.c_void_p(handle)
        self._cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(self._handle, 1))
        if hasattr(library, "rd_kafka_mock_group_initial_rebalance_delay_ms"):
            # Else the first member of a group waits 3 s for company.
            library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        for topic, partitions in topics.items():
            library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)
        self.bootstrap: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def set_down(self, down: bool) -> None:
        """Makes the broker refuse connections, or take them again; its records stay."""
        change = "set_down" if down else "set_up"
        getattr(self._library, f"rd_kafka_mock_broker_{change}")(self._cluster, 1)

    def close(self) -> None:
        """Ends the broker; its records are gone."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)


def _library() -> str:
    import confluent_kafka

    package = Path(confluent_kafka.__file__).parent
    for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
        found = sorted(folder.glob("librdkafka*"))
        if found:
            return str(found[0])
    raise UsageError("confluent-kafka brings no library of its own here; use --kafka HOST:PORT")
