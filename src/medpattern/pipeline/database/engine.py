"""Connections: how to reach a database, and what its errors mean to whoever sent an event."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from medpattern.errors import UsageError
from medpattern.pipeline.failures import Unavailable

# One statement, waiting for a lock included. An event may take 45 s in all, so a database that hangs shows here.
_STATEMENT_SECONDS = 15
_CONNECT_SECONDS = 5


def open_engine(url: str, *, connections: int = 4, read_only: bool = False) -> Engine:
    """An engine for `url` (postgresql://... or sqlite:///FILE) that connects at first use.

    With `read_only` the database itself refuses every change, and reading never waits for a writer.

    Raises:
        UsageError: `url` is none of the two; its text, which holds a password, is not repeated.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise UsageError("the database's URL is none: postgresql://user:password@host/name is wanted") from None
    backend = address.get_backend_name()
    if backend == "postgresql":
        return _postgresql(address.set(drivername="postgresql+psycopg"), connections, read_only)
    if backend == "sqlite":
        return _sqlite(address, read_only)
    raise UsageError(f"{backend} is no database of medpattern: postgresql or sqlite is wanted")


def _postgresql(address: Any, connections: int, read_only: bool) -> Engine:
    limits = f"-c statement_timeout={_STATEMENT_SECONDS}s -c lock_timeout={_STATEMENT_SECONDS}s -c timezone=UTC"
    limits += " -c default_transaction_read_only=on" if read_only else ""
    arguments = {"connect_timeout": _CONNECT_SECONDS, "options": limits, "application_name": "medpattern"}
    # A host that vanished without a word would otherwise hold a connection for a quarter of an hour.
    alive = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 15_000}
    return create_engine(
        address,
        connect_args=arguments | alive,
        pool_size=connections,
        max_overflow=2,
        pool_timeout=_CONNECT_SECONDS,
    )


def _sqlite(address: Any, read_only: bool) -> Engine:
    engine = create_engine(address, connect_args={"timeout": _STATEMENT_SECONDS})

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        # Python's own BEGIN comes too late and as a reader; ours is below.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that becomes a writer fails at once where another process writes; a writer from the start waits.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def answers() -> Iterator[None]:
    """Within it, a database that is away, full, slow or without its tables raises Unavailable."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as problem:
        raise Unavailable("database", _kind(problem)) from None
    except DBAPIError as problem:
        if problem.connection_invalidated or _kind(problem) in ("UndefinedTable", "InsufficientPrivilege"):
            raise Unavailable("database", _kind(problem)) from None
        raise


def _kind(problem: Exception) -> str:
    return type(getattr(problem, "orig", None) or problem).__name__
