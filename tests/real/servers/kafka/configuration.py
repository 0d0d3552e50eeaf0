"""The files that a broker reads, for one cluster in which every broker is a controller too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ADMIN = "admin"
BROKER_NAME = "CN=broker"

# Waiting times that a test would only sit out, and sizes for a cluster that lives minutes.
COMMON = """\
process.roles=broker,controller
controller.listener.names=CONTROLLER
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A dead broker is left out after 3 s, not 9.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=3000
# 50 partitions each by default, made one by one at the first use.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
# 10 MB of index for each segment and 128 MB for the cleaner by default.
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=8388608
auto.create.topics.enable=false
"""

PLAIN = """\
listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
"""

# Brokers know each other by certificate, and that name is the super user beside the administrator: there is no
# listener on which a stranger could be one. What no ACL allows is refused.
SECURE = """\
listeners=SASL_SSL://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller},SSL://127.0.0.1:{certificate}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL,SSL:SSL
inter.broker.listener.name=SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={tls}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={tls}/ca.crt
listener.name.ssl.ssl.client.auth=required
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:{broker}
allow.everyone.if.no.acl.found=false
"""

LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = OUT
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n
# All 350 settings at each start.
logger.settings.name = org.apache.kafka.common.config
logger.settings.level = WARN
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A broker's number and ports: for clients, for controllers, for clients and brokers that show a certificate."""

    number: int
    client: int
    controller: int
    certificate: int


def write_folder(folder: Path, node: Node, nodes: Sequence[Node], tls: Path | None = None) -> Path:
    """Write server.properties and log4j2.properties of `node`; secured where `tls` holds broker.pem and ca.crt."""
    folder.mkdir(parents=True)
    (folder / "server.properties").write_text(_properties(folder, node, nodes, tls), "utf-8")
    (folder / "log4j2.properties").write_text(LOGGING, "utf-8")
    return folder


def _properties(folder: Path, node: Node, nodes: Sequence[Node], tls: Path | None) -> str:
    replicas = min(len(nodes), 3)
    in_sync = 2 if replicas == 3 else 1
    voters = ",".join(f"{other.number}@127.0.0.1:{other.controller}" for other in nodes)
    own = {
        "node.id": node.number,
        "controller.quorum.voters": voters,
        "log.dirs": folder / "data",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }
    ports = {"client": node.client, "controller": node.controller, "certificate": node.certificate}
    listeners = SECURE.format(**ports, tls=tls, admin=ADMIN, broker=BROKER_NAME) if tls else PLAIN.format(**ports)
    return COMMON + "".join(f"{name}={value}\n" for name, value in own.items()) + listeners
