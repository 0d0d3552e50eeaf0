"""--cluster, --group and --app choose a part of the fleet, and leave the rest of the tree alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fleet.small import copy_small, edit, medpattern, tree


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def change_everything(root: Path) -> None:
    """Something changes in each application of each cluster."""
    edit(root, "values/values-global.yaml", "revision: main", "revision: next")
    edit(root, "charts/viewer/templates/viewer.yaml", "LOG_LEVEL", "LEVEL")
    edit(root, "charts/broker/values.yaml", "reconcile: 60", "reconcile: 61")


@pytest.mark.parametrize(
    ("arguments", "clusters"),
    [
        (["--cluster", "west"], ["west"]),
        (["--cluster", "west", "--cluster", "hub"], ["hub", "west"]),
        (["--group", "ward"], ["east", "west"]),
        (["--group", "ward", "--cluster", "east"], ["east"]),
        ([], ["east", "hub", "west"]),
    ],
)
def test_only_the_chosen_clusters_are_written(arguments: list[str], clusters: list[str], rendered: Path) -> None:
    change_everything(rendered)
    before = tree(rendered / "rendered")

    assert medpattern("render", *arguments, root=rendered).code == 0

    assert {name.partition("/")[0] for name in changed(before, tree(rendered / "rendered"))} == set(clusters)


def test_an_application_writes_its_own_files_and_no_others(rendered: Path) -> None:
    change_everything(rendered)
    before = tree(rendered / "rendered")

    assert medpattern("render", "--app", "viewer", root=rendered).code == 0

    files = changed(before, tree(rendered / "rendered"))
    assert files
    assert {name for name in files if "/charts/viewer/" not in name and not name.endswith("RECEIPT.json")} == {
        "east/argocd/application-east-viewer.yaml",
        "west/argocd/application-viewer.yaml",
    }


def test_after_one_application_the_rest_is_still_noticed(rendered: Path) -> None:
    change_everything(rendered)
    assert medpattern("render", "--app", "viewer", root=rendered).code == 0

    assert medpattern("render", "--check", root=rendered).code == 1
    assert medpattern("render", root=rendered).code == 0
    assert medpattern("render", "--check", root=rendered).code == 0


def test_after_one_application_stale_files_of_the_others_are_still_pruned(rendered: Path) -> None:
    """Also those of an ordinary chart, which carry no mark of their own."""
    edit(rendered, "values/values-ward.yaml", "    legend:\n", "    legend:\n      disabled: true\n")
    assert medpattern("render", "--app", "broker", root=rendered).code == 0

    assert medpattern("render", root=rendered).code == 0

    assert not (rendered / "rendered/west/charts/legend").exists()
    assert medpattern("render", "--check", root=rendered).code == 0


def test_an_application_alone_can_be_checked_and_diffed(rendered: Path) -> None:
    edit(rendered, "charts/broker/values.yaml", "reconcile: 60", "reconcile: 61")

    checked = medpattern("render", "--app", "broker", "--check", root=rendered)
    assert checked.code == 1
    assert "charts/broker/values.yaml" in checked.out
    assert "charts/viewer" not in medpattern("render", "--app", "viewer", "--check", root=rendered).out
    assert medpattern("render", "--app", "viewer", "--diff", root=rendered).code == 0
    result = medpattern("render", "--app", "broker", "--diff", root=rendered)
    assert result.code == 1
    assert '-  reconcile: "60s"' in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cluster", "wst"], ["no cluster 'wst'", "'west'"]),
        (["--group", "wrd"], ["no group 'wrd'", "'ward'"]),
        (["--app", "viewr"], ["no application 'viewr'", "'viewer'"]),
        (["--app", "portal", "--cluster", "west"], ["no application 'portal'"]),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("mode", [[], ["--check"], ["--diff"], ["--dry-run"], ["--stdout"]], ids=" ".join)
def test_an_unknown_name_is_wrong_use_and_the_nearest_is_named(
    arguments: list[str], words: list[str], mode: list[str], rendered: Path
) -> None:
    before = tree(rendered)

    result = medpattern("render", *arguments, *mode, root=rendered)

    assert result.code == 2
    assert all(word in result.err for word in words)
    assert result.out == ""
    assert tree(rendered) == before


def test_a_part_of_the_fleet_prunes_no_other_clusters_folder(rendered: Path) -> None:
    (rendered / "values/clusters/west.yaml").unlink()

    assert medpattern("render", "--cluster", "east", root=rendered).code == 0

    assert (rendered / "rendered/west/root.yaml").is_file()


def test_the_tree_may_lie_elsewhere(tmp_path: Path) -> None:
    root = copy_small(tmp_path)

    assert medpattern("render", "--out", tmp_path / "out", root=root).code == 0

    assert (tmp_path / "out/west/root.yaml").is_file()
    assert not (root / "rendered").exists()


def test_applications_point_into_the_tree_where_it_lies_in_the_repository(tmp_path: Path) -> None:
    root = copy_small(tmp_path)

    assert medpattern("render", "--out", root / "trees/all", root=root).code == 0

    text = (root / "trees/all/west/argocd/application-broker.yaml").read_text("utf-8")
    assert "path: trees/all/west/charts/broker" in text


@pytest.mark.parametrize("mode", ["--dry-run", "--diff"])
def test_looking_writes_nothing(mode: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    before = tree(root)

    result = medpattern("render", mode, root=root)

    assert result.out
    assert tree(root) == before


def test_a_dry_run_names_what_would_be_done(rendered: Path) -> None:
    edit(rendered, "values/values-west.yaml", "replicas: 1", "replicas: 7")

    result = medpattern("render", "--dry-run", root=rendered)

    assert result.code == 0
    names = {line.partition(": ")[2] for line in result.out.splitlines()}
    assert names == {
        str(rendered / "rendered/west" / name) for name in ("charts/viewer/values.yaml", "RECEIPT.json")
    }  # fmt: skip
    assert "would be 2 updated" in result.err


def test_json_says_what_was_done_to_which_file(rendered: Path) -> None:
    edit(rendered, "values/values-west.yaml", "replicas: 1", "replicas: 7")

    result = medpattern("render", "--output", "json", root=rendered)

    told = json.loads(result.out)
    assert {item["path"] for item in told["files"] if item["action"] == "update"} == {
        "west/charts/viewer/values.yaml",
        "west/RECEIPT.json",
    }
    assert told["findings"] == []


@pytest.mark.parametrize(
    "modes", [["--check", "--diff"], ["--stdout", "--dry-run"], ["--check", "--diff-from", "HEAD"]], ids=" ".join
)
def test_ways_of_looking_exclude_each_other(modes: list[str], rendered: Path) -> None:
    result = medpattern("render", *modes, root=rendered)

    assert result.code == 2
    assert "exclude each other" in result.err
