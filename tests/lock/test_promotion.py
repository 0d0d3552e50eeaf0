"""Promotion on the small repository, whose clusters get rings here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.fleet.small import Result, commit, copy_small, edit, git, medpattern

NAME = "quay.io/example/viewer"
NEW = f"sha256:{'ab' * 32}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """East is in ring 0, west in ring 1; both run the viewer."""
    found = copy_small(tmp_path)
    edit(found, "values/clusters/east.yaml", "labels:", "ring: 0\nlabels:")
    image = yaml.safe_load((found / "charts/viewer/values.yaml").read_text("utf-8"))["image"]
    assert f"{image['registry']}/{image['repository']}" == NAME
    return found


def promote(root: Path, ring: int, *more: str, image: str = f"{NAME}@{NEW}") -> Result:
    return medpattern("promote", image, "--ring", str(ring), *more, root=root)


def digests(root: Path) -> dict[str, str]:
    """What each cluster's viewer runs, by the list of images."""
    rows = json.loads(medpattern("list", "images", "--output", "json", root=root).out)
    return {row["cluster"]: row["reference"].partition("@")[2] for row in rows if row["reference"].startswith(NAME)}


def test_the_ring_gets_the_digest_and_nobody_else(root: Path) -> None:
    before = digests(root)
    result = promote(root, 0)
    assert result.code == 0
    assert f"+          digest: {NEW}" in result.out
    assert "Promote viewer" in result.err
    assert digests(root) == before | {"east": NEW}


def test_comments_of_the_file_stay(root: Path) -> None:
    file = root / "values/values-west.yaml"
    file.write_text("# West is small.\n" + file.read_text("utf-8") + "# End.\n", "utf-8")
    promote(root, 0)
    assert promote(root, 1).code == 0
    text = file.read_text("utf-8")
    assert text.startswith("# West is small.\n")
    assert text.endswith("# End.\n")


def test_a_ring_waits_for_the_ring_before(root: Path) -> None:
    before = digests(root)
    refused = promote(root, 1)
    assert refused.code == 1
    assert "ring 1 waits for ring 0, where east viewer does not run" in refused.err
    assert digests(root) == before
    promote(root, 0)
    assert promote(root, 1).code == 0
    assert digests(root)["west"] == NEW


def test_force_says_why_in_the_commit(root: Path) -> None:
    commit(root)
    git(root, "config", "user.name", "Ann")
    git(root, "config", "user.email", "ann@example.org")
    assert promote(root, 1, "--force", "west has the outbreak").code == 2, "without a commit the reason would be lost"
    assert promote(root, 1, "--force", "west has the outbreak", "--commit").code == 0
    said = git(root, "log", "-1", "--format=%B")
    assert said.startswith("Promote viewer")
    assert "Before its turn, because: west has the outbreak" in said
    assert f"{NAME}@{NEW}" in said
    assert git(root, "status", "--porcelain") == ""


def test_only_the_changed_files_are_committed(root: Path) -> None:
    commit(root)
    git(root, "config", "user.name", "Ann")
    git(root, "config", "user.email", "ann@example.org")
    (root / "draft").write_text("of somebody", "utf-8")
    git(root, "add", "draft")
    promote(root, 0, "--commit")
    assert git(root, "show", "--name-only", "--format=").split() == ["values/values-east.yaml"]


def test_a_dry_run_changes_nothing(root: Path) -> None:
    before = digests(root)
    result = promote(root, 0, "--dry-run")
    assert NEW in result.out
    assert digests(root) == before
    assert not (root / "values/values-east.yaml").exists()


def test_a_second_time_says_that_it_runs_already(root: Path) -> None:
    promote(root, 0)
    again = promote(root, 0)
    assert (again.code, again.out) == (0, "")
    assert "runs it already: east" in again.err


def test_what_wins_over_the_clusters_file_is_found_and_nothing_is_left_written(root: Path) -> None:
    file = root / "values/values-ward.yaml"
    overrides = f"      overrides: [{{name: image.digest, value: sha256:{'cd' * 32}}}]\n"
    text = file.read_text("utf-8")
    file.write_text(text.replace("      dependsOn: [broker]\n", "      dependsOn: [broker]\n" + overrides, 1), "utf-8")
    result = promote(root, 0)
    assert result.code == 2
    assert "something wins over values-east.yaml" in result.err
    assert "medpattern explain east viewer image.digest" in result.err
    assert not (root / "values/values-east.yaml").exists()


@pytest.mark.parametrize(
    ("image", "ring", "words"),
    [
        (NAME, 0, "is no image by its digest"),
        (f"{NAME}:latest", 0, "is no image by its digest"),
        (f"{NAME}@sha256:abc", 0, "is no image by its digest"),
        (f"viewer@{NEW}", 0, "is no image by its digest"),
        (f"{NAME}@{NEW}", 7, "no cluster is in ring 7; rings are 0, 1"),
        (f"registry.example.org/team/other@{NEW}", 0, "no application in ring 0 (east) runs"),
    ],
    ids=["no digest", "a tag", "a cut digest", "no registry", "no such ring", "an image that nobody runs"],
)
def test_what_cannot_be_promoted_is_said(root: Path, image: str, ring: int, words: str) -> None:
    result = promote(root, ring, image=image)
    assert result.code == 2
    assert words in result.err
