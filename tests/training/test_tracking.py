"""Runs in a real local MLflow store: what was logged is read back with MLflow's own client."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from mlflow import MlflowClient

from medpattern.errors import RemoteError, UsageError
from medpattern.training.tracking import Tracker
from tests.fleet.small import CHECKOUT

PARAMETERS = {"seed": 7, "loop": {"epochs": 3, "rate": 0.002}, "widths": (32, 64)}


@pytest.fixture(autouse=True)
def _no_store_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


def logged(folder: Path) -> tuple[MlflowClient, Any]:
    """A client of the store in `folder`, and its newest run."""
    store = f"sqlite:///{folder / 'runs.db'}"
    client = MlflowClient(store, store)
    experiment = client.get_experiment_by_name("pneumonia")
    return client, client.search_runs([experiment.experiment_id])[0]


def local(uri: str) -> Path:
    return Path(url2pathname(urlsplit(uri).path))


def test_a_run_keeps_settings_figures_of_each_epoch_and_files(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text("seed: 7\n", "utf-8")
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "val.csv").write_text("set,name\n", "utf-8")

    with Tracker.open(tmp_path / "runs", "pneumonia").run("fold-0", PARAMETERS) as run:
        run.metrics(0, {"loss": 0.7})
        run.metrics(1, {"loss": 0.4, "auc": 0.98})
        run.artefact(settings)
        run.artefact(evidence, "evidence")

    client, kept = logged(tmp_path / "runs")
    assert kept.info.run_name == "fold-0"
    assert kept.info.status == "FINISHED"
    assert kept.data.params == {"seed": "7", "loop.epochs": "3", "loop.rate": "0.002", "widths": "(32, 64)"}
    history = client.get_metric_history(kept.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(0, 0.7), (1, 0.4)]
    files = local(kept.info.artifact_uri)
    assert files.is_relative_to(tmp_path / "runs"), "everything lies in the folder of the runs"
    assert (files / "settings.yaml").read_text("utf-8") == "seed: 7\n"
    assert (files / "evidence/val.csv").is_file()


def test_the_model_is_registered_with_its_digest_and_its_origin(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    tags = {"dataDigest": "sha256:0a", "codeRevision": "abc"}
    tracker = Tracker.open(tmp_path / "runs", "pneumonia")
    versions = []
    for content in (b"first", b"second"):
        model.write_bytes(content)
        with tracker.run("student", {}) as run:
            versions.append(run.register(model, "paediatric-pneumonia", hashlib.sha256(content).hexdigest(), tags))

    client, kept = logged(tmp_path / "runs")
    assert versions == ["1", "2"]
    version = client.get_model_version("paediatric-pneumonia", "2")
    assert version.tags == {**tags, "sha256": hashlib.sha256(b"second").hexdigest()}
    assert version.run_id == kept.info.run_id
    assert version.status == "READY"
    assert local(client.get_model_version_download_uri("paediatric-pneumonia", "2")).read_bytes() == b"second"
    assert local(client.get_model_version_download_uri("paediatric-pneumonia", "1")).read_bytes() == b"first"


def test_a_file_with_another_digest_is_not_registered(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"other")

    with (
        pytest.raises(UsageError, match=r"model\.onnx has the sha256 [0-9a-f]{64}, and was to be registered as 00"),
        Tracker.open(tmp_path / "runs", "pneumonia").run("student", {}) as run,
    ):
        run.register(model, "paediatric-pneumonia", "00", {})

    client, kept = logged(tmp_path / "runs")
    assert kept.info.status == "FAILED"
    assert client.search_registered_models() == []


@pytest.mark.parametrize(("raised", "status"), [(KeyboardInterrupt, "KILLED"), (ValueError, "FAILED")])
def test_a_run_that_does_not_end_well_says_so(raised: type[BaseException], status: str, tmp_path: Path) -> None:
    with pytest.raises(raised), Tracker.open(tmp_path, "pneumonia").run("fold-0", {}):
        raise raised

    assert logged(tmp_path)[1].info.status == status


def test_more_settings_than_mlflow_takes_at_once_are_all_kept(tmp_path: Path) -> None:
    many = {f"p{index}": index for index in range(230)}

    with Tracker.open(tmp_path, "pneumonia").run("fold-0", many | {"long": "x" * 9000}):
        pass

    assert len(logged(tmp_path)[1].data.params) == 231


def test_an_experiment_is_opened_again(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with Tracker.open(tmp_path, "pneumonia").run(name, {}):
            pass

    client, newest = logged(tmp_path)
    assert newest.info.run_name == "second"
    assert len(client.search_runs([newest.info.experiment_id])) == 2


def test_a_deleted_experiment_is_named(tmp_path: Path) -> None:
    with Tracker.open(tmp_path, "pneumonia").run("first", {}):
        pass
    client, run = logged(tmp_path)
    client.delete_experiment(run.info.experiment_id)

    with pytest.raises(UsageError, match="experiment 'pneumonia' was deleted; restore it there"):
        Tracker.open(tmp_path, "pneumonia")


def test_another_store_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'elsewhere/runs.db'}")

    with Tracker.open(tmp_path / "runs", "pneumonia").run("first", {}):
        pass

    assert logged(tmp_path / "elsewhere")[1].info.run_name == "first"
    assert not (tmp_path / "runs").exists()


def test_a_server_that_is_down_is_a_remote_failure_without_its_login(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://anna:geheim@127.0.0.1:9")

    with pytest.raises(RemoteError, match=r"MLflow at http://127\.0\.0\.1:9: ") as caught:
        Tracker.open(tmp_path, "pneumonia")

    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("address", ["nosuch://store", "file:///nowhere/runs"])
def test_an_address_that_mlflow_refuses_is_wrong_use(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)

    with pytest.raises(UsageError, match=f"MLflow at {address}: "):
        Tracker.open(tmp_path, "pneumonia")


def test_without_mlflow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)

    with pytest.raises(UsageError, match=r"pip install 'medpattern\[train\]'"):
        Tracker.open(tmp_path, "pneumonia")


WATCHED = """
import atexit, socket, sys
from pathlib import Path

asked = []
atexit.register(lambda: Path(sys.argv[1], "asked").write_text("\\n".join(asked)))
resolve, connect = socket.getaddrinfo, socket.socket.connect
def refuse(*arguments, **more):
    asked.append(repr(arguments))
    raise OSError("no network in this test")
socket.getaddrinfo = refuse
socket.socket.connect = refuse

from medpattern.training.tracking import Tracker

model = Path(sys.argv[1], "model.onnx")
model.write_bytes(b"model")
with Tracker.open(Path(sys.argv[1]), "pneumonia").run("first", {"seed": 1}) as run:
    run.metrics(0, {"loss": 1.0})
    run.register(model, "m", "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4", {})
"""


def test_nothing_goes_to_the_network(tmp_path: Path) -> None:
    """By default MLflow reports its use, but not where it sees a test or a CI system: hence the empty environment."""
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tmp_path)], capture_output=True, text=True,
        env={"PYTHONPATH": str(CHECKOUT / "src"), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "asked").read_text() == ""
