"""Servers against the bare loop: CPU per image, images per second, latency. All in turns, so that noise meets all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from subprocess import PIPE

from tests.benchmarks import load
from tests.benchmarks.servers import ROOT, Server

# Threads that score in each server, however many requests wait; the floor has as many.
THREADS = 2
WARM_UP = 8
# The same arithmetic in another order: dividing by 255, or multiplying by its inverse.
TOLERANCE = 1e-4


class DifferentScoreError(Exception):
    """A server does not compute what the bare loop computes, so comparing their cost means nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one server: CPU milliseconds per image, images per second, latencies in ms.

    `floor_ms`: what the bare loop took per image right before, in so many threads as score in the server.
    """

    floor_ms: float
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
    """Films of one size at one concurrency: each server's samples, round by round."""

    kilobytes: int
    concurrency: int
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def median(self, server: str, figure: str) -> float:
        """The median over the rounds of one figure of `Sample`."""
        figures: list[float] = [getattr(sample, figure) for sample in self.samples[server]]
        return median(figures)

    def ratio(self, server: str) -> float:
        """The floor's CPU over the server's: of each sample its own, and of these the median."""
        return median(sample.floor_ms / sample.cpu_ms for sample in self.samples[server])

    def floor_ms(self) -> float:
        """The median of all that the floor took."""
        return median(sample.floor_ms for samples in self.samples.values() for sample in samples)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: films by their size in kilobytes, images of one run by the same."""

    films: Mapping[int, Path]
    counts: Mapping[int, int]
    concurrencies: Sequence[int]
    rounds: int


class Floor:
    """The bare loop in a process of its own, ready to run again and again; `with` ends it."""

    def __init__(self, model: Path, films: Path, *more: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.floor", str(model), str(films), *more]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True)

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, threads: int, count: int) -> Loop:
        """The loop over `count` images in so many threads."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{threads} {count}\n")
        self._process.stdin.flush()
        printed = json.loads(self._process.stdout.readline())
        return Loop(1000 * printed["cpu"] / count, printed["scores"])


def compare(plan: Plan, model: Path, servers: Sequence[Server]) -> list[Cell]:
    """All cells of the plan. Raises DifferentScoreError, AnswerError."""
    cells = []
    for kilobytes, folder in plan.films.items():
        images = [path.read_bytes() for path in sorted(folder.iterdir())]
        with Floor(model, folder) as floor:
            _same_scores(floor.run(1, len(images)).scores, images, servers)
            for concurrency in plan.concurrencies:
                cell = Cell(kilobytes, concurrency, {server.kind.name: [] for server in servers})
                print(f"{kilobytes} KB, {concurrency} at once, {plan.rounds} rounds", file=sys.stderr)
                for number in range(plan.rounds):
                    # Each server comes first, and after each other, equally often.
                    first = number % len(servers)
                    for server in (*servers[first:], *servers[:first]):
                        sample = _sample(server, floor, images, plan.counts[kilobytes], concurrency)
                        cell.samples[server.kind.name].append(sample)
                cells.append(cell)
    return cells


def _same_scores(wanted: Sequence[float], images: Sequence[bytes], servers: Sequence[Server]) -> None:
    for server in servers:
        for number, image in enumerate(images):
            found = server.ask(image)
            if abs(found - wanted[number]) > TOLERANCE:
                raise DifferentScoreError(f"{server.kind.name} gives film {number} {found}, the loop {wanted[number]}")


def _sample(server: Server, floor: Floor, images: Sequence[bytes], count: int, concurrency: int) -> Sample:
    port, requests = server.kind.port, [server.kind.request(image) for image in images]
    load.run(port, requests, max(WARM_UP, concurrency), concurrency)
    bare = floor.run(min(concurrency, THREADS), count)
    before = server.cpu()
    timing = load.run(port, requests, count, concurrency)
    cpu_ms = 1000 * (server.cpu() - before) / count
    return Sample(bare.cpu_ms, cpu_ms, timing.rate, 1000 * timing.percentile(50), 1000 * timing.percentile(99))
