"""A cluster as a list of objects: what modules ask of a connection, answered without a server."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from medpattern.cluster.connection import Access, Answer, Connection, Object, Objects
from medpattern.cluster.resources import Resource, Resources
from medpattern.errors import RefusalError

URL = "https://api.west.example.org:6443"
KINDS = (
    Resource("", "v1", "Namespace", "namespaces", False),
    Resource("", "v1", "ConfigMap", "configmaps", True),
    Resource("", "v1", "Secret", "secrets", True),
    Resource("", "v1", "Pod", "pods", True),
    Resource("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True),
    Resource("apps", "v1", "Deployment", "deployments", True),
    Resource("apps", "v1", "StatefulSet", "statefulsets", True),
    Resource("storage.k8s.io", "v1", "StorageClass", "storageclasses", False),
    Resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False),
    Resource("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False),
    Resource("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False),
    Resource("argoproj.io", "v1alpha1", "Application", "applications", True),
    Resource("argoproj.io", "v1alpha1", "AppProject", "appprojects", True),
)
ARGOCD = Resource("argoproj.io", "v1beta1", "ArgoCD", "argocds", True)
OPENSHIFT = Resource("config.openshift.io", "v1", "Ingress", "ingresses", False)


class StandIn(Connection):
    """Answers from `objects`; `refused` are plurals that the login may not read, `rights` what else it may do."""

    def __init__(
        self,
        objects: Iterable[Object] = (),
        kinds: Iterable[Resource] = KINDS,
        refused: Collection[str] = (),
        rights: Collection[tuple[str, str]] | None = None,
    ) -> None:
        self.server = URL
        self.context = "west"
        self.server_time = datetime.now(UTC)
        self.objects = list(objects)
        self.refused = refused
        self.rights = rights
        self.reviews: list[tuple[str, str, str, str]] = []
        self.__dict__["resources"] = Resources(kinds)

    def ask(self, method: str, path: str, *_more: Any, **_others: Any) -> Answer:
        """Only the version is known."""
        assert (method, path) == ("GET", "/version")
        return Answer(200, {}, (), json.dumps({"major": "1", "minor": "34", "gitVersion": "v1.34.2"}).encode())

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """The object of that name."""
        self._refuse(api_version, kind)
        return next((one for one in self._of(kind, namespace or None) if one["metadata"]["name"] == name), None)

    def list(self, api_version: str, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        """The objects of a kind with one label."""
        self._refuse(api_version, kind)
        key, _, value = labels.partition("=")
        return [
            one
            for one in self._of(kind, namespace)
            if not key or (one["metadata"].get("labels") or {}).get(key) == value
        ]

    def review_access(self, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> Access:
        """All is allowed without `rights`."""
        self.reviews.append((verb, group, resource, namespace))
        return Access(self.rights is None or (verb, resource) in self.rights, "")

    def _of(self, kind: str, namespace: str | None) -> Objects:
        return [
            one for one in self.objects if one["kind"] == kind and namespace in (None, one["metadata"].get("namespace"))
        ]

    def _refuse(self, api_version: str, kind: str) -> None:
        plural = self.resources.of(api_version, kind).plural
        if plural in self.refused:
            raise RefusalError(f"{URL} refused GET {plural}: 403 forbidden", 403, "Forbidden")


def thing(kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    """An object; what else its metadata have stands in `metadata`."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
    return {"apiVersion": more.pop("api_version", "v1"), "kind": kind, "metadata": metadata, **more}
