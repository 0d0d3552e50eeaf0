"""Every mistake in the values files is found, at its place, with its cause and its cure; all of them at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.errors import InputError, MedpatternError
from medpattern.findings import Finding, KeyPath, Severity
from medpattern.rendering.run import run
from medpattern.rendering.selection import Selection
from tests.fleet.mistakes import FILES, MARK, MISTAKES, SHARED, WARD, Mistake
from tests.fleet.small import copy_small, edit, medpattern, tree


def findings_of(root: Path) -> tuple[Finding, ...]:
    """What a render of the repository at `root` finds; nothing is written."""
    return run(Selection(root), root / "rendered").findings


def test_the_small_repository_has_no_findings(tmp_path: Path) -> None:
    assert findings_of(copy_small(tmp_path)) == ()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.code}: {mistake.title}")
def test_a_mistake_gives_one_finding_at_its_place(mistake: Mistake, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    file, line, column = mistake.plant(root)

    found = findings_of(root)

    assert [str(finding) for finding in found] == [str(found[0])], "one mistake, one finding"
    finding = found[0]
    assert (finding.code, finding.severity) == (mistake.code, Severity.ERROR)
    assert (finding.place.file, finding.place.line, finding.place.column) == (file, line, column)
    assert finding.key == mistake.key
    assert mistake.cure in finding.cure
    assert finding.message


def test_the_table_covers_what_the_issue_asks_for() -> None:
    assert len(MISTAKES) >= 40
    assert len({(mistake.code, mistake.title) for mistake in MISTAKES}) == len(MISTAKES)


# Which files, charts and references a cluster has hangs on these, so they hide what is wrong there.
HIDING = {
    "a word for a section",
    "a word for a list",
    "in an application, map form",
    "an application to wait for that does not exist",
    "no name to wait for",
    "a list to wait for",
    "a list of pairs for a namespace",
    "a map as a namespace",
    "two applications named alike, map form",
    "a list for a map",
    "a chart that does not exist",
    "a chart outside the repository",
    "a group that does not exist",
    "a hub that does not exist",
    "a distribution that does not exist",
    "a cluster without a distribution",
    "a cluster without a group",
}


def all_at_once(root: Path) -> list[tuple[str, str, int, int]]:
    """Plants every mistake of the table that still fits beside the ones before it.

    A file that cannot be read hides what else is wrong in it, so those get a file each. Returns code, file, line
    and column of every finding to expect; keys are left out, since one list item more moves all after it.
    """
    planted: list[tuple[Mistake, str]] = []
    for number, mistake in enumerate(MISTAKES):
        mark = chr(0xE000 + number)
        path = root / mistake.file
        unreadable = mistake.file == SHARED or mistake.code == "duplicate-key"
        if unreadable or mistake.title in HIDING or (not mistake.old and path.exists()):
            continue
        text = path.read_text("utf-8") if mistake.old else ""
        if mistake.old and text.count(mistake.old) != 1:
            continue
        new = mistake.new.replace(MARK, mark)
        path.write_text(text.replace(mistake.old, new) if mistake.old else new, "utf-8")
        planted.append((mistake, mark if MARK in mistake.new else ""))
    expected = [(mistake.code, mistake.file, *place_of(root / mistake.file, mark)) for mistake, mark in planted]
    for file in {mistake.file for mistake, _ in planted}:
        text = (root / file).read_text("utf-8")
        (root / file).write_text("".join(char for char in text if not "\ue000" <= char <= "\uf8ff"), "utf-8")
    return expected


def place_of(path: Path, mark: str) -> tuple[int, int]:
    """Line and column of `mark` in a file, the marks before it not counted; (0, 0) without a mark."""
    if not mark:
        return 0, 0
    text = path.read_text("utf-8")
    lines = text[: text.index(mark)].split("\n")
    return len(lines), 1 + sum(not "\ue000" <= char <= "\uf8ff" for char in lines[-1])


def unreadable_files(root: Path) -> list[tuple[str, str, int, int]]:
    """The mistakes that make a whole file unreadable, each in a value file of its own."""
    expected = []
    names = []
    for number, mistake in enumerate(mistake for mistake in FILES if mistake.file == SHARED):
        content, line, column = mistake.edited(root)
        name = f"values/shared-{number}.yaml"
        (root / name).write_bytes(content.replace(b"/shared.yaml", f"/shared-{number}.yaml".encode()))
        names.append(f"/shared-{number}.yaml")
        expected.append((mistake.code, name, line, column))
    (root / "values/values-AWS-central.yaml").write_text(
        "clusterGroup:\n  sharedValueFiles:\n" + "".join(f"    - {name}\n" for name in names), "utf-8"
    )
    return expected


def test_all_mistakes_at_once_are_all_found_in_one_run(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    expected = [*all_at_once(root), *unreadable_files(root)]
    before = tree(root)

    found = findings_of(root)

    places = {(f.code, f.place.file, f.place.line, f.place.column) for f in found}
    assert len(expected) >= 40
    assert [wanted for wanted in expected if wanted not in places] == []
    result = medpattern("render", root=root)
    assert result.code == 2
    assert result.out == ""
    assert all(str(finding) in result.err for finding in found)
    assert tree(root) == before, "nothing may be written"


def test_a_yaml_bomb_is_stopped_before_it_fills_the_memory(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    (root / SHARED).write_text("\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *levels]), "utf-8")

    (finding,) = findings_of(root)

    assert (finding.code, finding.place.file) == ("yaml-bomb", SHARED)
    assert finding.key.startswith("a"), "the key path says in which value it goes off"
    assert finding.cure


def test_nothing_is_written_and_the_old_tree_stays_when_there_is_an_error(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    assert medpattern("render", root=root).code == 0
    before = tree(root / "rendered")
    edit(root, WARD, "path: charts/broker", "path: charts/brokr")

    result = medpattern("render", root=root)

    assert result.code == 2
    assert "values/values-ward.yaml:19:7: error[unknown-chart]" in result.err
    assert "did you mean 'charts/broker'?" in result.err
    assert tree(root / "rendered") == before


def test_an_error_forbids_to_write_also_in_the_library(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "path: charts/broker", "path: charts/brokr")

    with pytest.raises(InputError):
        run(Selection(root), root / "rendered").write()

    assert not (root / "rendered").exists()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (">=9", "asks for medpattern >=9"),
        ("newest", "is no version range"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ("render",),
        ("render", "--check"),
        ("render", "--stdout"),
        ("explain", "west", "broker"),
        ("list", "clusters"),
        ("list", "apps"),
        ("list", "charts"),
        ("list", "layers"),
        ("list", "images"),
    ],
    ids=" ".join,
)
def test_every_command_refuses_a_repository_for_another_version(
    command: tuple[str, ...], wanted: str, words: str, tmp_path: Path
) -> None:
    root = copy_small(tmp_path)
    edit(root, "values/values-global.yaml", ">=0.1,<1", wanted)

    result = medpattern(*command, root=root)

    assert result.code == 2
    assert words in result.err
    assert result.out == ""
    assert not (root / "rendered").exists()


def test_a_settled_tree_does_not_hide_that_another_version_is_asked_for(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    assert medpattern("render", root=root).code == 0
    edit(root, "values/values-global.yaml", ">=0.1,<1", ">=9")

    assert medpattern("render", root=root).code == 2


@pytest.mark.parametrize("clusters", ["north", "easst"])
def test_an_unknown_cluster_is_answered_with_the_nearest(clusters: str, tmp_path: Path) -> None:
    result = medpattern("render", "--cluster", clusters, root=copy_small(tmp_path))

    assert result.code == 2
    assert f"no cluster '{clusters}'" in result.err
    assert "east" in result.err


WARNINGS = {
    "unread-global": (WARD, "clusterGroup:\n  name", "global:\n  colour: red\nclusterGroup:\n  name", "global.colour"),
    "unread-value": (SHARED, "logLevel:", "lgLevel:", "lgLevel"),
    "unknown-fact": ("values/clusters/west.yaml", "domain: west.example.org\n", "", "domain"),
    "missing-digest": (
        WARD,
        "        title: Ward\n",
        '        title: Ward\n        image: {digest: ""}\n',
        "image.digest",
    ),
}


@pytest.mark.parametrize("code", WARNINGS)
def test_a_harmless_habit_is_a_warning_and_the_tree_is_written(code: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    file, old, new, key = WARNINGS[code]
    edit(root, file, old, new)

    result = medpattern("render", root=root)

    (finding,) = findings_of(root)
    assert (finding.code, finding.severity, finding.key) == (code, Severity.WARNING, key)
    assert finding.place.file == file
    assert finding.cure
    assert result.code == 0
    assert f"warning[{code}]" in result.err
    assert (root / "rendered/west/RECEIPT.json").is_file()


@pytest.mark.parametrize("code", WARNINGS)
def test_a_values_file_silences_a_warning_by_its_code(code: str, tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    file, old, new, _ = WARNINGS[code]
    edit(root, file, old, new)
    edit(root, "values/values-global.yaml", "medpattern:\n", f"medpattern:\n  silence: [{code}]\n")

    assert findings_of(root) == ()
    assert "warning" not in medpattern("render", root=root).err


def test_silencing_one_warning_leaves_the_others(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    for file, old, new, _ in WARNINGS.values():
        edit(root, file, old, new)
    edit(root, "values/values-global.yaml", "medpattern:\n", "medpattern:\n  silence: [unread-value]\n")

    assert {finding.code for finding in findings_of(root)} == WARNINGS.keys() - {"unread-value"}


def test_an_error_cannot_be_silenced(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    edit(root, WARD, "path: charts/broker", "path: charts/brokr")
    edit(root, "values/values-global.yaml", "medpattern:\n", "medpattern:\n  silence: [unknown-chart]\n")

    assert medpattern("render", root=root).code == 2


@pytest.mark.parametrize("name", ["east-root", "east-cluster", "east-viewer"])
def test_an_application_of_the_hub_may_not_take_the_name_of_a_spokes(name: str, tmp_path: Path) -> None:
    """Both would be one object in the hub's Argo CD, and one of them would silently win."""
    root = copy_small(tmp_path)
    edit(root, "values/values-central.yaml", "name: portal", f"name: {name}")

    found = findings_of(root)

    assert [finding.code for finding in found] in (["name"], ["duplicate-name"])
    assert f"'{name}'" in found[0].message


def test_applications_of_two_spokes_may_not_have_one_name(tmp_path: Path) -> None:
    """`a-viewer` of `east` and `viewer` of `east-a` are both `east-a-viewer` in the hub's Argo CD."""
    root = copy_small(tmp_path)
    (root / "values/clusters/east-a.yaml").write_bytes((root / "values/clusters/east.yaml").read_bytes())
    (root / "values/values-east.yaml").write_text(
        "clusterGroup: {applications: {a-viewer: {namespace: images, argoProject: xray, path: charts/viewer}}}\n",
        "utf-8",
    )

    assert [finding.code for finding in findings_of(root)] in (["name"], ["duplicate-name"])


WRONG = [None, 1, "x", [], {}, True, [None], {"a": None}, [["x"]], [{}]]


@pytest.mark.parametrize(
    "file", ["values-global.yaml", "values-ward.yaml", "values-central.yaml", "clusters/east.yaml"]
)
def test_whatever_stands_somewhere_there_is_never_a_traceback(file: str, tmp_path: Path) -> None:
    """Each node of the file in turn becomes something else; every run ends with findings or an error."""
    root = copy_small(tmp_path)
    path = root / "values" / file
    data = yaml.safe_load(path.read_text("utf-8"))
    for number, node in enumerate(nodes(data)):
        path.write_text(yaml.safe_dump(replaced(data, node, WRONG[number % len(WRONG)])), "utf-8")
        with contextlib.suppress(MedpatternError):
            run(Selection(root), root / "rendered")


def nodes(data: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    yield path
    for key, item in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from nodes(item, (*path, key))


def replaced(data: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


def test_top_level_keys_are_chart_values_and_legal(tmp_path: Path) -> None:
    root = copy_small(tmp_path)
    (root / "values/values-hub.yaml").write_text("replicas: 3\n", "utf-8")

    assert findings_of(root) == ()
