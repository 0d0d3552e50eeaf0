"""Rights without a limit: cluster-admin, wildcards in roles and in AppProjects."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.reading import items_at, map_at, sequence, words_at
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

RBAC = "rbac.authorization.k8s.io"
ROLES = frozenset({(RBAC, "Role"), (RBAC, "ClusterRole")})
BINDINGS = frozenset({(RBAC, "RoleBinding"), (RBAC, "ClusterRoleBinding")})
_PROJECT = frozenset({("argoproj.io", "AppProject")})
_EVERY = "*"


def cluster_admins(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Bindings to the role that may do everything."""
    if map_at(manifest.data, "roleRef").get("name") == "cluster-admin":
        where = "in the whole cluster" if manifest.kind == "ClusterRoleBinding" else "in its namespace"
        message = f"grants cluster-admin: everything {where}, secrets and roles included"
        yield Breach(("roleRef", "name"), message, "bind a Role that lists what is needed")


def wildcard_roles(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Rules of roles with `*`: they grow with each API that is installed."""
    for path, rule in items_at(manifest.data, "rules"):
        for key in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
            if any(item.startswith(_EVERY) for item in words_at(rule, key)):
                message = f"'{_EVERY}' grants every one there is, and each that will be installed"
                yield Breach((*path, key), message, "list what is needed")


def wildcard_projects(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """AppProjects that confine nothing."""
    for path, what in _open_ends(manifest):
        yield Breach(("spec", *path), f"'{_EVERY}' permits {what}", "list what its applications need")


def _open_ends(manifest: Manifest) -> Iterator[tuple[KeyPath, str]]:
    spec = map_at(manifest.data, "spec")
    for index, item in enumerate(sequence(spec.get("sourceRepos"))):
        if item == _EVERY:
            yield ("sourceRepos", index), "every repository"
    for path, item in items_at(spec, "destinations"):
        if item.get("namespace") == _EVERY and not _is_own_cluster(item):
            yield (*path, "namespace"), "every namespace of another cluster"
        elif item.get("namespace") == _EVERY:
            yield (*path, "namespace"), "every namespace, Argo CD's own included"
        if _EVERY in (item.get("server"), item.get("name")):
            yield path, "every cluster"
    for key in ("clusterResourceWhitelist", "namespaceResourceWhitelist"):
        for path, item in items_at(spec, key):
            if item.get("group") == _EVERY or item.get("kind") == _EVERY:
                yield path, "every kind" if item.get("kind") == _EVERY else "every API group"


def _is_own_cluster(destination: dict[str, object]) -> bool:
    local = ("https://kubernetes.default.svc", "in-cluster")
    return destination.get("server") in local or destination.get("name") in local


RULES = (
    Rule("cluster-admin", cluster_admins, BINDINGS),
    Rule("wildcard-rights", wildcard_roles, ROLES),
    Rule("wildcard-rights", wildcard_projects, _PROJECT),
)
