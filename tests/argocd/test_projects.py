"""AppProjects permit what their charts can make, in any branch, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from medpattern.checks.schemas import SchemaSet
from tests.argocd.conftest import Clusters, rendered_clusters
from tests.fleet.small import copy_small, edit

WARD = "values/values-ward.yaml"


def project(clusters: Clusters, cluster: str, name: str) -> Any:
    return clusters[cluster].manifests[f"argocd/appproject-{name}.yaml"]["spec"]


def kinds(spec: Any, scope: str) -> set[str]:
    return {f"{item['group']}/{item['kind']}" for item in spec[f"{scope}ResourceWhitelist"]}


def test_kinds_of_all_branches_are_permitted_also_those_not_made_here(small: Clusters) -> None:
    assert kinds(project(small, "west", "xray"), "namespace") == {
        "/ConfigMap", "apps/Deployment", "route.openshift.io/Route",
    }  # fmt: skip
    assert kinds(project(small, "west", "platform"), "namespace") == {
        "/ConfigMap", "/Secret", "kafka.strimzi.io/KafkaTopic",
    }  # fmt: skip
    assert kinds(project(small, "west", "xray"), "cluster") == set()


def test_kinds_without_a_namespace_are_permitted_as_such(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "[apps/Deployment, ConfigMap]",
         "[apps/Deployment, rbac.authorization.k8s.io/ClusterRole, unknown.example.org/Thing]")  # fmt: skip

    spec = project(rendered_clusters(root), "west", "xray")

    assert kinds(spec, "cluster") == {"rbac.authorization.k8s.io/ClusterRole", "unknown.example.org/Thing"}
    assert "unknown.example.org/Thing" in kinds(spec, "namespace"), "whether it has a namespace is not known"
    assert "rbac.authorization.k8s.io/ClusterRole" not in kinds(spec, "namespace")


def test_destinations_are_the_namespaces_of_its_applications(small: Clusters) -> None:
    server = "https://kubernetes.default.svc"

    assert project(small, "west", "xray")["destinations"] == [{"server": server, "namespace": "images"}]
    assert project(small, "east", "east-xray")["destinations"] == [{"name": "east", "namespace": "images"}]


def test_a_namespace_that_only_a_template_names_is_a_destination(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "        topics:\n", "        copyTo: images\n        topics:\n")

    found = project(rendered_clusters(root), "west", "platform")["destinations"]

    assert [item["namespace"] for item in found] == ["broker", "images"]


def test_extra_namespaces_of_an_application_are_destinations(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "      chart: reports\n", "      chart: reports\n      extraNamespaces: [archive]\n")
    edit(root, WARD, "  namespaces:\n", "  namespaces:\n    archive: {operatorGroup: false}\n")

    found = project(rendered_clusters(root), "west", "xray")["destinations"]

    assert [item["namespace"] for item in found] == ["archive", "images"]


def test_repositories_are_those_of_its_applications(small: Clusters) -> None:
    assert project(small, "west", "xray")["sourceRepos"] == [
        "https://charts.example.org", "https://git.example.org/small.git",
    ]  # fmt: skip
    assert project(small, "west", "platform")["sourceRepos"] == ["https://git.example.org/small.git"]


def test_roots_live_in_a_project_of_their_own(small: Clusters) -> None:
    spec = project(small, "hub", "medpattern-root")

    assert spec["sourceRepos"] == ["https://git.example.org/small.git"]
    assert kinds(spec, "cluster") == {"/Namespace"}
    assert kinds(spec, "namespace") == {
        "argoproj.io/AppProject", "argoproj.io/Application",
        "operators.coreos.com/OperatorGroup", "operators.coreos.com/Subscription",
    }  # fmt: skip
    assert "argocd/appproject-medpattern-root.yaml" not in small["east"].manifests, "a spoke's root lives in the hub"


def permits(spec: dict[str, Any], application: dict[str, Any]) -> bool:
    """What Argo CD asks of an Application's project: its repository and its destination."""
    target = application["destination"]
    reachable = any(
        fnmatch(target.get("server", target.get("name", "")), item.get("server", item.get("name", "")))
        and fnmatch(target.get("namespace", ""), item["namespace"])
        for item in spec["destinations"]
    )
    return reachable and any(fnmatch(application["source"]["repoURL"], url) for url in spec["sourceRepos"])


@pytest.mark.parametrize("fleet", ["small", "shipped"])
def test_every_application_is_permitted_by_its_project(fleet: str, request: pytest.FixtureRequest) -> None:
    clusters: Clusters = request.getfixturevalue(fleet)
    manifests = [item for cluster in clusters.values() for item in cluster.manifests.values()]
    projects = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): item["spec"]
        for item in manifests
        if item["kind"] == "AppProject"
    }

    refused = [
        item["metadata"]["name"]
        for item in manifests
        if item["kind"] == "Application"
        and not permits(projects[item["metadata"]["namespace"], item["spec"]["project"]], item["spec"])
    ]

    assert refused == []


@pytest.mark.parametrize("fleet", ["small", "shipped"])
def test_every_object_is_permitted_by_its_applications_project(fleet: str, request: pytest.FixtureRequest) -> None:
    clusters: Clusters = request.getfixturevalue(fleet)
    schemas = SchemaSet()
    for name, cluster in clusters.items():
        prefix = f"{name}-" if cluster.cluster.facts.is_pushed else ""
        for app in cluster.apps:
            spec = project(clusters, name, f"{prefix}{app.app.project}")
            for found in app.objects():
                group = found["apiVersion"].rpartition("/")[0]
                scope = "cluster" if schemas.scope(group, found["kind"]) == "Cluster" else "namespace"
                assert f"{group}/{found['kind']}" in kinds(spec, scope), (name, app.app.name)
                namespace = found["metadata"].get("namespace", app.app.namespace)
                assert namespace in {item["namespace"] for item in spec["destinations"]}, (name, app.app.name)


def test_every_cluster_object_is_permitted_by_the_project_that_applies_it(small: Clusters, shipped: Clusters) -> None:
    for clusters in (small, shipped):
        for name, cluster in clusters.items():
            pushed = cluster.cluster.facts.is_pushed
            spec = project(clusters, name, f"{name}-cluster" if pushed else "medpattern-root")
            for path, found in cluster.manifests.items():
                if path.startswith("cluster/"):
                    scope = "cluster" if found["kind"] == "Namespace" else "namespace"
                    group = found["apiVersion"].rpartition("/")[0]
                    assert f"{group}/{found['kind']}" in kinds(spec, scope)
                    if scope == "namespace":
                        namespaces = {item["namespace"] for item in spec["destinations"]}
                        assert found["metadata"]["namespace"] in namespaces


def test_two_spokes_of_one_hub_do_not_share_projects(shipped: Clusters) -> None:
    names = [
        item["metadata"]["name"]
        for name in ("hub", "hospital-1", "hospital-3")
        for item in shipped[name].manifests.values()
        if item["kind"] == "AppProject"
    ]

    assert len(names) == len(set(names))
