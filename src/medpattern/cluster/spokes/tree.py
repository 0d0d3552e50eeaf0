"""What a spoke is to get, as the rights of the hub's Argo CD are derived from it: read from values and tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medpattern.argocd.names import argocd_namespace
from medpattern.cluster.bootstrap.engine import CRD
from medpattern.cluster.connection import Object
from medpattern.cluster.permissions import RBAC
from medpattern.cluster.preflight import Check, tree_check, warning
from medpattern.cluster.spokes.rights import Part
from medpattern.errors import UsageError
from medpattern.fleet.facts import Facts

if TYPE_CHECKING:
    from medpattern.checks.manifests import Inventory
    from medpattern.fleet.cluster import Cluster
    from medpattern.rendering.selection import Selection

ARGOCD = "argoproj.io"


@dataclass(frozen=True)
class Spoke:
    """A cluster that the hub's Argo CD is to push to.

    Attributes:
        facts: of the cluster.
        hub: of the cluster with the Argo CD.
        parts: the objects that it is to get.
        namespaces: those of applications whose objects are not known.
        checks: what was found wrong with the tree.
    """

    facts: Facts
    hub: Facts
    parts: tuple[Part, ...] = ()
    namespaces: frozenset[str] = frozenset()
    checks: tuple[Check, ...] = ()

    @property
    def argocd_namespace(self) -> str:
        """Of the hub's Argo CD."""
        return argocd_namespace(self.facts, self.hub)

    @property
    def definitions(self) -> tuple[Object, ...]:
        """The CustomResourceDefinitions among the parts."""
        return tuple(dict(part.data) for part in self.parts if part.kind == CRD and part.data)


def read_spoke(selection: Selection, tree: Path, charts: Mapping[str, Path]) -> Spoke:
    """Renders a cluster in memory and compares it with the tree; nothing is written.

    Args:
        selection: with exactly one cluster.
        tree: the rendered tree's folder.
        charts: by application, what `helm template` makes of its chart, where that lies in another repository.

    Raises:
        UsageError: there is no such cluster, it is not pushed to, it cannot be rendered, or a file does not fit.
    """
    from medpattern.checks.schemas import SchemaSet
    from medpattern.rendering.inventories import inventory
    from medpattern.rendering.renderer import Renderer
    from medpattern.rendering.run import run
    from medpattern.rendering.selection import tree_path

    (name,) = selection.clusters
    outcome = run(selection, tree)
    fleet = selection.load()
    facts = fleet.facts[name]
    hub = pushed_from(facts, fleet.facts)
    schemas = SchemaSet()
    renderer = Renderer(fleet, tree_path(selection.root, tree), schemas)
    rendered = next(renderer.clusters([name]), None)
    if rendered is None:
        raise UsageError(f"'{name}' cannot be rendered: medpattern render --cluster {name} says why")
    known = inventory(rendered, schemas, renderer.tree)
    for app in charts:
        if app not in known.unseen:
            wanted = ", ".join(sorted(known.unseen)) or "none"
            raise UsageError(f"--chart {app}=...: no application of '{name}' with an unknown chart; such are: {wanted}")

    def scope(group: str, kind: str, namespace: str) -> str:
        return "" if schemas.scope(group, kind) == "Cluster" else namespace

    parts = list(_of_tree(known))
    for app, unseen in known.unseen.items():
        if app in charts:
            things = objects_of(app, charts[app])
            parts += (_part(one, scope(_group(one), one["kind"], unseen.namespace)) for one in things)
        else:
            parts += (Part(group, kind, scope(group, kind, unseen.namespace)) for group, kind in sorted(unseen.kinds))
    checks = (tree_check(name, renderer.tree, outcome.plan), *_chart_checks(known, charts))
    return Spoke(facts, hub, tuple(parts), _namespaces(rendered.cluster, known), checks)


def pushed_from(facts: Facts, known: Mapping[str, Facts]) -> Facts:
    """The facts of the hub that pushes to a cluster.

    Raises:
        UsageError: none does, or its facts are not there.
    """
    if not facts.is_pushed:
        raise UsageError(
            f"'{facts.name}' has an Argo CD of its own, so no hub has to reach it; "
            f"run: medpattern bootstrap --cluster {facts.name}"
        )
    if facts.hub not in known:
        raise UsageError(
            f"clusters/{facts.name}.yaml names the hub '{facts.hub}', and there is no cluster of that name"
        )
    return known[facts.hub]


def objects_of(app: str, file: Path) -> list[Object]:
    """The objects in a file of YAML documents, as `helm template` prints them.

    Raises:
        UsageError: there is no such file, or it holds something else.
    """
    import yaml

    try:
        things = [one for one in yaml.load_all(file.read_bytes(), yaml.CSafeLoader) if one is not None]
        for one in things:
            one["apiVersion"], one["kind"], one["metadata"]["name"]
    except OSError as error:
        raise UsageError(f"--chart {app}={file}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise UsageError(f"--chart {app}={file} holds something else than Kubernetes objects") from error
    return things


def _of_tree(known: Inventory) -> Iterator[Part]:
    """The objects that go to the spoke itself; those for Argo CD stay on the hub."""
    for one in known.manifests:
        if one.app or one.group != ARGOCD:
            yield Part(one.group, one.kind, one.namespace, one.name, one.data)


def _part(thing: Object, namespace: str) -> Part:
    metadata = thing["metadata"]
    own = str(metadata.get("namespace") or "") if namespace else ""
    return Part(_group(thing), str(thing["kind"]), own or namespace, str(metadata["name"]), thing)


def _group(thing: Mapping[str, Any]) -> str:
    return str(thing["apiVersion"]).rpartition("/")[0]


def _namespaces(cluster: Cluster, known: Inventory) -> frozenset[str]:
    """Of applications whose objects are not known, with those that their values add."""
    extra = {space for app in cluster.applications if app.name in known.unseen for space in app.extra_namespaces}
    return frozenset({one.namespace for one in known.unseen.values()} | extra)


def _chart_checks(known: Inventory, charts: Mapping[str, Path]) -> Iterator[Check]:
    """Applications that make Roles whose rules nobody here knows: Argo CD could not make them."""
    for app, unseen in sorted(known.unseen.items()):
        if app not in charts and any(group == RBAC for group, _ in unseen.kinds):
            yield warning(
                "charts",
                f"the chart of {app} lies elsewhere and makes Roles, which Argo CD may make only if it has their rules",
                f"give what 'helm template' makes of it: --chart {app}=FILE; else Kubernetes refuses those Roles",
            )
