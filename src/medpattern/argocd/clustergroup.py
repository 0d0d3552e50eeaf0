"""What the clusterGroup sections make on a cluster: Namespaces, OperatorGroups and Subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.argocd.names import MANAGED_BY, NAMESPACE_WAVE, OPERATOR_WAVE, SYNC_WAVE
from medpattern.charts.mirrors import mirrored
from medpattern.checks.kinds import with_confirmation
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.sections import Namespace, Subscription


def cluster_objects(cluster: Cluster, with_data: set[str]) -> Iterator[dict[str, Any]]:
    """The objects of cluster/, in the order in which they are applied.

    Args:
        cluster: the cluster.
        with_data: namespaces that hold data; Argo CD asks before it prunes them.
    """
    for namespace in cluster.namespaces:
        yield _namespace(cluster, namespace, holds_data=namespace.name in with_data)
    if not cluster.facts.is_openshift:
        return
    for namespace in cluster.namespaces:
        if namespace.operator_group:
            yield _operator_group(namespace)
    for subscription in cluster.subscriptions:
        yield _subscription(subscription, cluster.globals.get("mirrors") or {})


def _namespace(cluster: Cluster, namespace: Namespace, *, holds_data: bool) -> dict[str, Any]:
    facts = cluster.facts
    labels = dict(namespace.labels)
    if facts.is_openshift and not facts.is_pushed:
        # OpenShift GitOps manages only namespaces that say so.
        labels = {MANAGED_BY: facts.argocd_namespace, **labels}
    annotations: dict[str, Any] = {SYNC_WAVE: str(NAMESPACE_WAVE), **namespace.annotations}
    if holds_data:
        annotations = with_confirmation(annotations)
    metadata: dict[str, Any] = {"name": namespace.name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {**metadata, "annotations": annotations}}


def _operator_group(namespace: Namespace) -> dict[str, Any]:
    """Without targets it watches all namespaces; more than one in a namespace would stop them all."""
    targets = [namespace.name] if namespace.targets is None else list(namespace.targets)
    return {
        "apiVersion": "operators.coreos.com/v1",
        "kind": "OperatorGroup",
        "metadata": {
            "name": f"{namespace.name}-operator-group",
            "namespace": namespace.name,
            "annotations": {SYNC_WAVE: str(OPERATOR_WAVE)},
        },
        "spec": {"targetNamespaces": targets} if targets else {},
    }


def _subscription(subscription: Subscription, mirrors: dict[str, str]) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": subscription.name}
    if subscription.channel:
        spec["channel"] = subscription.channel
    spec |= {
        "source": mirrored(subscription.source, mirrors),
        "sourceNamespace": subscription.source_namespace,
        "installPlanApproval": subscription.approval,
    }
    if subscription.csv:
        spec["startingCSV"] = subscription.csv
    if subscription.config:
        spec["config"] = subscription.config
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "Subscription",
        "metadata": {
            "name": subscription.name,
            "namespace": subscription.namespace,
            "annotations": {SYNC_WAVE: str(OPERATOR_WAVE), **subscription.annotations},
        },
        "spec": spec,
    }
