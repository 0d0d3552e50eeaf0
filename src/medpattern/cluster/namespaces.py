"""What lies in a namespace, by its metadata alone, and which of it every namespace gets without anybody asking."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from medpattern.cluster.connection import PAGE, Connection, Object
from medpattern.cluster.resources import Resource
from medpattern.errors import RefusalError

THREADS = 8
METADATA_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
# Kinds that Kubernetes writes about others, and views of one kind under another name.
_NOTES = frozenset({"Event", "Endpoints", "EndpointSlice", "Lease"})
_VIEWS = frozenset({"authorization.openshift.io"})
# What Kubernetes and OpenShift put into every namespace.
_ALWAYS = {
    "ServiceAccount": frozenset({"default", "builder", "deployer", "pipeline"}),
    "ConfigMap": frozenset({"kube-root-ca.crt", "openshift-service-ca.crt", "config-trusted-cabundle",
                            "config-service-cabundle"}),
}  # fmt: skip
_ACCOUNT_NOTES = ("kubernetes.io/service-account.name", "openshift.io/internal-registry-auth-token.service-account",
                  "openshift.io/token-secret.name")  # fmt: skip
# What OLM copies.
_COPIED = "olm.copiedFrom"


def contents(connection: Connection, namespace: str) -> tuple[tuple[Resource, Object], ...]:
    """The kind and the metadata of every object of a namespace that could be deleted.

    Raises:
        RemoteError: the server does not answer, or does not show a kind: what is not seen could be somebody's.
    """
    with ThreadPoolExecutor(THREADS) as threads:
        found = threads.map(lambda kind: tuple(_of_kind(connection, kind, namespace)), listed_kinds(connection))
        return tuple(one for each in found for one in each)


def listed_kinds(connection: Connection) -> tuple[Resource, ...]:
    """The kinds that are looked for in a namespace, each in the version that the server prefers."""
    kinds: dict[tuple[str, str], Resource] = {}
    for one in connection.resources.all:
        if one.namespaced and {"list", "delete"} <= one.verbs and one.kind not in _NOTES and one.group not in _VIEWS:
            kinds.setdefault((one.group, one.kind), one)
    return tuple(kinds.values())


def _of_kind(connection: Connection, kind: Resource, namespace: str) -> Iterator[tuple[Resource, Object]]:
    page = ""
    while True:
        query = {"limit": str(PAGE), **({"continue": page} if page else {})}
        try:
            answer = connection.ask("GET", kind.path(namespace), query, accept=METADATA_ALONE).json()
        except RefusalError as error:
            if error.status in (404, 405):  # the kind went meanwhile, or cannot be listed after all
                return
            raise
        yield from ((kind, one["metadata"]) for one in answer.get("items") or ())
        page = (answer.get("metadata") or {}).get("continue") or ""
        if not page:
            return


def comes_with_namespace(kind: str, metadata: Object) -> bool:
    """Whether a cluster or its operators put it into namespaces without anybody asking."""
    name, notes = metadata["name"], metadata.get("annotations") or {}
    return (
        name in _ALWAYS.get(kind, ())
        or (kind == "RoleBinding" and name.startswith("system:"))
        or any(note in notes for note in _ACCOUNT_NOTES)
        or _COPIED in (metadata.get("labels") or {})
    )
