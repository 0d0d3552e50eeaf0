"""The Argo CD that bootstrap has installed: what of it there is, and whether it may go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medpattern.cluster.bootstrap.engine import CRD, CRD_VERSION, DEFINITIONS, RECORD
from medpattern.cluster.bootstrap.steps import INSTALLER
from medpattern.cluster.connection import Connection
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.uninstall.contents import foreign_to_engine, is_ours, managers, things
from medpattern.cluster.uninstall.plan import FoundEngine, Ref
from medpattern.findings import some

RBAC = "rbac.authorization.k8s.io/v1"


def engine(connection: Connection, namespace: str, others: Sequence[str]) -> FoundEngine:
    """The objects that installed Argo CD, known by the field manager that bootstrap applies them with.

    Args:
        connection: to the cluster.
        namespace: of Argo CD.
        others: the Applications that are not of this cluster's tree.
    """
    definitions = tuple(_installed(connection, CRD_VERSION, CRD, DEFINITIONS))
    roles = [ref for kind in ("ClusterRoleBinding", "ClusterRole") for ref in _installed(connection, RBAC, kind)]
    space = connection.get("v1", "Namespace", namespace)
    found = things(connection, namespace) if space else ()
    if not (definitions or roles or any(one.is_installed for one in found)):
        return FoundEngine(obstacle="bootstrap has not installed it from a manifest")
    if others:
        return FoundEngine(obstacle=f"Applications of others are in it: {some(others)}")
    if sets := _sets(connection):
        return FoundEngine(obstacle=f"it has ApplicationSets: {some(sets)}")
    strange = [ref for ref in foreign_to_engine(found) if ref.api_version.partition("/")[0] != "argoproj.io"]
    is_removable = space is not None and is_ours(space["metadata"]) and not strange
    record = {Ref("v1", "ConfigMap", RECORD, namespace)}
    parts = {one.ref for one in found if one.is_installed} | {one.ref for one in found if one.ref in record}
    return FoundEngine(
        (*roles, *sorted(parts)), Ref("v1", "Namespace", namespace) if is_removable else None, definitions
    )


def _installed(connection: Connection, version: str, kind: str, names: Iterable[str] = ()) -> list[Ref]:
    rows = connection.list(version, kind)
    return [
        Ref(version, kind, one["metadata"]["name"])
        for one in rows
        if INSTALLER in managers(one["metadata"]) and (not names or one["metadata"]["name"] in names)
    ]


def _sets(connection: Connection) -> list[str]:
    try:
        return [one["metadata"]["name"] for one in connection.list("argoproj.io/v1alpha1", "ApplicationSet")]
    except UnknownKindError:
        return []


def instances(connection: Connection, definition: str) -> list[str]:
    """What is left of a kind of Argo CD's, in words; its first project, which it makes itself, does not count."""
    kind = {"applications": "Application", "applicationsets": "ApplicationSet", "appprojects": "AppProject"}
    try:
        rows = connection.list("argoproj.io/v1alpha1", kind[definition.partition(".")[0]])
    except UnknownKindError:
        return []
    return [
        one["metadata"]["name"] for one in rows if (one["kind"], one["metadata"]["name"]) != ("AppProject", "default")
    ]
