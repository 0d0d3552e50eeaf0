"""The migrations make exactly the tables that the code uses. tests/real runs this on PostgreSQL too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import check_revision, migrate
from medpattern.pipeline.database.results import Results
from medpattern.pipeline.database.schema import metadata
from medpattern.pipeline.failures import Unavailable


def test_migrated_tables_are_those_of_the_code(engine: Engine) -> None:
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_names_of_constraints_and_indexes_are_those_of_the_code(engine: Engine) -> None:
    found = inspect(engine)
    for name, table in metadata.tables.items():
        assert {index["name"] for index in found.get_indexes(name)} == {str(index.name) for index in table.indexes}
        keys = {key["name"] for key in found.get_foreign_keys(name)}
        assert keys == {str(key.name) for key in table.foreign_key_constraints}


def test_second_migration_changes_nothing(engine: Engine) -> None:
    before, after = migrate(engine)
    assert before == after is not None
    check_revision(engine)


@pytest.fixture
def empty(database_url: str) -> Engine:
    """A database without tables."""
    return open_engine(database_url)


def test_database_without_tables_is_not_ready(empty: Engine) -> None:
    with pytest.raises(Unavailable, match="medpattern migrate"):
        check_revision(empty)
    with pytest.raises(Unavailable):
        Results(empty).check()


def test_two_jobs_at_once_migrate_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: migrate(open_engine(database_url)), range(4)))
    assert sum(before != after for before, after in found) == 1
    assert len({after for _, after in found}) == 1
