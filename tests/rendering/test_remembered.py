"""Results are remembered as long as every input is the same, and never believed for others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medpattern.charts.files import cache_folder
from medpattern.checks.schemas import SchemaSet
from medpattern.rendering import remembered
from medpattern.rendering.remembered import MOST, Memory
from medpattern.rendering.selection import Selection
from medpattern.rendering.validation import Run
from tests.fleet.small import edit, medpattern
from tests.validation.notes import MISSPELT, TEMPLATE, repository


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "repository", template=MISSPELT)


def validate(root: Path) -> None:
    """A run whose result is kept."""
    run = Run(Selection(root), SchemaSet())
    Memory(Selection(root)).keep(run, run.validate())


def entries(cache: Path) -> list[Path]:
    return sorted(cache.rglob("validate/*.json"))


def test_the_same_inputs_have_the_same_findings(root: Path) -> None:
    run = Run(Selection(root), SchemaSet())
    found = run.validate()
    assert found.findings
    Memory(Selection(root)).keep(run, found)

    assert Memory(Selection(root)).recall() == found


def test_nothing_is_known_before_the_first_run(root: Path) -> None:
    assert Memory(Selection(root)).recall() is None


def append(root: Path, file: str, text: str) -> None:
    with (root / file).open("a", encoding="utf-8") as stream:
        stream.write(text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a values file": lambda root: append(root, "values/values-ward.yaml", "# more\n"),
    "the facts of a cluster": lambda root: append(root, "values/clusters/north.yaml", "# more\n"),
    "a template": lambda root: append(root, TEMPLATE, "# more\n"),
    "the schema of a chart": lambda root: append(root, "charts/notes/values.schema.json", "\n"),
    "a values file that was not there": lambda root: (root / "values/values-south.yaml").write_text("{}\n", "utf-8"),
    "a values file that is gone": lambda root: (root / "values/values-north.yaml").unlink(),
    "a further cluster": lambda root: (root / "values/clusters/west.yaml").write_text("group: ward\n", "utf-8"),
    "a further chart": lambda root: (
        (root / "charts/more").mkdir(), (root / "charts/more/Chart.yaml").write_text("name: more\n", "utf-8"),
    ),
    "a cluster that is gone": lambda root: (root / "values/clusters/south.yaml").unlink(),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_of_an_input_is_noticed(root: Path, change: Callable[[Path], object]) -> None:
    validate(root)

    change(root)

    assert Memory(Selection(root)).recall() is None


def test_a_file_that_is_no_input_changes_nothing(root: Path) -> None:
    validate(root)

    (root / "README.md").write_text("hello\n", "utf-8")

    assert Memory(Selection(root)).recall() is not None


def test_another_selection_is_another_result(root: Path) -> None:
    validate(root)

    assert Memory(Selection(root, clusters=("north",))).recall() is None
    assert Memory(Selection(root, app="notes")).recall() is None


def test_further_schemas_are_an_input(root: Path, tmp_path: Path) -> None:
    schemas = tmp_path / "schemas"
    schemas.mkdir()
    run = Run(Selection(root), SchemaSet())
    Memory(Selection(root), (schemas,)).keep(run, run.validate())
    assert Memory(Selection(root), (schemas,)).recall() is not None
    assert Memory(Selection(root)).recall() is None

    (schemas / "more.yaml").write_text("{}\n", "utf-8")

    assert Memory(Selection(root), (schemas,)).recall() is None


def test_another_medpattern_does_not_believe_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    validate(root)

    monkeypatch.setattr(remembered, "_tool", lambda: "another")

    assert Memory(Selection(root)).recall() is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"tool": 1}', b"\xff\xfe"])
def test_a_damaged_entry_is_none(root: Path, cache: Path, content: bytes) -> None:
    validate(root)
    (entry,) = entries(cache)

    entry.write_bytes(content)

    assert Memory(Selection(root)).recall() is None


@pytest.mark.parametrize("part", ["inputs", "found"])
def test_an_entry_with_a_part_of_another_form_is_none(root: Path, cache: Path, part: str) -> None:
    validate(root)
    (entry,) = entries(cache)

    entry.write_text(json.dumps({**json.loads(entry.read_bytes()), part: ["x"]}), "utf-8")

    assert Memory(Selection(root)).recall() is None


def test_the_oldest_entries_go(root: Path, cache: Path) -> None:
    validate(root)
    (entry,) = entries(cache)
    for number in range(MOST + 3):
        old = entry.with_name(f"{number}.json")
        old.write_text("{}", "utf-8")
        os.utime(old, (number, number))

    validate(root)

    assert len(entries(cache)) == MOST
    assert entry in entries(cache)


def test_a_cache_that_cannot_be_written_is_none(root: Path, cache: Path) -> None:
    folder = cache_folder()
    assert folder is not None
    (folder / "validate").write_text("a file where the folder would be", "utf-8")

    validate(root)

    assert Memory(Selection(root)).recall() is None


def test_the_command_tells_the_same_from_memory_and_afresh(root: Path) -> None:
    first, second, third = (
        medpattern("validate", *arguments, "--output", "json", root=root) for arguments in ((), (), ("--no-cache",))
    )

    assert first == second == third
    assert first.code == 1


def test_the_command_believes_what_is_remembered_unless_told_not_to(root: Path, cache: Path) -> None:
    medpattern("validate", root=root)
    (entry,) = entries(cache)
    kept = json.loads(entry.read_bytes())
    entry.write_text(json.dumps({**kept, "found": {**kept["found"], "findings": []}}), "utf-8")

    assert medpattern("validate", root=root).code == 0
    assert medpattern("validate", "--no-cache", root=root).code == 1


def test_a_mended_fault_is_gone_at_once(root: Path) -> None:
    assert medpattern("validate", root=root).code == 1

    edit(root, TEMPLATE, "\ndta:", "\ndata:")

    assert medpattern("validate", root=root).code == 0


def test_a_chart_that_cannot_be_read_is_not_remembered(root: Path, cache: Path, tmp_path: Path) -> None:
    (root / "charts/notes/outside.txt").symlink_to(tmp_path / "elsewhere.txt")
    (tmp_path / "elsewhere.txt").write_text("x", "utf-8")

    validate(root)

    assert not entries(cache)


def test_findings_survive_the_round_trip_whatever_they_hold(root: Path) -> None:
    run = Run(Selection(root), SchemaSet())
    found = run.validate()
    odd = replace(found.findings[0], message='quotes " and \u2028', clusters=("a", "b"), key="", app="")
    found = replace(found, findings=(odd,), unseen=(("north", "x"),), partial=("south",), others=3)
    Memory(Selection(root)).keep(run, found)

    assert Memory(Selection(root)).recall() == found
