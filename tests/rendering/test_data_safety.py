"""Objects that hold data go only when a person names them."""

from __future__ import annotations

import json
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from tests.fleet.small import edit, manifest, medpattern, tree

WARD = "values/values-ward.yaml"

TOPICS = {"KafkaTopic/images", "KafkaTopic/results"}
CHANGES = {
    "the application is disabled": (WARD, "path: charts/broker\n", "path: charts/broker\n      disabled: true\n",
                                    TOPICS),
    "its namespace changes": (WARD, "    broker:\n      namespace: broker\n", "    broker:\n      namespace: images\n",
                              TOPICS),
    "a topic is removed": (WARD, "        topics:\n          images: {partitions: 3}\n",
                           "        topics: {results: {partitions: 2}}\n", {"KafkaTopic/images"}),
}  # fmt: skip


def allow(names: set[str]) -> list[str]:
    return [word for name in sorted(names) for word in ("--allow-delete", name)]


@pytest.mark.parametrize("change", CHANGES)
def test_data_is_not_deleted_unless_it_is_named(change: str, rendered: Path) -> None:
    file, old, new, names = CHANGES[change]
    edit(rendered, file, old, new)
    before = tree(rendered / "rendered")

    refused = medpattern("render", root=rendered)

    assert refused.code == 2
    assert "nothing was written" in refused.err
    cure = refused.err.splitlines()[-1].partition("medpattern ")[2].split()
    assert {tuple(word.split("/")[-2:]) for word in cure if "/" in word} == {tuple(name.split("/")) for name in names}
    assert tree(rendered / "rendered") == before
    assert medpattern(*cure, root=rendered).code == 0, "the cure can be copied"
    assert medpattern("render", "--check", root=rendered).code == 0


def test_a_remote_chart_whose_kinds_hold_data_is_not_deleted_unless_it_is_named(rendered: Path) -> None:
    """Its objects are not known here, but `kinds` says that there is a CephCluster among them."""
    edit(rendered, WARD, "[apps/Deployment, ConfigMap]", "[apps/Deployment, ConfigMap, ceph.rook.io/CephCluster]")
    assert medpattern("render", root=rendered).code == 0
    edit(rendered, WARD, "    reports:\n", "    reports:\n      disabled: true\n")

    refused = medpattern("render", root=rendered)

    assert refused.code == 2
    assert (rendered / "rendered/west/argocd/application-reports.yaml").is_file()
    cure = refused.err.splitlines()[-1].partition("medpattern ")[2].split()
    assert medpattern(*cure, root=rendered).code == 0


CLAIM = """\
{{- if .Values.keep }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: images
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: {{ .Values.space | default "1Gi" }}}}
{{- end }}
"""


@pytest.mark.parametrize("how", ["the template goes", "a value switches it off"])
def test_data_of_an_ordinary_chart_is_not_deleted_unless_it_is_named(how: str, rendered: Path) -> None:
    (rendered / "charts/legend/templates/claim.yaml").write_text(CLAIM, "utf-8")
    edit(rendered, "charts/legend/values.yaml", "size: 3\n", "size: 3\nkeep: true\n")
    assert medpattern("render", root=rendered).code == 0
    if how == "the template goes":
        (rendered / "charts/legend/templates/claim.yaml").unlink()
    else:
        edit(rendered, "charts/legend/values.yaml", "keep: true", "keep: false")

    result = medpattern("render", root=rendered)

    assert result.code == 2
    assert "PersistentVolumeClaim/images" in result.err


def test_naming_one_of_two_is_not_enough(rendered: Path) -> None:
    file, old, new, _ = CHANGES["the application is disabled"]
    edit(rendered, file, old, new)

    result = medpattern("render", "--allow-delete", "KafkaTopic/images", root=rendered)

    assert result.code == 2
    assert "KafkaTopic/results" in result.err
    assert "KafkaTopic/images" not in result.err


def test_what_may_go_on_one_cluster_stays_on_the_others(rendered: Path) -> None:
    file, old, new, _ = CHANGES["a topic is removed"]
    edit(rendered, file, old, new)

    result = medpattern("render", "--allow-delete", "west/KafkaTopic/images", root=rendered)
    assert result.code == 2
    assert "east/KafkaTopic/images" in result.err
    assert "west/KafkaTopic/images" not in result.err

    assert medpattern("render", "--allow-delete", "KafkaTopic/images", root=rendered).code == 0, "the name alone is all"


@pytest.mark.parametrize("mode", ["--diff", "--dry-run", ""], ids=["--diff", "--dry-run", "render"])
def test_what_will_be_deleted_is_listed_first_and_data_before_all(mode: str, rendered: Path) -> None:
    file, old, new, _ = CHANGES["the application is disabled"]
    edit(rendered, file, old, new)

    result = medpattern("render", *([mode] if mode else []), root=rendered)

    lines = result.out.splitlines()
    assert lines[0].endswith("be deleted from the clusters:")
    block = [line.strip() for line in takewhile(lambda line: line.startswith("  "), lines[1:])]
    data = [line for line in block if line.endswith("(holds data)")]
    assert block[: len(data)] == data
    assert {line.split()[0] for line in data} == TOPICS
    assert {line.split()[0] for line in block[len(data) :]} == {
        "Application/broker", "Application/east-broker", "ConfigMap/settings",
    }  # fmt: skip


def test_json_names_what_would_be_removed(rendered: Path) -> None:
    file, old, new, _ = CHANGES["a topic is removed"]
    edit(rendered, file, old, new)

    told = json.loads(medpattern("render", "--dry-run", "--output", "json", root=rendered).out)

    assert [(item["cluster"], item["kind"], item["name"], item["holdsData"]) for item in told["removed"]] == [
        ("east", "KafkaTopic", "images", True),
        ("west", "KafkaTopic", "images", True),
    ]


def test_what_holds_no_data_goes_without_a_question(rendered: Path) -> None:
    edit(rendered, WARD, "path: charts/viewer\n", "path: charts/viewer\n      disabled: true\n")

    result = medpattern("render", root=rendered)

    assert result.code == 0
    assert "Deployment/viewer" in result.out
    assert "(holds data)" not in result.out


def test_an_object_that_moves_to_another_file_is_not_deleted(rendered: Path) -> None:
    """A renamed application makes the same namespaced objects, but in another chart."""
    edit(rendered, "charts/broker/templates/topics.yaml", "  partitions:", "  # more is faster\n  partitions:")
    (rendered / "charts/broker/templates/topics.yaml").rename(rendered / "charts/broker/templates/queues.yaml")

    result = medpattern("render", root=rendered)

    assert result.code == 0
    assert "deleted" not in result.out


def test_namespaces_that_hold_data_ask_before_they_are_pruned(rendered: Path) -> None:
    def options(cluster: str, name: str) -> str:
        found = manifest(rendered / f"rendered/{cluster}/cluster/namespace-{name}.yaml")
        return str(found["metadata"]["annotations"].get("argocd.argoproj.io/sync-options", ""))

    for cluster in ("east", "west"):
        assert options(cluster, "broker") == "Prune=confirm,Delete=confirm"
        assert options(cluster, "images") == "", "no chart keeps data there"


def test_objects_that_hold_data_ask_before_they_are_pruned(rendered: Path) -> None:
    result = medpattern("render", "--stdout", "--cluster", "west", "--app", "broker", root=rendered)

    options = {
        found["kind"]: found["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-options")
        for found in yaml.safe_load_all(result.out)
    }
    assert options == {"KafkaTopic": "Prune=confirm,Delete=confirm", "ConfigMap": None}


def test_a_namespace_with_data_that_is_no_longer_declared_is_refused(rendered: Path) -> None:
    edit(rendered, WARD, "path: charts/broker\n", "path: charts/broker\n      disabled: true\n")
    assert medpattern("render", *allow(TOPICS), root=rendered).code == 0
    edit(rendered, WARD, "    broker: {operatorGroup: false}\n", "")
    edit(rendered, "values/values-VSphere-ward.yaml", "    broker: {operatorGroup: true, targetNamespaces: [broker]}",
         "    broker: {operatorGroup: true, targetNamespaces: [broker]}")  # fmt: skip

    result = medpattern("render", root=rendered)

    assert result.code == 2
    assert "Namespace/broker" in result.err
