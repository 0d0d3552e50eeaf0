"""What is wrong with a wiring, before it is a finding of a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.rules import Breach, finding
from medpattern.findings import Finding, KeyPath, Severity


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing: its code, the object and the part of it that causes it, what is wrong, and what to do."""

    code: str
    manifest: Manifest
    path: KeyPath
    message: str
    cure: str = ""
    severity: Severity = Severity.ERROR

    def finding(self, inventory: Inventory) -> Finding:
        """It as a finding of one cluster, at the line that causes it."""
        return finding(self.code, self.severity, inventory, self.manifest, Breach(self.path, self.message, self.cure))
