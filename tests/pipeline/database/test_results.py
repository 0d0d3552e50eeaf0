"""One result per image and model, whoever asks and however often. tests/real runs this on PostgreSQL too."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.accounting import accounts
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import DatabaseTime, leases, outbox, results, superseded, tombstones
from medpattern.pipeline.database.standing import Known, Lease, Standing
from medpattern.pipeline.database.verdicts import read_result
from medpattern.pipeline.events.results import Result
from medpattern.pipeline.failures import Busy, Unavailable
from medpattern.pipeline.identity import ObjectVersion
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL, result_of

IMAGE = ObjectVersion("xrays", "a.png", "v1")
RESULT = result_of(IMAGE)


@pytest.fixture
def table(engine: Engine) -> Results:
    return Results(engine)


def begin(table: Results, result: Result = RESULT, holder: str = "one") -> Known | Lease:
    return table.begin(result.result_id, result.image_id, holder)


def lease_of(table: Results, result: Result = RESULT, holder: str = "one") -> Lease:
    found = begin(table, result, holder)
    assert isinstance(found, Lease)
    return found


def expire_leases(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(leases).values(until=DatabaseTime(-1)))


def bury(engine: Engine, image_id: str = RESULT.image_id) -> None:
    with engine.begin() as connection:
        connection.execute(tombstones.insert().values(image_id=image_id, image_pseudonym="p", purged_at=now()))


def test_result_is_stored_as_it_was_given(engine: Engine, table: Results) -> None:
    acquired = datetime(2026, 11, 21, 7, 30, 0, 123456, tzinfo=UTC)
    given = result_of(IMAGE, acquired_at=acquired, acquired_local=None, gate=0.25, patient_pseudonym=None)
    assert table.commit(given, lease_of(table), "{}")
    assert read_result(engine, given.result_id) == given


def test_second_delivery_is_busy_until_the_first_has_committed(table: Results) -> None:
    lease = lease_of(table)
    with pytest.raises(Busy):
        begin(table, holder="two")
    assert table.commit(RESULT, lease, "the event")
    assert begin(table, holder="two") == Known(Standing.RESULT, "the event")


def test_lease_of_another_model_is_its_own(table: Results) -> None:
    other = result_of(IMAGE, OTHER_MODEL)
    assert table.commit(RESULT, lease_of(table), "{}")
    assert table.commit(other, lease_of(table, other), "{}")


def test_released_lease_is_free_at_once(table: Results) -> None:
    table.release(lease_of(table))
    lease_of(table, holder="two")


def test_lease_of_a_worker_that_died_is_taken_over(engine: Engine, table: Results) -> None:
    lease_of(table)
    expire_leases(engine)
    lease_of(table, holder="two")
    with pytest.raises(Busy):
        begin(table, holder="three")


def test_worker_that_comes_back_late_neither_doubles_the_result_nor_takes_the_lease_away(
    engine: Engine, table: Results
) -> None:
    late = lease_of(table)
    expire_leases(engine)
    lease = lease_of(table, holder="two")
    table.release(late)
    with pytest.raises(Busy):
        begin(table, holder="three")
    assert table.commit(RESULT, lease, "the first")
    assert not table.commit(RESULT, late, "the second")
    assert begin(table) == Known(Standing.RESULT, "the first")


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` gives in `count` threads that begin together."""
    barrier = threading.Barrier(count)

    def one(number: int) -> Any:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_a_hundred_deliveries_at_once_one_scores_and_the_others_find_its_result(
    engine: Engine, table: Results
) -> None:
    def deliver(number: int) -> str:
        """The service: again until it is done; each answer of the source's repeats is another try."""
        while True:
            try:
                found = begin(table, holder=str(number))
            except (Busy, Unavailable):
                continue
            if isinstance(found, Lease):
                assert table.commit(RESULT, found, "{}")
                return "scored"
            return found.standing.value

    assert Counter(at_once(100, deliver)) == {"scored": 1, "result": 99}
    with engine.begin() as connection:
        assert len(connection.execute(select(results)).all()) == 1
        assert len(connection.execute(select(outbox)).all()) == 1
        assert not connection.execute(select(leases)).all()
    assert accounts(engine).duplicates == 99


def test_of_a_hundred_begins_at_once_one_gets_the_lease(table: Results) -> None:
    def ask(number: int) -> str:
        try:
            return type(begin(table, holder=str(number))).__name__
        except Busy:
            return "Busy"

    assert Counter(at_once(100, ask)) == {"Lease": 1, "Busy": 99}


def test_event_is_unpublished_until_it_is_noted(engine: Engine, table: Results) -> None:
    table.commit(RESULT, lease_of(table), "the event")
    assert begin(table) == Known(Standing.RESULT, "the event")
    table.published([RESULT.result_id])
    assert begin(table) == Known(Standing.RESULT, None)


def test_time_of_publication_is_that_of_the_first_time(engine: Engine, table: Results) -> None:
    table.commit(RESULT, lease_of(table), "{}")
    table.published([RESULT.result_id, "not there"])
    with engine.begin() as connection:
        first = connection.scalar(select(outbox.c.published_at))
    table.published([RESULT.result_id])
    with engine.begin() as connection:
        assert connection.scalar(select(outbox.c.published_at)) == first
    assert first is not None
    assert abs((first - now()).total_seconds()) < 60


def test_image_that_is_gone_is_recorded_once_and_for_every_model(engine: Engine, table: Results) -> None:
    table.supersede(lease_of(table), RESULT.image_pseudonym, "gone", RESULT.stored_at)
    assert begin(table) == Known(Standing.SUPERSEDED)
    assert begin(table, result_of(IMAGE, OTHER_MODEL)) == Known(Standing.SUPERSEDED)
    table.supersede(Lease(RESULT.result_id, RESULT.image_id, "two"), RESULT.image_pseudonym, "replaced", None)
    with engine.begin() as connection:
        (row,) = connection.execute(select(superseded)).mappings()
    assert (row["how"], row["stored_at"]) == ("gone", RESULT.stored_at)


def test_result_counts_more_than_its_later_disappearance(table: Results) -> None:
    table.commit(RESULT, lease_of(table), "{}")
    table.supersede(lease_of(table, result_of(IMAGE, OTHER_MODEL)), RESULT.image_pseudonym, "gone", None)
    assert begin(table) == Known(Standing.RESULT, "{}")


def test_purged_image_is_begun_by_nobody_and_committed_by_nobody(engine: Engine, table: Results) -> None:
    lease = lease_of(table)
    bury(engine)
    assert not table.commit(RESULT, lease, "{}")
    assert begin(table) == Known(Standing.PURGED)
    assert begin(table, result_of(IMAGE, OTHER_MODEL)) == Known(Standing.PURGED)
    with engine.begin() as connection:
        assert not connection.execute(select(results)).all()
        assert not connection.execute(select(leases)).all()


def test_versions_of_a_key_are_images_of_their_own(table: Results) -> None:
    other = result_of(ObjectVersion("xrays", "a.png", "v2"))
    assert {RESULT.image_id, RESULT.image_pseudonym}.isdisjoint({other.image_id, other.image_pseudonym})
    assert table.commit(RESULT, lease_of(table), "{}")
    assert table.commit(other, lease_of(table, other), "{}")
    assert KEYS.result_id(IMAGE, MODEL) == RESULT.result_id
