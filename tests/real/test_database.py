"""The database's contract on PostgreSQL: the same tests as on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from tests.pipeline.database.test_accounting import *  # noqa: F403
from tests.pipeline.database.test_engine import *  # noqa: F403
from tests.pipeline.database.test_migrate import *  # noqa: F403
from tests.pipeline.database.test_pages import *  # noqa: F403
from tests.pipeline.database.test_results import *  # noqa: F403
from tests.pipeline.database.test_verdicts import *  # noqa: F403
from tests.real.servers.postgres import Database


@pytest.fixture
def database_url(database: Database) -> str:
    return database.conninfo


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = open_engine(database_url)
    migrate(made)
    yield made
    made.dispose()
