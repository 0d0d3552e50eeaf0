"""Servers against the bare loop: CPU per image, images per second, latency. All in turns, so that noise meets all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks import load
from tests.benchmarks.servers import ROOT, Server

# Threads that score in each server, however many requests wait; the floor has as many.
THREADS = 2
WARM_UP = 20
# The same arithmetic in another order: dividing by 255, or multiplying by its inverse.
TOLERANCE = 1e-4


class DifferentScoreError(Exception):
    """A server does not compute what the bare loop computes, so comparing their cost means nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one server: CPU milliseconds per image, images per second, latencies in ms."""

    cpu_ms: float
    rate: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Loop:
    """The bare loop: CPU milliseconds per image, and the score of each film."""

    cpu_ms: float
    scores: Sequence[float]


@dataclass(frozen=True)
class Cell:
    """Films of one size at one concurrency. Round by round: the floor's CPU ms per image, each server's sample."""

    kilobytes: int
    concurrency: int
    floor_ms: list[float] = field(default_factory=list)
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def median(self, server: str, figure: str) -> float:
        """The median over the rounds of one figure of `Sample`."""
        figures: list[float] = [getattr(sample, figure) for sample in self.samples[server]]
        return median(figures)

    def ratio(self, server: str) -> float:
        """The floor's CPU over the server's: each round's own, and of these the median."""
        pairs = zip(self.floor_ms, self.samples[server], strict=True)
        return median(floor / sample.cpu_ms for floor, sample in pairs)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: films by their size in kilobytes, images of one run by the same."""

    films: Mapping[int, Path]
    counts: Mapping[int, int]
    concurrencies: Sequence[int]
    rounds: int


def compare(plan: Plan, model: Path, servers: Sequence[Server]) -> list[Cell]:
    """All cells of the plan. Raises DifferentScoreError, AnswerError."""
    cells = []
    for kilobytes, folder in plan.films.items():
        images = [path.read_bytes() for path in sorted(folder.iterdir())]
        _same_scores(floor(model, folder, 1, 1).scores, images, servers)
        for concurrency in plan.concurrencies:
            cell = Cell(kilobytes, concurrency, samples={server.kind.name: [] for server in servers})
            for number in range(1, plan.rounds + 1):
                print(f"{kilobytes} KB, {concurrency} at once, round {number} of {plan.rounds}", file=sys.stderr)
                count = plan.counts[kilobytes]
                cell.floor_ms.append(floor(model, folder, min(concurrency, THREADS), count).cpu_ms)
                for server in servers:
                    cell.samples[server.kind.name].append(_sample(server, images, count, concurrency))
            cells.append(cell)
    return cells


def floor(model: Path, films: Path, threads: int, count: int, *more: str) -> Loop:
    """The bare loop over `count` images, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.floor", str(model), str(films)]
    command += ["--threads", str(threads), "--count", str(count), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    printed = json.loads(done.stdout)
    return Loop(1000 * printed["cpu"] / count, printed["scores"])


def _same_scores(wanted: Sequence[float], images: Sequence[bytes], servers: Sequence[Server]) -> None:
    for server in servers:
        for number, image in enumerate(images):
            found = server.ask(image)
            if abs(found - wanted[number]) > TOLERANCE:
                raise DifferentScoreError(f"{server.kind.name} gives film {number} {found}, the loop {wanted[number]}")


def _sample(server: Server, images: Sequence[bytes], count: int, concurrency: int) -> Sample:
    port, requests = server.kind.port, [server.kind.request(image) for image in images]
    load.run(port, requests, WARM_UP, concurrency)
    before = server.cpu()
    timing = load.run(port, requests, count, concurrency)
    cpu_ms = 1000 * (server.cpu() - before) / count
    return Sample(cpu_ms, timing.rate, 1000 * timing.percentile(50), 1000 * timing.percentile(99))
