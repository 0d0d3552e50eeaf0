"""Exactly one result, whatever happens on the way: the order of the steps is what these tests hold."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.accounting import accounts
from medpattern.pipeline.database.schema import results as results_table
from medpattern.pipeline.database.schema import tombstones
from medpattern.pipeline.failures import Busy, Unavailable, Unprocessable
from medpattern.pipeline.identity import Keys
from medpattern.pipeline.model.assessment import AssessmentSettings
from medpattern.pipeline.service.handling import Ending, Handler
from medpattern.pipeline.service.scoring import Scorer
from medpattern.pipeline.service.settings import Simulation
from tests.pipeline.model.models import card_document
from tests.pipeline.service.conftest import BUCKET, KEYS, MARK_KEY, MemoryEdges, delivery, film, scorer_of


def rows(edges: MemoryEdges) -> list[Any]:
    with edges.results._engine.begin() as connection:
        return list(connection.execute(select(results_table)).mappings())


def test_one_image_becomes_one_result_two_images_and_one_event(handler: Handler, edges: MemoryEdges) -> None:
    image = film(1)
    stored = edges.store.keep("ward/a.png", image.data, dict(image.metadata))
    assert handler.handle(stored, delivery()) is Ending.SCORED
    (row,) = rows(edges)
    (event,) = edges.events
    assert event.id == row["result_id"] == KEYS.result_id(stored.image, handler.scorer.model_sha256)
    told = json.loads(event.data)
    assert told["image"] == row["image_pseudonym"] == KEYS.image_pseudonym(stored.image)
    assert told["statement"] == "preliminary, not for diagnosis"
    assert [(bucket, key) for bucket, key, _ in edges.store.writes] == [
        ("xray-anonymised", row["anonymised_key"]),
        ("xray-processed", row["processed_key"]),
    ]


def test_a_redelivery_scores_nothing_and_says_nothing_again(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    handler.handle(stored, delivery())
    writes = list(edges.store.writes)
    assert handler.handle(stored, delivery()) is Ending.KNOWN
    assert edges.store.writes == writes
    assert len(edges.events) == len(rows(edges)) == 1
    assert accounts(edges.results._engine).duplicates == 1


def test_an_event_that_the_broker_did_not_take_is_sent_by_the_redelivery(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    edges.broker_away = True
    with pytest.raises(Unavailable, match="kafka"):
        handler.handle(stored, delivery())
    edges.broker_away = False
    (row,) = rows(edges)
    edges.store.objects.clear()  # a second scoring would find nothing to score
    assert handler.handle(stored, delivery()) is Ending.KNOWN
    assert [event.id for event in edges.events] == [row["result_id"]]
    assert handler.handle(stored, delivery()) is Ending.KNOWN
    assert len(edges.events) == 1


def test_a_repeat_after_a_crash_before_the_commit_writes_the_same_bytes_to_the_same_keys(
    handler: Handler, edges: MemoryEdges, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = edges.store.keep("a.png", film(1).data)

    def crash(*_: object) -> bool:
        raise Unavailable("database", "OperationalError")

    with monkeypatch.context() as broken:
        broken.setattr(edges.results, "commit", crash)
        with pytest.raises(Unavailable):
            handler.handle(stored, delivery())
    assert rows(edges) == []
    first = list(edges.store.writes)
    edges.store.writes.clear()
    assert handler.handle(stored, delivery("b")) is Ending.SCORED
    assert edges.store.writes == first


def test_a_hundred_deliveries_at_once_make_one_result(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", film(1).data)

    def deliver(number: int) -> Ending | None:
        try:
            return handler.handle(stored, delivery(str(number)))
        except Busy:
            return None

    with ThreadPoolExecutor(20) as pool:
        endings = list(pool.map(deliver, range(100)))
    assert endings.count(Ending.SCORED) == 1
    assert set(endings) <= {Ending.SCORED, Ending.KNOWN, None}
    assert len(rows(edges)) == 1
    assert {event.id for event in edges.events} == {rows(edges)[0]["result_id"]}


@pytest.mark.parametrize(("how", "change"), [("gone", None), ("replaced", b"other")])
def test_an_image_that_is_not_there_any_more_is_superseded(
    handler: Handler, edges: MemoryEdges, how: str, change: bytes | None
) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    if change is None:
        edges.store.objects.clear()
    else:
        edges.store.keep("a.png", change)
    assert handler.handle(stored, delivery()) is Ending.SUPERSEDED
    assert handler.handle(stored, delivery()) is Ending.SUPERSEDED
    books = accounts(edges.results._engine)
    assert (books.results, books.superseded) == (0, 1)
    assert edges.events == []


def test_a_fault_of_the_remover_withholds_the_images_and_never_the_result(handler: Handler, edges: MemoryEdges) -> None:
    class Broken:
        def deidentify(self, *_: object) -> object:
            raise ZeroDivisionError("DOE^JANE")

    stored = edges.store.keep("a.png", film(1).data)
    broken = replace(handler, publisher=replace(handler.publisher, deidentifier=Broken()))
    assert broken.handle(stored, delivery()) is Ending.SCORED
    (row,) = rows(edges)
    assert (row["publication"], row["publication_reason"]) == ("quarantined", "deidentification-failed")
    assert row["processed_key"] is None
    assert edges.store.writes == []
    assert json.loads(edges.events[0].data)["publication"] == "quarantined"


def test_a_purged_image_is_not_scored_again(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    grave = {"image_id": KEYS.image_id(stored.image), "image_pseudonym": "x", "purged_at": now()}
    with edges.results._engine.begin() as connection:
        connection.execute(tombstones.insert().values(**grave))
    assert handler.handle(stored, delivery()) is Ending.PURGED
    assert (rows(edges), edges.events, edges.store.writes) == ([], [], [])


def test_an_image_purged_while_it_was_scored_leaves_no_result(
    handler: Handler, edges: MemoryEdges, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    fetch = edges.store.fetch

    def purge_then_fetch(*arguments: Any) -> Any:
        grave = {"image_id": KEYS.image_id(stored.image), "image_pseudonym": "x", "purged_at": now()}
        with edges.results._engine.begin() as connection:
            connection.execute(tombstones.insert().values(**grave))
        return fetch(*arguments)

    monkeypatch.setattr(edges.store, "fetch", purge_then_fetch)
    assert handler.handle(stored, delivery()) is Ending.KNOWN
    assert (rows(edges), edges.events) == ([], [])


def test_an_image_that_can_never_work_gives_its_lease_back(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", b"no image")
    for holder in ("a", "b"):
        with pytest.raises(Unprocessable):
            handler.handle(stored, delivery(holder))


def test_a_store_that_is_away_gives_its_lease_back(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    edges.store.away = True
    with pytest.raises(Unavailable, match="s3"):
        handler.handle(stored, delivery("a"))
    edges.store.away = False
    assert handler.handle(stored, delivery("b")) is Ending.SCORED


@pytest.mark.parametrize(
    ("marked", "allowed", "simulated"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_only_a_marked_film_in_a_declared_bucket_counts_as_simulated(
    handler: Handler, edges: MemoryEdges, marked: bool, allowed: bool, simulated: bool
) -> None:
    image = film(1)
    stored = edges.store.keep(image.key, image.data, dict(image.metadata) if marked else None)
    buckets = (BUCKET,) if allowed else ("another",)
    replace(handler, simulation=Simulation(True, buckets, handler.simulation.key)).handle(stored, delivery())
    assert rows(edges)[0]["simulated"] is simulated


def refuses_drawings(handler: Handler, folder: Path, prevalence: float | None = None) -> Handler:
    """The handler with a model whose gate lets nothing pass that the tests can draw, as a trained one's does."""
    card = card_document(gate={"threshold": 1.0}, operatingPoints=dict.fromkeys(POINTS, POINT))
    return replace(handler, scorer=scorer_of(card, folder, AssessmentSettings(prevalence=prevalence)))


POINTS, POINT = ("screening", "balanced", "specific"), {"low": 0.05, "high": 0.05}
ANOTHER_KEY = Simulation(True, (BUCKET,), b"x" * 32)
UNDECLARED = Simulation(True, ("another",), MARK_KEY)


@pytest.mark.parametrize("simulation", [None, Simulation(), ANOTHER_KEY, UNDECLARED])
@pytest.mark.parametrize("marked", [True, False])
def test_the_gate_is_passed_by_a_marked_film_of_a_declared_bucket_alone(
    handler: Handler, edges: MemoryEdges, tmp_path: Path, simulation: Simulation | None, marked: bool
) -> None:
    image = film(1)
    stored = edges.store.keep(image.key, image.data, dict(image.metadata) if marked else None)
    passes = marked and simulation is None
    replace(refuses_drawings(handler, tmp_path), simulation=simulation or handler.simulation).handle(stored, delivery())
    (row,), (event,) = rows(edges), edges.events
    assert row["simulated"] is json.loads(event.data)["simulated"] is passes
    assert (row["outcome"], row["reason"]) == (("pneumonia", "") if passes else ("unsure", "not-a-frontal-chest-film"))
    assert (row["risk"] is None) is (json.loads(event.data)["risk"] is None) is not passes


def test_a_mark_of_another_film_opens_no_gate(handler: Handler, edges: MemoryEdges, tmp_path: Path) -> None:
    stored = edges.store.keep(film(1).key, film(2).data, dict(film(1).metadata))
    refuses_drawings(handler, tmp_path).handle(stored, delivery())
    (row,) = rows(edges)
    assert (row["simulated"], row["reason"], row["risk"]) == (False, "not-a-frontal-chest-film", None)


def test_a_site_s_prevalence_changes_the_risk_that_is_told_and_not_the_outcome(
    handler: Handler, edges: MemoryEdges, tmp_path: Path
) -> None:
    image = film(1)
    stored = edges.store.keep(image.key, image.data, dict(image.metadata))
    for number, prevalence in enumerate((None, 0.01)):
        # With other keys it is another image, and scored anew.
        keys = Keys(bytes([number]) * 32, b"p" * 32)
        replace(refuses_drawings(handler, tmp_path, prevalence), keys=keys).handle(stored, delivery())
    plain, rare = (json.loads(event.data) for event in edges.events)
    assert plain["outcome"] == rare["outcome"] == "pneumonia"
    assert rare["risk"] < plain["risk"] / 10
    assert {row["score"] for row in rows(edges)} == {plain["risk"]}


def test_a_backfilled_result_says_so_and_asks_nobody_to_be_told(handler: Handler, edges: MemoryEdges) -> None:
    stored = edges.store.keep("a.png", film(1).data)
    handler.handle(stored, delivery(backfill=True, notify=False))
    told = json.loads(edges.events[0].data)
    assert (told["backfill"], told["notify"]) == (True, False)


def test_nothing_that_leaves_holds_the_key_or_the_name(handler: Handler, edges: MemoryEdges) -> None:
    image = film(2, 1.0, "dicom", names_in_keys=True)
    assert image.patient is not None
    stored = edges.store.keep(image.key, image.data, dict(image.metadata))
    handler.handle(stored, delivery())
    family = image.patient.name.split("^")[0].encode()
    left = [edges.events[0].data, str(rows(edges)).encode(), *(data for _, _, data in edges.store.writes)]
    left += [key.encode() for _, key, _ in edges.store.writes] + [str(edges.events[0].headers()).encode()]
    for said in left:
        assert family not in said
        assert image.key.encode() not in said
        assert image.patient.patient_id.encode() not in said


def test_another_model_makes_another_result_and_the_pinned_one_is_current(handler: Handler, edges: MemoryEdges) -> None:
    from medpattern.pipeline.database.accounting import current_results

    class Other(Scorer):
        @property
        def model_sha256(self) -> str:
            return "f" * 64

    stored = edges.store.keep("a.png", film(1).data)
    handler.handle(stored, delivery())
    scorer = handler.scorer
    other = Other(scorer.predictor, scorer.settings, scorer.limits)
    assert replace(handler, scorer=other).handle(stored, delivery()) is Ending.SCORED
    with edges.results._engine.begin() as connection:
        newest = connection.execute(select(current_results().c.model_sha256)).scalars().all()
        pinned = connection.execute(select(current_results(scorer.model_sha256).c.model_sha256)).scalars().all()
    assert newest == ["f" * 64]
    assert pinned == [scorer.model_sha256]
    assert accounts(edges.results._engine).results == 1
