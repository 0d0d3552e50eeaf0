"""Rules that need more than one object of a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Inventory
from medpattern.findings import Finding


def estate_findings(inventory: Inventory) -> Iterator[Finding]:
    """Every finding of one cluster that no object shows alone."""
    yield from ()
