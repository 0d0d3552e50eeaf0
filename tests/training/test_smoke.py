"""`medpattern model train --smoke` from beginning to end: interrupted, gone on with, exported, evaluated."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from medpattern.evaluation.films import data_digest, load_films
from medpattern.pipeline.images import decode, prepare
from medpattern.pipeline.model import Predictor
from medpattern.pipeline.model.statistics import bin_of, stability_index, statistics
from tests.evaluation.drawn import drawn_folder
from tests.fleet.small import CHECKOUT, Result, medpattern
from tests.training.drawn import SETTINGS_FILE, data_set, interruptible

# Of each class; a fold network learns from half of them, and a batch has 16.
FILMS = 16
# Seconds; far more than is needed, so that only what never ends fails.
PATIENCE = 1800


@dataclass(frozen=True)
class Trained:
    """What a whole smoke run left: folders, and what its commands said."""

    folder: Path
    data: Path
    interrupted: Result
    unfinished: Result
    gone_on: Result
    exported: Result
    model: Path
    evidence: Path
    epochs_before: dict[str, list[Any]]


def words(folder: Path, data: Path) -> list[str]:
    return ["model", "train", str(folder), "--data", str(data), "--settings", str(SETTINGS_FILE), "--jobs", "1"]


def notes(folder: Path) -> dict[str, list[Any]]:
    """What was noted of each network's epochs."""
    files = folder.glob("*.jsonl")
    return {file.stem: [json.loads(line)["epoch"] for line in file.read_text("utf-8").splitlines()] for file in files}


def interrupt(folder: Path, data: Path) -> Result:
    """Begins a training and interrupts it, as Ctrl-C would, when it tells of its first epoch."""
    with interruptible():
        process = subprocess.Popen(
            [sys.executable, "-m", "medpattern", *words(folder, data), "--smoke"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    alarm = threading.Timer(PATIENCE, process.kill)
    alarm.start()
    try:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if line.startswith("fold-0: epoch 1 of 2"):
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    finally:
        alarm.cancel()
        process.kill()
    return Result(process.returncode, out, told + err)


@pytest.fixture(scope="module")
def without_store() -> Iterator[None]:
    """MLflow's store of this machine is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, without_store: None) -> Trained:
    root = tmp_path_factory.mktemp("smoke")
    folder, data, model, evidence = root / "run", data_set(root / "data", FILMS), root / "m.onnx", root / "evidence"
    drawn_folder(data, 3, "val")
    interrupted = interrupt(folder, data)
    before = notes(folder)
    unfinished = medpattern("model", "export", folder, "--out", model)
    gone_on = medpattern(*words(folder, data), "--smoke")
    exported = medpattern("model", "export", folder, "--out", model, "--evidence", evidence)
    return Trained(folder, data, interrupted, unfinished, gone_on, exported, model, evidence, before)


def store(trained: Trained) -> MlflowClient:
    address = f"sqlite:///{trained.folder / 'runs.db'}"
    return MlflowClient(address, address)


def runs(trained: Trained, experiment: str) -> list[Any]:
    """Runs of the experiment, the oldest first."""
    client = store(trained)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"]))


def test_an_interruption_ends_it_and_says_so(trained: Trained) -> None:
    assert trained.interrupted.code == 130, trained.interrupted.err
    assert trained.interrupted.err.endswith("interrupted; the same command goes on from here\n")
    assert "Traceback" not in trained.interrupted.err
    assert trained.epochs_before["fold-0"][0] == 1
    assert "student" not in trained.epochs_before


def test_what_is_not_finished_is_not_exported(trained: Trained) -> None:
    assert trained.unfinished.code == 2
    assert "is not finished; call medpattern model train again" in trained.unfinished.err
    assert trained.unfinished.out == ""


def test_called_again_it_goes_on_and_finishes(trained: Trained) -> None:
    assert trained.gone_on.code == 0, trained.gone_on.err
    assert f"trained; next: medpattern model export {trained.folder}" in trained.gone_on.err
    every = ["fold-0", "fold-1", "gate", "gate-0", "gate-1", "student"]
    assert notes(trained.folder) == {name: [1, 2] for name in every}, "each epoch of each network once"


def test_nothing_half_written_is_left(trained: Trained) -> None:
    assert [path.name for path in trained.folder.rglob("*.part*")] == []


def test_the_exported_file_is_one_the_service_takes(trained: Trained) -> None:
    assert trained.exported.code == 0, trained.exported.err
    digest = sha256(trained.model.read_bytes()).hexdigest()
    assert trained.exported.out == f"{digest}\n"

    predictor = Predictor.load(trained.model, digest)
    predictor.warm_up()

    card = predictor.card
    films = [film for film in load_films(trained.data) if film.split == "train"]
    assert card.name == "paediatric-pneumonia-smoke"
    assert not card.stand_in
    assert card.input.width == card.input.height == 64
    assert card.input.crop == 0.04
    assert card.training_data_digest == data_digest(films)
    assert card.intended_use.age_years == (1, 5)
    assert len(card.test_inputs) == 8
    assert set(card.operating_points) == {"screening", "balanced", "specific"}
    assert card.operating_point().name == "balanced"
    assert card.gate_threshold is not None
    assert set(card.reference) == {"brightness", "contrast", "sharpness", "score", "gate"}


def test_the_reference_is_that_of_films_as_the_service_prepares_them(trained: Trained) -> None:
    """The training's own films, sent to the service, must not look like drift."""
    card = Predictor.load(trained.model).card
    films = [film for film in load_films(trained.data) if film.split == "train"]

    rows = [statistics(prepare(decode(film.read()), card.input)) for film in films]

    for name in ("brightness", "contrast", "sharpness"):
        spread = card.reference[name]
        bins = [bin_of(row[name], spread) for row in rows]
        assert stability_index(np.bincount(bins, minlength=len(spread.shares)).tolist(), spread) < 0.1


def test_the_evidence_holds_what_fold_networks_said_and_how_it_was_trained(trained: Trained) -> None:
    with (trained.evidence / "oof.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clean = [row for row in rows if row["set"] == "oof"]
    assert len({row["name"] for row in clean}) == len(clean) == 2 * FILMS
    assert len(rows) == 4 * FILMS, "each film once as it is and once shifted"
    assert {row["pneumonia"] for row in rows} == {"0", "1"}
    assert all(0 <= float(row[answer]) <= 1 for row in rows for answer in ("score", "gate"))

    record = json.loads((trained.evidence / "training.json").read_text("utf-8"))
    assert record["sha256"] == sha256(trained.model.read_bytes()).hexdigest()
    assert record["films"] == 2 * FILMS
    assert [row["shipped"] for row in record["candidates"]] == [False, True]
    assert str(trained.data.parent) not in json.dumps(record), "no path of the machine"


def test_it_is_evaluated_like_any_model(trained: Trained) -> None:
    found = medpattern(
        "model", "evaluate", trained.model, "--data", trained.data, "--split", "val", "--resamples", "20",
        "--output", "json",
    )  # fmt: skip

    assert found.code == 0, found.err
    assert '"balanced"' in found.out
    assert json.loads(found.out)


def test_mlflow_has_the_trainings_with_their_figures(trained: Trained) -> None:
    cut, whole = runs(trained, "paediatric-pneumonia")

    assert (cut.info.status, whole.info.status) == ("KILLED", "FINISHED")
    assert whole.data.params["loop.batch"] == "16"
    for name in ("fold-0", "fold-1", "gate-0", "gate-1", "gate", "student"):
        history = store(trained).get_metric_history(whole.info.run_id, f"{name}/loss")
        assert [one.step for one in history] == [1, 2], f"{name}, that of the first beginning too"
        assert all(one.value > 0 for one in history)


def test_mlflow_has_the_model_with_its_digest(trained: Trained) -> None:
    (exported,) = runs(trained, "paediatric-pneumonia-smoke")
    (version,) = store(trained).search_model_versions("name = 'paediatric-pneumonia-smoke'")

    card = Predictor.load(trained.model).card
    assert version.run_id == exported.info.run_id
    assert version.tags == {
        "sha256": sha256(trained.model.read_bytes()).hexdigest(),
        "dataDigest": card.training_data_digest,
        "codeRevision": card.code_revision,
    }
    assert "registered in MLflow as version 1 of paediatric-pneumonia-smoke" in trained.exported.err


def test_other_settings_need_another_folder(trained: Trained, tmp_path: Path) -> None:
    other = tmp_path / "settings.yaml"
    other.write_text(SETTINGS_FILE.read_text("utf-8").replace("seed: ", "seed: 1"), "utf-8")

    found = medpattern(
        "model", "train", trained.folder, "--data", trained.data, "--settings", other, "--jobs", "1", "--smoke"
    )

    assert found.code == 2
    assert f"{trained.folder} holds a training with other settings or films; give it another folder" in found.err
    assert len(runs(trained, "paediatric-pneumonia")) == 2, "no run is begun"


def test_an_export_of_films_that_were_changed_is_refused(trained: Trained, tmp_path: Path) -> None:
    """Otherwise the card would name the digest of films that the model never saw."""
    data = Path(shutil.copytree(trained.data, tmp_path / "data"))
    begun = json.loads((trained.folder / "begun.json").read_text("utf-8"))
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(trained.folder / "student.pt", folder)
    (folder / "begun.json").write_text(json.dumps(begun | {"data": str(data)}), "utf-8")
    next((data / "train" / "NORMAL").iterdir()).unlink()

    found = medpattern("model", "export", folder, "--out", tmp_path / "m.onnx")

    assert found.code == 2
    assert "holds other films than when the training" in found.err
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("train {new} --data {data}/nowhere", "there is no"),
        ("train {new} --data {data}/train/NORMAL", "is no known data set"),
        ("train {new} --data {data} --settings {data}/none.yaml", "none.yaml cannot be read"),
        ("train {new} --data {data}/val --smoke", "patients with pneumonia in its split train are too few"),
        ("train {new} --data {data} --more-data {data}/nowhere", "there is no"),
        ("train {new} --data {data} --jobs 0", "--jobs"),
        ("export {new}", "holds no training: make one with medpattern model train"),
        ("export {folder} --out {new}/deep/m.onnx", "deep is no folder"),
        ("export {folder} --out {folder}/begun.json/m.onnx", "begun.json is no folder"),
        ("export {folder} --out {new}.onnx --evidence {folder}/begun.json", "begun.json cannot be made"),
        ("export {folder} --out {new}.onnx --format fp16", "--format"),
    ],
)
def test_wrong_use_is_told_and_leaves_nothing(command: str, told: str, trained: Trained, tmp_path: Path) -> None:
    new = tmp_path / "new"
    typed = command.format(new=new, data=trained.data, folder=trained.folder).split()
    if typed[0] == "train" and "--settings" not in typed:
        typed += ["--settings", str(SETTINGS_FILE)]

    found = medpattern("model", *typed)

    assert found.code == 2, found.err
    assert told in found.err
    assert found.out == ""
    assert list(tmp_path.iterdir()) == []
