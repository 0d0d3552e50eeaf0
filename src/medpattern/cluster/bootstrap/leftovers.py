"""What an earlier release of Argo CD has brought and the one that is wanted has not."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from medpattern.cluster.bootstrap.engine import Installation
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.permissions import RBAC, Right
from medpattern.cluster.resources import UnknownKindError

_RBAC = f"{RBAC}/v1"
# (apiVersion, kind, plural, lives in a namespace): all that upstream's manifests are made of. Not the
# CustomResourceDefinitions: each takes every object of its kind along.
_KINDS = (
    ("apps/v1", "Deployment", "deployments", True),
    ("apps/v1", "StatefulSet", "statefulsets", True),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", True),
    ("v1", "Service", "services", True),
    ("v1", "ConfigMap", "configmaps", True),
    ("v1", "Secret", "secrets", True),
    (_RBAC, "RoleBinding", "rolebindings", True),
    (_RBAC, "Role", "roles", True),
    (_RBAC, "ClusterRoleBinding", "clusterrolebindings", False),
    (_RBAC, "ClusterRole", "clusterroles", False),
    ("v1", "ServiceAccount", "serviceaccounts", True),
)
# What people and programs write their own into: settings of notifications, passwords.
_FILLED = ("ConfigMap", "Secret")
_CONTENT = ("f:data", "f:stringData", "f:binaryData")


def leftovers(connection: Connection, installation: Installation, namespace: str, installer: str) -> Iterator[Object]:
    """The objects that only `installer` applies and that are not in `installation`, users before what they use.

    ConfigMaps and Secrets that others have written into are not among them.

    Args:
        connection: to the cluster.
        installation: of the release that is wanted.
        namespace: of Argo CD.
        installer: the field manager that installations are applied with.
    """
    found = _obsolete(connection, installation, namespace, installer, {kind for _, kind, _, _ in _KINDS})
    return (one for one in found if not _is_filled(one, installer))


def filled(connection: Connection, installation: Installation, namespace: str, installer: str) -> Iterator[Object]:
    """The ConfigMaps and Secrets that would be leftovers, had nobody else written into them."""
    found = _obsolete(connection, installation, namespace, installer, _FILLED)
    return (one for one in found if _is_filled(one, installer))


def _obsolete(
    connection: Connection, installation: Installation, namespace: str, installer: str, kinds: Collection[str]
) -> Iterator[Object]:
    wanted = {(one["kind"], one["metadata"]["name"]) for one in installation.objects}
    for api_version, kind, _, is_namespaced in (one for one in _KINDS if one[1] in kinds):
        try:
            found = connection.list(api_version, kind, namespace if is_namespaced else None)
        except UnknownKindError:
            continue
        for one in found:
            if (kind, one["metadata"]["name"]) not in wanted and _appliers(one) == {installer}:
                yield one


def rights(namespace: str) -> set[Right]:
    """What finding and deleting them needs."""
    return {
        Right(api_version.rpartition("/")[0], plural, verb, namespace if is_namespaced else "")
        for api_version, _, plural, is_namespaced in _KINDS
        for verb in ("list", "delete")
    }


def _appliers(thing: Object) -> set[str]:
    """Who applies an object; the controllers that keep its status only update it."""
    entries = thing["metadata"].get("managedFields") or ()
    return {str(one.get("manager")) for one in entries if one.get("operation") == "Apply"}


def _is_filled(thing: Object, installer: str) -> bool:
    """Whether others own keys of its content: what `kubectl create`, `edit` and `patch` write, they update."""
    others = [one for one in thing["metadata"].get("managedFields") or () if one.get("manager") != installer]
    owned = [(one.get("fieldsV1") or {}).get(part) or {} for one in others for part in _CONTENT]
    return thing["kind"] in _FILLED and any(keys.keys() - {"."} for keys in owned)
