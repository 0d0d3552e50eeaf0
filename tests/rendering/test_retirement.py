"""A project keeps its rights until Argo CD has pruned what its Applications made."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.small import REPORTS, commit, edit, manifest, medpattern

WARD = "values/values-ward.yaml"


def xray(root: Path) -> Any:
    return manifest(root / "rendered/west/argocd/appproject-xray.yaml")["spec"]


def test_a_disabled_application_goes_and_its_project_keeps_the_rights(rendered: Path) -> None:
    before = xray(rendered)
    edit(rendered, WARD, "    reports:\n", "    reports:\n      disabled: true\n")

    assert medpattern("render", root=rendered).code == 0

    assert not (rendered / "rendered/west/argocd/application-reports.yaml").exists()
    assert xray(rendered) == before
    assert "https://charts.example.org" in before["sourceRepos"]


def test_an_application_may_not_vanish_together_with_its_rights(rendered: Path) -> None:
    commit(rendered)
    edit(rendered, WARD, REPORTS, "")

    result = medpattern("render", root=rendered)

    assert result.code == 2
    assert "application-vanishes" in result.err
    assert "'reports' of cluster 'west'" in result.err
    assert "'east-reports' of cluster 'east'" in result.err
    assert "disabled: true" in result.err
    assert (rendered / "rendered/west/argocd/application-reports.yaml").is_file()


@pytest.mark.parametrize(
    ("cluster", "old", "new", "to"), [("east", "push", "pull", "east"), ("west", "pull", "push", "hub")]
)
def test_a_change_of_the_model_is_refused_and_says_what_to_do_first(
    cluster: str, old: str, new: str, to: str, rendered: Path
) -> None:
    commit(rendered)
    edit(rendered, f"values/clusters/{cluster}.yaml", f"model: {old}", f"model: {new}")

    result = medpattern("render", root=rendered)

    assert result.code == 2
    assert f"values/clusters/{cluster}.yaml" in result.err
    assert f"of cluster '{cluster}' would move to the Argo CD of '{to}'" in result.err
    assert "Change a cluster's model" in result.err
    assert "disabled: true" not in result.err
    shutil.rmtree(rendered / "rendered" / cluster)
    assert medpattern("render", root=rendered).code == 0, "the way that the page of operations goes"


@pytest.mark.parametrize("name", ["reports-cluster", "reports-root"])
def test_a_name_that_ends_like_medpatterns_own_is_no_way_around(name: str, rendered: Path) -> None:
    edit(rendered, WARD, "    reports:\n", f"    {name}:\n")
    (rendered / "rendered/west/RECEIPT.json").unlink()
    for path in (rendered / "rendered").glob("*/argocd/application-*reports.yaml"):
        path.unlink()
    assert medpattern("render", root=rendered).code == 0
    commit(rendered)
    edit(rendered, WARD, REPORTS.replace("reports:", f"{name}:", 1), "")

    assert medpattern("render", root=rendered).code == 2


def test_the_commit_counts_even_where_the_file_was_deleted_by_hand(rendered: Path) -> None:
    commit(rendered)
    edit(rendered, WARD, REPORTS, "")
    for path in (rendered / "rendered").glob("*/argocd/application-*reports.yaml"):
        path.unlink()

    assert medpattern("render", root=rendered).code == 2


def test_once_it_was_disabled_and_committed_it_may_go(rendered: Path) -> None:
    commit(rendered)
    edit(rendered, WARD, "    reports:\n", "    reports:\n      disabled: true\n")
    assert medpattern("render", root=rendered).code == 0
    commit(rendered)
    edit(rendered, WARD, REPORTS.replace("reports:\n", "reports:\n      disabled: true\n", 1), "")

    result = medpattern("render", root=rendered)

    assert result.code == 0, result.err
    assert "https://charts.example.org" not in xray(rendered)["sourceRepos"]


def test_disabled_but_not_yet_committed_is_not_enough(rendered: Path) -> None:
    commit(rendered)
    edit(rendered, WARD, "    reports:\n", "    reports:\n      disabled: true\n")
    assert medpattern("render", root=rendered).code == 0
    edit(rendered, WARD, REPORTS.replace("reports:\n", "reports:\n      disabled: true\n", 1), "")

    assert medpattern("render", root=rendered).code == 2


def test_without_git_the_tree_on_disk_counts(rendered: Path) -> None:
    edit(rendered, WARD, REPORTS, "")

    assert medpattern("render", root=rendered).code == 2


def test_an_application_that_takes_no_right_along_may_go_at_once(rendered: Path) -> None:
    """`legend` makes a ConfigMap in `images`, as `reports` does: the project loses nothing."""
    commit(rendered)
    edit(rendered, WARD, "    legend:\n      namespace: images\n      argoProject: xray\n      path: charts/legend\n"
         "      values:\n        colours: {red: pneumonia, grey: null}\n", "")  # fmt: skip

    assert medpattern("render", root=rendered).code == 0


def test_a_project_with_all_its_applications_may_not_vanish(rendered: Path) -> None:
    commit(rendered)
    edit(rendered, WARD, "argoProjects: [platform, xray]", "argoProjects: [platform, xray, extra]")
    text = (rendered / WARD).read_text("utf-8")
    (rendered / WARD).write_text(text.replace("argoProject: xray", "argoProject: extra"), "utf-8")

    result = medpattern("render", root=rendered)

    assert result.code == 0, "applications that change their project are declared still"
