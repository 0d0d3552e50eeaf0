"""Every query of every panel is run: SQL on PostgreSQL as the reading role, PromQL on a Prometheus that scrapes.

What Prometheus scrapes says tests/real/exposition.py; macros are replaced as tests/charts/panels.py says.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, text

from medpattern.pipeline.clock import now
from medpattern.pipeline.database import schema
from medpattern.pipeline.database.engine import open_engine
from medpattern.pipeline.database.migrate import migrate
from medpattern.pipeline.database.roles import Role, grant
from medpattern.pipeline.events.results import Outcome, Publication
from medpattern.pipeline.identity import ObjectVersion
from medpattern.pipeline.notification.outgoing import State
from tests.charts.monitoring import rule_objects, selectors
from tests.charts.panels import METRICS, RESULTS, Query, queries
from tests.pipeline.samples import result_of
from tests.real.conftest import StartPrometheus
from tests.real.exposition import Exposition
from tests.real.servers.names import unique_identifier
from tests.real.servers.postgres import Database, Postgres
from tests.real.servers.processes import until
from tests.real.servers.programs import FailedError
from tests.real.servers.prometheus import Prometheus

SQL = [query for query in queries() if query.datasource == RESULTS]
PROMQL = [query for query in queries() if query.datasource == METRICS]
ROOT = Path(__file__).parents[2]


# SQL ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def owner(database: Database) -> Iterator[Engine]:
    """The tables with an hour of results, as the role that makes them."""
    made = open_engine(database.conninfo)
    migrate(made)
    fill(made)
    yield made
    made.dispose()


@pytest.fixture
def reader(owner: Engine, postgres: Postgres, database: Database) -> Iterator[Engine]:
    """The same, as Grafana."""
    name = unique_identifier("grafana")
    postgres.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{database.password}'")
    postgres.execute(f"GRANT CONNECT ON DATABASE {database.name} TO {name}")
    grant(owner, {Role.GRAFANA: name})
    made = open_engine(Database(database.port, database.name, name, database.password).conninfo)
    yield made
    made.dispose()
    inside = Database(postgres.port, database.name, postgres.superuser.role, postgres.superuser.password)
    postgres.execute(f"DROP OWNED BY {name}", inside)
    postgres.execute(f"REVOKE ALL ON DATABASE {database.name} FROM {name}")
    postgres.execute(f"DROP ROLE {name}")


def fill(engine: Engine) -> None:
    """Results of each outcome, published and withheld, a dead letter of each kind, messages in each state."""
    chance, moment = random.Random(7), now()
    rows = []
    for number in range(60):
        outcome = list(Outcome)[number % 3]
        withheld = number % 5 == 0
        stored = moment - timedelta(minutes=chance.uniform(1, 50))
        found = replace(
            result_of(ObjectVersion("xray-source", f"{number}.png", "v1")),
            outcome=outcome,
            reason="between-thresholds" if outcome is Outcome.UNSURE else "",
            risk=number / 60,
            publication=Publication.QUARANTINED if withheld else Publication.PUBLISHED,
            publication_reason="text-like-structure-left" if withheld else "",
            anonymised_key=None if withheld else f"{number}.png",
            stored_at=stored,
            scored_at=stored + timedelta(seconds=chance.uniform(0.2, 20)),
        )
        rows.append(found.row())
    letters = [
        {
            "dead_letter_id": reason,
            "reason": reason,
            "detail": "",
            "retryable": retryable,
            "attempts": 1,
            "first_at": moment - timedelta(minutes=9),
            "last_at": moment - timedelta(minutes=5),
            "sealed": b"sealed",
        }
        for reason, retryable in (("not-an-image", False), ("http-503", True))
    ]
    messages = [
        {
            "notification_id": f"{state}",
            "result_id": rows[0]["result_id"],
            "channel": "mail",
            "state": state.value,
            "message": "{}",
            "recorded_at": moment,
            "due_at": moment,
        }
        for state in State
    ]
    with engine.begin() as connection:
        connection.execute(insert(schema.results), rows)
        connection.execute(insert(schema.dead_letters), letters)
        connection.execute(insert(schema.notifications), messages)


def test_every_sql_query_runs_as_the_reading_role_and_returns_what_its_panel_needs(reader: Engine) -> None:
    for query in SQL:
        with reader.connect() as connection:
            found = connection.execute(text(query.text.replace(":", r"\:")))
            columns, rows = list(found.keys()), found.mappings().all()
        assert rows, f"{query.name}: no row"
        check_shape(query, columns, [dict(row) for row in rows])


def check_shape(query: Query, columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Raises AssertionError where the panel could not draw the rows."""
    panel = query.panel
    numbers = {name for name in columns if all(_is_number(row[name]) for row in rows)}
    if panel["type"] == "timeseries":
        assert columns[0] == "time", query.name
        assert "time" in numbers, query.name
        assert {"value"} <= numbers, query.name
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows), query.name
    elif panel["type"] == "stat":
        assert len(columns) == len(rows) == 1, query.name
        assert numbers == set(columns), query.name
    elif panel["type"] == "barchart":
        assert panel["options"]["xField"] in columns, query.name
        assert numbers, query.name
    elif panel["type"] == "piechart":
        assert any(re.fullmatch(panel["options"]["reduceOptions"]["fields"].strip("/"), name) for name in numbers)
    else:
        assert panel["type"] == "table", query.name
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName" and panel["type"] == "table":
            assert override["matcher"]["options"] in columns, query.name


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and hasattr(value, "__float__")


def test_the_numbers_are_those_of_the_rows(reader: Engine) -> None:
    def value(title: str) -> Any:
        (query,) = [query for query in SQL if query.panel["title"] == title]
        with reader.connect() as connection:
            return connection.execute(text(query.text)).scalar_one()

    assert value("Processed") == 60
    assert value("Withheld") == 12
    assert value("Anonymised") == 48
    assert value("Dead letters") == 2
    assert value("Untold") == 2

    (query,) = [query for query in SQL if query.panel["title"] == "Distribution of risk"]
    with reader.connect() as connection:
        bars = {row.risk_from: row.images for row in connection.execute(text(query.text))}
    assert bars == {f"{tenth / 10:.1f}": 6 for tenth in range(10)}


def test_the_reading_role_reads_no_content(reader: Engine) -> None:
    for column, table in (("sealed", "dead_letters"), ("message", "notifications"), ("event", "outbox")):
        with reader.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(select(schema.metadata.tables[table].c[column]))


def test_what_runbooks_ask_of_the_database_runs(owner: Engine) -> None:
    asked = 0
    for page in sorted((ROOT / "docs/runbooks").glob("*.md")):
        body = re.sub(r"\n +", " ", page.read_text("utf-8"))
        for query in re.findall(r"(?:^|[ (`])(select .+?;)", body):
            with owner.connect() as connection:
                connection.execute(text(query.replace(":", r"\:")))
            asked += 1
    assert asked >= 6


# PromQL ------------------------------------------------------------------------------------------------------


@pytest.fixture
def target() -> Iterator[str]:
    """The address of what all targets together expose."""
    exposition = Exposition()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exposition.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def prometheus(start_prometheus: StartPrometheus, target: str) -> Prometheus:
    """A Prometheus that scrapes, and evaluates all our rules, once a second."""
    groups = [
        {"rules": group["rules"], "name": f"{found['metadata']['name']}/{group['name']}"}
        for found in rule_objects()
        for group in found["spec"]["groups"]
    ]
    return start_prometheus({"all": [target]}, groups)


def may_be_empty(query: Query) -> bool:
    """Whether it shows what is not here: the weeks before (promtool has them), targets by namespace."""
    return any(selector.name in ("medpattern:drift:distance", "up") for selector in selectors(query.text))


def test_every_promql_query_runs_and_shows_what_is_exposed(prometheus: Prometheus) -> None:
    for query in PROMQL:
        # An error of Prometheus ends the test.
        prometheus.query(query.text)
    for query in PROMQL:
        if not may_be_empty(query):
            until(lambda query=query: prometheus.query(query.text), f"{query.name}: {query.text}", every=0.5)  # type: ignore[misc]


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    until(lambda: prometheus.query("medpattern:kafka_lag:sum"), "the first series that a rule records", every=0.5)
    since = max(rule["lastEvaluation"] for rule in prometheus.rules())
    rules = until(
        lambda: [found for found in [prometheus.rules()] if all(rule["lastEvaluation"] > since for rule in found)],
        "every rule evaluated over what was scraped",
        every=0.5,
    )[0]
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_a_query_with_a_slip_is_refused_and_one_without_series_is_empty(prometheus: Prometheus) -> None:
    with pytest.raises(FailedError, match="parse error"):
        prometheus.query("sum by (le (medpattern_risk_bucket)")
    assert prometheus.query("medpattern_no_such_metric") == {}
