"""Addresses of databases, and what their errors become."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from medpattern.errors import UsageError
from medpattern.pipeline.clock import now
from medpattern.pipeline.database.engine import answers, open_engine
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import DatabaseTime
from medpattern.pipeline.failures import Unavailable


@pytest.mark.parametrize("url", ["", "secret", "mysql://user:secret@host/name", "postgresql//user:secret@host"])
def test_address_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_engine(url)
    assert "secret" not in str(caught.value)


def test_server_that_is_away_is_unavailable_and_its_password_unsaid() -> None:
    engine = open_engine("postgresql://user:secret@127.0.0.1:9/results")
    with pytest.raises(Unavailable) as caught:
        Results(engine).check()
    assert caught.value.dependency == "database"
    assert "secret" not in str(caught.value)


def test_folder_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Results(open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'results.sqlite'}")).check()


def test_mistake_in_a_statement_is_no_outage(engine: Engine) -> None:
    from sqlalchemy.exc import IntegrityError

    from medpattern.pipeline.database.schema import outbox

    with pytest.raises(IntegrityError), answers(), engine.begin() as connection:
        connection.execute(outbox.insert().values(result_id="nobody's", event="{}", duplicates=0))


def test_time_is_the_databases_own_in_utc(engine: Engine) -> None:
    with engine.begin() as connection:
        present = connection.scalar(select(DatabaseTime()))
        later = connection.scalar(select(DatabaseTime(90.5)))
    assert present is not None
    assert later is not None
    assert abs((present - now()).total_seconds()) < 60
    assert 90 <= (later - present).total_seconds() < 120


def test_time_moves_within_a_transaction(engine: Engine) -> None:
    """A lease that begins at the end of a long transaction must not be counted from its beginning."""
    with engine.begin() as connection:
        first = connection.scalar(select(DatabaseTime()))
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_sleep(0.05)"))
        for _ in range(1_000_000):
            present = connection.scalar(select(DatabaseTime()))
            assert present is not None
            assert first is not None
            if present > first:
                return
        raise AssertionError("the time stands still")
