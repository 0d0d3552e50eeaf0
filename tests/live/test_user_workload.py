"""The job that switches OpenShift's monitoring on, with the rights that its chart gives it, on a real API server."""

from __future__ import annotations

import ssl
import urllib.error
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.charts.test_shipped_charts import objects
from tests.charts.test_user_workload import PLATFORM, USER, WANTED, load
from tests.live.servers.api import STRICT, Api
from tests.live.servers.cluster import Cluster

NAMESPACE = "xray-monitoring"


@pytest.fixture(scope="module")
def _cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    # It needs none of the custom kinds, and is up much sooner without.
    found = Cluster(tmp_path_factory.mktemp("cluster") / "plain")
    try:
        found.start()
        yield found
    finally:
        found.discard()


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """An API server with the job's account and its roles, and without the two ConfigMaps."""
    found = _cluster
    found.api.make_namespaces([NAMESPACE, PLATFORM[0], USER[0]])
    for item in objects("monitoring", distribution="openshift"):
        if item["kind"] not in ("ServiceAccount", "Role", "RoleBinding"):
            continue
        for subject in item.get("subjects", ()):
            subject["namespace"] = NAMESPACE
        namespace = item["metadata"].get("namespace", NAMESPACE)
        found.api.must(found.api.apply(found.api.resource(item["apiVersion"], item["kind"]), namespace, item, STRICT))
    for namespace, name in (PLATFORM, USER):
        found.api.ask("DELETE", config_map(namespace, name))
    return found


def config_map(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def settings(api: Api, name: tuple[str, str]) -> Any:
    return yaml.safe_load(api.must(api.ask("GET", config_map(*name)))["data"]["config.yaml"])


def as_the_job(cluster: Cluster) -> Any:
    """The script's own client, with a token of the account."""
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": None}}
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/enable-user-workload/token"
    token = cluster.api.must(cluster.api.ask("POST", path, wanted))["status"]["token"]
    return load().Api(cluster.url, token, ssl.create_default_context(cafile=str(cluster.authority)))


def test_it_makes_both_config_maps_and_then_changes_nothing(cluster: Cluster) -> None:
    load().settle_all(as_the_job(cluster), "16d")
    assert {name: settings(cluster.api, name) for name in (PLATFORM, USER)} == WANTED
    before = [cluster.api.must(cluster.api.ask("GET", config_map(*name))) for name in (PLATFORM, USER)]

    load().settle_all(as_the_job(cluster), "16d")
    assert [cluster.api.must(cluster.api.ask("GET", config_map(*name))) for name in (PLATFORM, USER)] == before


def test_it_leaves_what_others_wrote(cluster: Cluster) -> None:
    others = {"metadata": {"name": PLATFORM[1]}, "data": {"config.yaml": "prometheusK8s: {retention: 30d}", "x": "y"}}
    cluster.api.must(cluster.api.ask("POST", f"/api/v1/namespaces/{PLATFORM[0]}/configmaps", others))

    load().settle_all(as_the_job(cluster), "16d")
    assert settings(cluster.api, PLATFORM) == {"prometheusK8s": {"retention": "30d"}, "enableUserWorkload": True}
    assert cluster.api.must(cluster.api.ask("GET", config_map(*PLATFORM)))["data"]["x"] == "y"


@pytest.mark.parametrize("name", [(PLATFORM[0], "another"), ("kube-system", PLATFORM[1])], ids=["name", "namespace"])
def test_it_may_write_no_other_config_map(cluster: Cluster, name: tuple[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        load().settle(as_the_job(cluster), *name, {"a": 1})
    assert refused.value.code == 403
