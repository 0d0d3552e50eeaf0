"""A Kafka cluster that starts, loses brokers, and gets them back.

`Kafka(folder)`: one broker, no encryption, no access control. `Kafka(folder, brokers=3)`: topics have three copies, and
a write is acknowledged when two have it. `Kafka(folder, authority=...)`: TLS on every listener, nothing allowed to
anybody but the administrator; see `access`.
"""

from __future__ import annotations

import importlib
import secrets
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.real.servers.certificates import Authority
from tests.real.servers.kafka.configuration import ADMIN, BROKER_NAME, Node, write_folder
from tests.real.servers.kafka.distribution import STARTED, cluster_id, installed
from tests.real.servers.ports import free_ports
from tests.real.servers.processes import Process, until

Configuration = dict[str, Any]


class Kafka:
    """Brokers are numbered from 1. Data stay in the folder over kills and restarts."""

    def __init__(
        self, folder: Path, *, brokers: int = 1, authority: Authority | None = None, heap: str = "256m"
    ) -> None:
        self.folder = folder
        self.authority = authority
        self.nodes = [Node(number, *free_ports(3)) for number in range(1, brokers + 1)]
        self.admin_password = secrets.token_hex(12)
        self._admin: Any = None
        self._distribution = installed()
        self._brokers: dict[int, Process] = {
            node.number: self._distribution.broker(folder / str(node.number), heap=heap) for node in self.nodes
        }

    @property
    def bootstrap(self) -> str:
        """Addresses for clients: plain, or SCRAM over TLS on a secured cluster."""
        return ",".join(f"127.0.0.1:{node.client}" for node in self.nodes)

    @property
    def bootstrap_certificate(self) -> str:
        """Addresses for clients that show a certificate (secured cluster only)."""
        return ",".join(f"127.0.0.1:{node.certificate}" for node in self.nodes)

    def broker(self, number: int) -> Process:
        """The process of a broker, to kill, suspend and resume."""
        return self._brokers[number]

    def start(self) -> None:
        """Start every broker that is down, wake those that are suspended, and wait until all serve."""
        if not self.folder.joinpath("1").exists():
            self._create()
        starting = [broker for broker in self._brokers.values() if not broker.alive]
        for broker in starting:
            broker.start()
        for broker in starting:
            broker.wait_ready(lambda broker=broker: STARTED in broker.text(), seconds=120)  # type: ignore[misc]
        for broker in self._brokers.values():
            broker.resume()
        if starting or len(self.nodes) > 1:
            until(self._whole, "every broker of Kafka to be in the cluster", seconds=60, every=0.2)

    def _create(self) -> None:
        tls = None
        options: tuple[str, ...] = ()
        if self.authority is not None:
            tls = self.authority.folder
            self.authority.issue(BROKER_NAME.removeprefix("CN="))
            options = ("--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={self.admin_password}]")
        cluster = cluster_id()
        for node in self.nodes:
            folder = write_folder(self.folder / str(node.number), node, self.nodes, tls)
            self._distribution.format(folder, cluster, *options)

    def _whole(self) -> bool:
        """Every broker known, and every copy of every partition in step with its leader."""
        from confluent_kafka import KafkaException

        try:
            metadata = self.admin().list_topics(timeout=5)
        except KafkaException:
            return False
        partitions = [partition for topic in metadata.topics.values() for partition in topic.partitions.values()]
        in_step = all(len(partition.isrs) == len(partition.replicas) for partition in partitions)
        return len(metadata.brokers) == len(self.nodes) and in_step

    def stop(self) -> None:
        """End all at once: the last controller alone would wait for a quorum."""
        self._admin = None
        for broker in self._brokers.values():
            broker.resume()
            broker.send(signal.SIGTERM)
        for broker in self._brokers.values():
            broker.stop()

    def discard(self) -> None:
        """Kill all; nothing is lost that was acknowledged, but nobody waits for an orderly end."""
        self._admin = None
        for broker in self._brokers.values():
            broker.discard()

    def kill9(self, number: int) -> None:
        """SIGKILL a broker, as in a crash."""
        self.broker(number).kill()

    def restart(self, number: int) -> None:
        """End a broker in order (or find it dead) and start it again; returns when the cluster is whole."""
        self.broker(number).stop()
        self.start()

    def suspend(self, number: int) -> None:
        """SIGSTOP a broker: connections stay, nothing is answered."""
        self.broker(number).suspend()

    def resume(self, number: int) -> None:
        """SIGCONT a broker."""
        self.broker(number).resume()

    def leader(self, topic: str, partition: int = 0) -> int:
        """The number of the broker that leads a partition; a broker that is asked may not have heard of it yet."""

        def known() -> int:
            partitions = self.admin().list_topics(topic, timeout=20).topics[topic].partitions
            return int(partitions[partition].leader) if partition in partitions else 0

        return until(lambda: max(known(), 0), f"the leader of {topic}")

    def client(self, settings: Mapping[str, Any] | None = None) -> Configuration:
        """Configuration of librdkafka for the administrator of a secured cluster, or for anybody on a plain one."""
        base: Configuration = {"bootstrap.servers": self.bootstrap, "log_level": 2}
        if self.authority is not None:
            base |= scram(ADMIN, self.admin_password, self.authority)
        return base | dict(settings or {})

    def admin(self) -> Any:
        """confluent_kafka's AdminClient, one for the life of the cluster: what it was asked for ends with it."""
        if self._admin is None:
            self._admin = admin_api().AdminClient(self.client())
        return self._admin

    def create_topic(self, name: str, *, partitions: int = 1, settings: Mapping[str, str] | None = None) -> str:
        """Make a topic with as many copies as the cluster has brokers, three at most; returns its name."""
        copies = min(len(self.nodes), 3)
        topic = admin_api().NewTopic(name, partitions, copies, config=dict(settings or {}))
        self.admin().create_topics([topic])[name].result(30)
        until(lambda: self._serves(name), f"the topic {name}")
        return name

    def _serves(self, topic: str) -> bool:
        """Whether every partition has a leader that answers: it hears of its office a little after all others."""
        from confluent_kafka import KafkaException

        try:
            return bool(self.end_offsets(topic))
        except (KafkaException, KeyError):
            return False

    def end_offsets(self, topic: str) -> dict[int, int]:
        """How many records each partition has ever taken."""
        from confluent_kafka import TopicPartition

        latest = admin_api().OffsetSpec.latest()
        partitions = self.admin().list_topics(topic, timeout=20).topics[topic].partitions
        asked = {TopicPartition(topic, number): latest for number in partitions}
        return {at.partition: found.result(20).offset for at, found in self.admin().list_offsets(asked).items()}


def admin_api() -> Any:
    """The module confluent_kafka.admin, which exports its names in a way that mypy does not follow."""
    return importlib.import_module("confluent_kafka.admin")


def scram(user: str, password: str, authority: Authority) -> Configuration:
    """What a client needs beside an address to be `user`."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": str(authority.certificate),
    }
