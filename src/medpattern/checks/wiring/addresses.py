"""Addresses: URLs, HOST:PORT and bare hosts, and whether a host is a Service of the cluster."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from typing import NamedTuple

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:[^/@\s]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?#].*)?\Z",
    re.DOTALL,
)
# The ports that URLs without one mean; IANA's, and those of PostgreSQL and Kafka.
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432, "kafka": 9092, "ws": 80, "wss": 443}
_SUFFIXES = (".svc.cluster.local", ".svc")


class Address(NamedTuple):
    """A host and a port; 0 where none is given and the scheme has none."""

    host: str
    port: int


class ServiceName(NamedTuple):
    """A Service by name and namespace."""

    name: str
    namespace: str


@lru_cache(maxsize=4096)
def parse_address(text: str, default_port: int = 0) -> Address | None:
    """The host and port in `text`; None if it holds none, or is a path, or what a template fills in.

    >>> parse_address("https://rgw.rook-ceph.svc/a")
    Address(host='rgw.rook-ceph.svc', port=443)
    >>> parse_address("kafka.kafka.svc:9093")
    Address(host='kafka.kafka.svc', port=9093)
    """
    match = _ADDRESS.match(_without_user(text.strip()))
    if match is None:
        return None
    scheme = (match["scheme"] or "").lower().partition("+")[0]
    port = int(match["port"] or 0) or _PORTS.get(scheme, default_port)
    return Address(match["host"].lower().strip("[]").rstrip("."), port)


def _without_user(text: str) -> str:
    """`text` without user and password, which may hold anything, a template's braces too."""
    scheme, mark, rest = text.partition("://")
    end = next((index for index, letter in enumerate(rest) if letter in "/?#"), len(rest))
    user = rest.rfind("@", 0, end)
    return f"{scheme}://{rest[user + 1 :]}" if mark and user >= 0 else text


def service_of(host: str, namespace: str, namespaces: Container[str]) -> ServiceName | None:
    """The Service that `host` names for a pod of `namespace`; None if it is a name of the outside.

    Args:
        host: in lower case.
        namespace: where it is asked.
        namespaces: those of the cluster; `<name>.<namespace>` is a Service only in one of these.
    """
    for suffix in _SUFFIXES:
        if host.endswith(suffix):
            words = host.removesuffix(suffix).split(".")
            # <pod>.<service>.<namespace> is a pod of a headless Service.
            return ServiceName(words[-2], words[-1]) if len(words) in (2, 3) else None
    words = host.split(".")
    if words == [host] and not host.replace(".", "").isdigit() and ":" not in host and host != "localhost":
        return ServiceName(host, namespace)
    if len(words) == 2 and words[1] in namespaces:
        return ServiceName(words[0], words[1])
    return None
