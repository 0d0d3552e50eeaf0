"""A cluster as a list of objects that changes as an API server would change it, for tests of uninstallation."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from medpattern.cluster.connection import Answer, Object
from medpattern.cluster.resources import Resource
from tests.cluster.standin import KINDS, StandIn, thing

ENDED = "2026-11-22T01:00:00Z"
VERBS = frozenset({"list", "delete"})
MORE = (
    Resource("", "v1", "ServiceAccount", "serviceaccounts", True),
    Resource("kafka.strimzi.io", "v1", "KafkaTopic", "kafkatopics", True),
    Resource("operators.coreos.com", "v1alpha1", "Subscription", "subscriptions", True),
    Resource("operators.coreos.com", "v1alpha1", "ClusterServiceVersion", "clusterserviceversions", True),
    Resource("operators.coreos.com", "v1", "OperatorGroup", "operatorgroups", True),
)
ALL = tuple(
    Resource(one.group, one.version, one.kind, one.plural, one.namespaced, VERBS) for one in (*KINDS, *MORE)
)  # fmt: skip


class World(StandIn):
    """Deletes what has no finalizers at once, and marks what has some; `deleted` and the like are what was asked."""

    def __init__(self, *objects: Object) -> None:
        super().__init__(objects, ALL)
        self.deleted: list[str] = []
        self.patched: list[tuple[str, Any]] = []
        self.applied: list[tuple[Object, str]] = []

    def ask(self, method: str, path: str, query: Any = None, body: Any = None, *_: Any, **__: Any) -> Answer:
        """Merge patches, and lists of metadata."""
        if method == "PATCH":
            live = self._at(path)
            self.patched.append((live["metadata"]["name"], body))
            merge(live, body)
            self._sweep(live)
            return Answer(200, {}, (), b"{}")
        plural = path.rpartition("/")[2]
        kind = next(one for one in ALL if one.plural == plural and f"/{one.api_version}/" in path)
        space = path.partition("/namespaces/")[2].partition("/")[0]
        rows = self._of(kind.kind, space)
        return Answer(200, {}, (), json.dumps({"items": rows, "metadata": {}}).encode())

    def apply(
        self, thing: Object, *, dry_run: bool = False, force: bool = False, field_manager: str = "medpattern"
    ) -> Object:
        """Remembered: what was applied, and by whom."""
        self.applied.append((thing, field_manager))
        return thing

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, propagation: str = "Background"
    ) -> bool:
        """As the server does it, without owners."""
        live = self.get(api_version, kind, name, namespace)
        if live is None:
            return False
        self.deleted.append(f"{kind} {name}")
        live["metadata"].setdefault("deletionTimestamp", ENDED)
        self._sweep(live)
        return True

    def names(self) -> set[str]:
        """What there is, in words."""
        return {f"{one['kind']} {one['metadata']['name']}" for one in self.objects}

    def _at(self, path: str) -> Object:
        start, _, name = path.rpartition("/")
        kind = next(one for one in ALL if start.endswith(f"/{one.plural}"))
        return next(one for one in self._of(kind.kind, None) if one["metadata"]["name"] == name)

    def _sweep(self, live: Object) -> None:
        if "deletionTimestamp" in live["metadata"] and not live["metadata"].get("finalizers"):
            self.objects.remove(live)


def merge(live: Any, change: Any) -> None:
    """RFC 7386, in place."""
    for key, value in change.items():
        if value is None:
            live.pop(key, None)
        elif isinstance(value, dict):
            merge(live.setdefault(key, {}), value)
        else:
            live[key] = value


def application(name: str, *rows: Object, wave: int = 0, **more: Any) -> Object:
    """An Application of west, with the rows of its status.resources."""
    metadata = {
        "labels": {"medpattern.io/cluster": "west"},
        "annotations": {"argocd.argoproj.io/sync-wave": str(wave)},
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        **more.pop("metadata", {}),
    }
    status = {"resources": list(rows), **more.pop("status", {})}
    spec = {"project": "platform", "syncPolicy": {"automated": {"prune": True}}}
    return thing("Application", name, "argocd", api_version="argoproj.io/v1alpha1", metadata=metadata, status=status,
                 spec=spec, **more)  # fmt: skip


def row(kind: str, name: str, namespace: str, group: str = "", version: str = "v1") -> Object:
    """A row of an Application's status.resources."""
    return {"group": group, "version": version, "kind": kind, "name": name, "namespace": namespace}


def of(application_name: str, kind: str, name: str, namespace: str, group: str = "", **metadata: Any) -> Object:
    """An object that an Application has made."""
    mark = f"{application_name}:{group}/{kind}:{namespace}/{name}"
    api_version = f"{group}/v1" if group else "v1"
    notes = {"argocd.argoproj.io/tracking-id": mark, **metadata.pop("annotations", {})}
    return thing(kind, name, namespace, api_version=api_version, metadata={"annotations": notes, **metadata})


def manager(name: str, operation: str = "Update", **fields: Any) -> Object:
    """An entry of metadata.managedFields."""
    return {"manager": name, "operation": operation, "fieldsV1": fields}


def west(*more: Object) -> Iterable[Object]:
    """A cluster with two Applications, whose namespaces bootstrap has made."""
    topic = row("KafkaTopic", "images", "broker", "kafka.strimzi.io")
    yield application("west-root", metadata={"annotations": {}})
    yield application("broker", topic, row("ConfigMap", "settings", "broker"))
    yield application("viewer", row("Deployment", "viewer", "images", "apps"), wave=1)
    yield of("broker", "KafkaTopic", "images", "broker", "kafka.strimzi.io")
    yield of("broker", "ConfigMap", "settings", "broker")
    yield of("viewer", "Deployment", "viewer", "images", "apps")
    for name in ("broker", "images", "argocd", "kube-system"):
        yield thing("Namespace", name, metadata={"managedFields": [manager("medpattern", "Apply")]})
        yield thing("ConfigMap", "kube-root-ca.crt", name)
        yield thing("ServiceAccount", "default", name)
    labels = {"medpattern.io/cluster": "west"}
    yield thing("AppProject", "platform", "argocd", api_version="argoproj.io/v1alpha1", metadata={"labels": labels})
    yield from more
