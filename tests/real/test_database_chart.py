"""What charts/database asks of PostgreSQL, on a real one: TLS and the roles, the job, and the programs' URLs.

CloudNativePG's part is done by hand: the owner with the database, the managed roles with the passwords of their
Secrets, its certificate, and the lines of pg_hba between its own. External Secrets' part too: the templates are
filled in.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from sqlalchemy import text

from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import check_revision
from medpattern.pipeline.failures import Unavailable
from tests.charts.test_shipped_charts import objects, only
from tests.real.servers.certificates import Authority
from tests.real.servers.postgres import Database, Postgres

HOST = "results-rw.database.svc"
CNPG = {"database": {"from": "cnpg"}}
PROGRAMS = {
    "medpattern_service": ("risk-assessment", "risk-assessment-database"),
    "medpattern_notify": ("notifier", "notifier-database"),
    "medpattern_housekeeping": ("housekeeping", "housekeeping-replay-database"),
}
# The operator's own first and last lines; the superuser stands for its local connections.
FIRST = ["hostssl postgres postgres 127.0.0.1/32 scram-sha-256", "hostssl xray postgres 127.0.0.1/32 scram-sha-256"]
LAST = ["host all all all scram-sha-256"]


@dataclass(frozen=True, slots=True)
class Served:
    """The server as the operator would have made it, and the passwords by the property of the secret store."""

    postgres: Postgres
    authority: Authority
    passwords: Mapping[str, str]

    def url(self, secret: dict[str, Any], host: str = HOST) -> str:
        """The URL that External Secrets makes, sent to this machine instead of the host that it names."""
        password = self.passwords[secret["spec"]["data"][0]["remoteRef"]["property"]]
        url: str = secret["spec"]["target"]["template"]["data"]["url"]
        url = url.replace("{{ .password | urlquery }}", quote_plus(password))
        url = url.replace("results-rw.ward.svc", host).replace(HOST, host)
        url = url.replace("/etc/medpattern/database/ca.crt", str(self.authority.certificate))
        return url.replace(":5432/", f":{self.postgres.port}/") + "&hostaddr=127.0.0.1"

    def program(self, role: str, host: str = HOST) -> str:
        """The URL of the program with that role, as its chart makes it."""
        name, secret = PROGRAMS[role]
        return self.url(only(objects(name, CNPG), "ExternalSecret", secret), host)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    # Not below pytest's folder: nobody but its owner may enter that, and PostgreSQL runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="medpattern-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield from serving(folder)


def serving(folder: Path) -> Iterator[Served]:
    """The server in `folder`, stopped at the end."""
    cluster = only(objects("database"), "Cluster", "results")["spec"]
    authority = Authority(folder / "ca")
    server = Postgres(folder / "postgres")
    server.start()
    try:
        passwords = create(server, cluster)
        secure(server, authority, cluster["postgresql"])
        server.restart()
        yield Served(server, authority, passwords)
    finally:
        server.stop()


def create(server: Postgres, cluster: dict[str, Any]) -> dict[str, str]:
    """The roles and the database, as the operator makes them of the Cluster and of the Secrets that it names."""
    found = objects("database")
    # Whatever a person puts into the secret store.
    passwords = {}
    roles = [
        {"name": cluster["bootstrap"]["initdb"]["owner"], "passwordSecret": cluster["bootstrap"]["initdb"]["secret"]}
    ]
    for role in [*roles, *cluster["managed"]["roles"]]:
        secret = only(found, "ExternalSecret", role["passwordSecret"]["name"])["spec"]
        assert secret["target"]["template"]["type"] == "kubernetes.io/basic-auth"
        assert secret["target"]["template"]["data"]["username"] == role["name"], "the operator refuses another"
        password = passwords[secret["data"][0]["remoteRef"]["property"]] = f"p@:/%+?#{secrets.token_hex(8)}"
        limit = role.get("connectionLimit", -1)
        server.execute(f"CREATE ROLE {role['name']} LOGIN INHERIT CONNECTION LIMIT {limit} PASSWORD '{password}'")
    initdb = cluster["bootstrap"]["initdb"]
    server.execute(f"CREATE DATABASE {initdb['database']} OWNER {initdb['owner']} ENCODING '{initdb['encoding']}'")
    return passwords


def secure(server: Postgres, authority: Authority, settings: dict[str, Any]) -> None:
    """TLS with a certificate as the operator makes it, the chart's parameters, and its lines between the operator's."""
    issued = authority.issue("results-rw", HOST)
    for name, source in (("server.crt", issued.certificate), ("server.key", issued.key)):
        place = server.data / name
        place.write_bytes(source.read_bytes())
        place.chmod(0o600)
        os.chown(place, (server.data / "PG_VERSION").stat().st_uid, -1)
    authority.folder.chmod(0o755)
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("ssl = on\n")
        file.writelines(f"{name} = '{value}'\n" for name, value in settings["parameters"].items())
    (server.data / "pg_hba.conf").write_text("\n".join([*FIRST, *settings["pg_hba"], *LAST]) + "\n", "utf-8")


def migrate(served: Served, folder: Path) -> subprocess.CompletedProcess[str]:
    """The job, as its container runs it."""
    job = only(objects("database"), "Job", "migrate")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    secret = only(objects("database"), "ExternalSecret", "migrate-database")
    file = folder / "url"
    file.write_text(served.url(secret), "utf-8")
    (entry,) = container["env"]
    assert entry["value"] == "/etc/medpattern/database/url"
    return subprocess.run(
        [sys.executable, "-m", "medpattern", *container["args"]],
        env={**os.environ, entry["name"]: str(file)},
        capture_output=True,
        text=True,
    )


def test_the_job_makes_the_tables_and_the_programs_log_in_with_what_their_charts_make(
    served: Served, tmp_path: Path
) -> None:
    for _ in range(2):
        done = migrate(served, tmp_path)
        assert done.returncode == 0, done.stderr
    assert "granted: " in done.stdout

    for role in PROGRAMS:
        engine = open_engine(served.program(role))
        check_revision(engine)
        with engine.begin() as connection:
            assert connection.scalar(text("SELECT current_user")) == role
            assert connection.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")) is True
        engine.dispose()


def test_nobody_comes_in_without_tls_or_into_another_database(served: Served) -> None:
    for change in (("sslmode=verify-full", "sslmode=disable"), ("/xray?", "/postgres?")):
        engine = open_engine(served.program("medpattern_notify").replace(*change))
        with pytest.raises(Unavailable):
            check_revision(engine)
        engine.dispose()


def test_a_server_that_is_another_is_not_believed(served: Served, tmp_path: Path) -> None:
    url = served.program("medpattern_notify")
    stranger = Authority(tmp_path / "other").certificate
    for wrong in (
        served.program("medpattern_notify", "results-rw.elsewhere.svc"),
        url.replace(str(served.authority.certificate), str(stranger)),
    ):
        engine = open_engine(wrong)
        with pytest.raises(Unavailable):
            check_revision(engine)
        engine.dispose()


def test_a_role_that_is_no_program_is_refused(served: Served) -> None:
    served.postgres.execute("CREATE ROLE somebody LOGIN PASSWORD 'somebody'")
    url = f"postgresql://somebody:somebody@127.0.0.1:{served.postgres.port}/xray?sslmode=require"
    engine = open_engine(url)
    with pytest.raises(Unavailable):
        check_revision(engine)
    engine.dispose()


def test_the_superuser_is_still_there_for_the_operator(served: Served) -> None:
    superuser = served.postgres.superuser
    there = Database(served.postgres.port, "postgres", superuser.role, superuser.password)
    assert served.postgres.execute("SHOW max_connections", there) == [("300",)]
