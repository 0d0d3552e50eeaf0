"""The rendered tree is exactly what the inputs render: proven by --check, restored by render."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.fleet.small import edit, medpattern, tree

FILE = "west/charts/viewer/templates/deployment-viewer.yaml"


def times(folder: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_second_render_writes_nothing_and_says_so(rendered: Path) -> None:
    before = times(rendered / "rendered")

    result = medpattern("render", root=rendered)

    assert result.code == 0
    assert "nothing to do" in result.err
    assert times(rendered / "rendered") == before


def test_a_second_render_without_receipts_writes_only_the_receipts(rendered: Path) -> None:
    before = tree(rendered / "rendered")
    for path in (rendered / "rendered").glob("*/RECEIPT.json"):
        path.unlink()
    old = times(rendered / "rendered")

    result = medpattern("render", root=rendered)

    assert "3 created" in result.err
    assert tree(rendered / "rendered") == before
    assert {name for name, time in times(rendered / "rendered").items() if old.get(name) != time and "." in
            Path(name).name} == {(rendered / f"rendered/{name}/RECEIPT.json").as_posix()
                                 for name in ("east", "hub", "west")}  # fmt: skip


def test_check_of_a_rendered_tree_is_clean(rendered: Path) -> None:
    result = medpattern("render", "--check", root=rendered)

    assert (result.code, result.out) == (0, "")


def forge_receipt(rendered: Path, file: str) -> None:
    """Makes the receipt say that `file` is as it now is."""
    cluster, _, name = file.partition("/")
    path = rendered / "rendered" / cluster / "RECEIPT.json"
    receipt = json.loads(path.read_text("utf-8"))
    receipt["outputs"][name] = sha256((rendered / "rendered" / file).read_bytes()).hexdigest()
    path.write_text(json.dumps(receipt, indent=1) + "\n", "utf-8")


def change_a_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])


FILES = [
    FILE,
    "west/charts/viewer/values.yaml",
    "west/charts/viewer/README.md",
    "west/charts/legend/templates/legend.yaml",
    "east/argocd/application-east-viewer.yaml",
    "hub/cluster/namespace-tools.yaml",
    "hub/root.yaml",
]


def test_one_changed_byte_is_named_and_repaired(rendered: Path) -> None:
    before = tree(rendered / "rendered")
    for file in FILES:
        change_a_byte(rendered / "rendered" / file)

        checked = medpattern("render", "--check", root=rendered)
        assert (checked.code, checked.out) == (1, f"differs: {rendered / 'rendered' / file}\n")
        assert medpattern("render", root=rendered).code == 0
        assert tree(rendered / "rendered") == before, file


def test_a_byte_changed_together_with_its_receipt_is_named_and_repaired(rendered: Path) -> None:
    before = tree(rendered / "rendered")
    change_a_byte(rendered / "rendered" / FILE)
    forge_receipt(rendered, FILE)

    checked = medpattern("render", "--check", root=rendered)

    assert checked.code == 1
    assert f"differs: {rendered / 'rendered' / FILE}\n" in checked.out
    assert medpattern("render", root=rendered).code == 0, "this is what --check tells the user to do"
    assert tree(rendered / "rendered") == before


def test_a_forged_receipt_alone_is_named(rendered: Path) -> None:
    path = rendered / "rendered/west/RECEIPT.json"
    path.write_text(path.read_text("utf-8").replace('"tree": "rendered"', '"tree": "elsewhere"'), "utf-8")

    result = medpattern("render", "--check", root=rendered)

    assert result.code == 1
    assert result.out == f"differs: {path}\n"


def test_a_missing_file_is_named_and_brought_back(rendered: Path) -> None:
    before = tree(rendered / "rendered")
    (rendered / "rendered" / FILE).unlink()

    checked = medpattern("render", "--check", root=rendered)

    assert (checked.code, checked.out) == (1, f"missing: {rendered / 'rendered' / FILE}\n")
    assert medpattern("render", root=rendered).code == 0
    assert tree(rendered / "rendered") == before


def test_a_file_that_the_inputs_no_longer_make_is_named_and_pruned(rendered: Path) -> None:
    edit(rendered, "values/values-ward.yaml", "        title: Ward\n", "")
    edit(rendered, "values/values-ward.yaml", "    reports:\n", "    reports:\n      disabled: true\n")
    stale = rendered / "rendered/west/argocd/application-reports.yaml"

    checked = medpattern("render", "--check", root=rendered)
    assert checked.code == 1
    assert f"no longer made by the inputs: {stale}" in checked.out

    assert medpattern("render", root=rendered).code == 0
    assert not stale.exists()
    assert medpattern("render", "--check", root=rendered).code == 0


@pytest.mark.parametrize("name", ["west/notes.txt", "west/charts/viewer/templates/extra.yaml", "west/argocd/own.yaml"])
def test_a_foreign_file_is_left_alone_and_named_by_check(name: str, rendered: Path) -> None:
    path = rendered / "rendered" / name
    path.write_text("kind: Mine\n", "utf-8")

    result = medpattern("render", root=rendered)
    assert result.code == 0
    assert f"not made by medpattern, left alone: {path}" in result.err
    assert path.read_text("utf-8") == "kind: Mine\n"

    checked = medpattern("render", "--check", root=rendered)
    assert (checked.code, checked.out) == (1, f"not made by medpattern: {path}\n")


def test_files_beside_the_clusters_are_nobodys_business(rendered: Path) -> None:
    (rendered / "rendered/README.md").write_text("Read me.\n", "utf-8")

    assert medpattern("render", "--check", root=rendered).code == 0
    assert medpattern("render", root=rendered).code == 0
    assert (rendered / "rendered/README.md").exists()


def remove_west(rendered: Path) -> None:
    (rendered / "values/clusters/west.yaml").unlink()


def test_the_folder_of_a_cluster_that_left_is_pruned_once_its_data_may_go(rendered: Path) -> None:
    remove_west(rendered)

    checked = medpattern("render", "--check", root=rendered)
    assert checked.code == 1
    assert f"no longer made by the inputs: {rendered / 'rendered/west/root.yaml'}" in checked.out

    refused = medpattern("render", root=rendered)
    assert refused.code == 2
    assert (rendered / "rendered/west/root.yaml").is_file()

    cure = refused.err.splitlines()[-1].partition("medpattern ")[2].split()
    assert "Namespace/broker" in cure[-3] + cure[-1]
    assert medpattern(*cure, root=rendered).code == 0
    assert not (rendered / "rendered/west").exists()


def test_a_folder_without_a_receipt_is_untouched(rendered: Path) -> None:
    other = rendered / "rendered/archive"
    other.mkdir()
    (other / "root.yaml").write_text("# Generated by medpattern, long ago\n", "utf-8")

    assert medpattern("render", root=rendered).code == 0
    assert medpattern("render", "--check", root=rendered).code == 0
    assert (other / "root.yaml").is_file()


def test_foreign_files_keep_the_folder_of_a_cluster_that_left(rendered: Path) -> None:
    (rendered / "rendered/west/notes.txt").write_text("keep\n", "utf-8")
    remove_west(rendered)

    medpattern("render", "--allow-delete", "KafkaTopic/images", "--allow-delete", "KafkaTopic/results",
               "--allow-delete", "Namespace/broker", "--allow-delete", "Namespace/images", root=rendered)  # fmt: skip

    assert [path.name for path in (rendered / "rendered/west").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("target", ["file", "folder"])
def test_a_link_in_the_tree_does_not_lead_the_writer_astray(target: str, rendered: Path, tmp_path: Path) -> None:
    before = tree(rendered / "rendered")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("precious\n", "utf-8")
    if target == "file":
        path = rendered / "rendered" / FILE
        content = path.read_bytes()
        (outside / "victim").write_bytes(content)
        path.unlink()
        path.symlink_to(outside / "victim")
        edit(rendered, "values/values-west.yaml", "replicas: 1", "replicas: 1\n        title: Other")
    else:
        path = rendered / "rendered/west/charts/viewer/templates"
        for file in path.iterdir():
            file.unlink()
        path.rmdir()
        path.symlink_to(outside, target_is_directory=True)
    old = tree(outside)

    assert medpattern("render", "--check", root=rendered).code == 1
    result = medpattern("render", root=rendered)

    assert tree(outside) == old, "nothing outside the tree may change"
    assert result.code in (0, 2)
    if result.code == 0:
        assert not path.is_symlink()
        assert tree(rendered / "rendered").keys() == before.keys()


def test_a_merge_conflict_in_a_receipt_is_settled_by_render(rendered: Path) -> None:
    before = tree(rendered / "rendered")
    path = rendered / "rendered/west/RECEIPT.json"
    text = path.read_text("utf-8")
    path.write_text(
        text.replace('"outputs"', '<<<<<<< ours\n"outputs"\n=======\n>>>>>>> theirs\n"outputs"', 1), "utf-8"
    )

    assert medpattern("render", "--check", root=rendered).code == 1
    assert medpattern("render", root=rendered).code == 0
    assert tree(rendered / "rendered") == before


def test_check_says_first_that_another_version_rendered_the_tree(rendered: Path) -> None:
    path = rendered / "rendered/west/RECEIPT.json"
    receipt = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**receipt, "medpattern": "0.0.1"}, indent=1) + "\n", "utf-8")

    result = medpattern("render", "--check", root=rendered)

    assert result.code == 1
    assert result.err.splitlines()[0].startswith("the tree was rendered by medpattern 0.0.1")
    assert len([line for line in result.err.splitlines() if "0.0.1" in line]) == 1
