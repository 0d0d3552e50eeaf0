"""The value `flows` of charts that take it: what the cluster's other applications need from the network.

Still one direction: the other applications are rendered first, and none of them reads what is made of them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from medpattern.argocd.clustergroup import cluster_objects
from medpattern.charts.values import ChartValues
from medpattern.checks.manifests import Manifest, everywhere
from medpattern.checks.schemas import SchemaSet
from medpattern.checks.wiring.allowances import allowances
from medpattern.checks.wiring.graph import Graph
from medpattern.findings import Place
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.merge import lookup
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.inventories import inventory_of

Flows = list[dict[str, Any]]


@dataclass
class FlowValues:
    """Works out flows; clusters whose applications are equal share them."""

    schemas: SchemaSet
    _known: dict[tuple[Any, ...], tuple[Any, Flows]] = field(default_factory=dict)

    LIMIT: ClassVar[int] = 64

    def filled(self, values: ChartValues, others: Sequence[RenderedApp]) -> ChartValues:
        """`values` with `flows` for the namespaces that stand under its key `namespaces`."""
        spaces = values.values.get("namespaces")
        names = tuple(sorted(spaces)) if isinstance(spaces, dict) else ()
        flows = self._flows(values.cluster, others, names)
        return replace(values, values={**values.values, "flows": flows}, derived=frozenset({"flows"}))

    def _flows(self, cluster: Cluster, others: Sequence[RenderedApp], names: tuple[str, ...]) -> Flows:
        key = _identity(cluster, others, names)
        if key not in self._known:
            if len(self._known) >= self.LIMIT:
                del self._known[next(iter(self._known))]
            graph = Graph.of(inventory_of(cluster, others, _declared(cluster), self.schemas))
            # What the identities name must live as long as the entry.
            self._known[key] = (tuple(others), allowances(graph, names))
        return self._known[key][1]


def _identity(cluster: Cluster, others: Sequence[RenderedApp], names: tuple[str, ...]) -> tuple[Any, ...]:
    """What flows depend on: equal keys give equal flows."""
    made = (
        (item.app.namespace, id(item.chart.structure), item.files["values.yaml"].digest)
        if item.chart
        else (item.app.namespace, item.app.kinds, id(item))
        for item in others
    )
    declared = tuple((item.name, tuple(sorted(item.labels.items()))) for item in cluster.namespaces)
    settings = lookup(cluster.values, ("medpattern",))[1]
    return cluster.facts.distribution, names, declared, tuple(made), repr(settings)


def _declared(cluster: Cluster) -> list[Manifest]:
    """What clusterGroup makes: the namespaces, above all."""
    place = everywhere(Place(""))
    return [
        Manifest(data, str(data["metadata"].get("namespace", "")), "", 0, place)
        for data in cluster_objects(cluster, set())
    ]
