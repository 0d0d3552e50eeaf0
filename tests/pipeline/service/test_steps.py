"""What the service tells of itself: counters that begin at zero, and what is left out of a distribution."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from medpattern.pipeline.service.handling import Handler
from medpattern.pipeline.service.settings import Simulation
from tests.pipeline.service.conftest import MemoryEdges, delivery, film

AT_ZERO = """
from medpattern.pipeline.events.results import Outcome, Publication
from medpattern.pipeline.service import steps
from medpattern.pipeline.service.events import GIVEN_BACK, REFUSED
from medpattern.pipeline.service.handling import Ending
from prometheus_client import generate_latest
steps.begin_at_zero((*Ending, REFUSED, GIVEN_BACK), Outcome, Publication)
print(generate_latest().decode())
"""


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def change() -> Callable[..., float]:
    """How much a sample grew since it was last asked for, or since the test began for the first time asked."""
    seen: dict[tuple[str, str], float] = {}

    def ask(name: str, **labels: str) -> float:
        key = name, str(labels)
        now = value(name, **labels)
        grown, seen[key] = now - seen.get(key, now), now
        return grown

    return ask


def test_a_service_that_has_done_nothing_shows_every_counter_at_zero() -> None:
    # In a process of its own: here other tests have counted already.
    shown = subprocess.run([sys.executable, "-c", AT_ZERO], capture_output=True, text=True, check=True).stdout
    for sample in (
        'medpattern_deliveries_total{ending="given-back"}',
        'medpattern_deliveries_total{ending="refused"}',
        'medpattern_deliveries_total{ending="scored"}',
        'medpattern_results_total{outcome="pneumonia",publication="quarantined",simulated="false"}',
        'medpattern_unavailable_total{dependency="s3"}',
        'medpattern_unavailable_total{dependency="kafka"}',
        'medpattern_unavailable_total{dependency="database"}',
    ):
        assert f"\n{sample} 0.0\n" in shown, sample


def test_the_gate_is_told_of_films_that_had_to_pass_it(
    handler: Handler, edges: MemoryEdges, change: Callable[..., float]
) -> None:
    if handler.scorer.card.gate_threshold is None:
        pytest.fail("the shipped model has a gate, or this test shows nothing")
    image = film(1)
    change("medpattern_gate_count")
    handler.handle(edges.store.keep(image.key, image.data, dict(image.metadata)), delivery())
    assert change("medpattern_gate_count") == 0, "a marked phantom passes without"
    strict = Handler(handler.keys, edges, handler.scorer, handler.publisher, Simulation(False, (), b""))
    strict.handle(edges.store.keep("unmarked.png", film(2).data), delivery())
    assert change("medpattern_gate_count") == 1


def test_a_backfill_is_not_late(handler: Handler, edges: MemoryEdges, change: Callable[..., float]) -> None:
    change("medpattern_latency_seconds_count")
    handler.handle(edges.store.keep("old.png", film(1).data), delivery(backfill=True))
    assert change("medpattern_latency_seconds_count") == 0
    handler.handle(edges.store.keep("new.png", film(2).data), delivery())
    assert change("medpattern_latency_seconds_count") == 1
