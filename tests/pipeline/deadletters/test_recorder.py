"""The table says what the topic says, however often and from wherever it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.schema import dead_letters, tombstones
from medpattern.pipeline.deadletters.letter import DeadLetter
from medpattern.pipeline.deadletters.recorder import Recorder
from medpattern.pipeline.failures import Unavailable
from medpattern.pipeline.kafka.reader import Record
from tests.pipeline.deadletters.events import MAKER, given_up, image, notification, record
from tests.pipeline.samples import KEYS

AT = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'letters.sqlite'}")
    migrate(made)
    yield made
    made.dispose()


def letter(key: str = "a", attempts: int = 1, minutes: int = 0, **changes: Any) -> DeadLetter:
    (found,) = MAKER.letters_of(given_up(notification(record(key))), AT + timedelta(minutes=minutes))
    return replace(found, attempts=attempts, **changes)


def records(*letters: DeadLetter | str) -> list[Record]:
    """Letters as records; a bare id is a tombstone."""
    return [
        Record(0, offset, one, None) if isinstance(one, str) else Record(0, offset, one.id, one.record())
        for offset, one in enumerate(letters)
    ]


def rows(engine: Engine) -> list[Any]:
    with engine.begin() as connection:
        return list(connection.execute(select(dead_letters).order_by(dead_letters.c.first_at)))


def forgets_nothing(letter_ids: Sequence[str]) -> None:
    raise AssertionError(letter_ids)


def test_a_letter_becomes_a_row(engine: Engine) -> None:
    sent = letter()
    Recorder(engine, forgets_nothing).handle(records(sent))
    (row,) = rows(engine)
    assert (row.dead_letter_id, row.image_id, row.image_pseudonym) == (sent.id, sent.image_id, sent.image_pseudonym)
    assert (row.reason, row.retryable, row.attempts, row.replays) == ("s3-unavailable", True, 1, 0)
    assert (row.first_at, row.last_at, row.replayed_at, bytes(row.sealed)) == (AT, AT, None, sent.sealed)


def test_a_repeat_of_a_record_changes_nothing(engine: Engine) -> None:
    recorder = Recorder(engine, forgets_nothing)
    batch = records(letter(), letter(attempts=2, minutes=9, reason="busy"), letter("b"))
    recorder.handle(batch)
    before = rows(engine)
    recorder.handle(batch)
    recorder.handle(batch[:1])
    assert rows(engine) == before


def test_the_newest_round_says_why(engine: Engine) -> None:
    Recorder(engine, forgets_nothing).handle(
        records(letter(), letter(attempts=3, minutes=20, reason="not-an-image", retryable=False))
    )
    (row,) = rows(engine)
    assert (row.reason, row.retryable, row.attempts, row.replays) == ("not-an-image", False, 3, 2)
    assert (row.first_at, row.last_at) == (AT, AT + timedelta(minutes=20))


def test_a_clock_that_was_set_back_hides_no_round(engine: Engine) -> None:
    Recorder(engine, forgets_nothing).handle(records(letter(), letter(attempts=2, minutes=-600, reason="busy")))
    (row,) = rows(engine)
    assert (row.reason, row.attempts) == ("busy", 2)
    assert (row.first_at, row.last_at) == (AT - timedelta(minutes=600), AT)


LETTERS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(LETTERS, st.data())
def test_the_order_does_not_matter(some: Any, data: st.DataObject) -> None:
    batch = records(*(letter(attempts=attempts, minutes=minutes, sealed=b"1") for attempts, minutes in some))
    shuffled = data.draw(st.permutations(batch))
    found = []
    for order in (batch, shuffled + batch[:2]):
        made = open_engine("sqlite://")
        dead_letters.create(made)
        tombstones.create(made)
        Recorder(made, forgets_nothing).handle(order)
        found.append(rows(made))
        made.dispose()
    assert found[0] == found[1]


def test_a_null_record_removes_the_row_and_a_later_letter_brings_it_back(engine: Engine) -> None:
    recorder = Recorder(engine, forgets_nothing)
    recorder.handle(records(letter("a"), letter("b"), letter("a").id))
    assert [row.image_id for row in rows(engine)] == [KEYS.image_id(image("b"))]
    recorder.handle(records(letter("a").id, letter("a", attempts=2)))
    assert {row.attempts for row in rows(engine)} == {1, 2}


def test_a_purged_image_leaves_no_row_and_its_letter_is_forgotten(engine: Engine) -> None:
    gone = letter("a")
    with engine.begin() as connection:
        pseudonym = KEYS.image_pseudonym(image("a"))
        connection.execute(tombstones.insert().values(image_id=gone.image_id, image_pseudonym=pseudonym, purged_at=AT))
    forgotten: list[str] = []
    Recorder(engine, forgotten.extend).handle(records(gone, letter("b")))
    assert [row.image_id for row in rows(engine)] == [KEYS.image_id(image("b"))]
    assert forgotten == [gone.id]


def test_foreign_records_are_left_out_and_hold_up_nothing(engine: Engine) -> None:
    foreign = [
        Record(0, 0, "x\x00", None),
        Record(0, 1, None, None),
        Record(0, 2, "k", b"\xff"),
        Record(0, 3, None, b"{}"),
    ]
    Recorder(engine, forgets_nothing).handle([*foreign, *records(letter())])
    assert len(rows(engine)) == 1


def test_without_its_tables_the_database_counts_as_away(tmp_path: Path) -> None:
    empty = open_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with pytest.raises(Unavailable, match="database"):
        Recorder(empty, forgets_nothing).handle(records(letter()))
    empty.dispose()
