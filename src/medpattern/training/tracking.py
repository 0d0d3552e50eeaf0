"""Runs of a training in MLflow: settings, figures of each epoch, files, and the model in MLflow's registry.

By default everything lies in the run's own folder: `runs.db` (SQLite) and `artifacts/`. `MLFLOW_TRACKING_URI` names
another store, a server or a database, and `MLFLOW_REGISTRY_URI` another registry; logins are MLflow's own
(`MLFLOW_TRACKING_USERNAME` and so on). `mlflow ui --backend-store-uri sqlite:///FOLDER/runs.db` shows them.

Only MLflow's client is used, so nothing is read from the machine that is not logged here, and MLflow's reports on its
use to its makers are switched off.
"""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from medpattern.errors import MedpatternError, RemoteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DATABASE = "runs.db"
# MLflow's own seven retries take four minutes to tell that a server is down.
RETRIES = "3"
# MLflow keeps no longer values of parameters, and takes no more of them at once.
LONGEST = 6000
MOST = 100


@dataclass(frozen=True, slots=True)
class Tracker:
    """An experiment in a store of runs."""

    store: str
    experiment_id: str
    _client: Any

    @classmethod
    def open(cls, folder: Path, experiment: str) -> Tracker:
        """The experiment with this name, made if there is none, in the store of MLFLOW_TRACKING_URI or of `folder`.

        Raises:
            UsageError: MLflow is not installed, or refuses the store's address or the name.
            RemoteError: the store does not answer.
        """
        client_class = _client_class()
        named = os.environ.get("MLFLOW_TRACKING_URI")
        store = named or f"sqlite:///{folder.resolve() / DATABASE}"
        place = None if named else (folder.resolve() / "artifacts").as_uri()
        if not named:
            folder.mkdir(parents=True, exist_ok=True)
        with _told(store):
            client = client_class(store, os.environ.get("MLFLOW_REGISTRY_URI") or store)
            found = client.get_experiment_by_name(experiment)
            if found is not None and found.lifecycle_stage != "active":
                raise UsageError(f"MLflow at {_shown(store)}: experiment {experiment!r} was deleted; restore it there")
            identity = found.experiment_id if found else client.create_experiment(experiment, artifact_location=place)
        return cls(store, identity, client)

    @contextmanager
    def run(self, name: str, parameters: Mapping[str, object]) -> Iterator[Run]:
        """A run that ends as FINISHED, as KILLED (interrupted), or as FAILED (any other exception).

        `parameters` may be nested: {"loop": {"epochs": 3}} is logged as loop.epochs.
        """
        with _told(self.store):
            begun = self._client.create_run(self.experiment_id, run_name=name).info
            run = Run(begun.run_id, begun.artifact_uri, self.store, self._client)
        status = "FAILED"
        try:
            run.parameters(parameters)
            yield run
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            with _told(self.store):
                self._client.set_terminated(run.run_id, status)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is going on. Its methods raise UsageError and RemoteError as `Tracker.open` does."""

    run_id: str
    artefacts: str
    _store: str
    _client: Any

    def parameters(self, parameters: Mapping[str, object]) -> None:
        """Logs settings, nested ones under dotted names."""
        from mlflow.entities import Param

        found = [Param(name, str(value)[:LONGEST]) for name, value in _flat(parameters)]
        with _told(self._store):
            for first in range(0, len(found), MOST):
                self._client.log_batch(self.run_id, params=found[first : first + MOST])

    def metrics(self, step: int, mapping: Mapping[str, float]) -> None:
        """Logs figures of one step, such as an epoch, counted from 0."""
        from mlflow.entities import Metric

        now = int(time() * 1000)
        found = [Metric(name, float(value), now, step) for name, value in mapping.items()]
        with _told(self._store):
            self._client.log_batch(self.run_id, metrics=found)

    def artefact(self, path: Path, folder: str | None = None) -> None:
        """Keeps a copy of a file, or of what a folder holds, with the run; in `folder` there."""
        if not path.exists():
            raise UsageError(f"{path} is to be logged with the run, and does not exist")
        log = self._client.log_artifacts if path.is_dir() else self._client.log_artifact
        with _told(self._store):
            log(self.run_id, str(path), folder)

    def register(self, model_path: Path, name: str, sha256: str, tags: Mapping[str, str]) -> str:
        """Keeps the model's file with the run, and makes it the newest version of `name` in the registry.

        `sha256` (64 hexadecimal digits) and `tags`, such as data digest and code revision, become tags of the version.

        Returns:
            The version's number, as MLflow counts.

        Raises:
            UsageError: the file has another digest; nothing is registered then.
        """
        found = hashlib.sha256(model_path.read_bytes()).hexdigest()
        if found != sha256:
            raise UsageError(f"{model_path} has the sha256 {found}, and was to be registered as {sha256}")
        self.artefact(model_path, "model")
        with _told(self._store):
            self._ensure_registered(name)
            source = f"{self.artefacts}/model/{model_path.name}"
            made = self._client.create_model_version(name, source, self.run_id, tags={**tags, "sha256": sha256})
        return str(made.version)

    def _ensure_registered(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _client_class() -> Any:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES)
    try:
        from mlflow import MlflowClient
    except ImportError as error:
        raise UsageError(
            f"runs of a training are logged with MLflow, and {error.name or 'it'} is not installed: "
            "pip install 'medpattern[train]'"
        ) from error
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return MlflowClient


def _flat(parameters: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in parameters.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@contextmanager
def _told(store: str) -> Iterator[None]:
    """What MLflow and its libraries raise as errors of ours, without the login that `store` may hold."""
    try:
        yield
    except MedpatternError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("mlflow", "sqlalchemy", "requests", "urllib3")):
            raise
        words = str(error).partition("\n")[0].replace(store, _shown(store))
        kind = RemoteError if _remote(store, error) else UsageError
        raise kind(f"MLflow at {_shown(store)}: {words}") from error


def _remote(store: str, error: Exception) -> bool:
    """Whether it is the other side's failure: no refusal of what was asked."""
    refused = getattr(error, "get_http_status_code", lambda: 500)()
    return not store.startswith("sqlite:") and "://" in store and refused >= 500


def _shown(store: str) -> str:
    """The store's address without its login."""
    parts = urlsplit(store)
    if "@" not in parts.netloc:
        return store
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
