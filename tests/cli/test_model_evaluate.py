"""`medpattern model evaluate`: the table for films, saved scores and verdicts, and what is told of wrong use."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import roc_auc_score

from medpattern.evaluation.scores import ScoreTable
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.verdicts import add_verdict
from medpattern.pipeline.events.results import Outcome
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.model import Predictor
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion
from tests.cli.terminal import on_a_terminal
from tests.evaluation.sets import film, mnist, original, shared
from tests.fleet.small import Result, medpattern
from tests.pipeline.database.test_accounting import score
from tests.pipeline.model.models import card_document, model_file
from tests.pipeline.samples import result_of

# By the tiny model: found, unsure and so seen, missed, refused; cleared, called.
FILMS = {
    "test/PNEUMONIA/person1_bacteria_1.jpeg": film(0.8),
    "test/PNEUMONIA/person1_bacteria_2.jpeg": film(0.5, 0.6),
    "test/PNEUMONIA/person2_virus_1.jpeg": film(0.35, 0.6),
    "test/PNEUMONIA/person3_virus_1.jpeg": film(0.3, 0.3),
    "test/NORMAL/IM-0115-0001.jpeg": film(0.33, 0.6),
    "test/NORMAL/IM-0117-0001.jpeg": film(0.9),
    "train/PNEUMONIA/person1_virus_1.jpeg": film(0.8),
    "train/NORMAL/IM-0115-0001.jpeg": film(0.6),
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_file(tmp_path / "m.onnx")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return original(tmp_path / "chest_xray", FILMS)


def evaluated(*arguments: str | Path) -> dict[str, Any]:
    result = medpattern("model", "evaluate", *arguments, "--resamples", "50", "-o", "json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def test_the_table_of_a_folder_in_the_original_layout(model: Path, data: Path) -> None:
    result = medpattern("model", "evaluate", model, "--data", data, "--resamples", "50")

    assert result.code == 0, result.err
    assert "tiny 1.2.0" in result.out
    assert Predictor.load(model).sha256 in result.out
    assert "6 films of 5 patients: 4 pneumonia, 2 normal" in result.out
    (balanced,) = [line for line in result.out.splitlines() if line.startswith("balanced (default)")]
    assert balanced.split()[2:5] == ["0.4", "0.6", "50.0"]
    assert "measured now" in result.out
    assert "bacteria" in result.out


def test_figures_of_films_worked_by_hand(model: Path, data: Path) -> None:
    document = evaluated(model, "--data", data)

    (found,) = document["sets"]
    assert found["set"] == "test"
    balanced = found["operatingPoints"]["balanced"]
    assert balanced["confusion"] == {
        "truePositive": 2, "falseNegative": 1, "refusedPneumonia": 1,
        "falsePositive": 1, "trueNegative": 1, "refusedNormal": 0,
    }  # fmt: skip
    assert balanced["sensitivity"]["value"] == 0.5
    assert balanced["specificity"]["value"] == 0.5
    assert balanced["accuracy"]["value"] == 0.5
    assert balanced["unsure"]["value"] == pytest.approx(1 / 6)
    assert found["refused"]["value"] == pytest.approx(1 / 6)
    assert found["auc"]["value"] == 0.375  # 0.8, 0.5 and 0.35 above 0.33, none above 0.9: three pairs of eight
    assert document["dataDigest"].startswith("sha256:")
    assert document["latency"]["wholeMedianMs"] > 0


def test_two_runs_print_the_same_figures(model: Path, data: Path) -> None:
    first, second = (evaluated(model, "--data", data) for _ in range(2))

    assert {**first, "latency": None} == {**second, "latency": None}


def test_a_split_is_chosen(model: Path, data: Path) -> None:
    counts = {
        split: evaluated(model, "--data", data, "--split", split)["sets"][0]["films"]
        for split in ("train", "test", "all")
    }

    assert counts == {"train": 2, "test": 6, "all": 8}
    missing = medpattern("model", "evaluate", model, "--data", data, "--split", "val")
    assert missing.code == 2
    assert "has no films of the split val; it has train, test" in missing.err


def test_other_layouts_are_measured_too(model: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    of_tar = evaluated(model, "--data", shared(tmp_path / "shared"))
    of_npz = medpattern("model", "evaluate", model, "--data", mnist(tmp_path / "m.npz"), "--resamples", "50")

    assert (of_tar["sets"][0]["set"], of_tar["sets"][0]["films"]) == ("val", 3)
    assert of_npz.code == 0, of_npz.err
    assert "2 films of 2 of an unknown patient" in of_npz.err


def test_saved_scores_give_the_same_figures(model: Path, data: Path, tmp_path: Path) -> None:
    saved = tmp_path / "scores.csv"
    of_films = evaluated(model, "--data", data, "--burned-in", "--scores-out", saved)

    of_scores = evaluated(model, "--from-scores", saved)

    assert ScoreTable.read(saved).sets == ("test", "test+text")
    for key in ("model", "sets", "burnedIn", "intervals"):
        assert of_films[key] == of_scores[key]
    assert (of_scores["latency"], of_scores["dataDigest"]) == (None, None)


def test_burned_in_names_are_held_against_the_films_without(model: Path, data: Path, tmp_path: Path) -> None:
    (found,) = evaluated(model, "--data", data, "--burned-in", "--scores-out", tmp_path / "scores.csv")["burnedIn"]
    before, after = (ScoreTable.read(tmp_path / "scores.csv").of(name) for name in ("test", "test+text"))

    assert (found["before"], found["after"]) == ("test", "test+text")
    assert set(found["outcomes"]) == {"screening", "balanced", "specific"}
    assert (before.score != after.score).any()
    areas = [roc_auc_score(table.pneumonia, table.score) for table in (before, after)]
    assert found["auc"]["value"] == pytest.approx(areas[1] - areas[0])
    text = medpattern("model", "evaluate", model, "--data", data, "--burned-in", "--resamples", "9").out
    assert "AUC changes by" in text
    assert "% of outcomes change" in text


def test_one_operating_point_is_shown_alone(model: Path, data: Path) -> None:
    found = evaluated(model, "--data", data, "--operating-point", "specific")["sets"][0]

    assert list(found["operatingPoints"]) == ["specific"]
    unknown = medpattern("model", "evaluate", model, "--data", data, "--operating-point", "loud")
    assert unknown.code == 2
    assert "no operating point 'loud'; it has balanced, screening, specific" in unknown.err


def test_films_of_unknown_patients_are_told_or_refused(model: Path, tmp_path: Path) -> None:
    data = original(tmp_path / "ours", {"NORMAL/a.png": film(0.6), "PNEUMONIA/b.png": film(0.8)})

    told = medpattern("model", "evaluate", model, "--data", data, "--resamples", "9")
    refused = medpattern("model", "evaluate", model, "--data", data, "--strict")

    assert told.code == 0, told.err
    assert "2 films of 2 of an unknown patient: each counts as one of its own" in told.err
    assert refused.code == 2
    assert "file names that say no patient" in refused.err


def test_the_shipped_model_is_the_default(data: Path) -> None:
    from medpattern.pipeline.model import shipped

    assert evaluated("--data", data)["model"]["sha256"] == shipped().sha256


def test_a_model_that_this_machine_computes_otherwise_is_not_measured(tmp_path: Path, data: Path) -> None:
    document = card_document()
    document["testInputs"][0]["score"] = 0.9

    result = medpattern("model", "evaluate", model_file(tmp_path / "m.onnx", card=document), "--data", data)

    assert result.code == 2
    assert "warm-up: the score of test input 'dark'" in result.err


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing to measure on": ([], "nothing to measure on: give one of --data PATH, --from-scores FILE"),
    "two things": (["--data", ".", "--from-reviews"], "several things to measure on"),
    "a split of scores": (["--from-scores", "scores.csv", "--split", "val"], "give --data with them"),
    "text on verdicts": (["--from-reviews", "--burned-in"], "give --data with them"),
    "no such folder": (["--data", "nowhere"], "there is no nowhere"),
    "no folder for scores": (
        ["--data", "nowhere", "--scores-out", "no/such/scores.csv"],
        "no/such/scores.csv cannot be written: there is no folder no/such",
    ),
    "no such scores": (["--from-scores", "nowhere.csv"], "nowhere.csv cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_told(model: Path, case: str) -> None:
    arguments, words = WRONG[case]

    result = medpattern("model", "evaluate", model, *arguments)

    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def test_scores_that_hold_no_film_are_told(model: Path, tmp_path: Path) -> None:
    ScoreTable(()).write(tmp_path / "scores.csv")

    result = medpattern("model", "evaluate", model, "--from-scores", tmp_path / "scores.csv")

    assert result.code == 2
    assert "holds no scores" in result.err


def test_progress_is_shown_on_a_terminal(model: Path, data: Path, tmp_path: Path) -> None:
    shown = on_a_terminal(
        tmp_path, "model", "evaluate", str(model), "--data", str(data), "--resamples", "9", TERM="xterm"
    )

    assert "scoring test/NORMAL/IM-0115-0001.jpeg (1 of 6)" in shown
    assert "\x1b[K" in shown
    assert "6 films of 5 patients" in shown


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'results.sqlite'}"
    (tmp_path / "url").write_text(url)
    monkeypatch.setenv("MEDPATTERN_DATABASE_URL_FILE", str(tmp_path / "url"))
    return url


def review(database: str, model_sha256: str, *opinions: Opinion) -> None:
    """Results of the model with scores 0.9, 0.8, ..., called pneumonia, each with a verdict."""
    engine = open_engine(database)
    migrate(engine)
    for number, opinion in enumerate(opinions):
        image = ObjectVersion("xrays", f"{number}.png", "v1")
        result = result_of(image, model_sha256, score=0.9 - number / 10, outcome=Outcome.PNEUMONIA, gate=0.9)
        score(engine, result)
        assert add_verdict(engine, result.result_id, NewVerdict(opinion, "dr.osei", "Ada Synthetic"))
    engine.dispose()


def from_reviews(model: Path, *arguments: str) -> Result:
    return medpattern("model", "evaluate", model, "--from-reviews", "--resamples", "9", *arguments)


def test_a_model_is_measured_on_readers_verdicts(model: Path, database: str) -> None:
    review(
        database, Predictor.load(model).sha256, Opinion.AGREE, Opinion.DISAGREE, Opinion.AGREE, Opinion.OTHER_FINDING
    )

    result = from_reviews(model, "-o", "json")

    assert result.code == 0, result.err
    document = json.loads(result.out)
    (found,) = document["sets"]
    assert (found["set"], found["films"], found["pneumonia"]) == ("reviews", 3, 2)
    assert found["auc"]["value"] == 0.5
    assert document["reviews"] == {"reviewed": 4, "labelled": 3, "leftOut": {"other finding": 1}}
    assert "3 of 4 results with a verdict; left out: other finding 1" in result.err
    assert "osei" not in result.out + result.err
    assert "Synthetic" not in result.out + result.err


def test_without_verdicts_there_is_nothing_to_measure(model: Path, database: str) -> None:
    review(database, "ef" * 32, Opinion.AGREE)

    result = from_reviews(model)

    assert result.code == 2
    assert "no reader's verdict labels a result of the model tiny 1.2.0" in result.err


def test_a_database_that_does_not_answer_is_a_remote_failure(model: Path, database: str) -> None:
    assert not os.path.exists(database.removeprefix("sqlite:///"))  # noqa: PTH110

    result = from_reviews(model)

    assert result.code == 3
    assert "database is unavailable" in result.err
