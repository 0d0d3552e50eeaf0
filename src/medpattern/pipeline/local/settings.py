"""What `medpattern run` is asked for, and the names and files that follow from it."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medpattern.errors import UsageError

# What real servers are reached with is the user's own environment; all else of ours would only confuse.
_PASSED_ON = (
    "MEDPATTERN_S3_REGION",
    "MEDPATTERN_S3_CREDENTIALS",
    "MEDPATTERN_S3_CA",
    "MEDPATTERN_KAFKA_AUTHENTICATION",
    "MEDPATTERN_KAFKA_CREDENTIALS",
    "MEDPATTERN_KAFKA_CA",
    "MEDPATTERN_LOG_LEVEL",
    "MEDPATTERN_MODEL",
    "MEDPATTERN_MODEL_SHA256",
    "MEDPATTERN_OPERATING_POINT",
)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What to run. `s3`, `kafka` and `database` are real servers' addresses; empty means embedded.

    `count` films at most, `rate` per second (0: as fast as they are made), `duration` seconds at most;
    `page_port` 0 takes a free port, None shows no page; `backlog`: films that may be without an outcome before
    the machine waits.
    """

    count: int | None = None
    rate: float = 2.0
    duration: float | None = None
    images: Path | None = None
    seed: int = 0
    pneumonia: float = 0.3
    burned_in: float = 0.3
    size: int = 512
    names_in_keys: bool = False
    s3: str = ""
    kafka: str = ""
    database: str = field(default="", repr=False)
    concurrency: int = 2
    page_port: int | None = 0
    keep_open: bool = False
    backlog: int = 1000
    name: str = field(default_factory=lambda: f"run-{secrets.token_hex(3)}")

    @property
    def embedded(self) -> tuple[str, ...]:
        """The parts that are not the real thing."""
        parts = {"object store": self.s3, "broker": self.kafka, "database": self.database}
        return tuple(part for part, address in parts.items() if not address)


@dataclass(frozen=True, slots=True)
class Place:
    """The run's folder and everything in it, and the ports of its stages."""

    folder: Path
    settings: RunSettings
    ports: Mapping[str, int]

    @classmethod
    def make(cls, folder: Path, settings: RunSettings) -> Place:
        """Makes the folders and the keys; `folder` must be empty or not there.

        Raises:
            UsageError: it holds something.
        """
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty; a run begins in an empty folder")
        for part in ("logs", "keys"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "keys").chmod(0o700)
        for name in ("identity", "pseudonym", "dead-letter", "simulator", "webhook"):
            _write_secret(folder / "keys" / name, secrets.token_urlsafe(48))
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            # The embedded object store asks for some, and looks at none.
            _write_secret(folder / "keys" / name, "embedded")
        _write_secret(folder / "keys" / "database-url", settings.database or f"sqlite:///{folder / 'results.sqlite'}")
        names = ("object-store", "bridge", "service", "dead-letters", "source", "notification", "inbox")
        return cls(folder, settings, dict(zip(names, free_ports(len(names)), strict=True)))

    def url(self, stage: str, path: str = "/") -> str:
        """Where a stage answers."""
        return f"http://127.0.0.1:{self.ports[stage]}{path}"

    def bucket(self, what: str) -> str:
        """The name of a bucket of this run."""
        return f"{self.settings.name}-{what}"

    topic = bucket

    def environment(self, bootstrap: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a stage; `bootstrap` is the brokers' address."""
        keys = self.folder / "keys"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MEDPATTERN_")}
        passed_on = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
        credentials = {} if self.settings.s3 else {"MEDPATTERN_S3_CREDENTIALS": str(keys)}
        ours = {
            "MEDPATTERN_HOST": "127.0.0.1",
            "MEDPATTERN_S3_ENDPOINT": self.settings.s3 or self.url("object-store", ""),
            "MEDPATTERN_SOURCE_BUCKET": self.bucket("source"),
            "MEDPATTERN_PROCESSED_BUCKET": self.bucket("processed"),
            "MEDPATTERN_ANONYMISED_BUCKET": self.bucket("anonymised"),
            "MEDPATTERN_KAFKA_BOOTSTRAP": bootstrap,
            "MEDPATTERN_INPUT_TOPIC": self.topic("images"),
            "MEDPATTERN_RESULTS_TOPIC": self.topic("results"),
            "MEDPATTERN_DEAD_LETTERS_TOPIC": self.topic("dead-letters"),
            "MEDPATTERN_DATABASE_URL_FILE": str(keys / "database-url"),
            "MEDPATTERN_IDENTITY_KEY_FILE": str(keys / "identity"),
            "MEDPATTERN_PSEUDONYM_KEY_FILE": str(keys / "pseudonym"),
            "MEDPATTERN_DEAD_LETTER_KEY_FILE": str(keys / "dead-letter"),
            "MEDPATTERN_SIMULATOR_KEY_FILE": str(keys / "simulator"),
            "MEDPATTERN_ALLOW_SIMULATED": "true",
            "MEDPATTERN_SIMULATED_BUCKETS": self.bucket("source"),
            "MEDPATTERN_CONCURRENCY": str(self.settings.concurrency),
            # No proxy of the environment stands between two processes of one machine.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
        }
        return inherited | passed_on | credentials | ours | dict(more or {})


def _write_secret(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")


def free_ports(count: int) -> list[int]:
    """So many ports of 127.0.0.1 that nobody listens on, each another one."""
    held = []
    for _ in range(count):
        one = socket.socket()
        one.bind(("127.0.0.1", 0))
        held.append(one)
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
