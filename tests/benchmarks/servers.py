"""Servers of one model as processes: medpattern's service, MLServer, BentoML."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import load, mlserver_side
from tests.benchmarks.processor import cpu_seconds, family

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a key of the benchmark, of no other use whatsoever"
READY_SECONDS = 120.0


class ServerError(Exception):
    """A server did not start; the text ends with what it wrote."""


@dataclass(frozen=True)
class Kind:
    """How a server is started and asked. `score` finds the score in the body of an answer."""

    name: str
    command: Sequence[str | Path]
    port: int
    environment: Mapping[str, str] = field(repr=False)
    ready: str
    path: str
    headers: Mapping[str, str]
    score: Callable[[bytes], float]

    def request(self, image: bytes) -> bytes:
        """The request that has `image` scored."""
        return load.request(self.path, image, self.headers)


class Server:
    """A running server; `with` ends it and all that it started."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        self.kind = kind
        self._log = folder / f"{kind.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(word) for word in self.kind.command],
                cwd=ROOT,
                env=dict(self.kind.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._started
        members = family(process.pid) if process.poll() is None else []
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in members[1:]:
            if _group(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self._started.pid

    def cpu(self) -> float:
        """Processor seconds since its start, of all of its processes."""
        return cpu_seconds(self.pid)

    def wait_ready(self) -> None:
        """Returns at its first 200 to the question whether it is ready. Raises ServerError."""
        deadline = time.monotonic() + READY_SECONDS
        question = load.request(self.kind.ready)
        while not self._answers(question):
            if self._started.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"{self.kind.name} did not become ready:\n{self._log.read_text('utf-8')[-3000:]}")
            time.sleep(0.005)

    def _answers(self, question: bytes) -> bool:
        try:
            with load.Connection(self.kind.port) as connection:
                return connection.ask(question)[0] == 200
        except OSError:
            return False

    def ask(self, image: bytes) -> float:
        """The score of one image."""
        with load.Connection(self.kind.port) as connection:
            status, body = connection.ask(self.kind.request(image))
        if status != 200:
            raise ServerError(f"{self.kind.name} answers {status}: {body[:500]!r}")
        return self.kind.score(body)


def medpattern(folder: Path, model: Path, more: Mapping[str, str] | None = None) -> Kind:
    """`medpattern serve`; object store, brokers and database are closed ports unless `more` names them."""
    port, closed = free_port(), free_port()
    for name in ("identity", "pseudonym"):
        (folder / name).write_text(f"{name}: {SECRET}", "utf-8")
    (folder / "database-url").write_text(f"postgresql://nobody@127.0.0.1:{closed}/none", "utf-8")
    settings = {
        "MEDPATTERN_S3_ENDPOINT": f"http://127.0.0.1:{closed}",
        "MEDPATTERN_SOURCE_BUCKET": "source",
        "MEDPATTERN_PROCESSED_BUCKET": "processed",
        "MEDPATTERN_ANONYMISED_BUCKET": "anonymised",
        "MEDPATTERN_KAFKA_BOOTSTRAP": f"127.0.0.1:{closed}",
        "MEDPATTERN_RESULTS_TOPIC": "results",
        "MEDPATTERN_DATABASE_URL_FILE": str(folder / "database-url"),
        "MEDPATTERN_IDENTITY_KEY_FILE": str(folder / "identity"),
        "MEDPATTERN_PSEUDONYM_KEY_FILE": str(folder / "pseudonym"),
        "MEDPATTERN_MODEL": str(model),
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    command = [sys.executable, "-m", "medpattern", "serve", "--port", str(port)]
    name = _model_name(model)
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": "0"}
    environment = _environment() | settings | dict(more or {})
    return Kind(
        "medpattern", command, port, environment, "/v2/health/ready", f"/v2/models/{name}/infer", headers, _ours
    )


def mlserver(folder: Path, model: Path, python: Path) -> Kind:
    """MLServer in the virtual environment of `python`."""
    ports = (free_port(), free_port(), free_port())
    mlserver_side.write_settings(folder / "mlserver", model, ports)
    command: list[str | Path] = [python.with_name("mlserver"), "start", folder / "mlserver"]
    environment = _environment() | {"PYTHONPATH": str(ROOT)}
    headers = {"Content-Type": "image/jpeg"}
    return Kind("MLServer", command, ports[0], environment, "/v2/health/ready", "/score", headers, _theirs)


def bentoml(folder: Path, model: Path, python: Path) -> Kind:
    """BentoML in the virtual environment of `python`."""
    port = free_port()
    service = "tests.benchmarks.bentoml_side:Score"
    command: list[str | Path] = [
        python.with_name("bentoml"),
        "serve",
        service,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    home = folder / "bentoml"
    home.mkdir()
    environment = _environment() | {"PYTHONPATH": str(ROOT), "BENCHMARK_MODEL": str(model)}
    environment |= {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    headers = {"Content-Type": "image/jpeg"}
    return Kind("BentoML", command, port, environment, "/readyz", "/score", headers, _theirs)


def _ours(body: bytes) -> float:
    outputs = {output["name"]: output["data"] for output in json.loads(body)["outputs"]}
    return float(outputs["score"][0])


def _theirs(body: bytes) -> float:
    return float(json.loads(body)["score"])


def _model_name(model: Path) -> str:
    from medpattern.pipeline.model import Predictor

    return Predictor.load(model).card.name


def _environment() -> dict[str, str]:
    """This process's own, without settings of medpattern that would change what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MEDPATTERN_", "AWS_"))}


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
