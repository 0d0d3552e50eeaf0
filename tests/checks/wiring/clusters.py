"""Clusters written as YAML, for tests of the wiring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from medpattern.checks.manifests import Inventory, Manifest, Unseen
from medpattern.checks.wiring import wiring_findings
from medpattern.findings import Finding, KeyPath, Place, dotted

NAMESPACE = "ward"
IN_NO_NAMESPACE = {"Namespace", "StorageClass", "ClusterRole", "ClusterRoleBinding", "ClusterSecretStore"}


def manifest(data: dict[str, Any], app: str = "", wave: int = 0) -> Manifest:
    """One object; its place is its kind and name, and the path in it."""
    metadata = data.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    kind, name = str(data.get("kind", "")), metadata.get("name", "")
    namespace = "" if kind in IN_NO_NAMESPACE else str(metadata.get("namespace") or NAMESPACE)

    def locate(path: KeyPath) -> Place:
        return Place(f"{kind}/{name}:{dotted(path)}")

    return Manifest(data, namespace, app, wave, locate)


def cluster(
    text: str,
    *more: Manifest,
    distribution: str = "kubernetes",
    unseen: Iterable[Unseen] = (),
    given: Iterable[str] = (),
) -> Inventory:
    """A cluster with the objects of `text`, all of one application "app" in wave 0, and with `more`."""
    objects = [manifest(data, "app") for data in yaml.safe_load_all(text) if data]
    hidden = {f"unseen-{index}": item for index, item in enumerate(unseen)}
    return Inventory("hospital", distribution, "1.34", (*objects, *more), hidden, frozenset(given))


def found(inventory: Inventory) -> list[tuple[str, str]]:
    """(code, place) of what is wrong with the wiring."""
    return [(finding.code, finding.place.file) for finding in wiring_findings(inventory)]


def only(inventory: Inventory) -> Finding:
    """The one thing that is wrong with the wiring."""
    findings = list(wiring_findings(inventory))
    assert len(findings) == 1, "\n".join(map(str, findings))
    return findings[0]
