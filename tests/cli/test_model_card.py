"""`medpattern model card`: writes the page and its pictures, and tells whether they are current."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tests.evaluation.cardfiles import evidence_folder
from tests.fleet.small import Result, medpattern
from tests.pipeline.model.models import model_file

PICTURES = ["reliability.svg", "roc.svg", "scores.svg"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a model file and its evidence."""
    model = model_file(tmp_path / "model.onnx")
    evidence_folder(tmp_path / "evidence", sha256(model.read_bytes()).hexdigest())
    return tmp_path


def card(place: Path, *more: str) -> Result:
    return medpattern(
        "model", "card", "--model", str(place / "model.onnx"), "--evidence", str(place / "evidence"),
        "--out", str(place / "docs/page.md"), *more,
    )  # fmt: skip


def test_the_page_and_its_pictures_are_written_and_are_current_then(place: Path) -> None:
    result = card(place)

    assert result.code == 0, result.err
    assert result.err.splitlines() == [
        f"written: {place / 'docs' / name}"
        for name in ("page.md", "page/roc.svg", "page/reliability.svg", "page/scores.svg")
    ]
    assert sorted(path.name for path in (place / "docs/page").iterdir()) == PICTURES
    assert "](page/roc.svg)" in (place / "docs/page.md").read_text("utf-8")
    assert card(place, "--check").code == 0
    assert card(place).err == "", "what is current is not written again"


def test_a_changed_page_and_a_changed_score_are_found(place: Path) -> None:
    card(place)
    page = place / "docs/page.md"
    page.write_text(page.read_text("utf-8").replace("optimistic", "excellent"), "utf-8")

    edited = card(place, "--check")
    assert edited.code == 1
    assert f"not current: {page}\n" in edited.err
    assert "medpattern model card --evidence" in edited.err
    assert "excellent" in page.read_text("utf-8"), "--check writes nothing"

    card(place)
    scores = place / "evidence/val.csv"
    lines = scores.read_text("utf-8").splitlines()
    columns = lines[1].split(",")
    columns[5] = "0.999000"
    scores.write_text("\n".join([lines[0], ",".join(columns), *lines[2:]]) + "\n", "utf-8")

    result = card(place, "--check")
    assert result.code == 1
    assert "page/roc.svg" in result.err


def test_pictures_are_compared_by_what_they_show(place: Path) -> None:
    """Another matplotlib writes other bytes."""
    card(place)
    drawn = place / "docs/page/roc.svg"
    drawn.write_text(drawn.read_text("utf-8").replace("</svg>", "<!-- another version -->\n</svg>"), "utf-8")

    assert card(place, "--check").code == 0

    drawn.unlink()
    assert card(place, "--check").code == 1


def test_a_picture_that_the_page_no_longer_has_is_taken_away_and_others_stay(place: Path) -> None:
    card(place)
    folder = place / "docs/page"
    (folder / "old.svg").write_text((folder / "roc.svg").read_text("utf-8"), "utf-8")
    (folder / "own.svg").write_text("<svg/>", "utf-8")

    assert card(place, "--check").code == 1
    card(place)

    assert sorted(path.name for path in folder.iterdir()) == sorted([*PICTURES, "own.svg"])


def test_a_folder_without_evidence_is_named(place: Path) -> None:
    (place / "evidence/val.csv").unlink()

    result = card(place)

    assert result.code == 2
    assert "lacks val.csv" in result.err
    assert not (place / "docs").exists()


def test_evidence_of_another_model_is_refused(place: Path) -> None:
    evidence_folder(place / "evidence", "00" * 32)

    result = card(place)

    assert result.code == 2
    assert f"is of the model with the sha256 {'00' * 32}" in result.err
