"""The shipped fleet as the API servers of its clusters would see it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.schemas import SchemaSet
from medpattern.rendering.inventories import inventory
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.selection import DEFAULT_TREE, Selection

CHECKOUT = Path(__file__).parents[2]
DISTRIBUTIONS = ("kubernetes", "openshift")
SCHEMAS = SchemaSet()


@cache
def inventories() -> dict[str, Inventory]:
    """What each cluster of the shipped values gets."""
    selection = Selection(CHECKOUT)
    fleet = selection.load()
    renderer = Renderer(fleet, DEFAULT_TREE, SCHEMAS)
    made = [inventory(one, SCHEMAS, renderer.tree) for one in renderer.clusters(selection.names(fleet))]
    return {one.cluster: one for one in made}


def on(distribution: str) -> list[Inventory]:
    """The clusters of one distribution."""
    return [one for one in inventories().values() if one.distribution == distribution]


def groups(known: Iterable[Inventory]) -> set[str]:
    """The API groups of their objects."""
    return {manifest.group for one in known for manifest in one.manifests}


def namespaces(known: Iterable[Inventory]) -> set[str]:
    """The namespaces that their objects live in, and those that they make."""
    lived_in = {manifest.namespace for one in known for manifest in one.manifests}
    made = {manifest.name for one in known for manifest in one.of_kind("", "Namespace")}
    return (lived_in | made) - {""}


def largest(known: Iterable[Inventory]) -> list[Manifest]:
    """Of each kind and version the object with the most text in it, in the order of the kinds."""
    found: dict[tuple[str, str], Manifest] = {}
    for manifest in sorted((one for each in known for one in each.manifests), key=lambda one: len(str(one.data))):
        found[manifest.api_version, manifest.kind] = manifest
    return [found[key] for key in sorted(found)]
