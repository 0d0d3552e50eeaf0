"""Rendered clusters as checks see them: every object, with the value or template line behind each of its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from medpattern.argocd.grants import declared_kinds
from medpattern.argocd.waves import sync_waves
from medpattern.charts.leaves import Leaf
from medpattern.charts.skeleton import SkeletonObject
from medpattern.checks.manifests import Inventory, Locate, Manifest, Reach, Unseen, everywhere
from medpattern.checks.schemas import SchemaSet
from medpattern.errors import HelmError, InputError
from medpattern.findings import KeyPath, Place, errors_of
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.fleet.merge import lookup
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.selection import DEFAULT_TREE, Selection

if TYPE_CHECKING:
    from medpattern.rendering.renderer import RenderedCluster


def inventories(selection: Selection) -> Iterator[tuple[RenderedCluster, Inventory]]:
    """Each selected cluster, rendered in memory, and what it gets.

    Raises:
        UsageError: no repository, or a name that does not exist.
        InputError: the repository has errors; only after the last cluster, so that all of them are told.
    """
    from medpattern.rendering.renderer import Renderer

    fleet = selection.load()
    renderer = Renderer(fleet, DEFAULT_TREE)
    for rendered in renderer.clusters(selection.names(fleet)):
        yield rendered, inventory(rendered, renderer.schemas, DEFAULT_TREE)
    if errors_of(renderer.findings):
        raise InputError(renderer.findings)


def inventory(rendered: RenderedCluster, schemas: SchemaSet, tree: str) -> Inventory:
    """Everything that a rendered cluster gets; `tree` is the rendered tree's path, for places in it.

    An ordinary chart that Helm refuses, or without Helm, counts as unseen; rendering has said so already.
    """
    return inventory_of(rendered.cluster, rendered.apps, _of_root(rendered, tree), schemas)


def inventory_of(
    cluster: Cluster, apps: Iterable[RenderedApp], root: Iterable[Manifest], schemas: SchemaSet
) -> Inventory:
    """What some applications of a cluster make, and what its root applies."""
    facts = cluster.facts
    waves = sync_waves(cluster.applications)
    manifests = list(root)
    unseen: dict[str, Unseen] = {}
    for app in apps:
        made = list(_of_app(app, waves.get(app.app.name, 0), schemas))
        if app.chart is None and not made:
            unseen[app.app.name] = Unseen(app.app.namespace, frozenset(declared_kinds(app.app.kinds)))
        manifests += made
    return Inventory(
        cluster.name,
        facts.distribution,
        facts.kubernetes_version,
        tuple(manifests),
        unseen,
        frozenset(_settings(cluster, "given")),
        _reach(facts),
        _settings(cluster, "places"),
    )


def _reach(facts: Facts) -> Reach:
    document = facts.document
    locate = document.place if document else everywhere(Place(f"clusters/{facts.name}.yaml"))
    return Reach(facts.server, facts.hub if facts.is_pushed else "", locate)


def _settings(cluster: Cluster, name: str) -> dict[str, str]:
    """A map below `medpattern` in the values, without the entries that are null."""
    found = lookup(cluster.values, ("medpattern", name))[1]
    return {key: value for key, value in found.items() if value} if isinstance(found, dict) else {}


def _of_root(rendered: RenderedCluster, tree: str) -> Iterator[Manifest]:
    for file, data in rendered.manifests.items():
        place = Place(f"{tree}/{rendered.cluster.name}/{file}")
        yield Manifest(data, str(data["metadata"].get("namespace", "")), "", 0, everywhere(place))


def _of_app(app: RenderedApp, wave: int, schemas: SchemaSet) -> Iterator[Manifest]:
    name, namespace = app.app.name, app.app.namespace
    if app.chart is not None:
        for found in app.chart.structure.objects:
            data = found.hydrate(app.chart.values, namespace)
            told = found.shared.once("told", found, partial(_told, found, app.chart.structure.without_digest))
            goes_to = _namespace(data, namespace, schemas)
            yield Manifest(data, goes_to, name, wave, _locator(app, found), found.shared, told)
        return
    try:
        copied = app.copied_objects()
    except HelmError:
        return
    for template, data in copied:
        place = Place(f"{app.app.path}/{template}")
        yield Manifest(data, _namespace(data, namespace, schemas), name, wave, everywhere(place))


def _told(found: SkeletonObject, without_digest: Collection[KeyPath]) -> frozenset[tuple[str, KeyPath]]:
    """Images without a digest that are values of the chart: rendering tells of each once, whoever uses it."""
    return frozenset(
        ("missing-digest", path)
        for path, leaf in _leaves(found.tree, ())
        if any(reference.path[:-1] in without_digest for reference in leaf.references)
    )


def _leaves(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Leaf]]:
    if isinstance(node, Leaf):
        yield path, node
    elif isinstance(node, dict | list):
        for key, item in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(item, (*path, key))


def _namespace(data: dict[str, Any], release: str, schemas: SchemaSet) -> str:
    """Where an object goes; a kind of unknown scope that names no namespace is taken to live in one."""
    own = (data.get("metadata") or {}).get("namespace")
    if own:
        return str(own)
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    return "" if schemas.scope(group, str(data.get("kind", ""))) == "Cluster" else release


def _locator(app: RenderedApp, found: SkeletonObject) -> Locate:
    """The value that fills a leaf, or else the template's line."""

    def locate(path: KeyPath) -> Place:
        assert app.chart is not None
        node: Any = found.tree
        for depth, key in enumerate(path):
            if isinstance(node, Leaf):
                return _place_of_leaf(app, node, path[depth:])
            try:
                node = node[key]
            except (KeyError, IndexError, TypeError):
                break
        if isinstance(node, Leaf):
            return _place_of_leaf(app, node, ())
        return Place(f"{app.chart.source.shown}/templates/{found.template}", found.line_of(path), 1)

    return locate


def _place_of_leaf(app: RenderedApp, leaf: Leaf, below: KeyPath) -> Place:
    reference = next((found for found in leaf.references if found.kind != "release"), None)
    if reference is None:
        return app.values.place(("global",))
    return app.values.place((*reference.path, *below) if leaf.whole else reference.path)
