"""Objects held against the strict schemas of their kinds, as the API server would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.rules import Breach, finding
from medpattern.checks.schemas import SchemaSet
from medpattern.findings import Finding, KeyPath, Severity

# Where a cluster's version is unknown its objects are held against the newest that is known.
NEWEST_KUBERNETES = "1.99"


def checked_version(kubernetes_version: str) -> str:
    """The version to check against: the cluster's own, or the newest that is known."""
    return kubernetes_version if kubernetes_version.startswith("1.") else NEWEST_KUBERNETES


@dataclass(frozen=True)
class Conformance:
    """Checks inventories against `schemas`; a kind without a schema is said once per application.

    An object is looked at once for each platform, however many clusters get it. Keep one instance for a run.
    """

    schemas: SchemaSet
    _unknown: set[tuple[str, str, str, str]] = field(default_factory=set)
    _known: dict[tuple[bytes, str, str], tuple[Breach, ...]] = field(default_factory=dict)

    def again(self) -> Conformance:
        """The same for a further run, which says again what has no schema."""
        return Conformance(self.schemas, _known=self._known)

    def findings(self, inventory: Inventory) -> Iterator[Finding]:
        """What the API server would refuse, at the value or the line that causes it, and what nobody could check."""
        version = checked_version(inventory.kubernetes_version)
        for manifest in inventory.manifests:
            if not self.schemas.covers(manifest.api_version, manifest.kind):
                yield from self._not_checked(inventory, manifest)
            for breach in self._breaches(manifest, version, inventory.distribution):
                yield finding("invalid-object", Severity.ERROR, inventory, manifest, breach)

    def _breaches(self, manifest: Manifest, version: str, distribution: str) -> tuple[Breach, ...]:
        content = manifest.content()
        if content is None:
            return tuple(self._judged(manifest, version, distribution))
        key = (content, version, distribution)
        if key not in self._known:
            self._known[key] = tuple(self._judged(manifest, version, distribution))
        return self._known[key]

    def _judged(self, manifest: Manifest, version: str, distribution: str) -> Iterator[Breach]:
        """What the schema refuses, and at other places and not right below them what the API server refuses besides."""
        from medpattern.checks.api import refusals

        told: set[KeyPath] = set()
        if self.schemas.covers(manifest.api_version, manifest.kind):
            for violation in self.schemas.violations(manifest.data, version, distribution):
                told.add(violation.path)
                yield Breach(violation.path, violation.message, violation.cure)
        for breach in refusals(manifest):
            if not told & {breach.path, breach.path[:-1]}:
                yield breach

    def _not_checked(self, inventory: Inventory, manifest: Manifest) -> Iterator[Finding]:
        known = (inventory.cluster, manifest.app, manifest.api_version, manifest.kind)
        if known in self._unknown:
            return
        self._unknown.add(known)
        message = f"there is no schema for {manifest.kind} of {manifest.api_version}: none of its objects is checked"
        cure = "name a folder with its CustomResourceDefinition or JSON schema by --schemas"
        breach = Breach(("kind",), message, cure)
        yield finding("no-schema", Severity.WARNING, inventory, manifest, breach)
