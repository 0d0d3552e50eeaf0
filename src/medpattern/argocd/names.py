"""Names, annotations and waves that the objects for Argo CD share."""

from __future__ import annotations

from medpattern.fleet.facts import Facts

API_VERSION = "argoproj.io/v1alpha1"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
GENERATE_PATHS = "argocd.argoproj.io/manifest-generate-paths"
MANAGED_BY = "argocd.argoproj.io/managed-by"
# Of a Secret that Argo CD finds by it: a login to a repository, or to a cluster.
SECRET_TYPE = "argocd.argoproj.io/secret-type"  # noqa: S105  a label
CLUSTER_LABEL = "medpattern.io/cluster"
ROOT_PROJECT = "medpattern-root"
IN_CLUSTER = "https://kubernetes.default.svc"

# What must stand before the Applications; these take 0, 1, 2 ... by their dependencies.
NAMESPACE_WAVE, OPERATOR_WAVE, PROJECT_WAVE, CLUSTER_WAVE = -30, -20, -10, -5

# The Application, and its AppProject, that applies cluster/ of a spoke from the hub.
CLUSTER_APP = "cluster"


def argocd_namespace(facts: Facts, hub: Facts | None) -> str:
    """The namespace of the Argo CD that has the cluster's Applications."""
    return hub.argocd_namespace if hub and facts.is_pushed else facts.argocd_namespace


def destination(facts: Facts, namespace: str = "") -> dict[str, str]:
    """An Application's `spec.destination`."""
    target = {"name": facts.name} if facts.is_pushed else {"server": IN_CLUSTER}
    return target | ({"namespace": namespace} if namespace else {})
