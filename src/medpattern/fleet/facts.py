"""Facts of a cluster: what clusters/<name>.yaml says, with the defaults that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from medpattern.documents.reader import Document
from medpattern.documents.scalars import Scalar

OPENSHIFT = "openshift"
KUBERNETES = "kubernetes"


@dataclass(frozen=True)
class Facts:
    """One cluster. Empty strings mean unknown; `hub` is the cluster's own name if nothing manages it."""

    name: str
    group: str
    distribution: str = KUBERNETES
    platform: str = ""
    version: str = ""
    kubernetes_version: str = ""
    domain: str = ""
    apps_domain: str = ""
    hub: str = ""
    server: str = ""
    cluster_id: str = ""
    argocd_model: str = "pull"
    argocd_namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    ring: int | None = None
    parameters: dict[str, Scalar] = field(default_factory=dict)
    document: Document | None = None

    @property
    def is_openshift(self) -> bool:
        """Whether OLM, Routes and security context constraints are there."""
        return self.distribution == OPENSHIFT

    @property
    def is_pushed(self) -> bool:
        """Whether the hub's Argo CD applies this cluster's objects."""
        return self.argocd_model == "push" and self.hub != self.name

    def name_in_argocd(self, name: str) -> str:
        """What an Application or AppProject `name` is called: `<cluster>-<name>` in the hub's Argo CD."""
        return f"{self.name}-{name}" if self.is_pushed else name


def facts_from(name: str, document: Document) -> Facts:
    """The facts in `document`, which has passed the schema `cluster`.

    Kubernetes' version on OpenShift 4.N is 1.(N+13), as Red Hat's release table has it since 4.1.
    """
    data: dict[str, Any] = document.data
    distribution = data.get("distribution", KUBERNETES)
    version = str(data.get("version", ""))
    domain = data.get("domain", "")
    hub = data.get("hub") or name
    argocd = data.get("argocd") or {}
    default_namespace = "openshift-gitops" if distribution == OPENSHIFT else "argocd"
    return Facts(
        name=name,
        group=data.get("group", ""),
        distribution=distribution,
        platform=data.get("platform", ""),
        version=version,
        kubernetes_version=data.get("kubernetesVersion") or _kubernetes_version(distribution, version),
        domain=domain,
        apps_domain=data.get("appsDomain") or (f"apps.{domain}" if domain else ""),
        hub=hub,
        server=data.get("server", ""),
        cluster_id=data.get("clusterId", ""),
        argocd_model=argocd.get("model") or ("pull" if hub == name else "push"),
        argocd_namespace=argocd.get("namespace") or default_namespace,
        labels=data.get("labels") or {},
        ring=data.get("ring"),
        parameters=data.get("parameters") or {},
        document=document,
    )


def _kubernetes_version(distribution: str, version: str) -> str:
    if distribution == KUBERNETES:
        return version
    major, _, minor = version.partition(".")
    minor = minor.partition(".")[0]
    return f"1.{int(minor) + 13}" if major == "4" and minor.isdigit() else ""


def injected_globals(facts: Facts, hub: Facts | None, git: dict[str, str]) -> dict[str, Scalar]:
    """The `global.*` parameters of the Validated Patterns framework, and our own three.

    Args:
        facts: the cluster.
        hub: the facts of its hub, if they are known.
        git: {"repoURL": ..., "targetRevision": ...} of this repository.

    Returns:
        Only what is known; an unknown fact is left out, never invented.
    """
    known: dict[str, Scalar] = {
        "clusterDomain": facts.domain,
        "clusterPlatform": facts.platform,
        "clusterVersion": facts.version,
        "hubClusterDomain": hub.apps_domain if hub else "",
        "localClusterDomain": facts.apps_domain,
        "localClusterName": facts.name,
        "namespace": (hub or facts).argocd_namespace if facts.is_pushed else facts.argocd_namespace,
        "distribution": facts.distribution,
        "kubernetesVersion": facts.kubernetes_version,
        **git,
    }
    return {key: value for key, value in known.items() if value != ""} | facts.parameters
