"""Where schemas come from: folders of definitions and JSON Schemas, a cluster's definitions, an installed package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.checks.crds import convert
from medpattern.checks.folders import SchemaFolder
from medpattern.checks.installed import InstalledKubernetes
from medpattern.checks.schemas import SchemaSet
from medpattern.checks.sources import Definitions, KindRow
from medpattern.errors import InputError, UsageError
from tests.checks.definitions import crd, film

LENGTH = {"type": "object", "properties": {"minutes": {"type": "integer"}}}
WIDTH = {"type": "object", "properties": {"millimetres": {"type": "integer"}}}
TOPIC = {
    "apiVersion": "kafka.strimzi.io/v1",
    "kind": "KafkaTopic",
    "metadata": {"name": "a"},
    "spec": {"partitions": 1},
}
# as public catalogs of schemas hold them: the kind by the file's name alone, metadata open, words of format
CATALOG = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"length": {"type": "string", "format": "duration"}},
        },
    },
}


def messages(schemas: SchemaSet, thing: dict[str, Any]) -> list[str]:
    return [one.message for one in schemas.violations(thing, "1.34")]


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump_all(content) if isinstance(content, list) else json.dumps(content)
    path.write_text(text, "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a test to fill."""
    return tmp_path


def test_a_folder_of_definitions_adds_their_kinds(folder: Path) -> None:
    write(folder / "all.yaml", [{"kind": "ConfigMap"}, None, crd(LENGTH)])
    schemas = SchemaSet([SchemaFolder(folder)])
    assert schemas.covers("example.org/v1", "Film")
    assert not schemas.covers("example.org/v2", "Film")
    assert schemas.scope("example.org", "Film") == "Namespaced"
    assert messages(schemas, film({"minutes": 90})) == []
    assert messages(schemas, film({"minuts": 90})) == ["unknown key 'minuts'"]


@pytest.mark.parametrize("kind", ["List", "CustomResourceDefinitionList"])
def test_lists_of_definitions_are_taken_apart(folder: Path, kind: str) -> None:
    item = crd(LENGTH)
    if kind != "List":
        del item["kind"]
    write(folder / "deep" / "list.json", {"kind": kind, "items": [item]})
    assert [row.kind for row in SchemaFolder(folder).rows()] == ["Film"]


def test_a_folder_of_converted_schemas_says_the_same_as_the_definitions(folder: Path) -> None:
    (kind,), _ = convert(crd(LENGTH, scope="Cluster"))
    write(folder / "example.org" / "film_v1.json", kind.schema)
    (folder / "index.json").write_text(json.dumps([{"group": "example.org", "kind": "Film", "scope": "Cluster"}]))
    source = SchemaFolder(folder)
    assert list(source.rows()) == [KindRow("example.org/v1", "Film", "Cluster", str(folder))]
    assert messages(SchemaSet([source]), film({"minuts": 90})) == ["unknown key 'minuts'"]


def test_a_catalog_of_schemas_is_read_and_metadata_judged_all_the_same(folder: Path) -> None:
    write(folder / "example.org" / "film_v1.json", CATALOG)
    schemas = SchemaSet([SchemaFolder(folder)])
    assert messages(schemas, film({"length": "90m"})) == []  # Go's duration, not that of JSON Schema
    assert messages(schemas, film({"length": 90})) == ["expected string, found integer 90"]
    assert messages(schemas, film({}, labels={"a": True})) == ["expected string, found boolean true"]
    assert schemas.scope("example.org", "Film") is None


def test_the_first_source_that_knows_a_kind_answers_for_it(folder: Path) -> None:
    write(folder / "a" / "crd.yaml", [crd(LENGTH)])
    write(folder / "b" / "crd.yaml", [crd(WIDTH)])
    schemas = SchemaSet([SchemaFolder(folder / "a"), SchemaFolder(folder / "b")])
    assert messages(schemas, film({"millimetres": 1})) == ["unknown key 'millimetres'"]
    newer = crd({"type": "object"}, group="kafka.strimzi.io", names={"kind": "KafkaTopic", "plural": "kafkatopics"})
    assert messages(SchemaSet(), TOPIC) == []
    assert messages(SchemaSet([Definitions("cluster", [newer])]), TOPIC) == ["unknown key 'partitions'"]


def test_a_folder_leaves_what_it_does_not_know_to_the_shipped_schemas(folder: Path) -> None:
    write(folder / "values.yaml", [{"a": 1}])
    write(folder / "package.json", {"name": "a"})
    write(folder / ".hidden" / "broken.yaml", "CustomResourceDefinition: [")
    schemas = SchemaSet([SchemaFolder(folder)])
    assert messages(schemas, TOPIC) == []
    assert schemas.scope("", "Node") == "Cluster"
    assert not schemas.covers("example.org/v1", "Film")


def test_variants_of_a_platform_are_not_for_all(folder: Path) -> None:
    write(folder / "variants" / "old" / "example.org" / "film_v1.json", CATALOG)
    write(folder / "variants" / "old" / "example.org" / "films.yaml", [crd(LENGTH)])
    assert list(SchemaFolder(folder).rows()) == []


def test_what_cannot_be_read_is_an_error_that_names_the_file(folder: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of schemas"):
        SchemaFolder(folder / "none")
    (folder / "crd.yaml").write_text("kind: CustomResourceDefinition\nspec: [", "utf-8")
    with pytest.raises(InputError) as error:
        SchemaSet([SchemaFolder(folder)]).covers("example.org/v1", "Film")
    assert "crd.yaml:3:1" in str(error.value.findings[0])


@pytest.mark.parametrize(
    ("text", "says"), [("{", "no JSON"), ("[]", "no JSON Schema"), ('{"type": "text"}', "no JSON Schema")]
)
def test_a_broken_schema_is_an_error_when_it_is_needed(folder: Path, text: str, says: str) -> None:
    path = folder / "example.org" / "film_v1.json"
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    schemas = SchemaSet([SchemaFolder(folder)])
    assert messages(schemas, TOPIC) == []
    with pytest.raises(UsageError, match=f"film_v1.json: {says}"):
        schemas.violations(film({}), "1.34")


def test_a_definition_that_cannot_be_converted_covers_nothing_and_says_why() -> None:
    source = Definitions("cluster", [crd({"type": "text"}), {}, {"spec": {"names": 1}}])
    assert list(source.rows()) == []
    assert not source.covers("example.org/v1", "Film")
    (skipped,) = source.skipped
    assert skipped.what == "films.example.org"


def test_kinds_of_kubernetes_that_are_not_shipped_are_judged_by_the_package_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    share = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "a"}, "spec": {"odd": 1}}
    assert SchemaSet().covers("resource.k8s.io/v1", "DeviceClass")
    assert messages(SchemaSet(), share) == ["unknown key 'odd'"]
    assert messages(SchemaSet(), {**share, "spec": {}}) == []
    # a version without the kind is not passed in silence
    assert SchemaSet().violations({**share, "spec": {}}, "1.30")[0].path == ("kind",)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert not InstalledKubernetes().covers("resource.k8s.io/v1", "DeviceClass")
    assert "no schema is known" in messages(SchemaSet(), share)[0]


def test_a_custom_group_is_not_taken_for_one_of_kubernetes() -> None:
    # the package looks for the first label of a group alone
    assert not InstalledKubernetes().covers("apps.example.org/v1", "Deployment")
    assert not SchemaSet().covers("resource.example.org/v1", "DeviceClass")


def test_rows_name_kind_scope_and_source(folder: Path) -> None:
    write(folder / "crd.yaml", [crd(LENGTH)])
    rows = SchemaSet([SchemaFolder(folder)]).rows()
    assert rows[0] == KindRow("example.org/v1", "Film", "Namespaced", str(folder))
    assert KindRow("apps/v1", "Deployment", "Namespaced", "medpattern") in rows
    assert KindRow("postgresql.cnpg.io/v1", "Cluster", "Namespaced", "medpattern") in rows
