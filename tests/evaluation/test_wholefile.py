"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from medpattern.errors import UsageError
from medpattern.evaluation.wholefile import whole_file


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_an_older_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")

    with whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert names(tmp_path) == ["scores.csv"]


def test_what_is_broken_off_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")

    def broken_off() -> None:
        with whole_file(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()

    assert path.read_text() == "old"
    assert names(tmp_path) == ["scores.csv"]


@pytest.mark.parametrize("place", ["file/scores.csv", "nowhere/scores.csv", "folder"])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    with pytest.raises(UsageError, match=f"{place} cannot be written: "), whole_file(tmp_path / place) as part:
        part.write_text("new")

    assert sorted(names(tmp_path)) == ["file", "folder"]


def test_it_has_the_suffix_of_the_file_which_numpy_would_append(tmp_path: Path) -> None:
    with whole_file(tmp_path / "lessons.npz") as part:
        part.touch()

    assert part.suffix == ".npz"
