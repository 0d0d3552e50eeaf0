"""Every object that the shipped fleet renders is one that its cluster accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from medpattern.checks.schemas import SchemaSet
from medpattern.documents.reader import parse_stream
from tests.argocd.conftest import Clusters

CLUSTERS = ["hospital-1", "hospital-2", "hospital-3", "hub"]


@pytest.fixture(scope="module")
def schemas() -> SchemaSet:
    return SchemaSet()


def objects(shipped: Clusters, cluster: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that Argo CD would apply for a cluster, by where it comes from."""
    yield from shipped[cluster].manifests.items()
    for app in shipped[cluster].apps:
        for found in app.objects():
            yield f"charts/{app.app.name}", found


def test_the_table_names_every_cluster(shipped: Clusters) -> None:
    assert sorted(shipped) == CLUSTERS


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_object_is_valid_under_the_strict_schemas(cluster: str, shipped: Clusters, schemas: SchemaSet) -> None:
    facts = shipped[cluster].cluster.facts

    violations = [
        f"{origin}: {found['kind']}/{found['metadata']['name']}: {violation}"
        for origin, found in objects(shipped, cluster)
        for violation in schemas.violations(found, facts.kubernetes_version, facts.distribution)
    ]

    assert violations == []


def test_the_shipped_schemas_cover_every_kind(shipped: Clusters, schemas: SchemaSet) -> None:
    kinds = {(found["apiVersion"], found["kind"]) for cluster in CLUSTERS for _, found in objects(shipped, cluster)}

    assert [kind for kind in sorted(kinds) if not schemas.covers(*kind)] == []
    assert len(kinds) > 20, "the fleet shows what the product can do"


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_is_written_reads_back_as_what_was_checked(cluster: str, shipped: Clusters) -> None:
    for path, found in shipped[cluster].manifests.items():
        assert parse_stream(path, shipped[cluster].files[path].content.decode())[-1].data == found


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_names_of_objects_are_unique_on_a_cluster(cluster: str, shipped: Clusters) -> None:
    seen = [
        (found["apiVersion"].rpartition("/")[0], found["kind"], found["metadata"]["name"],
         found["metadata"].get("namespace", origin))
        for origin, found in objects(shipped, cluster)
    ]  # fmt: skip

    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("cluster", ["hospital-1", "hospital-2", "hospital-3"])
def test_namespaces_with_kafka_or_buckets_ask_before_they_are_pruned(cluster: str, shipped: Clusters) -> None:
    for found in shipped[cluster].manifests.values():
        if found["kind"] == "Namespace" and found["metadata"]["name"] in ("kafka", "rook-ceph", "openshift-storage"):
            options = found["metadata"]["annotations"].get("argocd.argoproj.io/sync-options")
            assert options == "Prune=confirm,Delete=confirm", found["metadata"]["name"]
