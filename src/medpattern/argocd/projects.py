"""AppProjects that permit what their charts can make, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from medpattern.argocd.applications import cluster_namespaces
from medpattern.argocd.grants import GroupKind
from medpattern.argocd.names import (
    API_VERSION,
    CLUSTER_LABEL,
    IN_CLUSTER,
    PROJECT_WAVE,
    ROOT_PROJECT,
    SYNC_WAVE,
    argocd_namespace,
)
from medpattern.fleet.cluster import Cluster

Scope = Callable[[str, str], str | None]

# What clustergroup.py makes, and what a root makes beside it.
GROUP_KINDS: tuple[GroupKind, ...] = (
    ("", "Namespace"),
    ("operators.coreos.com", "OperatorGroup"),
    ("operators.coreos.com", "Subscription"),
)
_ARGOCD_KINDS: tuple[GroupKind, ...] = (("argoproj.io", "AppProject"), ("argoproj.io", "Application"))


@dataclass
class Grants:
    """What the Applications of one project need, disabled ones included: Argo CD must still prune theirs."""

    kinds: set[GroupKind] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    repositories: set[str] = field(default_factory=set)


def app_project(cluster: Cluster, project: str, grants: Grants, scope: Scope) -> dict[str, Any]:
    """The AppProject of one entry of argoProjects.

    Args:
        cluster: the cluster that its Applications deploy to.
        project: its name there.
        grants: what they need.
        scope: "Cluster", "Namespaced" or None (unknown: granted in both lists) of a (group, kind).
    """
    target = {"name": cluster.name} if cluster.facts.is_pushed else {"server": IN_CLUSTER}
    scopes = {kind: scope(*kind) for kind in grants.kinds}
    return _manifest(
        cluster,
        cluster.facts.name_in_argocd(project),
        f"Applications of {project} on {cluster.name}",
        [target | {"namespace": namespace} for namespace in sorted(grants.namespaces)],
        sorted(grants.repositories),
        [kind for kind, where in scopes.items() if where != "Namespaced"],
        [kind for kind, where in scopes.items() if where != "Cluster"],
    )


def cluster_grants(cluster: Cluster, repository: str) -> Grants:
    """What the Application needs that applies cluster/ to a spoke from its hub."""
    return Grants(set(GROUP_KINDS), cluster_namespaces(cluster), {repository})


def root_project(cluster: Cluster, repositories: Iterable[str], namespaces: Iterable[str]) -> dict[str, Any]:
    """The AppProject of the roots in one Argo CD: a hub with its spokes, or a cluster by itself.

    Args:
        cluster: the cluster that runs this Argo CD.
        repositories: where the roots are read.
        namespaces: those that cluster/ of the hub itself makes objects in.
    """
    argocd = cluster.facts.argocd_namespace
    destinations = [{"server": IN_CLUSTER, "namespace": namespace} for namespace in sorted({argocd, *namespaces})]
    return _manifest(
        cluster,
        ROOT_PROJECT,
        "The root Applications, made by medpattern",
        destinations,
        sorted(set(repositories)),
        GROUP_KINDS[:1],
        (*GROUP_KINDS[1:], *_ARGOCD_KINDS),
    )


def _manifest(
    cluster: Cluster,
    name: str,
    description: str,
    destinations: list[dict[str, str]],
    repositories: list[str],
    cluster_kinds: Iterable[GroupKind],
    namespaced_kinds: Iterable[GroupKind],
) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "AppProject",
        "metadata": {
            "name": name,
            "namespace": argocd_namespace(cluster.facts, cluster.hub),
            "labels": {CLUSTER_LABEL: cluster.name},
            "annotations": {SYNC_WAVE: str(PROJECT_WAVE)},
        },
        "spec": {
            "description": description,
            "sourceRepos": repositories,
            "destinations": destinations,
            "clusterResourceWhitelist": _kinds(cluster_kinds),
            "namespaceResourceWhitelist": _kinds(namespaced_kinds),
        },
    }


def _kinds(kinds: Iterable[GroupKind]) -> list[dict[str, str]]:
    return [{"group": group, "kind": kind} for group, kind in sorted(kinds)]
