"""Saved scores: what is written is read again, and a file that is none is told with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.errors import UsageError
from medpattern.evaluation.scores import DECIMALS, ScoreRow, ScoreTable, rounded
from tests.evaluation.tables import drawn, row

TABLE = ScoreTable((
    row("NORMAL/IM-0115-0001.jpeg", "normal", 0.123457, 1.0, patient="IM-0115"),
    row("PNEUMONIA/person1_virus_6.jpeg", "virus", 1.0, None, patient="person1"),
    row("PNEUMONIA/person1_virus_6.jpeg", "virus", 0.5, 0.0, patient="person1", set="val+text"),
))  # fmt: skip


def test_a_file_has_a_row_for_each_film_and_six_decimals(tmp_path: Path) -> None:
    TABLE.write(tmp_path / "scores.csv")

    assert (tmp_path / "scores.csv").read_text("utf-8").splitlines() == [
        "set,name,patient,subtype,pneumonia,score,gate",
        "val,NORMAL/IM-0115-0001.jpeg,IM-0115,normal,0,0.123457,1.000000",
        "val,PNEUMONIA/person1_virus_6.jpeg,person1,virus,1,1.000000,",
        "val+text,PNEUMONIA/person1_virus_6.jpeg,person1,virus,1,0.500000,0.000000",
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]
    assert ScoreTable.read(tmp_path / "scores.csv") == TABLE


SHARES = st.floats(0, 1).map(rounded)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12)


@given(st.lists(st.tuples(NAMES, NAMES, SHARES, st.none() | SHARES), max_size=5, unique_by=lambda item: item[0]))
def test_what_is_written_is_read(items: list[tuple[str, str, float, float | None]]) -> None:
    rows = (ScoreRow("a set", name, patient, "virus", True, score, gate) for name, patient, score, gate in items)
    table = ScoreTable(tuple(rows))

    assert ScoreTable.parse(table.text().splitlines(), "here") == table


def test_columns_come_as_arrays() -> None:
    assert TABLE.sets == ("val", "val+text")
    assert TABLE.pneumonia.tolist() == [False, True, True]
    assert TABLE.score.tolist() == [0.123457, 1.0, 0.5]
    assert np.isnan(TABLE.gate).tolist() == [False, True, False]
    assert TABLE.of("val").subtype.tolist() == ["normal", "virus"]
    assert TABLE.patients == ("IM-0115", "person1", "person1")
    with pytest.raises(UsageError, match="there is no set 'oof' among the scores; there are val, val\\+text"):
        TABLE.of("oof")


def test_a_score_is_kept_to_the_decimals_of_the_file() -> None:
    assert rounded(0.12345678) == float(f"{0.12345678:.{DECIMALS}f}")


def test_an_old_file_stays_when_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    TABLE.write(tmp_path / "scores.csv")
    with pytest.raises(UsageError, match="cannot be written"):
        TABLE.write(tmp_path / "nowhere" / "scores.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"folder cannot be written"):
        drawn().write(tmp_path / "folder")

    assert ScoreTable.read(tmp_path / "scores.csv") == TABLE
    assert {file.name for file in tmp_path.iterdir()} == {"scores.csv", "folder"}


HEADER = "set,name,patient,subtype,pneumonia,score,gate"
WRONG = {
    "no header": ("", "lacks the columns set, name"),
    "a column less": ("set,name,patient,subtype,pneumonia,score\n", "lacks the columns gate"),
    "no number": (f"{HEADER}\nval,a,p,virus,1,high,0.5\n", "scores.csv:2: the score is 'high', not a number"),
    "not a number": (f"{HEADER}\nval,a,p,virus,1,nan,0.5\n", "the score is 'nan'"),
    "more than 1": (f"{HEADER}\nval,a,p,virus,1,0.5,0.5\nval,b,p,virus,1,0.5,1.5\n", "scores.csv:3: the gate is '1.5'"),
    "a short row": (f"{HEADER}\nval,a,p,virus,1\n", "the score is ''"),
    "no patient": (f"{HEADER}\nval,a,,virus,1,0.5,\n", "set, name and patient must not be empty"),
    "another subtype": (f"{HEADER}\nval,a,p,fungus,1,0.5,\n", "the subtype is 'fungus'"),
    "a label that does not fit": (f"{HEADER}\nval,a,p,normal,1,0.5,\n", "pneumonia is '1' with the subtype normal"),
    "no label": (f"{HEADER}\nval,a,p,virus,yes,0.5,\n", "pneumonia is 'yes'"),
    "a film twice": (f"{HEADER}\nval,a,p,virus,1,0.5,\nval,a,p,virus,1,0.6,\n", "the set 'val' holds a twice"),
    "a torn quote": (f'{HEADER}\nval,"a,p,virus,1,0.5,\n', "no CSV"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_told(tmp_path: Path, case: str) -> None:
    text, words = WRONG[case]
    (tmp_path / "scores.csv").write_text(text, "utf-8")

    with pytest.raises(UsageError, match=words):
        ScoreTable.read(tmp_path / "scores.csv")


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv cannot be read"):
        ScoreTable.read(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageError, match=r"bytes\.csv cannot be read"):
        ScoreTable.read(tmp_path / "bytes.csv")
