"""`init`: a repository that renders cleanly, and that a person can go on with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from medpattern.documents.reader import parse_file
from medpattern.rendering.run import run
from medpattern.rendering.selection import Selection
from tests.fleet.small import CHECKOUT, git, manifest, medpattern, process, tree

DISTRIBUTIONS = ["openshift", "kubernetes"]


@pytest.fixture(scope="module", params=DISTRIBUTIONS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new repository of each distribution, rendered."""
    root = tmp_path_factory.mktemp("init") / request.param
    result = medpattern("init", root, "--distribution", request.param, "--cluster", "north", "--cluster", "south",
                        "--repo-url", "https://git.example.org/house.git", "--revision", "live")  # fmt: skip
    assert result.code == 0, result.err
    assert medpattern("render", root=root).code == 0
    return root


def test_it_renders_without_findings_but_missing_digests(made: Path) -> None:
    outcome = run(Selection(made), made / "rendered")

    assert {finding.code for finding in outcome.findings} <= {"missing-digest"}
    assert outcome.plan.is_clean
    assert outcome.clusters == ("north", "south")


def test_check_is_clean_and_findings_name_files_that_exist(made: Path) -> None:
    result = medpattern("render", "--check", root=made)

    assert (result.code, result.out) == (0, "")


def test_it_validates_without_findings_but_missing_digests(made: Path) -> None:
    result = medpattern("validate", "--no-cache", "--output", "json", root=made)

    document = json.loads(result.out)
    assert {finding["code"] for finding in document["findings"]} <= {"missing-digest"}
    assert result.code == 0
    assert document["betweenClusters"] is True


def test_applications_point_to_the_repository_that_was_named(made: Path) -> None:
    for path in (made / "rendered").glob("*/root.yaml"):
        source = manifest(path)["spec"]["source"]
        assert (source["repoURL"], source["targetRevision"]) == ("https://git.example.org/house.git", "live")


def test_each_cluster_is_called_by_its_own_name(made: Path) -> None:
    text = "\n".join(path.read_text("utf-8") for path in sorted(made.glob("values/**/*.yaml")))

    assert "hospital-1" not in text
    assert "hospital-2" not in text
    assert "path: medical-diagnosis/north" in (made / "values/values-north.yaml").read_text("utf-8")


def test_editors_find_the_schemas_and_the_files_obey_them(made: Path) -> None:
    files = sorted(made.glob("values/**/*.yaml"))
    assert len(files) >= 6
    for path in files:
        first = path.read_text("utf-8").splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema="), path
        schema_file = (path.parent / first.partition("=")[2]).resolve()
        assert schema_file.is_file(), path
        kind = "cluster" if path.parent.name == "clusters" else "values"
        assert schema_file.name == f"{kind}.schema.json"
        schema = json.loads(schema_file.read_text("utf-8"))
        assert schema == json.loads(medpattern("schema", kind).out)
        jsonschema.Draft7Validator(schema).validate(parse_file(str(path), path.read_bytes()).data)


def test_the_hook_can_be_run_and_refuses_a_stale_tree(made: Path, tmp_path: Path) -> None:
    hook = made / ".githooks/pre-push"
    assert os.access(hook, os.X_OK)
    (tmp_path / "medpattern").write_text(f"#!/bin/sh\nexec '{sys.executable}' -m medpattern \"$@\"\n", "utf-8")
    (tmp_path / "medpattern").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(CHECKOUT / "src"),
    }

    def push() -> int:
        return subprocess.run([hook], cwd=made, env=environment, capture_output=True, check=False).returncode

    assert push() == 0
    path = made / "rendered/north/root.yaml"
    content = path.read_bytes()
    path.write_bytes(content + b"\n")
    assert push() == 1
    path.write_bytes(content)


def test_the_ci_example_runs_the_check(made: Path) -> None:
    jobs = yaml.safe_load((made / ".gitlab-ci.yml").read_text("utf-8"))

    script = "\n".join(jobs["render-check"]["script"])
    assert "medpattern render --check" in script
    assert "medpattern validate" in script


def test_the_readme_shows_only_commands_that_exist(made: Path) -> None:
    text = (made / "README.md").read_text("utf-8")
    commands = [line.strip().partition("#")[0].split() for line in text.splitlines()
                if line.strip().startswith("medpattern ")]  # fmt: skip

    assert len(commands) >= 3
    for words in commands:
        result = medpattern(*words[1:], root=made)
        assert result.code == 0, (words, result.err)


def test_it_never_overwrites_values_files(tmp_path: Path) -> None:
    path = tmp_path / "house" / "values/values-global.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("mine\n", "utf-8")

    result = medpattern("init", tmp_path / "house")

    assert result.code == 2
    assert "values/values-global.yaml" in result.err
    assert tree(tmp_path / "house") == {"values/values-global.yaml": b"mine\n"}, "nothing else is written either"


@pytest.mark.parametrize("existing", ["README.md", ".gitlab-ci.yml", ".githooks/pre-push"])
def test_what_a_clone_brings_is_left_as_it_was(existing: str, tmp_path: Path) -> None:
    path = tmp_path / "house" / existing
    path.parent.mkdir(parents=True)
    path.write_text("mine\n", "utf-8")

    result = medpattern("init", tmp_path / "house")

    assert result.code == 0
    assert f"left as it was: {existing}" in result.err
    assert path.read_text("utf-8") == "mine\n"
    assert (tmp_path / "house/values/values-global.yaml").is_file()


def test_a_second_init_changes_nothing(tmp_path: Path) -> None:
    assert medpattern("init", tmp_path / "house").code == 0
    before = tree(tmp_path / "house")

    assert medpattern("init", tmp_path / "house").code == 2
    assert tree(tmp_path / "house") == before


def test_other_files_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n", "utf-8")

    assert medpattern("init", tmp_path).code == 0
    assert (tmp_path / "notes.txt").read_text("utf-8") == "mine\n"


def test_without_arguments_it_is_one_openshift_cluster(tmp_path: Path) -> None:
    assert process("init", "house", cwd=tmp_path).code == 0

    facts = yaml.safe_load((tmp_path / "house/values/clusters/hospital-1.yaml").read_text("utf-8"))
    assert facts["distribution"] == "openshift"


def test_the_url_is_that_of_the_folders_remote(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://git.example.org/from-origin.git")

    assert medpattern("init", tmp_path).code == 0

    values = yaml.safe_load((tmp_path / "values/values-global.yaml").read_text("utf-8"))
    assert values["main"]["git"]["repoURL"] == "https://git.example.org/from-origin.git"


def test_a_missing_url_is_said(tmp_path: Path) -> None:
    result = medpattern("init", tmp_path / "house")

    assert "set main.git.repoURL" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--cluster", "North"), "is no DNS label"),
        (("--cluster", "a", "--cluster", "a"), "named twice"),
        (("--repo-url", "https://ann:secret@git.example.org/x.git"), "credentials"),
        (("--distribution", "k3s"), "k3s"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_writes_nothing(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    result = medpattern("init", tmp_path / "house", *arguments)

    assert result.code == 2
    assert words in result.err
    assert not (tmp_path / "house").exists()
    assert "secret" not in result.err


@pytest.mark.parametrize("word", ["yes", "on", "1234", "1e3", "null"])
def test_a_name_that_yaml_reads_as_something_else_stays_a_name(word: str, tmp_path: Path) -> None:
    result = medpattern("init", tmp_path / "house", "--cluster", word, "--revision", word)
    assert result.code == 0, result.err

    result = medpattern("render", root=tmp_path / "house")

    assert result.code == 0, result.err
    root = manifest(tmp_path / f"house/rendered/{word}/root.yaml")
    assert root["spec"]["source"]["targetRevision"] == word
