"""What must differ between clusters and within one, and what hubs say of their spokes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medpattern.checks.manifests import Inventory
from medpattern.findings import Finding


def fleet_findings(inventories: Sequence[Inventory]) -> Iterator[Finding]:
    """Every finding that the objects of one cluster do not show alone."""
    yield from ()
