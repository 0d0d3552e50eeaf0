"""The chain on real Ceph, Kafka and PostgreSQL: what an image costs in it, process by process and step by step."""

from __future__ import annotations

import re
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processor import cpu_seconds
from tests.real.chain.harness import Chain, Upload
from tests.real.servers.ceph import Ceph
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.names import unique, unique_identifier
from tests.real.servers.postgres import Postgres

THREADS = 4
IDLE_SECONDS = 10.0
# Stages of the chain whose cost counts; the inbox is the test's own ward.
STAGES = ("service", "source", "bridge", "notification", "dead-letters")
STEP = re.compile(r'^medpattern_step_cpu_seconds_total\{step="([a-z]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RealServers:
    """Ceph, Kafka and PostgreSQL, up."""

    ceph: Ceph
    kafka: Kafka
    postgres: Postgres

    def pids(self) -> dict[str, list[int]]:
        """Their processes, by name."""
        ceph = [daemon.pid for daemon in (self.ceph.mon, self.ceph.osd, self.ceph.rgw)]
        return {"Ceph": ceph, "Kafka": [self.kafka.broker(1).pid], "PostgreSQL": [self.postgres.server.pid]}


@contextmanager
def real_servers(folder: Path) -> Iterator[RealServers]:
    """Starts all three in `folder`, and kills them. Raises MissingError where one is not installed."""
    with ExitStack() as ending:
        # Not below `folder`, which only its owner may enter: PostgreSQL runs as somebody else.
        open_folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="medpattern-")))
        open_folder.chmod(0o711)
        postgres = Postgres(open_folder / "postgres", log=folder / "postgres.log")
        kafka, ceph = Kafka(folder / "kafka"), Ceph(folder / "ceph")
        ending.callback(postgres.server.discard)
        ending.callback(kafka.discard)
        ending.callback(ceph.discard)
        for server in (ceph, kafka, postgres):
            server.start()
        yield RealServers(ceph, kafka, postgres)


@dataclass(frozen=True, slots=True)
class ChainCost:
    """CPU milliseconds per image: of each process, and of each step inside the service.

    What the processes do anyhow, images or not, is no part of it: that is `idle`, in CPU milliseconds per second.
    """

    processes: Mapping[str, float]
    steps: Mapping[str, float]
    idle: Mapping[str, float]

    @property
    def total_ms(self) -> float:
        """All processes of the chain."""
        return sum(self.processes.values())


@contextmanager
def running_chain(servers: RealServers, folder: Path) -> Iterator[Chain]:
    """The stages on the servers, with a bucket, topics and a database of their own."""
    bucket = unique("bench")
    servers.ceph.s3().create_bucket(Bucket=bucket)
    database = servers.postgres.new_database(unique_identifier("bench"))
    with Chain(folder, servers.ceph, servers.kafka, servers.postgres, database, bucket) as chain:
        yield chain


def measure_chain(chain: Chain, servers: RealServers, films: list[bytes], count: int) -> ChainCost:
    """Stores `count` films and waits until each has its result. The first few, not counted, warm the chain up."""
    chain.settle(_store(chain, films, range(-2 * THREADS, 0)))
    pids = servers.pids() | {name: [_pid(chain, name)] for name in STAGES}
    idle = idle_shares(pids)
    steps, begun = _steps(chain), time.monotonic()
    before = {name: cpu_seconds(*found) for name, found in pids.items()}
    chain.settle(_store(chain, films, range(count)))
    spent = {name: cpu_seconds(*found) - before[name] for name, found in pids.items()}
    wall = time.monotonic() - begun
    return ChainCost(
        {name: 1000 * (spent[name] - idle[name] * wall) / count for name in pids},
        {name: 1000 * (value - steps.get(name, 0.0)) / count for name, value in _steps(chain).items()},
        {name: 1000 * share for name, share in idle.items()},
    )


def idle_shares(pids: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """CPU seconds per second of processes that have nothing to do, by name."""
    begun, before = time.monotonic(), {name: cpu_seconds(*found) for name, found in pids.items()}
    time.sleep(IDLE_SECONDS)
    wall = time.monotonic() - begun
    return {name: (cpu_seconds(*found) - before[name]) / wall for name, found in pids.items()}


def _store(chain: Chain, films: list[bytes], numbers: range) -> Upload:
    clients = [chain.ceph.s3() for _ in range(THREADS)]

    def put(number: int) -> None:
        data = films[number % len(films)]
        version = chain.put(clients[number % THREADS], f"film {number:+06d}.jpg", data, "image/jpeg")
        upload.acknowledged.append(version)

    upload = Upload()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(put, numbers))
    return upload


def _pid(chain: Chain, name: str) -> int:
    pid = chain.stages[name].pid
    assert pid is not None
    return pid


def _steps(chain: Chain) -> dict[str, float]:
    with urllib.request.urlopen(chain.place.url("service", "/metrics"), timeout=10) as answer:
        return steps_of(answer.read().decode())


def steps_of(metrics: str) -> dict[str, float]:
    """CPU seconds of each step, from the service's metrics."""
    return {name: float(value) for name, value in STEP.findall(metrics)}
