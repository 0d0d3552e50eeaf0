"""Which files are read as facts, and input that must not bring the program down."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.documents.reader import parse_text
from medpattern.errors import InputError
from tests.fleet.small import copy_small, edit, manifest, medpattern

WEST = "values/clusters/west.yaml"


def test_an_editors_lock_and_a_folder_are_no_files(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/clusters/.#west.yaml").symlink_to("somebody@somewhere.1234")
    (root / "values/values-other.yaml").mkdir()
    assert medpattern("render", root=root).code == 0
    assert medpattern("render", root=root).code == 0
    assert not (root / "rendered/.#west").exists()


def test_two_facts_files_of_one_cluster_are_refused(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/clusters/west.yml").write_text((root / WEST).read_text("utf-8"), "utf-8")
    result = medpattern("render", root=root)
    assert result.code == 2
    assert "values/clusters/west.yml" in result.err
    assert "values/clusters/west.yaml" in result.err


@pytest.mark.parametrize("rung", ["- ", "? "])
def test_a_ladder_of_lists_is_too_deep_and_not_a_crash(rung: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_text("f", "a: 1\nx:\n  " + rung * 60_000 + "1\n")
    (finding,) = caught.value.findings
    assert (finding.code, finding.place.line) == ("yaml-too-deep", 3)


def test_a_repository_below_the_top_of_git_says_where_it_lies(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-global.yaml", "    revision: main\n", "    revision: main\n    path: deploy/house\n")
    assert medpattern("render", root=root).code == 0
    assert manifest(root / "rendered/hub/root.yaml")["spec"]["source"]["path"] == "deploy/house/rendered/hub"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("main:\n", "main:\n  multiSourceRepoUrl: https://ann:secret@charts.example.org\n", "main.multiSourceRepoUrl"),
        ("global:\n", "global:\n  mirrors: {quay.io: 'ann:secret@mirror.example.org'}\n", 'global.mirrors."quay.io"'),
    ],
)
def test_credentials_hide_in_no_other_url(old: str, new: str, key: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-global.yaml", old, new)
    result = medpattern("render", root=root)
    assert result.code == 2
    assert f"error[credentials-in-url] {key}" in result.err
    assert "secret" not in result.err
