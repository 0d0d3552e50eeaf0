"""`medpattern cluster inspect` against a real API server, bare and with what OpenShift says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.fleet.fleet import load_fleet
from tests.fleet.small import Result, copy_small, medpattern
from tests.live.played import contexts
from tests.live.servers.cluster import Cluster
from tests.live.servers.template import DEFINITIONS, install
from tests.real.servers.processes import until

GROUP = "config.openshift.io"
# The fields that OpenShift 4.20 has in them, as its API reference describes them.
SINGLETONS = {
    "infrastructures": {
        "kind": "Infrastructure",
        "metadata": {"name": "cluster"},
        "status": {
            "apiServerURL": "https://api.north.example.org:6443",
            "infrastructureName": "north-7xk2p",
            "platform": "VSphere",
            "platformStatus": {"type": "VSphere"},
        },
    },
    "clusterversions": {
        "kind": "ClusterVersion",
        "metadata": {"name": "version"},
        "spec": {"clusterID": "0f5a-b", "channel": "stable-4.20"},
        "status": {"desired": {"version": "4.20.3"}},
    },
    "ingresses": {"kind": "Ingress", "metadata": {"name": "cluster"}, "spec": {"domain": "apps.north.example.org"}},
    "dnses": {"kind": "DNS", "metadata": {"name": "cluster"}, "spec": {"baseDomain": "north.example.org"}},
}


def definition(plural: str, kind: str) -> dict[str, Any]:
    """A kind that takes anything; the real definitions have no other path and scope."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{GROUP}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, testing-only"},
        },
        "spec": {"group": GROUP, "scope": "Cluster", "names": names, "versions": [version]},
    }


@pytest.fixture
def openshift(kubernetes: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """The API server with OpenShift's own settings in it."""
    files = []
    for plural, thing in SINGLETONS.items():
        files.append(tmp_path / f"{plural}.yaml")
        files[-1].write_text(json.dumps(definition(plural, str(thing["kind"]))))
    install(kubernetes.api, files)
    for plural, thing in SINGLETONS.items():
        made = {"apiVersion": f"{GROUP}/v1", **thing}
        kubernetes.api.must(kubernetes.api.ask("POST", f"/apis/{GROUP}/v1/{plural}", made))
    yield kubernetes
    for plural in SINGLETONS:
        kubernetes.api.ask("DELETE", f"{DEFINITIONS}/{plural}.{GROUP}")
    until(lambda: kubernetes.api.ask("GET", f"/apis/{GROUP}/v1").status == 404, "the kinds to be gone")


def inspect(cluster: Cluster, folder: Path, *words: str) -> Result:
    """The command as a user types it; the context is called North_1."""
    kubeconfig = contexts(cluster, folder, "North_1")
    return medpattern("cluster", "inspect", "--kubeconfig", kubeconfig, "--context", "North_1", *words)


def kube_system(cluster: Cluster) -> str:
    """What names the cluster for good."""
    return str(cluster.api.must(cluster.api.ask("GET", "/api/v1/namespaces/kube-system"))["metadata"]["uid"])


def test_openshift_tells_all_that_the_file_needs(openshift: Cluster, tmp_path: Path) -> None:
    result = inspect(openshift, tmp_path, "--group", "ward")

    assert result.code == 0, result.err
    assert yaml.safe_load(result.out) == {
        "group": "ward",
        "distribution": "openshift",
        "platform": "VSphere",
        "version": "4.20",
        "kubernetesVersion": "1.36",  # of this server; OpenShift 4.20 has 1.33
        "domain": "north.example.org",
        "server": "https://api.north.example.org:6443",
        "clusterId": kube_system(openshift),
    }
    assert "clusters/north.yaml" in result.err
    assert "OpenShift's own clusterID is 0f5a-b" in result.out


def test_the_file_is_one_that_the_fleet_reads(openshift: Cluster, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    made = inspect(openshift, tmp_path, "--group", "ward").out
    (root / "values" / "clusters" / "north.yaml").write_text(made)

    fleet = load_fleet(root)

    assert [one for one in fleet.findings if "north" in str(one.place)] == []
    assert fleet.facts["north"].apps_domain == "apps.north.example.org"


def test_of_kubernetes_what_can_be_known_is_told_and_the_rest_stands_as_comments(
    kubernetes: Cluster, tmp_path: Path
) -> None:
    result = inspect(kubernetes, tmp_path)

    assert result.code == 0, result.err
    facts = yaml.safe_load(result.out)
    assert facts == {"distribution": "kubernetes", "version": "1.36", "clusterId": kube_system(kubernetes)}
    comments = [line for line in result.out.splitlines() if line.startswith("# ")]
    for key in ("group", "platform", "domain", "server"):  # 127.0.0.1 is no address for others
        assert any(line.startswith(f"# {key}:") for line in comments)
    assert "clusters/north-1.yaml" in result.err


def test_a_node_tells_the_platform_and_argo_cd_its_namespace(kubernetes: Cluster, tmp_path: Path) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"}, "spec": {"providerID": "aws:///eu-1a/i-0"}}
    labels = {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/name": "argocd-cm"}
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "labels": labels}}
    api = kubernetes.api
    api.make_namespaces(["delivery"])
    api.must(api.ask("POST", "/api/v1/nodes", node))
    api.must(api.ask("POST", "/api/v1/namespaces/delivery/configmaps", settings))
    try:
        facts = yaml.safe_load(inspect(kubernetes, tmp_path).out)
    finally:
        api.ask("DELETE", "/api/v1/nodes/one")
        api.ask("DELETE", "/api/v1/namespaces/delivery/configmaps/argocd-cm")

    assert facts["platform"] == "AWS"
    assert facts["argocd"] == {"namespace": "delivery"}


def test_what_the_login_may_not_read_is_said(kubernetes: Cluster, tmp_path: Path) -> None:
    result = medpattern("cluster", "inspect", "--kubeconfig", kubernetes.kubeconfig("nobody"))

    assert result.code == 0, result.err
    assert "clusterId" not in yaml.safe_load(result.out)
    assert "The login may not read: ConfigMap, Namespace, Node, StorageClass" in result.out


def test_json_has_name_facts_and_remarks(kubernetes: Cluster, tmp_path: Path) -> None:
    told = json.loads(inspect(kubernetes, tmp_path, "--name", "south", "--output", "json").out)

    assert told["name"] == "south"
    assert told["facts"]["version"] == "1.36"
    assert "Kubernetes v1.36.1" in told["remarks"]


def test_a_name_that_cannot_be_one_is_refused_before_anything_is_asked(kubernetes: Cluster, tmp_path: Path) -> None:
    result = inspect(kubernetes, tmp_path, "--name", "South_1")

    assert result.code == 2
    assert "'South_1' is no DNS label" in result.err
