"""Making and changing the tables: the one place that does, run as a job and never by a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.failures import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

# Any number; two jobs at once wait for each other by it.
_LOCK = 0x6D656470


def migrate(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Brings the tables to `revision`; returns the revisions before and after.

    Raises:
        Unavailable: the database is away, or the role may not change tables.
    """
    from alembic import command

    with answers(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = _revision(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        return before, _revision(connection)


def check_revision(engine: Engine) -> None:
    """Raises Unavailable unless the tables are of the revision that this program was written for."""
    from alembic.script import ScriptDirectory

    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    with answers(), engine.begin() as connection:
        found = _revision(connection)
    if found != wanted:
        raise Unavailable("database", f"its tables are of revision {found or 'none'}, wanted is {wanted}: "
                          "run medpattern migrate")  # fmt: skip


def _revision(connection: object) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()  # type: ignore[arg-type]


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
