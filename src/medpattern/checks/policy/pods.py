"""Where the pods of an object are described, whatever kind of workload it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from medpattern.checks.manifests import Manifest, value_at
from medpattern.checks.policy.reading import items_at, map_at, mapping, word
from medpattern.findings import KeyPath

KNATIVE = "serving.knative.dev"

# (API group, kind) -> where its pod's metadata and spec are.
POD_TEMPLATES: dict[tuple[str, str], KeyPath] = {
    ("", "Pod"): (),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("apps.openshift.io", "DeploymentConfig"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    (KNATIVE, "Service"): ("spec", "template"),
    (KNATIVE, "Configuration"): ("spec", "template"),
}
PODS = frozenset(POD_TEMPLATES)
_TRANSIENT = frozenset({("batch", "Job"), ("batch", "CronJob")})


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod; `path` is where it stands in the object."""

    path: KeyPath
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name, or its place in the list."""
        return word(self.spec.get("name")) or str(self.path[-1])

    @property
    def env(self) -> dict[str, Any]:
        """Its environment, by name; what comes from elsewhere is None."""
        return {word(item.get("name")): item.get("value") for _, item in items_at(self.spec, "env")}


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod that an object describes; `path` is that of its spec."""

    path: KeyPath
    spec: dict[str, Any]
    labels: dict[str, Any]
    is_knative: bool
    is_transient: bool

    @property
    def containers(self) -> Iterator[Container]:
        """The containers that run side by side."""
        for path, spec in items_at(self.spec, "containers"):
            yield Container((*self.path, *path), spec)

    @property
    def all_containers(self) -> Iterator[Container]:
        """Also those that run before."""
        for path, spec in items_at(self.spec, "initContainers"):
            yield Container((*self.path, *path), spec)
        yield from self.containers

    @property
    def service_account(self) -> str:
        """The ServiceAccount it runs as."""
        return word(self.spec.get("serviceAccountName")) or word(self.spec.get("serviceAccount")) or "default"


@lru_cache(maxsize=4)
def pod_of(manifest: Manifest) -> Pod | None:
    """The pod that an object describes, if it does and if that is a map; kept for the checks that ask one by one."""
    kind = (manifest.group, manifest.kind)
    if kind not in POD_TEMPLATES:
        return None
    base = POD_TEMPLATES[kind]
    spec = value_at(manifest.data, (*base, "spec"))
    if not isinstance(spec, dict):
        return None
    labels = mapping(map_at(manifest.data, *base, "metadata").get("labels"))
    return Pod((*base, "spec"), spec, labels | _added(manifest, kind), kind[0] == KNATIVE, kind in _TRANSIENT)


def _added(manifest: Manifest, kind: tuple[str, str]) -> dict[str, str]:
    """The labels that controllers put on the pods they make."""
    if kind[0] == KNATIVE:
        return {f"{KNATIVE}/service": manifest.name, f"{KNATIVE}/configuration": manifest.name}
    if kind == ("batch", "Job"):
        return {"job-name": manifest.name, "batch.kubernetes.io/job-name": manifest.name}
    return {}
