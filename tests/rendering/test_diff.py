"""--diff shows changes object by object, and the same change on many clusters once."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from medpattern.charts import helm
from medpattern.documents.writer import dump
from medpattern.rendering.diff import cluster_ranges, tree_diff
from tests.fleet.small import commit, copy_small, edit, git, medpattern, render, tree

WARD = "values/values-ward.yaml"


def test_no_change_is_no_diff(rendered: Path) -> None:
    result = medpattern("render", "--diff", root=rendered)

    assert (result.code, result.out) == (0, "")
    assert "no object changes" in result.err


def test_a_leaf_shows_as_the_objects_line_and_not_as_a_values_file(rendered: Path) -> None:
    edit(rendered, "values/values-west.yaml", "replicas: 1", "replicas: 7")

    result = medpattern("render", "--diff", root=rendered)

    assert result.code == 1
    assert result.out.splitlines()[0] == "--- viewer: Deployment/viewer in images (west)"
    changes = [line for line in result.out.splitlines() if line.startswith(("+", "-")) and line[1] == " "]
    assert changes == ["-  replicas: 1", "+  replicas: 7"]


def test_the_same_change_on_many_clusters_is_told_once(rendered: Path) -> None:
    edit(rendered, WARD, "logLevel: INFO", "logLevel: WARN")

    result = medpattern("render", "--diff", root=rendered)

    assert [line for line in result.out.splitlines() if line.startswith("---")] == [
        "--- viewer: Deployment/viewer in images (same change on east, west)"
    ]
    assert result.out.count("WARN") == 1


def test_folding_looks_through_the_clusters_own_name(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    names = [f"ward-{number:02}" for number in range(1, 13)]
    for name in names:
        shutil.copy(root / "values/clusters/east.yaml", root / f"values/clusters/{name}.yaml")
    (root / "values/clusters/east.yaml").unlink()
    assert medpattern("render", root=root).code == 0
    edit(root, WARD, "title: Ward", "title: Station")
    edit(root, "values/values-global.yaml", "revision: main", "revision: next")

    result = medpattern("render", "--diff", root=root)

    headings = [line for line in result.out.splitlines() if line.startswith("--- ")]
    assert "--- viewer: Deployment/viewer in images (same change on ward-01 .. west)" in headings
    assert [line for line in headings if "Application/<cluster>-viewer" in line] == [
        "--- argocd: Application/<cluster>-viewer in openshift-gitops (same change on ward-01 .. ward-12)"
    ]
    assert result.out.count("Station") == 1, "west has other lines around it, but the change is the same"


def test_different_changes_stay_apart(rendered: Path) -> None:
    edit(rendered, WARD, "logLevel: INFO", "logLevel: WARN")
    edit(rendered, "values/values-west.yaml", "replicas: 1", "replicas: 7")

    result = medpattern("render", "--diff", root=rendered)

    headings = [line for line in result.out.splitlines() if line.startswith("---")]
    assert headings == [
        "--- viewer: Deployment/viewer in images (east)",
        "--- viewer: Deployment/viewer in images (west)",
    ]


def test_json_holds_the_same(rendered: Path) -> None:
    edit(rendered, WARD, "logLevel: INFO", "logLevel: WARN")

    told = json.loads(medpattern("render", "--diff", "--output", "json", root=rendered).out)

    (found,) = told["objects"]
    assert (found["part"], found["clusters"]) == ("viewer", ["east", "west"])
    assert any(line.startswith("+") and "WARN" in line for line in found["diff"])


def test_a_new_and_a_lost_object_show_whole(rendered: Path) -> None:
    edit(rendered, WARD, "        topics:\n", "        topics:\n          extra: {partitions: 1}\n")

    result = medpattern("render", "--diff", "--cluster", "west", root=rendered)

    assert "--- broker: KafkaTopic/extra in broker (west)" in result.out
    assert not [line for line in result.out.splitlines() if line.startswith("-") and not line.startswith("---")]


def test_between_a_revision_and_the_work_tree(rendered: Path) -> None:
    old = commit(rendered)
    edit(rendered, WARD, "logLevel: INFO", "logLevel: WARN")
    before = tree(rendered)

    result = medpattern("render", "--diff-from", old, root=rendered)

    assert result.code == 1
    assert "same change on east, west" in result.out
    assert tree(rendered) == before, "the work tree is not touched"
    assert git(rendered, "status", "--porcelain").strip() == f"M {WARD}"


def test_between_two_revisions_whatever_lies_in_the_work_tree(rendered: Path) -> None:
    old = commit(rendered)
    edit(rendered, WARD, "logLevel: INFO", "logLevel: WARN")
    new = commit(rendered)
    edit(rendered, WARD, "logLevel: WARN", "logLevel: DEBUG")
    before = tree(rendered)

    result = medpattern("render", "--diff-from", old, "--diff-to", new, root=rendered)

    assert result.code == 1
    assert "WARN" in result.out
    assert "DEBUG" not in result.out
    assert tree(rendered) == before
    assert medpattern("render", "--diff-from", new, "--diff-to", new, root=rendered).code == 0


def test_the_preview_does_not_need_a_rendered_tree(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    old = commit(root)
    edit(root, WARD, "logLevel: INFO", "logLevel: WARN")

    result = medpattern("render", "--diff-from", old, root=root)

    assert result.code == 1
    assert not (root / "rendered").exists()


def test_the_preview_lists_data_that_would_be_deleted_first(rendered: Path) -> None:
    old = commit(rendered)
    edit(rendered, WARD, "path: charts/broker\n", "path: charts/broker\n      disabled: true\n")

    result = medpattern("render", "--diff-from", old, root=rendered)

    lines = result.out.splitlines()
    assert lines[0] == "will be deleted from the clusters:"
    assert lines[1].endswith("(holds data)")


def test_a_cluster_that_joined_since_the_revision_shows_as_new(rendered: Path) -> None:
    old = commit(rendered)
    shutil.copy(rendered / "values/clusters/west.yaml", rendered / "values/clusters/north.yaml")

    result = medpattern("render", "--diff-from", old, "--cluster", "north", root=rendered)

    assert result.code == 1
    assert "Deployment/viewer in images (north)" in result.out


@pytest.mark.parametrize("revision", ["no-such-branch", "--output=x", "HEAD~99"])
def test_an_unknown_revision_is_a_failure_of_git(revision: str, rendered: Path) -> None:
    commit(rendered)

    result = medpattern("render", f"--diff-from={revision}", root=rendered)

    assert result.code == 3
    assert f"git knows no revision '{revision}'" in result.err


def test_without_a_git_repository_there_are_no_revisions(rendered: Path) -> None:
    result = medpattern("render", "--diff-from", "HEAD", root=rendered)

    assert result.code == 3
    assert "no git repository" in result.err


def test_ranges_name_first_and_last_of_a_run() -> None:
    fleet = [f"h-{number:03}" for number in range(1, 101)]

    assert cluster_ranges(fleet[2:41], fleet) == "h-003 .. h-041"
    assert cluster_ranges([*fleet[:2], *fleet[5:9]], fleet) == "h-001, h-002, h-006 .. h-009"
    assert cluster_ranges(["alone"], fleet) == "alone"


def test_files_that_are_no_objects_are_compared_as_text() -> None:
    found = tree_diff({"c/charts/a/notes.txt": b"x\n", "c/cluster/a.yaml": b"{\n"}, {"c/cluster/a.yaml": b"[\n"})

    assert [(item.part, item.label, item.clusters) for item in found.objects] == [("cluster", "cluster/a.yaml", ("c",))]
    assert found.objects[0].lines[-2:] == ("-{", "+[")


def test_an_application_named_as_a_folder_of_the_tree_is_told_apart_from_it() -> None:
    def made(image: str, wave: str) -> dict[str, bytes]:
        def text(name: str, data: str) -> bytes:
            return dump({"kind": "ConfigMap", "metadata": {"name": name}, "data": {"is": data}}).encode()

        return {"c/charts/argocd/templates/a.yaml": text("of-app", image), "c/argocd/b.yaml": text("of-root", wave)}

    found = tree_diff(made("1", "1"), made("2", "2"))

    assert [(item.part, item.label) for item in found.objects] == [
        ("argocd", "ConfigMap/of-app"), ("argocd", "ConfigMap/of-root"),
    ]  # fmt: skip


def test_a_new_destination_moves_every_object_of_a_chart_that_stays_the_same(rendered: Path) -> None:
    edit(rendered, WARD, "    viewer:\n      namespace: images\n", "    viewer:\n      namespace: broker\n")

    result = medpattern("render", "--diff", "--cluster", "west", root=rendered)

    headings = {line for line in result.out.splitlines() if line.startswith("--- viewer: Deployment")}
    assert headings == {
        "--- viewer: Deployment/viewer in broker (west)",
        "--- viewer: Deployment/viewer in images (west)",
    }


def test_a_file_that_medpattern_did_not_make_is_no_change(rendered: Path) -> None:
    (rendered / "rendered/west/cluster/mine.yaml").write_text("kind: ConfigMap\nmetadata: {name: mine}\n", "utf-8")

    assert medpattern("render", "--diff", root=rendered).code == 0


# ---- ordinary charts -------------------------------------------------------------------------------------------

LEGEND = "charts/legend/templates/legend.yaml"
LEGEND_VALUES = "charts/legend/values.yaml"


@pytest.fixture
def _without_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "helm_python", None)
    monkeypatch.setattr(helm.shutil, "which", lambda _: None)


@pytest.mark.parametrize("how", ["--diff", "--diff-from=HEAD"])
def test_an_ordinary_chart_shows_its_objects_where_there_is_helm(how: str, rendered: Path) -> None:
    commit(rendered)
    edit(rendered, LEGEND_VALUES, "size: 3", "size: 4")

    result = medpattern("render", how, root=rendered)

    assert [line for line in result.out.splitlines() if line.startswith("---")] == [
        "--- legend: ConfigMap/legend in images (same change on east, west)"
    ]
    changes = [line for line in result.out.splitlines() if line.startswith(("+ ", "- "))]
    assert changes == ['-  size: "3"', '+  size: "4"']
    assert "not hydrated" not in result.err


def test_helm_is_told_release_and_namespace_and_the_clusters_own_values(rendered: Path) -> None:
    edit(rendered, LEGEND, "  size:", '  of: "{{ .Release.Name }} in {{ .Release.Namespace }}"\n  size:')
    edit(rendered, WARD, "red: pneumonia,", "red: healed,")

    result = medpattern("render", "--diff", "--cluster", "west", root=rendered)

    assert {"+  of: legend in images", "+  red: healed", "-  red: pneumonia"} <= set(result.out.splitlines())


def test_definitions_beside_the_templates_count_too(rendered: Path) -> None:
    folder = rendered / "charts/legend/crds"
    folder.mkdir()
    (folder / "colours.yaml").write_text("kind: CustomResourceDefinition\nmetadata: {name: colours.x}\n", "utf-8")

    result = medpattern("render", "--diff", "--cluster", "west", root=rendered)

    assert "--- legend: CustomResourceDefinition/colours.x (west)" in result.out


@pytest.mark.usefixtures("_without_helm")
@pytest.mark.parametrize("output", ["text", "json"])
def test_without_helm_the_files_are_compared_and_that_is_said_once(output: str, rendered: Path) -> None:
    edit(rendered, LEGEND_VALUES, "size: 3", "size: 4")

    result = medpattern("render", "--diff", "--output", output, root=rendered)

    assert result.code == 1
    assert "values.yaml" in result.out
    assert "ConfigMap/legend" not in result.out
    assert result.err.splitlines().count("legend: not hydrated: needs Helm") == 1


def test_a_chart_that_helm_refuses_is_compared_by_its_files_on_both_sides(rendered: Path) -> None:
    edit(rendered, LEGEND, "{{ .Values.size | quote }}", '{{ required "no size" .Values.gone }}')

    result = medpattern("render", "--diff", root=rendered)

    assert [line for line in result.out.splitlines() if line.startswith("---")] == [
        "--- legend: templates/legend.yaml (same change on east, west)"
    ]
    (note,) = (line for line in result.err.splitlines() if line.startswith("legend: "))
    assert note.startswith("legend: not hydrated: ")
    assert "no size" in result.err


def test_clusters_that_share_a_chart_and_its_values_share_what_helm_makes(
    rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(rendered, LEGEND_VALUES, "size: 3", "size: 4")
    calls: list[str] = []
    template = helm.template

    def counted(files: dict[str, bytes], release: str, namespace: str, values: str) -> list[tuple[str, dict[str, Any]]]:
        calls.append(release)
        return template(files, release, namespace, values)

    old, new = tree(rendered / "rendered"), render(rendered)
    monkeypatch.setattr(helm, "template", counted)
    found = tree_diff(old, {path: file.content for path, file in new.files.items()})

    assert [item.clusters for item in found.objects] == [("east", "west")]
    assert calls == ["legend", "legend"], "the old side and the new one"
