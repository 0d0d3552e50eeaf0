"""The books agree with what was put into them. tests/real runs this on PostgreSQL too."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from medpattern.pipeline.clock import now
from medpattern.pipeline.database.accounting import accounts, current_results, with_outcome
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import dead_letters, metadata, notifications, superseded, tombstones
from medpattern.pipeline.database.standing import Lease
from medpattern.pipeline.events.results import Publication, Result
from medpattern.pipeline.identity import ObjectVersion
from tests.pipeline.samples import KEYS, MODEL, OTHER_MODEL, SCORED, result_of


def image(number: int) -> ObjectVersion:
    return ObjectVersion("xrays", f"{number}.png", "v1")


def score(engine: Engine, result: Result) -> None:
    table = Results(engine)
    lease = table.begin(result.result_id, result.image_id, "test")
    assert isinstance(lease, Lease)
    assert table.commit(result, lease, "{}")


def insert(engine: Engine, table: Any, **row: Any) -> None:
    with engine.begin() as connection:
        connection.execute(table.insert().values(**row))


def give_up(engine: Engine, which: ObjectVersion | None) -> None:
    image_id = KEYS.image_id(which) if which else None
    row = {"dead_letter_id": uuid.uuid4().hex, "image_id": image_id, "image_pseudonym": "p" if which else None}
    row |= {"reason": "not-an-image", "detail": "", "retryable": False, "attempts": 1, "sealed": b"x"}
    insert(engine, dead_letters, **row, first_at=now(), last_at=now())


def supersede(engine: Engine, which: ObjectVersion) -> None:
    insert(engine, superseded, image_id=KEYS.image_id(which), image_pseudonym="p", how="gone", recorded_at=now())


def bury(engine: Engine, which: ObjectVersion) -> None:
    insert(engine, tombstones, image_id=KEYS.image_id(which), image_pseudonym="p", purged_at=now())


def empty(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))


KINDS = ("result", "second-model", "quarantined", "letter", "superseded")


@given(st.lists(st.sets(st.sampled_from(KINDS)), max_size=8))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_image_counts_once_and_as_what_it_is(engine: Engine, images: list[set[str]]) -> None:
    empty(engine)
    for number, kinds in enumerate(images):
        fill(engine, image(number), kinds)
    found = accounts(engine)
    scored = {"result", "second-model", "quarantined"}
    assert found.results == sum(bool(kinds & scored) for kinds in images)
    assert found.quarantined == sum("quarantined" in kinds for kinds in images)
    assert found.superseded == sum("superseded" in kinds and not kinds & scored for kinds in images)
    assert found.dead_letters == sum(kinds == {"letter"} for kinds in images)
    assert found.images == sum(bool(kinds) for kinds in images)


def fill(engine: Engine, which: ObjectVersion, kinds: set[str]) -> None:
    if "result" in kinds:
        score(engine, result_of(which))
    if "second-model" in kinds:
        score(engine, result_of(which, OTHER_MODEL))
    if "quarantined" in kinds:
        score(engine, result_of(which, "ef" * 32, publication=Publication.QUARANTINED))
    if "letter" in kinds:
        give_up(engine, which)
    if "superseded" in kinds:
        supersede(engine, which)


def test_events_that_name_no_image_are_counted_apart(engine: Engine) -> None:
    give_up(engine, None)
    give_up(engine, image(1))
    found = accounts(engine)
    assert (found.nameless, found.dead_letters, found.images) == (1, 1, 1)


def test_only_messages_that_were_sent_count_as_notifications(engine: Engine) -> None:
    for number, state in enumerate(("sent", "sent", "due", "failed")):
        row = {"notification_id": str(number), "result_id": "r", "channel": "mail", "state": state}
        insert(engine, notifications, **row, message="{}", attempts=0, due_at=now())
    assert accounts(engine).notifications == 2


def test_images_with_an_outcome_need_no_scoring(engine: Engine) -> None:
    score(engine, result_of(image(0)))
    score(engine, result_of(image(1), OTHER_MODEL))
    give_up(engine, image(2))
    supersede(engine, image(3))
    bury(engine, image(4))
    ids = [KEYS.image_id(image(number)) for number in range(6)]
    assert with_outcome(engine, ids) == set(ids[:5])
    assert with_outcome(engine, ids, MODEL) == {ids[0], ids[3], ids[4]}
    assert with_outcome(engine, []) == set()


def current(engine: Engine, pinned: str = "") -> dict[str, str]:
    """Image id to the model of its current result."""
    chosen = current_results(pinned)
    with engine.begin() as connection:
        rows = connection.execute(select(chosen.c.image_id, chosen.c.model_sha256)).all()
    assert len(rows) == len({row[0] for row in rows})
    return {row[0]: row[1] for row in rows}


def test_current_result_is_the_pinned_models_else_the_newest(engine: Engine) -> None:
    both, one = image(0), image(1)
    score(engine, result_of(both, MODEL, scored_at=SCORED))
    score(engine, result_of(both, OTHER_MODEL, scored_at=SCORED + timedelta(seconds=1)))
    score(engine, result_of(one, MODEL))
    ids = KEYS.image_id(both), KEYS.image_id(one)
    assert current(engine) == {ids[0]: OTHER_MODEL, ids[1]: MODEL}
    assert current(engine, MODEL) == {ids[0]: MODEL, ids[1]: MODEL}
    assert current(engine, OTHER_MODEL) == {ids[0]: OTHER_MODEL, ids[1]: MODEL}


def test_current_result_is_one_even_where_two_were_scored_at_once(engine: Engine) -> None:
    for model in (MODEL, OTHER_MODEL):
        score(engine, result_of(image(0), model, scored_at=SCORED))
    first = current(engine)
    assert len(first) == 1
    assert current(engine) == first
