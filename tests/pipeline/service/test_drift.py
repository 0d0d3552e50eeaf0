"""What is counted of films against those of the training, and when the index speaks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest

from medpattern.pipeline.model.card import Reference
from medpattern.pipeline.model.statistics import OF_ANSWER, OF_INPUT
from medpattern.pipeline.service.drift import LEAST_FILMS, WINDOW, Drift
from medpattern.pipeline.service.handling import Handler
from medpattern.pipeline.service.settings import Simulation
from tests.pipeline.model.models import card_document
from tests.pipeline.service.conftest import MemoryEdges, delivery, film, scorer_of

HALVES = Reference((0.0, 0.5, 1.0), (0.5, 0.5))
MODELS = count(1)


@pytest.fixture
def model() -> str:
    """A digest that no other test counts under."""
    return f"{next(MODELS):064x}"[::-1]


def films(model: str, statistic: str) -> list[float]:
    """Films by bin."""
    found = []
    for index in count():
        labels = {"model": model[:12], "statistic": statistic, "bin": str(index)}
        value = REGISTRY.get_sample_value("medpattern_films_in_bin_total", labels)
        if value is None:
            return found
        found.append(value)
    raise AssertionError


def index_of(model: str, statistic: str = "gate") -> float | None:
    labels = {"model": model[:12], "statistic": statistic}
    return REGISTRY.get_sample_value("medpattern_population_stability_index", labels)


def counted(model: str, values: Mapping[float, int], drift: Drift | None = None) -> Drift:
    drift = drift or Drift(model, {"gate": HALVES})
    for value, times in values.items():
        for _ in range(times):
            drift.count({"gate": value})
    return drift


def test_every_bin_begins_at_zero_and_the_reference_is_shown(model: str) -> None:
    Drift(model, {"gate": HALVES})
    assert films(model, "gate") == [0, 0]
    shown = generate_latest().decode()
    for bin_, above, up_to in (("0", "-Inf", "0.5"), ("1", "0.5", "+Inf")):
        labels = f'above="{above}",bin="{bin_}",model="{model[:12]}",statistic="gate",up_to="{up_to}"'
        assert f"medpattern_reference_share{{{labels}}} 0.5\n" in shown


def test_each_film_is_in_one_bin_and_one_without_value_in_none(model: str) -> None:
    drift = counted(model, {-3.0: 1, 0.5: 2, 0.51: 4, 9.0: 8})
    drift.count({"gate": None, "colour": 0.3})
    assert films(model, "gate") == [3, 12]


def test_the_index_says_nothing_of_a_few_films(model: str) -> None:
    drift = counted(model, {0.9: LEAST_FILMS - 1})
    assert index_of(model) is None
    counted(model, {0.9: 1}, drift)
    assert (index_of(model) or 0) > 0.2


def test_the_index_is_near_zero_for_films_like_those_of_the_training(model: str) -> None:
    counted(model, {0.2: LEAST_FILMS // 2, 0.9: LEAST_FILMS // 2})
    assert index_of(model) == pytest.approx(0, abs=1e-9)


def test_the_index_forgets_what_is_older_than_its_window(model: str) -> None:
    drift = counted(model, {0.9: LEAST_FILMS})
    assert (index_of(model) or 0) > 0.2
    drift = counted(model, {0.2: WINDOW // 2, 0.9: WINDOW // 2}, drift)
    assert index_of(model) == pytest.approx(0, abs=1e-9)
    assert sum(films(model, "gate")) == WINDOW + LEAST_FILMS


def drifting(handler: Handler, folder: Path) -> Handler:
    """The handler with a model whose card has a reference of every statistic."""
    reference = {name: {"edges": [0, 0.5, 1], "shares": [0.5, 0.5]} for name in (*OF_INPUT, *OF_ANSWER)}
    # The file's name of each test makes another card, hence another digest.
    card = card_document(reference=reference, statement=str(folder), gate={"threshold": 0.01})
    scorer = scorer_of(card, folder)
    return replace(handler, scorer=scorer, drift=Drift(scorer.model_sha256, scorer.card.reference))


def test_a_new_film_counts_once_in_every_statistic(handler: Handler, edges: MemoryEdges, tmp_path: Path) -> None:
    here = drifting(handler, tmp_path)
    stored = edges.store.keep("a.png", film(1).data)
    for _ in range(3):
        here.handle(stored, delivery())
    assert {name: sum(films(here.scorer.model_sha256, name)) for name in (*OF_INPUT, *OF_ANSWER)} == dict.fromkeys(
        (*OF_INPUT, *OF_ANSWER), 1
    )


def test_simulated_and_backfilled_films_do_not_count(handler: Handler, edges: MemoryEdges, tmp_path: Path) -> None:
    here = drifting(handler, tmp_path)
    marked = film(1)
    here.handle(edges.store.keep(marked.key, marked.data, dict(marked.metadata)), delivery())
    here.handle(edges.store.keep("old.png", film(2).data), delivery(backfill=True))
    assert films(here.scorer.model_sha256, "brightness") == [0, 0]
    replace(here, simulation=Simulation()).handle(edges.store.keep("new.png", film(3).data), delivery())
    assert sum(films(here.scorer.model_sha256, "brightness")) == 1


def test_a_film_that_the_gate_refuses_counts_by_its_looks_and_not_by_its_score(
    handler: Handler, edges: MemoryEdges, tmp_path: Path
) -> None:
    here = drifting(handler, tmp_path)
    card = replace(here.scorer.card, gate_threshold=1.0)
    here.scorer.predictor.card = card
    here.handle(edges.store.keep("hand.png", film(1).data), delivery())
    digest = here.scorer.model_sha256
    assert (sum(films(digest, "gate")), sum(films(digest, "contrast")), sum(films(digest, "score"))) == (1, 1, 0)


def test_without_a_reference_nothing_is_counted(handler: Handler, edges: MemoryEdges) -> None:
    handler.handle(edges.store.keep("a.png", film(1).data), delivery())
    assert films(handler.scorer.model_sha256, "brightness") == []


def test_the_index_of_a_service_that_has_seen_nothing_is_not_there() -> None:
    # In a process of its own: here other tests have counted already.
    script = "from medpattern.pipeline.service import drift; import prometheus_client as p\n"
    script += "drift.Drift('ab', {'gate': drift.Reference((0, 1, 2), (0.5, 0.5))}); print(p.generate_latest().decode())"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert 'medpattern_films_in_bin_total{bin="0",model="ab",statistic="gate"} 0.0' in shown
    assert "\nmedpattern_population_stability_index{" not in shown
