"""What the bridge is told: which path goes to which topic, who may post, whom it may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from medpattern.errors import UsageError
from medpattern.pipeline.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """All of it. `paths` says which topic each path goes to; no other path is answered.

    `token` "" lets everyone post. `confirmers` are the HOST:PORT of which an SNS subscription may be confirmed.
    `seconds` is how long Kafka may take to acknowledge, `most_waiting` the bytes that may wait for it.
    """

    kafka: KafkaSettings
    paths: Mapping[str, str]
    token: str = field(default="", repr=False)
    confirmers: frozenset[str] = frozenset()
    most_bytes: int = 1 << 20
    most_waiting: int = 64 << 20
    seconds: float = 5.0

    @property
    def topics(self) -> list[str]:
        """The topics written to, each once."""
        return sorted(set(self.paths.values()))


def read_paths(topic: str, given: Iterable[str]) -> dict[str, str]:
    """The paths: `given` as /PATH=TOPIC, else / and /`topic`, both of them to `topic`.

    Raises:
        UsageError: one is not of that form, or one path goes to two topics.
    """
    found: dict[str, str] = {}
    for text in given:
        path, _, name = text.partition("=")
        if not path.startswith("/") or not name:
            raise UsageError(f"--path {text!r}: /PATH=TOPIC is wanted")
        if found.setdefault(path, name) != name:
            raise UsageError(f"--path {path} goes to two topics, {found[path]} and {name}")
    return found or {"/": topic, f"/{topic}": topic}


def read_confirmers(given: Iterable[str]) -> frozenset[str]:
    """The HOST:PORT of `given`, in lower case.

    Raises:
        UsageError: one has no port.
    """
    for text in given:
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal():
            raise UsageError(f"--sns-host {text!r}: HOST:PORT is wanted")
    return frozenset(text.lower() for text in given)
