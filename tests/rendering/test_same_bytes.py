"""The same inputs give the same bytes, whatever the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.small import process, tree

ENVIRONMENTS = {
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "a third hash seed": {"PYTHONHASHSEED": "4711"},
    "the C locale without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another locale": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "another time zone": {"TZ": "Pacific/Kiritimati"},
}


def test_hash_seed_locale_and_time_zone_do_not_matter(rendered: Path, tmp_path: Path) -> None:
    before = tree(rendered / "rendered")

    for number, (name, environment) in enumerate(ENVIRONMENTS.items()):
        out = tmp_path / f"out-{number}" / "rendered"
        result = process("render", "--root", rendered, "--out", out, **environment)
        assert result.code == 0, result.err
        assert tree(out) == before, name


@pytest.mark.parametrize("place", ["a place/with blanks", "tief/über"])
def test_the_folder_does_not_matter(place: str, rendered: Path, tmp_path: Path) -> None:
    before = tree(rendered / "rendered")
    (tmp_path / place).parent.mkdir(parents=True)
    moved = rendered.rename(tmp_path / place)

    result = process("render", "--check", cwd=moved)

    assert (result.code, result.out) == (0, "")
    assert tree(moved / "rendered") == before
