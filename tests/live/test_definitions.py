"""Upstream's CustomResourceDefinitions in .ci/crds: those that were collected, whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.live import fleet
from tests.live.servers.definitions import definition, definition_files, definition_folder, unpacked
from tests.real.servers.programs import MissingError

COLLECTED = os.environ.get("MEDPATTERN_CRDS", "")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.yaml")}


def test_the_archive_is_unpacked_once_and_whole(tmp_path: Path) -> None:
    folder = unpacked(tmp_path)

    assert unpacked(tmp_path) == folder
    assert list(tmp_path.iterdir()) == [folder]
    names = {definition(file)["metadata"]["name"] for file in folder.glob("*.*/*.yaml")}
    assert names == {f"{file.stem}.{file.parent.name}" for file in folder.glob("*.*/*.yaml")}


@pytest.mark.parametrize("distribution", fleet.DISTRIBUTIONS)
def test_it_has_the_custom_kinds_of_the_shipped_fleet(
    distribution: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDPATTERN_CRDS", str(unpacked(tmp_path)))
    files = definition_files(distribution, fleet.groups(fleet.on(distribution)))
    known = {(one["spec"]["group"], one["spec"]["names"]["kind"]) for one in map(definition, files)}
    manifests = {(one.group, one.kind) for each in fleet.on(distribution) for one in each.manifests}

    assert {(group, kind) for group, kind in manifests if "." in group and ".k8s.io" not in group} <= known


def test_a_folder_that_is_not_there_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDPATTERN_CRDS", "/nowhere")

    with pytest.raises(MissingError, match=r"MEDPATTERN_CRDS names /nowhere.*those of \.ci/crds are taken"):
        definition_folder()


if COLLECTED:

    def test_it_is_what_lies_below_medpattern_crds(tmp_path: Path) -> None:
        assert contents(unpacked(tmp_path)) == contents(Path(COLLECTED))
