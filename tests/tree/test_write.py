"""Writing is atomic per file, and an interrupted run is completed by the next."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from medpattern.documents.file import File
from medpattern.errors import UsageError
from medpattern.rendering.run import run
from medpattern.rendering.selection import Selection
from medpattern.tree.plan import Action, Entry
from medpattern.tree.write import carry_out
from tests.fleet.small import copy_small, edit, medpattern, tree


def interrupted_render(root: Path, monkeypatch: pytest.MonkeyPatch, function: str, count: int) -> None:
    """Renders; Ctrl-C comes when the writer calls `function` of the operating system for the `count`-th time."""
    original = getattr(os, function)
    outcome = run(Selection(root), root / "rendered")
    calls = 0

    def failing(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, function, failing)
        with pytest.raises(KeyboardInterrupt):
            outcome.write()


def complete(root: Path, wanted: dict[str, bytes]) -> None:
    """Asserts that what lies in the tree is whole, and that the next render makes it what it has to be."""
    left = tree(root / "rendered")
    assert left.keys() <= wanted.keys(), "no temporary file is left"
    assert medpattern("render", root=root).code == 0
    assert tree(root / "rendered") == wanted


@pytest.mark.parametrize(
    ("function", "count"), [("write", 1), ("write", 20), ("write", 70), ("rename", 1), ("rename", 3)]
)
def test_an_interrupted_first_render_leaves_whole_files_and_the_next_completes_it(
    function: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_small(tmp_path)
    wanted = {path: file.content for path, file in run(Selection(root), root / "rendered").files.items()}

    interrupted_render(root, monkeypatch, function, count)

    assert all(wanted[name] == content for name, content in tree(root / "rendered").items())
    complete(root, wanted)


@pytest.mark.parametrize(("function", "count"), [("write", 1), ("write", 3), ("replace", 1), ("replace", 2)])
def test_an_interrupted_update_is_noticed_although_old_receipts_lie_there(
    function: str, count: int, rendered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(rendered, "values/values-ward.yaml", "logLevel: INFO", "logLevel: WARN")
    old = tree(rendered / "rendered")
    wanted = {path: file.content for path, file in run(Selection(rendered), rendered / "rendered").files.items()}

    interrupted_render(rendered, monkeypatch, function, count)

    assert all(content in (old[name], wanted[name]) for name, content in tree(rendered / "rendered").items()
               if name in wanted)  # fmt: skip
    assert medpattern("render", "--check", root=rendered).code == 1
    complete(rendered, wanted)


def test_receipts_are_written_last(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(rendered, "values/values-global.yaml", "revision: main", "revision: next")
    order: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda old, new: (order.append(Path(new).name), replace(old, new)))

    run(Selection(rendered), rendered / "rendered").write()

    assert order[-3:] == ["RECEIPT.json"] * 3
    assert order.count("RECEIPT.json") == 3


def test_a_tree_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "rendered").mkdir()
    (root / "rendered/west").write_text("a file where a folder has to be\n", "utf-8")

    result = medpattern("render", root=root)

    assert result.code == 2
    assert str(root / "rendered/west") in result.err


def test_a_refusal_of_the_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c").mkdir()

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device", "x.yaml")

    monkeypatch.setattr("medpattern.tree.write.replace", full)

    with pytest.raises(UsageError, match=r"x\.yaml: No space left on device"):
        carry_out(tmp_path, [Entry("c/x.yaml", Action.CREATE)], {"c/x.yaml": File.of("a")})


def test_emptied_folders_go_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "c/deep/er").mkdir(parents=True)
    (tmp_path / "c/deep/er/x.yaml").write_text("x", "utf-8")
    (tmp_path / "c/kept.txt").write_text("x", "utf-8")

    carry_out(tmp_path, [Entry("c/deep/er/x.yaml", Action.DELETE)], {})

    assert [path.name for path in (tmp_path / "c").iterdir()] == ["kept.txt"]


def test_files_can_be_read_by_all(tmp_path: Path) -> None:
    carry_out(tmp_path, [Entry("c/x.yaml", Action.CREATE)], {"c/x.yaml": File.of("a")})

    assert (tmp_path / "c/x.yaml").stat().st_mode & 0o777 == 0o644
