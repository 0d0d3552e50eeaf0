"""Folders of manifests that medpattern did not make."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.checks.schemas import SchemaSet
from medpattern.documents.file import lay_out
from medpattern.errors import UsageError
from medpattern.rendering.loose import Folder, read_folder
from medpattern.rendering.validation import validate_manifests

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {greeting: hello}\n"
ROLE = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: reader}\nrules: []\n"


def read(folder: Path, **files: str) -> Folder:
    """`folder/east` with these files, whose dots and slashes are written _dot_ and _in_."""
    names = {name.replace("_dot_", ".").replace("_in_", "/"): text.encode() for name, text in files.items()}
    lay_out(folder / "east", names)
    return read_folder(folder / "east", SchemaSet(), "kubernetes", "1.34", folder)


def names(folder: Folder) -> list[str]:
    return [str(key) for key in (manifest.key for manifest in folder.inventory.manifests)]


def test_every_document_of_every_file_is_an_object(tmp_path: Path) -> None:
    found = read(tmp_path, a_dot_yaml=f"{CONFIG}---\n{ROLE}---\n", deep_in_er_in_b_dot_yml=CONFIG, c_dot_txt="x: [")

    assert names(found) == ["ConfigMap/notes in default", "ClusterRole/reader", "ConfigMap/notes in default"]
    assert found.inventory.cluster == "east"
    assert found.findings == ()


def test_json_and_lists_are_read_too(tmp_path: Path) -> None:
    text = '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Secret",\n"metadata": ' \
        '{"name": "a", "namespace": "b"}}]}'  # fmt: skip

    found = read(tmp_path, all_dot_json=text)

    assert names(found) == ["Secret/a in b"]
    place = found.inventory.manifests[0].locate(("metadata", "name"))
    assert (place.file, place.line) == ("east/all.json", 2)


def test_the_line_of_a_value_is_known_in_later_documents_too(tmp_path: Path) -> None:
    found = read(tmp_path, all_dot_yaml=f"{ROLE}---\n{CONFIG}")

    place = found.inventory.manifests[1].locate(("data", "greeting"))
    assert (place.file, place.line) == ("east/all.yaml", 9)


def test_what_is_no_object_is_counted_and_half_an_object_is_an_error(tmp_path: Path) -> None:
    found = read(tmp_path, values_dot_yaml="replicas: 3\n", half_dot_yaml=f"{CONFIG}---\nkind: ConfigMap\n")

    assert found.others == 1
    assert [(one.code, one.place.line) for one in found.findings] == [("incomplete-object", 6)]
    assert names(found) == ["ConfigMap/notes in default"]


@pytest.mark.parametrize("name", ["Chart_dot_yaml", "kustomization_dot_yaml"])
def test_what_still_has_to_be_rendered_is_named(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, **{f"app_in_{name}": "name: app\n"})

    assert [one.code for one in found.findings] == ["not-rendered"]


def test_templates_of_a_chart_are_not_taken_for_manifests(tmp_path: Path) -> None:
    found = read(tmp_path, app_in_Chart_dot_yaml="name: app\n", app_in_templates_in_a_dot_yaml="a: {{ .Values.x }}\n")

    assert [one.code for one in found.findings] == ["not-rendered"]


def test_files_that_are_no_yaml_are_findings_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "east").mkdir()
    (tmp_path / "east/latin.yaml").write_bytes(b"a: \xff\n")

    found = read(tmp_path, broken_dot_yaml="a: [\n", sound_dot_yaml=CONFIG)

    assert [(one.code, one.place.file) for one in found.findings] == [
        ("yaml-syntax", "east/broken.yaml"), ("not-utf8", "east/latin.yaml"),
    ]  # fmt: skip
    assert len(found.inventory.manifests) == 1


def test_hidden_folders_and_files_are_left_out(tmp_path: Path) -> None:
    assert names(read(tmp_path, _dot_git_in_a_dot_yaml=CONFIG, _dot_b_dot_yaml=CONFIG)) == []


ODD = """\
apiVersion: v1
kind: Pod
metadata: {name: 3, labels: [a], annotations: x, namespace: {}}
spec: {containers: {a: 1}, volumes: [1, null], initContainers: x}
---
apiVersion: apps/v1
kind: Deployment
metadata: []
spec: [x]
---
apiVersion: v1
kind: Service
metadata: {}
spec: null
---
apiVersion: v1
kind: Secret
metadata: {name: null}
data: [x]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a}
spec: {podSelector: x, ingress: {}, egress: [null, {to: [x], ports: {}}]}
---
apiVersion: sources.knative.dev/v1
kind: KafkaSource
metadata: {name: a}
spec: {topics: x, bootstrapServers: [1, {}], sink: [], delivery: 3}
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata: {name: a}
spec: {kafka: {listeners: {a: b}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: a}
spec: {source: x, sources: {}, destination: [], project: {}, syncPolicy: x}
"""


def test_objects_of_any_shape_are_told_of_and_break_nothing(tmp_path: Path) -> None:
    lay_out(tmp_path / "east", {"odd.yaml": ODD.encode()})

    found = validate_manifests([tmp_path / "east"], SchemaSet(), "kubernetes", "1.34", tmp_path)

    assert found.objects == 8
    kinds = {one.message.partition("/")[0] for one in found.findings if one.code == "invalid-object"}
    assert kinds >= {"Pod", "Deployment", "Service", "Secret", "NetworkPolicy", "KafkaSource", "Kafka", "Application"}


def test_several_folders_are_several_clusters(tmp_path: Path) -> None:
    broken = CONFIG.replace("data:", "dta:").replace("metadta", "metadata")
    for name in ("east", "west"):
        lay_out(tmp_path / name, {"a.yaml": broken.encode()})

    found = validate_manifests([tmp_path / "east", tmp_path / "west"], SchemaSet(), "kubernetes", "", tmp_path)

    assert found.clusters == ("east", "west")
    assert {one.clusters for one in found.findings if one.code == "invalid-object"} == {("east",), ("west",)}


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a/east", "b/east"):
        (tmp_path / name).mkdir(parents=True)

    with pytest.raises(UsageError, match="rename one"):
        validate_manifests([tmp_path / "a/east", tmp_path / "b/east"], SchemaSet(), "kubernetes", "", tmp_path)
