"""Wiring: how the objects of a cluster refer to each other, and what of it leads nowhere."""

from medpattern.checks.wiring.findings import fleet_wiring, wiring_findings

__all__ = ["fleet_wiring", "wiring_findings"]
