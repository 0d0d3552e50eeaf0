"""What is wrong with the wiring of a cluster, and of a hub with its spokes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medpattern.checks.manifests import Inventory
from medpattern.checks.wiring.access import denied
from medpattern.checks.wiring.dangling import dangling, missing
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.order import out_of_order
from medpattern.checks.wiring.policies import blocked, cut_off
from medpattern.findings import Finding


def wiring_findings(inventory: Inventory) -> Iterator[Finding]:
    """What is wrong with the wiring of one cluster.

    What something makes that medpattern cannot look into is never a finding; `medpattern graph` shows it as unseen.
    """
    graph = Graph.of(inventory)
    for check in (dangling, out_of_order, denied, blocked, cut_off):
        for wrong in check(graph):
            yield wrong.finding(inventory)


def fleet_wiring(inventories: Sequence[Inventory]) -> Iterator[Finding]:
    """What is wrong between clusters: Applications of a spoke whose project is made in the hub's files, or nowhere."""
    graphs = [Graph.of(inventory) for inventory in inventories]
    made = {thing for graph in graphs for thing in graph.provisions}
    for graph in graphs:
        for reference in graph.references():
            if reference.fleetwide and reference.thing not in made and not graph.is_given(reference.thing):
                known = sorted({thing.name for thing in made if thing.kind == reference.thing.kind})
                yield missing(reference, known).finding(graph.inventory)
