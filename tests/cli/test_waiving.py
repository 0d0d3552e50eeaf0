"""What render says of findings that a waiver names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fleet.small import copy_small, edit, medpattern

WAIVER = """\
waivers:
  - {{code: missing-digest, file: charts/viewer/values.yaml, reason: waits for its registry, expires: {day}}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The small repository with one finding: an image without a digest."""
    found = copy_small(tmp_path)
    edit(found, "charts/viewer/values.yaml", "digest: sha256:" + "0" * 64, 'digest: ""')
    assert "warning[missing-digest]" in medpattern("render", "--dry-run", root=found).err
    return found


def waive(root: Path, text: str) -> str:
    (root / "values/waivers.yaml").write_text(text, "utf-8")
    return medpattern("render", "--dry-run", root=root).err


def test_a_waived_finding_is_counted_and_not_printed(root: Path) -> None:
    from datetime import UTC, datetime, timedelta

    said = waive(root, WAIVER.format(day=(datetime.now(UTC) + timedelta(days=30)).date()))
    assert "missing-digest" not in said
    assert "1 finding waived; 'medpattern validate --verbose' shows them" in said


@pytest.mark.parametrize(
    "text",
    [WAIVER.format(day="2026-01-01"), "waivers: [{code: no-such}]", "waivers: ["],
    ids=["one that has ended", "one that is wrong", "no YAML"],
)
def test_a_waiver_that_does_not_count_hides_nothing_and_stops_nobody(root: Path, text: str) -> None:
    said = waive(root, text)
    assert "warning[missing-digest]" in said
    assert "waived" not in said
    assert medpattern("render", "--dry-run", root=root).code == 0
