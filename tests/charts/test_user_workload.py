"""The job that switches OpenShift's monitoring of user workloads on: what others wrote stays."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.charts.test_shipped_charts import objects, only

SCRIPT = Path(__file__).parents[2] / "charts/monitoring/files/enable_user_workload.py"
PLATFORM = ("openshift-monitoring", "cluster-monitoring-config")
USER = ("openshift-user-workload-monitoring", "user-workload-monitoring-config")
WANTED = {PLATFORM: {"enableUserWorkload": True}, USER: {"prometheus": {"retention": "16d"}}}


class Cluster:
    """ConfigMaps of an API server; `conflicts` is how many writes somebody else overtakes."""

    def __init__(self) -> None:
        self.maps: dict[tuple[str, str], dict[str, str]] = {}
        self.version = 1
        self.conflicts = 0
        self.writes: list[tuple[str, str]] = []

    def settings(self, name: tuple[str, str]) -> Any:
        return yaml.safe_load(self.maps[name]["config.yaml"])

    def get(self, name: tuple[str, str]) -> tuple[int, Any]:
        if name not in self.maps:
            return 404, {}
        return 200, {"metadata": {"resourceVersion": str(self.version)}, "data": self.maps[name]}

    def patch(self, name: tuple[str, str], kind: str, body: Any) -> tuple[int, Any]:
        if kind == "application/apply-patch+yaml":
            assert name not in self.maps, "apply would take over what others own"
        else:
            assert kind == "application/merge-patch+json"
            if self.conflicts or body["metadata"]["resourceVersion"] != str(self.version):
                self.conflicts -= 1
                self.version += 1
                return 409, {}
        self.maps[name] = self.maps.get(name, {}) | body["data"]
        self.version += 1
        self.writes.append(name)
        return 200, {}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def url(cluster: Cluster) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, body: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def _name(self) -> tuple[str, str]:
            assert self.headers["Authorization"] == "Bearer token"
            parts = self.path.partition("?")[0].split("/")
            return parts[4], parts[6]

        def do_GET(self) -> None:
            self._answer(*cluster.get(self._name()))

        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(*cluster.patch(self._name(), self.headers["Content-Type"], body))

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def load() -> ModuleType:
    """The script as the job runs it."""
    spec = importlib.util.spec_from_file_location("enable_user_workload", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def script() -> ModuleType:
    return load()


def run(script: ModuleType, url: str) -> None:
    script.settle_all(script.Api(url, "token", None), "16d")


def test_what_is_not_there_is_made(cluster: Cluster, url: str, script: ModuleType) -> None:
    run(script, url)
    assert {name: cluster.settings(name) for name in cluster.maps} == WANTED


def test_settings_and_keys_of_others_stay(cluster: Cluster, url: str, script: ModuleType) -> None:
    cluster.maps[PLATFORM] = {
        "config.yaml": "prometheusK8s:\n  retention: 30d\nenableUserWorkload: false\n",
        "other": "x",
    }
    cluster.maps[USER] = {"config.yaml": "prometheus: {replicas: 1, retention: 1d}\n"}
    run(script, url)
    assert cluster.settings(PLATFORM) == {"prometheusK8s": {"retention": "30d"}, "enableUserWorkload": True}
    assert cluster.maps[PLATFORM]["other"] == "x"
    assert cluster.settings(USER) == {"prometheus": {"replicas": 1, "retention": "16d"}}


def test_a_second_run_writes_nothing(cluster: Cluster, url: str, script: ModuleType) -> None:
    run(script, url)
    cluster.writes.clear()
    run(script, url)
    assert cluster.writes == []


def test_a_write_that_was_overtaken_is_tried_again(cluster: Cluster, url: str, script: ModuleType) -> None:
    cluster.maps[PLATFORM] = {"config.yaml": "a: 1"}
    cluster.conflicts = 2
    run(script, url)
    assert cluster.settings(PLATFORM) == {"a": 1, "enableUserWorkload": True}


@pytest.mark.parametrize("data", [{}, {"config.yaml": ""}], ids=["no-key", "empty"])
def test_an_empty_configuration_is_filled(cluster: Cluster, url: str, script: ModuleType, data: dict[str, str]) -> None:
    cluster.maps[PLATFORM] = data
    run(script, url)
    assert cluster.settings(PLATFORM) == WANTED[PLATFORM]


def test_a_configuration_that_is_no_map_is_left_to_people(cluster: Cluster, url: str, script: ModuleType) -> None:
    cluster.maps[PLATFORM] = {"config.yaml": "- a list"}
    with pytest.raises(SystemExit, match="repair it by hand"):
        run(script, url)
    assert cluster.writes == []


def test_the_job_may_touch_the_two_config_maps_that_it_touches_and_nothing_else() -> None:
    found = objects("monitoring", distribution="openshift")
    granted = {
        (role["metadata"]["namespace"], *rule["resourceNames"]): set(rule["verbs"])
        for role in found
        if role["kind"] == "Role"
        for rule in role["rules"]
    }
    assert granted == {PLATFORM: {"get", "patch", "create"}, USER: {"get", "patch", "create"}}
    assert not [item for item in found if item["kind"].startswith("ClusterRole")]
    assert only(found, "Job", "enable-user-workload")


def test_kubernetes_has_no_such_job() -> None:
    assert not [item for item in objects("monitoring") if item["kind"] in ("Job", "Role", "RoleBinding")]
