"""What is wrong with the wiring of a cluster, and of a hub with its spokes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medpattern.checks.manifests import Inventory
from medpattern.findings import Finding


def wiring_findings(inventory: Inventory) -> Iterator[Finding]:
    """What is wrong with the wiring of one cluster."""
    yield from ()


def fleet_wiring(inventories: Sequence[Inventory]) -> Iterator[Finding]:
    """What is wrong between clusters: a hub's Applications and the spokes that they speak of."""
    yield from ()
