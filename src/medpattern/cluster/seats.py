"""Where the Argo CDs of a fleet are, and which clusters each of them serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medpattern.argocd.names import argocd_namespace
from medpattern.fleet.facts import Facts


@dataclass(frozen=True, slots=True)
class Seat:
    """One Argo CD: the cluster that it runs on, with its server's URL ("" if unknown), and its namespace.

    `clusters` are those that were asked for and have their Applications there, sorted.
    """

    cluster: str
    server: str
    namespace: str
    clusters: tuple[str, ...]


def seats(facts: Mapping[str, Facts], wanted: Iterable[str]) -> tuple[Seat, ...]:
    """The Argo CDs that have the Applications of the clusters `wanted`, by name of the cluster they run on."""
    served: dict[tuple[str, str], list[str]] = {}
    for name in sorted(wanted):
        served.setdefault(seat_of(facts, name), []).append(name)
    return tuple(
        Seat(host, facts[host].server if host in facts else "", namespace, tuple(names))
        for (host, namespace), names in sorted(served.items())
    )


def seat_of(facts: Mapping[str, Facts], name: str) -> tuple[str, str]:
    """The cluster and the namespace of the Argo CD that applies a cluster's objects."""
    own = facts[name]
    return (own.hub if own.is_pushed else name, argocd_namespace(own, facts.get(own.hub)))
