"""`--from-cluster` against a real API server: its definitions, its refusals, and the shipped fleet judged by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.small import Result, medpattern
from tests.live import fleet
from tests.live.conftest import StartCluster
from tests.live.servers.cluster import Cluster
from tests.live.servers.definitions import definition_files
from tests.live.servers.template import DEFINITIONS, install
from tests.real.servers.processes import until

FILM = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "films.example.org"},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"plural": "films", "singular": "film", "kind": "Film"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "properties": {"views": {"type": "integer"}}}},
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def film(kubernetes: Cluster, tmp_path: Path) -> Iterator[None]:
    """A kind that nobody ships."""
    file = tmp_path / "film.yaml"
    file.write_text(json.dumps(FILM))
    install(kubernetes.api, [file])
    yield
    kubernetes.api.ask("DELETE", f"{DEFINITIONS}/films.example.org")
    until(lambda: kubernetes.api.ask("GET", f"{DEFINITIONS}/films.example.org").status == 404, "the kind to be gone")


def asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, *words: str | Path, user: str = "admin") -> Result:
    """The command line with the kubeconfig of a login."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(user)))
    return medpattern(*words)


def schemas_in(folder: Path) -> dict[str, Any]:
    return {path.relative_to(folder).as_posix(): json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


@pytest.mark.parametrize("distribution", fleet.DISTRIBUTIONS)
def test_import_makes_of_a_cluster_what_it_makes_of_the_files(
    start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, distribution: str
) -> None:
    files = definition_files(distribution, fleet.groups(fleet.on(distribution)))
    assert medpattern("schemas", "import", *files, "--out", tmp_path / "files").code == 0

    cluster = start_cluster(distribution)
    result = asked(cluster, monkeypatch, "schemas", "import", "--from-cluster", "--out", tmp_path / "cluster")

    assert result.code == 0, result.err
    assert schemas_in(tmp_path / "cluster") == schemas_in(tmp_path / "files")


def test_the_kinds_of_the_cluster_are_listed_before_the_shipped_ones(
    kubernetes: Cluster, monkeypatch: pytest.MonkeyPatch, film: None
) -> None:
    words = ("schemas", "list", "--from-cluster", "--context", "tests", "--output", "json")
    result = asked(kubernetes, monkeypatch, *words)
    source = {
        (row["group"], version, row["kind"]): row["source"]
        for row in json.loads(result.out)
        for version in row["versions"]
    }

    assert source["example.org", "v1", "Film"] == source["kafka.strimzi.io", "v1", "KafkaTopic"] == "cluster tests"
    assert source["apps", "v1", "Deployment"] == "medpattern"


def test_an_object_is_held_against_the_definition_of_the_cluster(
    kubernetes: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, film: None
) -> None:
    wrong = {"apiVersion": "example.org/v1", "kind": "Film", "metadata": {"name": "a"}, "spec": {"view": 1}}
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "film.yaml").write_text(json.dumps(wrong))
    words = ("validate", "--manifests", tmp_path / "ward", "--output", "json")

    codes = {"without": medpattern(*words), "with": asked(kubernetes, monkeypatch, *words, "--from-cluster")}
    found = {name: [one["code"] for one in json.loads(result.out)["findings"]] for name, result in codes.items()}

    assert "no-schema" in found["without"]
    assert "invalid-object" not in found["without"]
    assert "invalid-object" in found["with"]
    assert "no-schema" not in found["with"]


@pytest.mark.parametrize("distribution", fleet.DISTRIBUTIONS)
def test_the_shipped_fleet_is_valid_on_its_clusters(
    start_cluster: StartCluster, monkeypatch: pytest.MonkeyPatch, distribution: str
) -> None:
    words: list[str | Path] = ["validate", "--from-cluster", "--root", fleet.CHECKOUT, "--output", "json"]
    for known in fleet.on(distribution):
        words += ["--cluster", known.cluster]

    result = asked(start_cluster(distribution), monkeypatch, *words)

    assert result.code == 0, result.out + result.err
    told = json.loads(result.out)
    assert {"invalid-object", "no-schema"}.isdisjoint(one["code"] for one in told["findings"])


def test_a_login_without_the_right_to_list_is_told_which_it_is(
    kubernetes: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = asked(kubernetes, monkeypatch, "schemas", "list", "--from-cluster", user="nobody")

    assert result.code == 3
    assert "403" in result.err
    assert "the login needs 'list' on customresourcedefinitions" in result.err
