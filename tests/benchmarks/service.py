"""What the service costs: `python -m tests.benchmarks.service --mlserver PYTHON --bentoml PYTHON`.

Prediction over HTTP against a bare loop and two other servers, cold starts, and the chain of real Ceph, Kafka and
PostgreSQL, all in processor time. Prints tables; exit code 0 also when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medpattern.pipeline.kafka.embedded import EmbeddedBroker
from medpattern.pipeline.model import Predictor
from tests.benchmarks import chain, cold, films, service_report, throughput
from tests.benchmarks.cold import ColdStart
from tests.benchmarks.parts import Parts
from tests.benchmarks.servers import Kind, Server, bentoml, medpattern, mlserver
from tests.benchmarks.service_report import OURS, ServiceResult
from tests.pipeline.model import STAND_IN
from tests.real.chain.harness import Chain
from tests.real.servers.names import unique
from tests.real.servers.programs import MissingError

# Kilobytes of the films, and images of one run with them: less than half a second of processor time, so that a
# server and the loop before it meet the same neighbours on a shared machine.
SIZES = {50: 100, 500: 40}
FILMS = 8
Make = Callable[[Path], Kind]


@dataclass(frozen=True)
class Options:
    """What the command line asks for; `peers` by name, each made in an empty folder, with their `versions`."""

    model: Path
    peers: Mapping[str, Make]
    versions: Mapping[str, str]
    concurrencies: tuple[int, ...]
    rounds: int
    starts: int
    images: int
    work: Path


def main() -> int:
    """Parse the command line, measure and print."""
    options, output = _options()
    with tempfile.TemporaryDirectory(prefix="medpattern-bench-", dir=options.work) as folder:
        result = bench(options, Path(folder))
    print(json.dumps(result.as_data(), indent=2) if output == "json" else service_report.text(result))
    return 0


def bench(options: Options, work: Path) -> ServiceResult:
    """Measure everything below the empty folder `work`."""
    folders = {size: work / f"films-{size}" for size in SIZES}
    images = {size: films.jpeg_films(folder, size, FILMS) for size, folder in folders.items()}
    first = images[min(SIZES)][0].read_bytes()
    kinds: dict[str, Make] = {OURS: partial(medpattern, model=options.model), **options.peers}
    cells = _throughput(options, folders, work / "throughput") if options.rounds else []
    starts = _cold(options, kinds, first, work / "cold") if options.starts else {}
    real, missing = _real(options, folders[min(SIZES)], work) if options.images else (None, {})
    card = Predictor.load(options.model).card
    return ServiceResult(
        machine=_machine(options),
        model=f"{card.name} {card.version}",
        rounds=options.rounds,
        cells=cells,
        cold=starts,
        events=real.events if real else [],
        chain=real.cost if real else None,
        parts=real.parts if real else {},
        images=options.images,
        missing=missing,
    )


def _throughput(options: Options, folders: dict[int, Path], work: Path) -> list[throughput.Cell]:
    plan = throughput.Plan(folders, SIZES, options.concurrencies, options.rounds)
    with ExitStack() as ending:
        broker = EmbeddedBroker({"results": 1})
        ending.callback(broker.close)
        # A service without Kafka looks for it several times a second, which is no part of a prediction.
        more = {"MEDPATTERN_KAFKA_BOOTSTRAP": broker.bootstrap}
        kinds = [medpattern(_folder(work, OURS), options.model, more)]
        kinds += [make(_folder(work, name)) for name, make in options.peers.items()]
        servers = [ending.enter_context(Server(kind, work)) for kind in kinds]
        for server in servers:
            server.wait_ready()
        return throughput.compare(plan, options.model, servers)


def _cold(options: Options, kinds: Mapping[str, Make], first: bytes, work: Path) -> dict[str, list[ColdStart]]:
    found: dict[str, list[ColdStart]] = {name: [] for name in kinds}
    for number in range(options.starts):
        for name, make in kinds.items():
            _say(f"cold start {number + 1} of {options.starts}: {name}")
            kind = make(_folder(work, f"{name}-{number}"))
            found[name].append(cold.cold_start(kind, work, cold.scores(first)))
    return found


@dataclass(frozen=True)
class Real:
    """What was found on real servers."""

    parts: Mapping[str, float]
    cost: chain.ChainCost
    events: Sequence[ColdStart]


def _real(options: Options, folder: Path, work: Path) -> tuple[Real | None, dict[str, str]]:
    images = [path.read_bytes() for path in sorted(folder.iterdir())]
    _say("starting Ceph, Kafka and PostgreSQL")
    try:
        with chain.real_servers(_folder(work, "real")) as servers:
            _say("the parts of the chain, each alone")
            parts = Parts.make(servers, work / "parts", images, options.images).measured(options.model, folder)
            with chain.running_chain(servers, work / "chain") as running:
                _say("the chain")
                cost = chain.measure_chain(running, servers, images, options.images)
                events = _first_events(options, running, images[0], work / "events")
    except MissingError as error:
        return None, {"the chain on real servers": str(error)}
    return Real(parts, cost, events), {}


def _first_events(options: Options, running: Chain, image: bytes, work: Path) -> list[ColdStart]:
    """Cold starts of a second service on the chain's servers, with films in a bucket that tells nobody of them."""
    s3, bucket = running.ceph.s3(), unique("cold")
    s3.create_bucket(Bucket=bucket)
    environment = dict(running.stages["service"].spec.environment) | {"MEDPATTERN_SOURCE_BUCKET": bucket}
    found = []
    for number in range(options.starts):
        _say(f"first event {number + 1} of {options.starts}")
        etag = s3.put_object(Bucket=bucket, Key=f"{number}.jpg", Body=image)["ETag"].strip('"')
        kind = medpattern(_folder(work, str(number)), options.model, environment)
        found.append(cold.cold_start(kind, work, cold.delivers(cold.event(bucket, f"{number}.jpg", etag))))
    return found


def _machine(options: Options) -> list[str]:
    """Words for the machine and the versions, without any name of a host or a folder."""
    import numpy
    import onnxruntime
    import PIL

    words = [f"{os.cpu_count()} cores", f"{platform.system()} {platform.machine()}"]
    words += [f"Python {platform.python_version()}", f"onnxruntime {onnxruntime.__version__}"]
    words += [f"Pillow {PIL.__version__}", f"numpy {numpy.__version__}"]
    return [*words, *(f"{name} {version}" for name, version in options.versions.items())]


def _folder(work: Path, name: str) -> Path:
    made = work / name
    made.mkdir(parents=True)
    return made


def _options() -> tuple[Options, str]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlserver", type=Path, help="Python of an environment with mlserver")
    parser.add_argument("--bentoml", type=Path, help="Python of an environment with bentoml")
    parser.add_argument("--model", type=Path, default=STAND_IN, help="the ONNX file (default: the stand-in)")
    parser.add_argument("--concurrency", default="1,4,16", help="requests at once")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each size and concurrency; 0: none")
    parser.add_argument("--starts", type=int, default=5, help="cold starts of each server; 0: none")
    parser.add_argument("--images", type=int, default=200, help="films through the chain of real servers; 0: none")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="where to work (1 GB)")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    model = given.model.absolute()
    peers: dict[str, Make] = {}
    versions = {}
    for name, make in (("MLServer", mlserver), ("BentoML", bentoml)):
        if python := getattr(given, name.lower()):
            peers[name] = partial(make, model=model, python=python.absolute())
            versions[name] = _version(python, name.lower())
    concurrencies = tuple(int(number) for number in given.concurrency.split(","))
    amounts = (given.rounds, given.starts, given.images)
    return Options(model, peers, versions, concurrencies, *amounts, given.work.absolute()), given.output


def _version(python: Path, package: str) -> str:
    command = [str(python), "-c", f"import importlib.metadata; print(importlib.metadata.version({package!r}))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
