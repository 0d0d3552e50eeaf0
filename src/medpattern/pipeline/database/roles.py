"""Which role may do what on which table: the least that each program needs, as data, and what grants it.

The tables belong to the role that runs `medpattern migrate`; no program that is always there is that one. No role
may change a result, a verdict or an audit row, and only housekeeping, which purges, may delete: results, verdicts and
what hangs on them, but never an audit row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, Table, text

from medpattern.errors import UsageError
from medpattern.pipeline.database import schema
from medpattern.pipeline.database.engine import answers


class Role(StrEnum):
    """The programs that open the database; `grafana` is whoever draws from it."""

    SERVICE = "service"
    NOTIFY = "notify"
    DEAD_LETTERS = "dead-letters"
    RESULTS_API = "results-api"
    HOUSEKEEPING = "housekeeping"
    GRAFANA = "grafana"

    @property
    def default_name(self) -> str:
        """The name of the database's role where nothing else is said, such as medpattern_results_api."""
        return f"medpattern_{self.value.replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Right:
    """Privileges on one table; `columns` not empty limits them to these columns."""

    table: str
    privileges: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """As GRANT wants them, such as "SELECT (at, action)"."""
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return ", ".join(f"{privilege}{columns}" for privilege in self.privileges)


SELECT, INSERT, UPDATE, DELETE = "SELECT", "INSERT", "UPDATE", "DELETE"
# Read by every program before it begins: are the tables of its revision?
REVISION = Right("alembic_version", (SELECT,))


def _right(table: Table, *privileges: str, without: tuple[str, ...] = ()) -> Right:
    columns = tuple(column.name for column in table.columns if column.name not in without) if without else ()
    return Right(table.name, privileges, columns)


RIGHTS: Mapping[Role, tuple[Right, ...]] = {
    Role.SERVICE: (
        REVISION,
        _right(schema.results, SELECT, INSERT),
        _right(schema.outbox, SELECT, INSERT, UPDATE),
        _right(schema.leases, SELECT, INSERT, UPDATE, DELETE),
        _right(schema.superseded, SELECT, INSERT),
        _right(schema.tombstones, SELECT),
    ),
    Role.NOTIFY: (REVISION, _right(schema.notifications, SELECT, INSERT, UPDATE)),
    Role.DEAD_LETTERS: (
        REVISION,
        _right(schema.dead_letters, SELECT, INSERT, UPDATE, DELETE),
        _right(schema.tombstones, SELECT),
    ),
    # Nobody reads the audit through the API: who looked is for the data protection officer, with a role of her own.
    Role.RESULTS_API: (
        REVISION,
        _right(schema.results, SELECT),
        _right(schema.verdicts, SELECT, INSERT),
        _right(schema.audit, INSERT),
    ),
    Role.HOUSEKEEPING: (
        REVISION,
        _right(schema.results, SELECT, DELETE),
        _right(schema.outbox, SELECT),
        _right(schema.superseded, SELECT, DELETE),
        _right(schema.verdicts, SELECT, DELETE),
        _right(schema.notifications, SELECT, DELETE),
        _right(schema.dead_letters, SELECT, INSERT, UPDATE, DELETE),
        _right(schema.leases, SELECT, DELETE),
        # UPDATE for the lock alone that a purge takes on the table; PostgreSQL has no privilege of its own for it.
        _right(schema.tombstones, SELECT, INSERT, UPDATE),
        _right(schema.audit, INSERT),
    ),
    # Numbers and pseudonyms: no sealed event, no text of a message, no reader, no purpose.
    Role.GRAFANA: (
        REVISION,
        _right(schema.results, SELECT),
        _right(schema.outbox, SELECT, without=("event",)),
        _right(schema.leases, SELECT),
        _right(schema.superseded, SELECT),
        _right(schema.tombstones, SELECT),
        _right(schema.dead_letters, SELECT, without=("sealed",)),
        _right(schema.notifications, SELECT, without=("message",)),
        _right(schema.verdicts, SELECT, without=("reader", "comment")),
        _right(schema.audit, SELECT, without=("audit_id", "who", "pseudonym", "purpose", "detail")),
    ),
}


def grant(engine: Engine, names: Mapping[Role, str]) -> None:
    """Gives each named role of the database exactly its rights, and takes whatever else it had on any table.

    names: the database's roles, which must be there: whoever makes them gives them their passwords.

    Raises:
        UsageError: the database has no roles, or not these.
        Unavailable: the database is away, or the tables are not this user's.
    """
    if engine.dialect.name != "postgresql":
        raise UsageError("only PostgreSQL has roles: --grant needs a postgresql:// database")
    with answers(), engine.begin() as connection:
        _check_roles(connection, names)
        for statement in _statements(connection, names):
            connection.execute(text(statement))


def _check_roles(connection: Connection, names: Mapping[Role, str]) -> None:
    there = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    absent = sorted(set(names.values()) - there)
    if absent:
        raise UsageError(f"the database has no role {', '.join(absent)}: make it first (CREATE ROLE ... LOGIN)")


def _statements(connection: Connection, names: Mapping[Role, str]) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote
    space = quote(connection.scalar(text("SELECT current_schema()")) or "public")
    tables = ", ".join(f"{space}.{quote(name)}" for name in (*schema.metadata.tables, REVISION.table))
    # Rights of everybody would be rights of each role.
    yield f"REVOKE ALL ON {tables} FROM PUBLIC"
    for role, name in names.items():
        yield f"REVOKE ALL ON {tables} FROM {quote(name)}"
        yield f"GRANT USAGE ON SCHEMA {space} TO {quote(name)}"
        for right in RIGHTS[role]:
            yield f"GRANT {right.words} ON {space}.{quote(right.table)} TO {quote(name)}"
