from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from medpattern.dashboard.health import Probe
from medpattern.dashboard.observer import Observer
from medpattern.dashboard.snapshot import LATEST_IMAGES, Snapshot, read_figures, to_json
from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.events.results import Outcome
from tests.dashboard.world import World


@pytest.fixture
def observer(world: World) -> Iterator[Observer]:
    engine, probe = open_engine(world.database_url, read_only=True), Probe()
    yield Observer(engine, world.state_path, probe)
    probe.close()
    engine.dispose()


def test_an_empty_run_has_figures_that_are_none(observer: Observer) -> None:
    snapshot = observer.take()
    assert snapshot.figures is not None
    assert snapshot.figures.accounts.images == 0
    assert sum(snapshot.figures.throughput) == 0
    assert sum(part.normal + part.unsure + part.pneumonia for part in snapshot.figures.risk) == 0
    assert (snapshot.figures.latest, snapshot.figures.dead_letters) == ((), ())


def test_every_stored_image_is_counted_where_it_belongs(world: World, observer: Observer) -> None:
    normal = world.score(world.store_film(), 0.1)
    world.score(world.store_film(), 0.9, quarantine="doubtful-structure", simulated=False)
    world.score(world.store_film(), None)
    world.deliver_again(normal)
    world.notify(normal)
    world.supersede(world.store_film())
    world.give_up(world.store_film(), "corrupt")
    world.give_up(None, "not-a-notification")
    world.store_film()
    world.write_state(stored=6)
    snapshot = observer.take()
    assert snapshot.figures is not None
    accounts, outcomes = snapshot.figures.accounts, snapshot.figures.outcomes
    assert (accounts.results, accounts.dead_letters, accounts.superseded) == (3, 1, 1)
    assert (accounts.quarantined, accounts.duplicates, accounts.notifications, accounts.nameless) == (1, 1, 1, 1)
    assert (outcomes.normal, outcomes.pneumonia, outcomes.unsure) == (1, 1, 1)
    assert (outcomes.simulated, outcomes.stand_in) == (2, 3)
    assert (snapshot.stored, snapshot.expected, snapshot.phase) == (6, 20, "running")


@pytest.mark.parametrize(
    ("risk", "low"), [(0.0, 0.0), (0.049, 0.0), (0.05, 0.05), (0.5, 0.5), (0.999, 0.95), (1.0, 0.95)]
)
def test_a_risk_falls_into_the_bin_that_holds_it(world: World, observer: Observer, risk: float, low: float) -> None:
    world.score(world.store_film(), risk)
    figures = read_figures(observer.engine, now())
    assert [part.low for part in figures.risk if part.normal + part.unsure + part.pneumonia] == [low]


def test_the_result_of_the_pinned_model_counts_and_no_image_twice(world: World, observer: Observer) -> None:
    stored = world.store_film()
    world.score(stored, 0.1)
    later = {"result_id": "f" * 64, "model_sha256": "6" * 64, "scored_at": now() + timedelta(seconds=9)}
    world.score(stored, 0.9, outcome=Outcome.PNEUMONIA, **later)
    pinned = read_figures(observer.engine, now(), "5" * 64)
    newest = read_figures(observer.engine, now())
    assert (pinned.outcomes.normal, pinned.outcomes.pneumonia) == (1, 0)
    assert (newest.outcomes.normal, newest.outcomes.pneumonia) == (0, 1)
    assert len(pinned.latest) == len(newest.latest) == 1


def test_throughput_and_latency_are_those_of_the_rows(world: World, observer: Observer) -> None:
    at = now()
    for seconds in (3, 4, 300):
        stored = replace(world.store_film(), stored=at - timedelta(seconds=seconds))
        world.score(stored, scored_at=at - timedelta(seconds=seconds))
    figures = read_figures(observer.engine, at)
    assert sum(figures.throughput) == 2
    whole = figures.latency[0]
    assert whole.count == 3
    assert whole.p50 is not None
    assert whole.p99 is not None
    assert 4 <= whole.p50 < 60
    assert whole.p99 >= 300


def test_the_last_images_come_newest_first_and_say_why_they_are_withheld(world: World, observer: Observer) -> None:
    start = now() - timedelta(minutes=1)
    for number in range(LATEST_IMAGES + 2):
        reason = "doubtful-structure" if number == LATEST_IMAGES else ""
        world.score(world.store_film(), quarantine=reason, scored_at=start + timedelta(seconds=number))
    latest = read_figures(observer.engine, now()).latest
    expected = [result.result_id for result in reversed(world.results)][:LATEST_IMAGES]
    assert [item.result_id for item in latest] == expected
    assert [item.withheld for item in latest[:3]] == ["", "doubtful-structure", ""]


def test_a_dead_letter_whose_image_has_its_result_by_now_is_none_any_more(world: World, observer: Observer) -> None:
    healed, gone, lost = world.store_film(), world.store_film(), world.store_film()
    for stored in (healed, gone, lost):
        world.give_up(stored, "s3-unavailable", retryable=True, attempts=6)
    world.score(healed)
    world.supersede(gone)
    (letter,) = read_figures(observer.engine, now()).dead_letters
    assert letter.image == world.keys.image_pseudonym(lost.image)
    assert (letter.reason, letter.retryable, letter.attempts) == ("s3-unavailable", True, 6)


def test_a_database_without_tables_is_told_and_no_error(world: World) -> None:
    engine, probe = open_engine(f"sqlite:///{world.folder}/other.sqlite", read_only=True), Probe()
    try:
        snapshot = Observer(engine, world.state_path, probe).take()
    finally:
        probe.close()
        engine.dispose()
    assert snapshot.figures is None
    assert "Database is unavailable" in snapshot.headline


def test_the_page_cannot_change_the_database(world: World, observer: Observer) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    world.score(world.store_film())
    with observer.engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(text("DELETE FROM outbox"))


def test_a_snapshot_is_json_in_one_style(world: World, observer: Observer) -> None:
    world.write_state(
        stages=[{"name": "serve", "pid": 1, "state": "ready", "restarts": 0, "health": "http://127.0.0.1:9/"}]
    )
    world.score(world.store_film())
    shown = to_json(observer.take())
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown
    assert set(shown) == {_camel(name) for name in Snapshot.__slots__}
    assert shown["figures"]["latest"][0]["scored"].endswith("Z")
    assert "deadLetters" in shown["figures"]["accounts"]
    assert "127.0.0.1:9" not in json.dumps(shown), "where a stage listens is nothing for a page"


def _camel(name: str) -> str:
    return {"dead_letters": "deadLetters"}.get(name, name)
