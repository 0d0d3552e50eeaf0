"""A command of medpattern as a process of its own, with settings for a real Kafka."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.real.servers.certificates import Authority
from tests.real.servers.kafka.access import Identity
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.processes import Process


def stage(folder: Path, name: str, *arguments: str, environment: Mapping[str, str]) -> Process:
    """`medpattern name arguments`, not started yet; it logs into `folder`."""
    command = [sys.executable, "-m", "medpattern", name, *arguments]
    return Process(name, command, folder / f"{name}.log", environment=environment)


def plain(kafka: Kafka) -> dict[str, str]:
    """Settings for a broker that lets everyone in."""
    return {"MEDPATTERN_KAFKA_BOOTSTRAP": kafka.bootstrap}


def with_password(folder: Path, kafka: Kafka, identity: Identity, password: str = "") -> dict[str, str]:
    """Settings of a SCRAM user over TLS; `password` is another than its own."""
    files = folder / "kafka"
    files.mkdir(exist_ok=True)
    (files / "username").write_text(identity.principal.removeprefix("User:"), "utf-8")
    (files / "password").write_text((password or identity.password) + "\n", "utf-8")
    return _secure(kafka.bootstrap, "scram-sha-512", files, kafka.authority)


def with_certificate(folder: Path, kafka: Kafka, identity: Identity) -> dict[str, str]:
    """Settings of a client that is known by its certificate."""
    files = folder / "kafka"
    files.mkdir(exist_ok=True)
    for name, setting in (("user.crt", "ssl.certificate.location"), ("user.key", "ssl.key.location")):
        (files / name).write_bytes(Path(str(identity.configuration[setting])).read_bytes())
    return _secure(kafka.bootstrap_certificate, "tls", files, kafka.authority)


def _secure(bootstrap: str, authentication: str, files: Path, authority: Authority | None) -> dict[str, str]:
    if authority is None:
        raise ValueError("this cluster has no access control")
    return {
        "MEDPATTERN_KAFKA_BOOTSTRAP": bootstrap,
        "MEDPATTERN_KAFKA_AUTHENTICATION": authentication,
        "MEDPATTERN_KAFKA_CREDENTIALS": str(files),
        "MEDPATTERN_KAFKA_CA": str(authority.certificate),
    }
