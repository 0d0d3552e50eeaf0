"""--diff-from between revisions with different clusters, groups and applications; what the views say and when."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from medpattern import __version__
from medpattern.errors import UsageError
from medpattern.rendering.preview import preview_revisions, preview_tree
from medpattern.rendering.selection import Selection
from tests.fleet.small import commit, copy_small, edit, medpattern, tree

WARD = "values/values-ward.yaml"
GLOBAL = "values/values-global.yaml"

ATLAS = """\
    atlas:
      namespace: images
      argoProject: xray
      path: charts/legend
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The small repository, committed and not rendered."""
    folder = copy_small(tmp_path)
    commit(folder)
    return folder


def headings(text: str) -> set[str]:
    return {line.removeprefix("--- ") for line in text.splitlines() if line.startswith("--- ")}


# ---- one side only ---------------------------------------------------------------------------------------------


def test_a_removed_cluster_shows_as_gone_with_its_data_first(root: Path) -> None:
    (root / "values/clusters/west.yaml").unlink()

    for names in (["--cluster", "west"], []):
        result = medpattern("render", "--diff-from", "HEAD", *names, root=root)

        assert result.code == 1
        lines = result.out.splitlines()
        assert lines[:2] == ["will be deleted from the clusters:", "  KafkaTopic/images on west  (holds data)"]
        assert "viewer: Deployment/viewer in images (west)" in headings(result.out)
        assert not any(line.startswith("+") for line in lines)


def test_a_new_cluster_shows_as_new_and_no_other_is_rendered(root: Path) -> None:
    shutil.copy(root / "values/clusters/west.yaml", root / "values/clusters/north.yaml")

    found = preview_revisions(Selection(root, clusters=("north",)), "HEAD")

    assert {name for item in found.diffs for name in item.clusters} == {"north"}
    assert found.removed == ()
    assert found.clusters == ("east", "hub", "north", "west")


def test_a_new_group_and_a_gone_one(root: Path) -> None:
    shutil.copy(root / WARD, root / "values/values-annex.yaml")
    edit(root, "values/values-annex.yaml", "name: ward", "name: annex")
    edit(root, "values/values-annex.yaml", "title: Ward", "title: Annex")
    edit(root, "values/clusters/west.yaml", "group: ward", "group: annex")

    for group in ("annex", "ward"):
        found = preview_revisions(Selection(root, group=group), "HEAD")

        shown = {(item.label, item.clusters) for item in found.diffs}
        assert ("Deployment/viewer in images", ("west",)) in shown, "as a change, since west is there on both sides"
        assert all(clusters == ("west",) for _, clusters in shown)
        assert found.removed == ()

    (root / "values/clusters/east.yaml").unlink()
    commit(root)
    found = preview_revisions(Selection(root, group="ward"), "HEAD~1", "HEAD")
    assert {item.cluster for item in found.removed} >= {"east"}


def test_a_new_application_and_a_gone_one(root: Path) -> None:
    edit(root, WARD, "    legend:\n", f"{ATLAS}    legend:\n")
    new = medpattern("render", "--diff-from", "HEAD", "--app", "atlas", "--cluster", "west", root=root)
    commit(root)
    edit(root, WARD, ATLAS, "")
    gone = medpattern("render", "--diff-from", "HEAD", "--app", "atlas", "--cluster", "west", root=root)

    assert (new.code, gone.code) == (1, 1)
    assert headings(new.out) == headings(gone.out) == {
        "argocd: Application/atlas in argocd (west)", "atlas: ConfigMap/legend in images (west)",
    }  # fmt: skip
    assert "Application/atlas" in gone.out.partition("---")[0]
    assert not new.out.startswith("will be deleted")


def test_of_one_application_nothing_else_is_shown(root: Path) -> None:
    edit(root, GLOBAL, "revision: main", "revision: next")
    edit(root, WARD, "title: Ward", "title: Station")

    found = preview_revisions(Selection(root, clusters=("west",), app="broker"), "HEAD")

    assert [(item.part, item.label) for item in found.diffs] == [("argocd", "Application/broker in argocd")]


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ({"clusters": ("wst",)}, "no cluster 'wst'; did you mean 'west'?"),
        ({"group": "wrd"}, "no group 'wrd'; did you mean 'ward'?"),
        ({"app": "viewr"}, "no application 'viewr' on these clusters; did you mean 'viewer'?"),
        ({"clusters": ("nrth",)}, "no cluster 'nrth'; did you mean 'north'?"),
    ],
)
def test_a_name_that_no_side_knows_is_wrong_use(selection: dict[str, tuple[str]], words: str, root: Path) -> None:
    shutil.copy(root / "values/clusters/west.yaml", root / "values/clusters/north.yaml")

    with pytest.raises(UsageError) as raised:
        preview_revisions(Selection(root, **selection), "HEAD")  # type: ignore[arg-type]

    assert str(raised.value) == words
    assert raised.value.exit_code == 2


# ---- versions --------------------------------------------------------------------------------------------------


def test_the_version_that_the_old_revision_asks_for_is_no_obstacle(root: Path) -> None:
    edit(root, GLOBAL, '">=0.1,<1"', '"<0.0.1"')
    old = commit(root)
    edit(root, GLOBAL, '"<0.0.1"', f'"=={__version__}"')

    assert medpattern("render", "--diff-from", old, root=root).code == 0

    refused = medpattern("render", "--diff-from", old, "--diff-to", old, root=root)
    assert refused.code == 2
    assert "asks for medpattern <0.0.1" in refused.err


@pytest.mark.parametrize("mistake", [False, True], ids=["sound", "with a finding"])
def test_check_says_first_that_another_version_rendered_the_tree(mistake: bool, rendered: Path) -> None:
    for path in (rendered / "rendered").glob("*/RECEIPT.json"):
        path.write_text(path.read_text("utf-8").replace(f'"{__version__}"', '"9.8.7"'), "utf-8")
    if mistake:
        edit(rendered, WARD, "path: charts/broker", "path: charts/brokr")

    result = medpattern("render", "--check", root=rendered)

    assert result.err.splitlines()[0] == f"the tree was rendered by medpattern 9.8.7, this is {__version__}"
    assert result.code == (2 if mistake else 1)


# ---- findings --------------------------------------------------------------------------------------------------


def test_an_error_is_told_with_the_revision_that_has_it(root: Path) -> None:
    edit(root, WARD, "path: charts/broker", "path: charts/brokr")
    wrong = commit(root)
    edit(root, WARD, "path: charts/brokr", "path: charts/broker")

    result = medpattern("render", "--diff-from", wrong, root=root)
    assert result.code == 2
    assert result.err.startswith(f"{wrong}:{WARD}:19:7: error[unknown-chart]")

    result = medpattern("render", "--diff-from", "HEAD~1", "--diff-to", "HEAD", root=root)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"HEAD:{WARD}:19:7: ")


def test_a_preview_is_data_and_writes_nothing(rendered: Path) -> None:
    edit(rendered, WARD, "logLevel: INFO", "logLevel: WARN")
    before = tree(rendered)

    found = preview_tree(Selection(rendered), rendered / "rendered")

    assert [(item.part, item.clusters) for item in found.diffs] == [("viewer", ("east", "west"))]
    assert (found.removed, found.clusters, found.notes) == ((), ("east", "hub", "west"), ())
    assert not found.is_empty
    assert tree(rendered) == before


def test_of_a_part_of_the_fleet_a_range_leaves_no_cluster_out(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    for name in ("ward-1", "ward-2", "ward-3", "ward-4"):
        shutil.copy(root / "values/clusters/west.yaml", root / f"values/clusters/{name}.yaml")
    assert medpattern("render", root=root).code == 0
    edit(root, WARD, "logLevel: INFO", "logLevel: WARN")
    chosen = [word for name in ("ward-1", "ward-2", "ward-4") for word in ("--cluster", name)]

    result = medpattern("render", "--diff", *chosen, root=root)

    assert "(same change on ward-1, ward-2, ward-4)" in result.out


# ---- what the views print --------------------------------------------------------------------------------------


def test_json_of_a_refused_render_names_what_was_refused(rendered: Path) -> None:
    edit(rendered, WARD, "path: charts/broker\n", "path: charts/broker\n      disabled: true\n")
    before = tree(rendered / "rendered")

    refused = medpattern("render", "--output", "json", "--allow-delete", "east/KafkaTopic/images", root=rendered)

    assert refused.code == 2
    told = json.loads(refused.out)
    assert told["refused"] == ["east/KafkaTopic/results", "west/KafkaTopic/images", "west/KafkaTopic/results"]
    assert {item["name"] for item in told["removed"] if item["holdsData"]} == {"images", "results"}
    assert "refusing to delete" in refused.err
    assert tree(rendered / "rendered") == before

    allowed = [word for name in told["refused"] for word in ("--allow-delete", name)]
    done = medpattern("render", "--output", "json", *allowed, "--allow-delete", "KafkaTopic/images", root=rendered)
    assert (done.code, json.loads(done.out)["refused"]) == (0, [])


@pytest.mark.parametrize("template", ['size: {{ required "no size" .Values.gone }}', "}: {{ .Values.size }}"])
def test_the_stream_says_on_which_cluster_helm_refused_which_application(template: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, "charts/legend/templates/legend.yaml", "size: {{ .Values.size | quote }}", template)

    result = medpattern("render", "--stdout", "--cluster", "west", root=root)

    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: west/legend: ")
