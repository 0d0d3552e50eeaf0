"""One cluster: its facts, its merged values and the sections of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medpattern.findings import KeyPath, Place
from medpattern.fleet import sections
from medpattern.fleet.facts import Facts
from medpattern.fleet.layers import Layers, place_of


@dataclass(frozen=True)
class Cluster:
    """One cluster with its merged values; `values` still holds nulls as tombstones.

    `neighbours` are the clusters pushed to by the same Argo CD whose names this one's Applications could
    meet, `dropped` the paths that were left out of its files because they break the schema.

    `injected` are the facts that charts see under `global`, `globals` these over what values files set.
    """

    facts: Facts
    layers: Layers
    values: dict[str, Any]
    globals: dict[str, Any]
    injected: dict[str, Any]
    namespaces: tuple[sections.Namespace, ...]
    subscriptions: tuple[sections.Subscription, ...]
    projects: tuple[sections.Project, ...]
    applications: tuple[sections.Application, ...]
    silenced: frozenset[str] = frozenset()
    spokes: tuple[Facts, ...] = ()
    hub: Facts | None = None
    neighbours: tuple[Facts, ...] = ()
    dropped: tuple[KeyPath, ...] = ()

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.facts.name

    def is_dropped(self, path: KeyPath) -> bool:
        """Whether something at, below or above `path` was left out; what it leads to is no finding."""
        return any(path[: len(lost)] == lost or lost[: len(path)] == path for lost in self.dropped)

    def may_be_dropped(self, section: str, name: str) -> bool:
        """Whether what was left out of a section of clusterGroup may have declared `name`."""
        base = ("clusterGroup", section)
        return any(
            base[: len(lost)] == lost or (lost[:-1] == base and (isinstance(lost[-1], int) or lost[-1] == name))
            for lost in self.dropped
        )

    @property
    def options(self) -> dict[str, Any]:
        """`global.options`."""
        return self.globals.get("options") or {}

    def place(self, path: KeyPath) -> Place:
        """Where the winning value of `path` stands."""
        return place_of(self.layers, path)
