"""Users, certificates and access rules of a secured cluster."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tests.real.servers.certificates import Authority
from tests.real.servers.kafka.cluster import Configuration, Kafka, admin_api, scram


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client is to the broker, and the configuration of librdkafka with which it is that."""

    principal: str
    configuration: Configuration

    @property
    def password(self) -> str:
        return str(self.configuration["sasl.password"])


def new_user(kafka: Kafka, name: str) -> Identity:
    """A SCRAM user with a random password, to whom nothing is allowed yet."""
    password = secrets.token_hex(12)
    api = admin_api()
    credential = api.ScramCredentialInfo(api.ScramMechanism.SCRAM_SHA_512, 4096)
    change = api.UserScramCredentialUpsertion(name, credential, password.encode())
    kafka.admin().alter_user_scram_credentials([change])[name].result(20)
    address = {"bootstrap.servers": kafka.bootstrap, "log_level": 2}
    return Identity(f"User:{name}", address | scram(name, password, _authority(kafka)))


def new_certificate(kafka: Kafka, name: str) -> Identity:
    """A client that is known by its certificate alone, to whom nothing is allowed yet."""
    authority = _authority(kafka)
    issued = authority.issue(name)
    return Identity(
        f"User:CN={name}",
        {
            "bootstrap.servers": kafka.bootstrap_certificate,
            "log_level": 2,
            "security.protocol": "SSL",
            "ssl.ca.location": str(authority.certificate),
            "ssl.certificate.location": str(issued.certificate),
            "ssl.key.location": str(issued.key),
        },
    )


def allow(kafka: Kafka, identity: Identity, *, operations: str, topic: str = "", group: str = "") -> None:
    """Let somebody do `operations` (of Kafka's AclOperation, by spaces: `read describe`) on a topic or a group."""
    api = admin_api()
    for kind, name in ((api.ResourceType.TOPIC, topic), (api.ResourceType.GROUP, group)):
        for operation in operations.split() if name else ():
            rule = api.AclBinding(
                kind,
                name,
                api.ResourcePatternType.LITERAL,
                identity.principal,
                "*",
                api.AclOperation[operation.upper()],
                api.AclPermissionType.ALLOW,
            )
            kafka.admin().create_acls([rule])[rule].result(20)


def _authority(kafka: Kafka) -> Authority:
    if kafka.authority is None:
        raise ValueError("this cluster has no access control")
    return kafka.authority
