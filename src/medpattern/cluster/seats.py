"""Where the Argo CDs of a fleet are, and which clusters each of them serves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from medpattern.argocd.names import argocd_namespace
from medpattern.fleet.facts import Facts


@dataclass(frozen=True, slots=True)
class Seat:
    """One Argo CD: the cluster that it runs on, with its server's URL ("" if unknown), and its namespace.

    `clusters` are those that were asked for and have their Applications there, `others` those that have theirs there
    too; both sorted.
    """

    cluster: str
    server: str
    namespace: str
    clusters: tuple[str, ...]
    others: tuple[str, ...] = ()


def seats(facts: Mapping[str, Facts], wanted: Iterable[str]) -> tuple[Seat, ...]:
    """The Argo CDs that have the Applications of the clusters `wanted`, by name of the cluster they run on."""
    asked = set(wanted)
    served: dict[tuple[str, str], list[str]] = {}
    for name in sorted(facts):
        served.setdefault(seat_of(facts, name), []).append(name)
    return tuple(
        Seat(
            host,
            facts[host].server if host in facts else "",
            namespace,
            tuple(name for name in names if name in asked),
            tuple(name for name in names if name not in asked),
        )
        for (host, namespace), names in sorted(served.items())
        if not asked.isdisjoint(names)
    )


def seat_of(facts: Mapping[str, Facts], name: str) -> tuple[str, str]:
    """The cluster and the namespace of the Argo CD that applies a cluster's objects."""
    own = facts[name]
    return (own.hub if own.is_pushed else name, argocd_namespace(own, facts.get(own.hub)))
