"""PostgreSQL from Debian's own folder, as a user without rights where the tests run as root (it refuses root).

It writes to disk as in production (fsync on): what a test finds after `kill9` was really promised.
"""

from __future__ import annotations

import os
import pwd
import secrets
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.real.servers.ports import free_port
from tests.real.servers.processes import Process, until
from tests.real.servers.programs import FailedError, newest, run

# The programs below this folder; another place by MEDPATTERN_POSTGRES_BIN.
FOLDER = "/usr/lib/postgresql"
UNPRIVILEGED = "nobody"

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 100
shared_buffers = 32MB
# Small, so that a data folder on a file system of 64 MB is full by data, not by logs kept for later.
min_wal_size = 4MB
max_wal_size = 16MB
log_min_messages = warning
"""


@dataclass(frozen=True, slots=True)
class Database:
    """A database that one role owns, and nobody else may open."""

    port: int
    name: str
    role: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """For SQLAlchemy with psycopg 3."""
        return self.conninfo.replace("postgresql", "postgresql+psycopg", 1)

    @property
    def conninfo(self) -> str:
        """For psycopg and libpq."""
        return f"postgresql://{self.role}:{quote(self.password)}@127.0.0.1:{self.port}/{self.name}"


class Postgres:
    """A server; `folder` is made where it is not there, and may be a mount point that is owned by anybody."""

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        """`log` where the server's own messages go; keep it off a file system that is to fill up."""
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.superuser = Database(self.port, "postgres", "postgres", secrets.token_hex(12))
        self._user = pwd.getpwnam(UNPRIVILEGED).pw_uid if os.geteuid() == 0 else None
        self._programs = _programs()
        command: list[str | Path] = [self._programs / "postgres", "-D", self.data]
        self.server = Process(
            "postgres", command, log or folder.with_name(f"{folder.name}.log"), folder=Path("/"), user=self._user
        )
        self._backends: list[int] = []

    def start(self) -> None:
        """Start it, after `kill9` too; it recovers by itself. The first time, make its files (2 s)."""
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._wait_for_backends()
        self.server.start().wait_ready(self._accepts, seconds=120)

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self.folder, self._user, self._user)
        password = self.folder / "password"
        password.write_text(self.superuser.password, "ascii")
        try:
            if self._user is not None:
                os.chown(password, self._user, self._user)
            self._initdb(password)
        finally:
            password.unlink()
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(SETTINGS.format(port=self.port))

    def _initdb(self, password: Path) -> None:
        options = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync")
        shape = ("--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=1")
        run(self._programs / "initdb", "-D", self.data, *options, *shape, user=self._user)

    def _accepts(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.superuser.conninfo, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it and every connection in order."""
        self.server.stop(number=signal.SIGINT)

    def kill9(self) -> None:
        """SIGKILL the server and every process of its own, as when its machine goes down; nothing is tidied up."""
        self._backends = self.server.children()
        self.server.kill()
        for backend in self._backends:
            with suppress(ProcessLookupError):
                os.kill(backend, signal.SIGKILL)
        self._wait_for_backends()

    def restart(self) -> None:
        """Start it anew, ended in order unless it is dead already."""
        self.stop()
        self.start()

    def _wait_for_backends(self) -> None:
        """A new server refuses the data as long as a process of the old one has them."""
        with suppress(FailedError):
            until(lambda: not any(map(_lives, self._backends)), "PostgreSQL's processes to end", seconds=20)

    def execute(self, statement: str, database: Database | None = None) -> list[tuple[object, ...]]:
        """Run one statement, committed at once, as the superuser or as the owner of `database`; the rows, if any."""
        import psycopg

        who = (database or self.superuser).conninfo
        with psycopg.connect(who, autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, name: str) -> Database:
        """An empty database with a role of the same name, which may connect to no other."""
        made = Database(self.port, name, name, secrets.token_hex(12))
        self.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{made.password}'")
        self.execute(f"CREATE DATABASE {name} OWNER {name}")
        self.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        return made

    def drop_database(self, database: Database) -> None:
        """Remove a database with its role and whoever is connected to it."""
        self.execute(f"DROP DATABASE {database.name} WITH (FORCE)")
        self.execute(f"DROP ROLE {database.role}")


def _programs() -> Path:
    if chosen := os.environ.get("MEDPATTERN_POSTGRES_BIN"):
        return Path(chosen)
    return newest(FOLDER, "*/bin/postgres", "postgresql").parent


def _lives(pid: int) -> bool:
    """Whether the process is there and has not ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
