"""Kinds whose objects hold data, and the annotation that makes Argo CD ask before it deletes them."""

from __future__ import annotations

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
CONFIRM = ("Prune=confirm", "Delete=confirm")

# (API group, kind). A deleted CustomResourceDefinition takes every object of its kind with it.
DATA_KINDS = frozenset(
    {
        ("kafka.strimzi.io", "Kafka"),
        ("kafka.strimzi.io", "KafkaNodePool"),
        ("kafka.strimzi.io", "KafkaTopic"),
        ("", "PersistentVolumeClaim"),
        ("objectbucket.io", "ObjectBucketClaim"),
        ("ceph.rook.io", "CephObjectStore"),
        ("ceph.rook.io", "CephCluster"),
        ("ceph.rook.io", "CephBlockPool"),
        ("ceph.rook.io", "CephFilesystem"),
        ("ocs.openshift.io", "StorageCluster"),
        ("postgresql.cnpg.io", "Cluster"),
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)


def with_confirmation(annotations: dict[str, object]) -> dict[str, object]:
    """`annotations` with the sync options that make Argo CD ask before it prunes or deletes."""
    words = [word for word in str(annotations.get(SYNC_OPTIONS, "")).split(",") if word]
    kept = [word for word in words if word.partition("=")[0] not in ("Prune", "Delete")]
    return {**annotations, SYNC_OPTIONS: ",".join((*kept, *CONFIRM))}
