"""The evidence of a model as files: what is read, and what is said of a file that is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medpattern.evaluation.bootstrap import Figure
from medpattern.evaluation.evidence import FILES, Evidence, StrangerScore, read_strangers, write_strangers
from medpattern.evaluation.film import DataError
from tests.evaluation.cardfiles import evidence_folder

SHA256 = "5a" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return evidence_folder(tmp_path / "evidence", SHA256)


def test_all_files_are_read(folder: Path) -> None:
    evidence = Evidence.read(folder)

    assert evidence.validation.sets == ("val", "val+text")
    assert evidence.out_of_fold.sets == ("oof", "oof+darker", "oof+jpeg-30")
    assert evidence.training.sha256 == SHA256
    assert [(one.format, one.shipped) for one in evidence.training.candidates] == [("fp32", False), ("int8", True)]
    assert evidence.speed.latency.network_median == 2.75
    assert [one.meets for one in evidence.shortcuts.tests] == [False, True]
    assert evidence.explanation.central_share == Figure(0.83, 0.81, 0.85)


def test_strangers_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = (
        StrangerScore("hand", False, "train", "drawn train 0 1", 0.25),
        StrangerScore("face, drawn", True, "evaluation", 'a "quoted" source', 1.0),
    )

    write_strangers(tmp_path / "strangers.csv", rows)

    assert read_strangers(tmp_path / "strangers.csv") == rows


def test_every_missing_file_is_named(folder: Path) -> None:
    for name in ("oof.csv", "latency.json"):
        (folder / name).unlink()

    with pytest.raises(DataError, match=r"lacks oof\.csv, latency\.json: evidence is") as caught:
        Evidence.read(folder)

    assert all(name in str(caught.value) for name in FILES)


def change(path: Path, edit: Callable[[Any], object]) -> None:
    document = json.loads(path.read_text("utf-8"))
    edit(document)
    path.write_text(json.dumps(document), "utf-8")


@pytest.mark.parametrize(
    ("file", "edit", "words"),
    [
        ("training.json", lambda it: it.pop("seed"), 'training.json: "seed" is a required property'),
        ("training.json", lambda it: it["candidates"][1].update(shipped=False), "exactly one of them is shipped"),
        ("training.json", lambda it: it.update(sha256="5A"), "training.json: sha256:"),
        ("training.json", lambda it: it.update(candidates={}), "training.json: candidates:"),
        ("latency.json", lambda it: it.update(wholeMedianMs=0), "latency.json: wholeMedianMs:"),
        ("latency.json", lambda it: it.update(command="rm -r ."), "latency.json: command:"),
        ("shortcuts.json", lambda it: it["tests"][0]["auc"].update(value=1.2), "shortcuts.json: tests: 0: auc: value"),
        ("explanation.json", lambda it: it.update(sahre=1), "'sahre' was unexpected"),
    ],
)
def test_a_wrong_key_is_named_with_its_place(
    file: str, edit: Callable[[Any], object], words: str, folder: Path
) -> None:
    change(folder / file, edit)

    with pytest.raises(DataError, match=re.escape(words)):
        Evidence.read(folder)


def test_a_file_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "latency.json").write_text("{", "utf-8")

    with pytest.raises(DataError, match=r"latency\.json is no JSON"):
        Evidence.read(folder)


@pytest.mark.parametrize(("file", "name"), [("val.csv", "val"), ("oof.csv", "oof")])
def test_a_table_without_its_set_is_named(file: str, name: str, folder: Path) -> None:
    text = (folder / file).read_text("utf-8")
    (folder / file).write_text(re.sub(rf"(?m)^{name},", "other,", text), "utf-8")

    with pytest.raises(DataError, match=rf"{file} lacks the set '{name}'; it has other"):
        Evidence.read(folder)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hand,0,evaluation,drawn 1,1.5", "the gate is '1.5', not a number from 0 to 1"),
        ("hand,0,evaluation,drawn 1,nan", "the gate is 'nan'"),
        ("hand,0,evaluation,drawn 1", "the gate is ''"),
        ("hand,no,evaluation,drawn 1,0.5", "held_out is 0 or 1"),
        (",0,evaluation,drawn 1,0.5", "family and source must not be empty"),
        ("hand,1,train,drawn 1,0.5", "evaluation alone where held_out is 1"),
    ],
)
def test_a_wrong_line_of_strangers_is_named(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "strangers.csv"
    path.write_text(f"family,held_out,part,source,gate\nhand,0,evaluation,drawn 0,0.5\n{line}\n", "utf-8")

    with pytest.raises(DataError, match=r"strangers\.csv:3: .*" + re.escape(words)):
        read_strangers(path)


def test_another_csv_is_no_file_of_strangers(folder: Path) -> None:
    with pytest.raises(DataError, match="lacks the columns family, held_out, part, source: it holds no strangers"):
        read_strangers(folder / "val.csv")
