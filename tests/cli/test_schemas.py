"""`medpattern schemas`: which kinds have a schema, and schemas from definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.errors import RemoteError
from tests.checks.definitions import crd
from tests.fleet.small import medpattern

LENGTH = {"type": "object", "properties": {"minutes": {"type": "integer"}}, "x-kubernetes-validations": [{"rule": "1"}]}
FILE = "example.org/film_v1.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a definition, a kustomization and a values file in it."""
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "film.yaml").write_text(yaml.safe_dump(crd(LENGTH)), "utf-8")
    (tmp_path / "crds" / "kustomization.yaml").write_text("resources: [film.yaml]\n", "utf-8")
    return tmp_path


def listed(*arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(medpattern("schemas", "list", "--output", "json", *arguments).out)
    return rows


def test_what_is_imported_is_listed_and_used(folder: Path) -> None:
    out = folder / "schemas"
    result = medpattern("schemas", "import", str(folder / "crds"), "--out", str(out))

    assert result.code == 0
    assert result.out == f"example.org/v1  Film  Namespaced  {out}/{FILE}  1 CEL rule\n"
    assert result.err == "1 schema written, 0 skipped\n"
    assert {"group": "example.org", "kind": "Film", "versions": ["v1"], "scope": "Namespaced", "source": str(out)} in (
        listed("--schemas", str(out))
    )
    (folder / "tree").mkdir()
    film = {"apiVersion": "example.org/v1", "kind": "Film", "metadata": {"name": "a"}, "spec": {"minuts": 90}}
    (folder / "tree" / "film.yaml").write_text(yaml.safe_dump(film), "utf-8")
    checked = medpattern("validate", "--manifests", str(folder / "tree"), "--schemas", str(out))
    assert checked.code == 1
    assert "unknown key 'minuts'; did you mean 'minutes'?" in checked.out


def test_what_lies_there_of_other_kinds_stays(folder: Path) -> None:
    out = folder / "schemas"
    medpattern("schemas", "import", str(folder / "crds"), "--out", str(out))
    first = (out / FILE).read_bytes()
    other = folder / "other.yaml"
    other.write_text(yaml.safe_dump(crd(LENGTH, group="example.com", scope="Cluster")), "utf-8")
    medpattern("schemas", "import", str(other), "--out", str(out))

    assert (out / FILE).read_bytes() == first
    rows = {(row["group"], row["scope"]) for row in listed("--schemas", str(out)) if row["kind"] == "Film"}
    assert rows == {("example.org", "Namespaced"), ("example.com", "Cluster")}


def test_what_is_not_converted_is_told_and_fails(folder: Path) -> None:
    (folder / "odd.yaml").write_text(yaml.safe_dump(crd({"type": "text"})), "utf-8")
    (folder / "none.yaml").write_text("a: 1\n", "utf-8")
    names = [str(folder / name) for name in ("odd.yaml", "none.yaml", "crds", "crds/film.yaml")]
    result = medpattern("schemas", "import", *names, "--out", str(folder / "schemas"), "--output", "json")

    assert result.code == 1
    told = json.loads(result.out)
    assert [row["kind"] for row in told["converted"]] == ["Film"]
    assert [item["what"] for item in told["skipped"]] == [
        "films.example.org",
        names[1],
        f"films.example.org v1 in {names[3]}",
    ]
    assert "versions[0].schema" in told["skipped"][0]["why"]
    assert "no CustomResourceDefinition" in result.err


def test_variants_of_a_platform_are_imported_only_if_they_are_named(folder: Path) -> None:
    (folder / "crds" / "variants").mkdir()
    (folder / "crds" / "variants" / "film.yaml").write_text(yaml.safe_dump(crd({"type": "object"})), "utf-8")
    out = folder / "schemas"
    result = medpattern("schemas", "import", str(folder / "crds"), "--out", str(out))
    assert (result.code, result.err) == (0, "1 schema written, 0 skipped\n")
    assert b"minutes" in (out / FILE).read_bytes()

    medpattern("schemas", "import", str(folder / "crds" / "variants"), "--out", str(out))
    assert b"minutes" not in (out / FILE).read_bytes()


def test_a_version_that_is_not_served_is_told_and_does_not_fail(folder: Path) -> None:
    definition = crd(LENGTH)
    versions = definition["spec"]["versions"]
    versions.append({**versions[0], "name": "v1beta1", "served": False})
    (folder / "two.yaml").write_text(yaml.safe_dump(definition), "utf-8")
    result = medpattern("schemas", "import", str(folder / "two.yaml"), "--out", str(folder / "schemas"))

    assert result.code == 0
    assert "skipped: films.example.org v1beta1: it is not served" in result.err


def test_a_name_cannot_lead_out_of_the_folder(folder: Path) -> None:
    (folder / "bad.yaml").write_text(yaml.safe_dump(crd(LENGTH, group="../..")), "utf-8")
    result = medpattern("schemas", "import", str(folder / "bad.yaml"), "--out", str(folder / "a" / "schemas"))

    assert result.code == 1
    assert "spec.group" in result.err
    assert not (folder / "a").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("import",), "name files or folders"),
        (("import", "nowhere.yaml"), "nowhere.yaml: no such file or folder"),
        (("import", "nowhere.yaml", "--context", "hub"), "no such file"),
        (("list", "--schemas", "nowhere"), "nowhere: no such folder of schemas"),
        (("list", "--context", "hub"), "--context goes with --from-cluster"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], says: str) -> None:
    result = medpattern("schemas", *arguments)

    assert result.code == 2
    assert says in result.err


def test_yaml_that_is_none_is_named_with_its_line(folder: Path) -> None:
    (folder / "bad.yaml").write_text("kind: CustomResourceDefinition\nspec: [\n", "utf-8")
    result = medpattern("schemas", "import", str(folder / "bad.yaml"))

    assert result.code == 2
    assert "bad.yaml:3:1: error[yaml-syntax]" in result.err


def test_folders_come_from_the_environment_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDPATTERN_SCHEMAS", str(folder / "crds"))
    assert [row["source"] for row in listed() if row["kind"] == "Film"] == [str(folder / "crds")]


def test_a_clusters_definitions_come_before_the_shipped_schemas(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def ask(context: str | None) -> bytes:
        asked.append(context)
        return json.dumps({"items": [crd(LENGTH)]}).encode()

    monkeypatch.setattr("medpattern.cluster.definitions._ask", ask)
    rows = listed("--from-cluster", "--context", "hub")
    assert [row["source"] for row in rows if row["kind"] == "Film"] == ["cluster hub"]
    assert asked == ["hub"]
    result = medpattern("schemas", "import", "--from-cluster", "--out", str(folder / "schemas"))
    assert result.code == 0
    assert (folder / "schemas" / FILE).is_file()


def test_a_cluster_that_does_not_answer_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_context: str | None) -> bytes:
        raise RemoteError("the cluster does not answer: timed out")

    monkeypatch.setattr("medpattern.cluster.definitions._ask", ask)
    result = medpattern("schemas", "list", "--from-cluster")
    assert (result.code, result.err) == (3, "error: the cluster does not answer: timed out\n")


def test_a_kind_is_listed_once_by_the_source_that_counts() -> None:
    rows = listed()
    names = [(row["group"], row["kind"]) for row in rows]
    assert len(names) == len(set(names))
    (topic,) = [row for row in rows if row["kind"] == "KafkaTopic"]
    assert topic["versions"] == ["v1", "v1beta2"]
    assert {row["source"] for row in rows} == {"medpattern"}
