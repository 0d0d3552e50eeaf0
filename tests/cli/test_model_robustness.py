"""`medpattern model robustness`: rows for each shift, from films or from saved scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medpattern.evaluation.shifts import DEMANDED
from tests.evaluation.drawn import drawn_folder
from tests.fleet.small import medpattern
from tests.pipeline.model import STAND_IN


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn_folder(tmp_path_factory.mktemp("data"))


def test_a_row_for_each_shift_and_talk_on_stderr(data: Path) -> None:
    result = medpattern("model", "robustness", STAND_IN, "--data", data, "--shift", "darker", "--shift", "jpeg-95")

    assert result.code == 0, result.err
    lines = [line.split() for line in result.out.splitlines()]
    assert [line[:2] for line in lines] == [["darker", "6"], ["jpeg-95", "6"]]
    assert lines[1][7] == "met"
    assert "stand-in 1 at balanced" in result.err


def test_json_and_saved_scores_agree(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    words = ("model", "robustness", STAND_IN, "--output", "json")

    fresh = medpattern(*words, "--data", data, "--shift", "noisy", "--scores-out", file)
    again = medpattern(*words, "--from-scores", file)

    assert fresh.code == again.code == 0, fresh.err + again.err
    assert json.loads(fresh.out) == json.loads(again.out)
    (row,) = json.loads(fresh.out)["rows"]
    assert (row["shift"], row["films"], row["meets"]) == ("noisy", 6, None)
    assert json.loads(fresh.out)["aims"] == {"meanAbsoluteChange": 0.05, "outcomesChanged": 0.03}


def test_check_is_1_when_an_aim_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    head = "set,name,patient,subtype,pneumonia,score,gate\n"
    file.write_text(f"{head}plain,a,a,normal,0,0.1,1\ncropped,a,a,normal,0,0.9,1\n", "utf-8")
    words = ("model", "robustness", STAND_IN, "--from-scores", file)

    assert medpattern(*words).code == 0
    assert medpattern(*words, "--check").code == 1
    assert "MISSED" in medpattern(*words, "--check").out
    file.write_text(f"{head}plain,a,a,normal,0,0.1,1\ncropped,a,a,normal,0,0.1,1\n", "utf-8")
    assert medpattern(*words, "--check").code == 0


def test_by_default_all_that_have_an_aim(data: Path) -> None:
    result = medpattern("model", "robustness", STAND_IN, "--data", data, "--films", "1", "--output", "json")

    assert [row["shift"] for row in json.loads(result.out)["rows"]] == list(DEMANDED)
    assert all(row["films"] == 1 for row in json.loads(result.out)["rows"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give either --data"),
        (("--data", "{data}", "--from-scores", "x.csv"), "give either --data"),
        (("--data", "{data}/nowhere"), "there is no"),
        (("--data", "{data}", "--split", "train"), "no films of the split train"),
        (("--data", "{data}", "--split", "all"), "there is no split 'all'; there are train, val, test"),
        (("--data", "{data}", "--shift", "melted"), "there is no shift 'melted'; there are overexposed"),
        (("--from-scores", "{data}/none.csv"), "none.csv cannot be read"),
    ],
)
def test_wrong_use_is_told(words: tuple[str, ...], told: str, data: Path) -> None:
    result = medpattern("model", "robustness", STAND_IN, *(word.format(data=data) for word in words))

    assert result.code == 2
    assert told in result.err
    assert result.out == ""
