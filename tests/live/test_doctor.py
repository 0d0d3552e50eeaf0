"""`medpattern doctor` against a real API server that holds each complaint once sick and once well."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.connection import Connection
from medpattern.cluster.doctor.reading import snapshot
from medpattern.cluster.doctor.streaming import SECRET
from tests.cluster.doctor.complaints import CASES, Object, application, pod, row, thing
from tests.fleet.small import Result, copy_small, medpattern, render
from tests.live.conftest import StartCluster
from tests.live.played import contexts
from tests.live.servers.api import Api
from tests.live.servers.cluster import Cluster

LIVE = {code: case for code, case in CASES.items() if case.live}
NOW_DELETED = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
PLANTED = "planted-in-a-live-secret"


class Ward:
    """A server with objects in it, which are gone at the end."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.api = cluster.api
        self._made: list[str] = []

    def put(self, *things: Object) -> None:
        """Make objects, and write their status as their operators would."""
        for one in things:
            metadata = one["metadata"]
            if namespace := metadata.get("namespace", ""):
                self.room(namespace)
            place = self.api.resource(one["apiVersion"], one["kind"]).of(namespace)
            made = self.api.ask("POST", place, one)
            if made.status == 409:  # the server makes some itself, as a namespace its first ConfigMap
                continue
            self.api.must(made)
            self._made.append(f"{place}/{metadata['name']}")
            if one.get("status"):
                self._write_status(self._made[-1], one)

    def room(self, namespace: str) -> None:
        """A namespace in which pods may be made."""
        self.api.make_namespaces([namespace])
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        self.api.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)

    def _write_status(self, path: str, one: Object) -> None:
        patch = {"status": one["status"]}
        answer = self.api.ask("PATCH", f"{path}/status", patch, content_type="application/merge-patch+json")
        if answer.status != 404:  # a kind without a status of its own took it when it was made
            self.api.must(answer)

    def clear(self) -> None:
        """Take away what was made."""
        for path in reversed(self._made):
            self.api.ask("DELETE", path, NOW_DELETED)

    def doctor(self, *words: str | Path, user: str = "admin") -> Result:
        """The command as a user types it."""
        return medpattern("doctor", "--kubeconfig", self.cluster.kubeconfig(user), *words)


@pytest.fixture(scope="module")
def ward(start_cluster: StartCluster) -> Iterator[Ward]:
    """Every case sick in a namespace, and well in another; one Application calls them all ours."""
    made = Ward(start_cluster("openshift"))
    try:
        spaces = []
        for code, case in LIVE.items():
            for state, make in (("sick", case.sick), ("well", case.well)):
                made.put(*make(f"{state}-{code}"))
                spaces.append({"kind": "Namespace", "version": "v1", "name": f"{state}-{code}", "status": "Synced"})
        made.put(application("argocd", "all", resources=spaces))
        yield made
    finally:
        made.clear()


@pytest.fixture(scope="module")
def told(ward: Ward) -> list[dict[str, str]]:
    """What the doctor finds there."""
    result = ward.doctor("--output", "json")
    assert result.code == 1, result.err
    return list(json.loads(result.out)["findings"])


@pytest.mark.parametrize("code", LIVE)
def test_what_is_wrong_is_found_and_what_is_well_is_not(told: list[dict[str, str]], code: str) -> None:
    mine = [one for one in told if one["code"] == code]
    sick = [one for one in mine if "sick-" in one["namespace"] + one["name"]]

    assert [one["name"] for one in sick if one["namespace"] in ("", f"sick-{code}")] == [LIVE[code].name]
    assert LIVE[code].says in next(one["cause"] for one in sick if one["name"] == LIVE[code].name)
    assert [one for one in told if f"well-{code}" in (one["namespace"], one["name"])] == []


def test_in_text_each_finding_is_a_line_and_what_was_not_looked_at_is_said(ward: Ward) -> None:
    result = ward.doctor()

    assert result.code == 1
    assert "Kafka/kafka in sick-kafka-without-nodes: [kafka-without-nodes] no KafkaNodePool belongs to it" in result.out
    assert "ManagedCluster.cluster.open-cluster-management.io" in result.err
    assert "findings by" in result.err


def test_each_kind_is_listed_once(ward: Ward) -> None:
    connection = Connection.open(ward.cluster.kubeconfig())

    seen = snapshot(connection)

    # version, two of discovery, and the settings of monitoring, which are read by name
    assert connection.requests <= len(seen.objects) + 4
    assert not seen.refused


def test_of_secrets_nothing_but_metadata_is_ever_received(ward: Ward) -> None:
    seen = snapshot(Connection.open(ward.cluster.kubeconfig()))

    secrets = list(seen.of(SECRET))
    assert {one["metadata"]["namespace"] for one in secrets} >= {"well-source-login-missing", "well-pod-secret-missing"}
    assert {key for one in secrets for key in one} == {"apiVersion", "kind", "metadata"}


def test_the_archive_of_a_live_cluster_is_private_and_holds_no_secret(ward: Ward, tmp_path: Path) -> None:
    space = "sick-image-not-pulled"  # one that is ours
    applied = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": {"pw": PLANTED}})}
    crashed = pod(space, {"reason": "CrashLoopBackOff"}, last={"reason": "Error", "exitCode": 1, "message": PLANTED})
    crashed["metadata"]["name"] = "planted"
    crashed["spec"]["containers"][0]["env"] = [{"name": "PASSWORD", "value": PLANTED}]
    about = {"kind": "Pod", "namespace": space, "name": "planted"}
    event = thing("v1/Event", "planted", space, reason="Unhealthy", message=f"failed: {PLANTED}", involvedObject=about)
    secret = thing("v1/Secret", "planted", space, stringData={"pw": PLANTED}, annotations=applied)
    monitoring = thing(
        "v1/ConfigMap", "cluster-monitoring-config", "openshift-monitoring", data={"config.yaml": PLANTED}
    )
    ward.put(secret, crashed, event, monitoring)
    path = tmp_path / "doctor.tar.gz"

    result = ward.doctor("--bundle", path)

    assert result.code == 1, result.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = gzip.decompress(path.read_bytes()).decode("latin-1")
    assert PLANTED not in text
    for kept in ("name: planted", "CrashLoopBackOff", "reason: Unhealthy", "objects/core/Secret.yaml", "v1.36.1"):
        assert kept in text


# ---- logins ----------------------------------------------------------------------------------------------------


def allow(api: Api, *rules: Object) -> None:
    """Gives the user "operator" rights in all namespaces."""
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "doctors"}, "rules": list(rules)}
    bound = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "doctors"},
             "subjects": [{"kind": "Group", "apiGroup": rbac, "name": "operators"}],
             "roleRef": {"kind": "ClusterRole", "apiGroup": rbac, "name": "doctors"}}  # fmt: skip
    api.must(api.ask("POST", f"/apis/{rbac}/v1/clusterroles", role))
    api.must(api.ask("POST", f"/apis/{rbac}/v1/clusterrolebindings", bound))


def test_a_login_that_may_list_little_hears_what_was_not_looked_at(ward: Ward) -> None:
    allow(ward.api, {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]})
    try:
        result = ward.doctor("--output", "json", user="operator")
    finally:
        for kind in ("clusterroles", "clusterrolebindings"):
            ward.api.ask("DELETE", f"/apis/rbac.authorization.k8s.io/v1/{kind}/doctors")

    assert result.code == 1, result.err
    data = json.loads(result.out)
    assert {"image-not-pulled", "container-crashes"} <= {one["code"] for one in data["findings"]}
    assert not {"kafka-not-ready", "source-login-missing"} & {one["code"] for one in data["findings"]}
    assert "secrets is forbidden" in data["notLookedAt"]["refused"]["Secret"]
    assert "kafka-not-ready" in data["notLookedAt"]["checks"]
    assert "the login may not list" in result.err


def test_a_login_that_may_list_nothing_is_an_error(ward: Ward) -> None:
    result = ward.doctor(user="nobody")

    assert result.code == 3
    assert "may list nothing" in result.err


def test_a_server_that_does_not_answer_is_an_error(ward: Ward, tmp_path: Path) -> None:
    away = contexts(ward.cluster, tmp_path, "tests", away="https://127.0.0.1:1")

    result = medpattern("doctor", "--kubeconfig", away, "--context", "away")

    assert result.code == 3
    assert "does not answer" in result.err


# ---- clusters of a repository ----------------------------------------------------------------------------------


@pytest.fixture
def repository(ward: Ward, tmp_path: Path) -> tuple[Path, Path]:
    """The small fleet and a kubeconfig with a context for each of its Argo CDs, all on one server."""
    root = copy_small(tmp_path)
    render(root)
    return root, contexts(ward.cluster, tmp_path, "hub", "east", "west")


def failing(namespace: str, name: str, cluster: str) -> Object:
    one = application(namespace, name, conditions=[row("ComparisonError", "", "", f"of {cluster}")])
    one["metadata"]["labels"] = {"medpattern.io/cluster": cluster}
    return one


def test_the_applications_of_a_spoke_are_read_on_its_hub(ward: Ward, repository: tuple[Path, Path]) -> None:
    root, kubeconfig = repository
    ward.put(failing("openshift-gitops", "east-broker", "east"), failing("openshift-gitops", "network", "hub"))

    result = medpattern("doctor", "--cluster", "east", "--kubeconfig", kubeconfig, "--output", "json", root=root)

    assert result.code == 1, result.err
    data: dict[str, Any] = json.loads(result.out)
    errors = [one["name"] for one in data["findings"] if one["code"] == "application-error"]
    assert data["cluster"] == "east"
    assert errors == ["east-broker"]


def test_a_cluster_that_nobody_knows_is_wrong_use(repository: tuple[Path, Path]) -> None:
    root, kubeconfig = repository

    result = medpattern("doctor", "--cluster", "nowhere", "--kubeconfig", kubeconfig, root=root)

    assert result.code == 2
    assert "nowhere" in result.err


def test_a_status_that_says_nothing_yet_is_no_finding(ward: Ward) -> None:
    spec = {"secretStoreRef": {"name": "vault"}, "target": {"name": "x"}, "data": []}
    ward.put(thing("external-secrets.io/v1/ExternalSecret", "fresh", "well-secret-not-written", spec=spec))

    assert "fresh" not in ward.doctor().out
