"""How long each step takes, on the clock and on the processor, as metrics."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import product

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATENCY = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)

DELIVERIES = Counter("medpattern_deliveries_total", "Images delivered, by how the delivery ended.", ["ending"])
RESULTS = Counter("medpattern_results_total", "New results.", ["outcome", "publication", "simulated"])
REASONS = Counter("medpattern_refused_images_total", "Images that can never be processed, by reason.", ["reason"])
UNAVAILABLE = Counter(
    "medpattern_unavailable_total", "Deliveries given back since a dependency was away.", ["dependency"]
)
RISK = Histogram(
    "medpattern_risk", "Risk of new results, where the gate let them pass.", buckets=[i / 10 for i in range(1, 11)]
)
GATE = Histogram(
    "medpattern_gate",
    "How much an image is like those that the model was made for, 0 to 1, where it has a gate.",
    buckets=[i / 10 for i in range(1, 11)],
)
STEP = Histogram("medpattern_step_seconds", "Time of one step for one image.", ["step"], buckets=_FAST)
STEP_CPU = Counter("medpattern_step_cpu_seconds_total", "Processor time of one step.", ["step"])
LATENCY = Histogram(
    "medpattern_latency_seconds", "From the image's storing to its result's publishing.", buckets=_LATENCY
)
SKEW = Counter(
    "medpattern_clock_skew_total", "Results that were published before their image was stored, by the hosts' clocks."
)
IN_FLIGHT = Gauge("medpattern_images_in_flight", "Images being handled.")
MODEL = Gauge("medpattern_model_info", "The model that is loaded.", ["name", "version", "sha256", "stand_in"])

DEPENDENCIES = ("s3", "kafka", "database")


def begin_at_zero(endings: Iterable[str], outcomes: Iterable[str], publications: Iterable[str]) -> None:
    """Makes the counters whose labels are known. Prometheus cannot see the first step of a series that begins at 1."""
    for ending in endings:
        DELIVERIES.labels(ending)
    for labels in product(outcomes, publications, ("true", "false")):
        RESULTS.labels(*labels)
    for dependency in DEPENDENCIES:
        UNAVAILABLE.labels(dependency)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Measures what happens within it, also where it fails."""
    seconds, cpu_seconds = _meters(name)
    wall, cpu = time.perf_counter(), time.thread_time()
    try:
        yield
    finally:
        seconds.observe(time.perf_counter() - wall)
        cpu_seconds.inc(time.thread_time() - cpu)


@cache
def _meters(name: str) -> tuple[Histogram, Counter]:
    """Looked up once: to find a label costs more than to count."""
    return STEP.labels(name), STEP_CPU.labels(name)
