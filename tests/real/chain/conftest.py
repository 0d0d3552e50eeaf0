"""The chain on the session's servers, one for each test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.real.chain.harness import Chain, Row
from tests.real.servers.ceph import Ceph
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.postgres import Database, Postgres

StartChain = Callable[..., Chain]
ROWS: pytest.StashKey[dict[str, Row]] = pytest.StashKey()
BEGIN, END = "<!-- written by make faults: begin -->", "<!-- end -->"


@pytest.fixture
def start_chain(
    ceph: Ceph, kafka: Kafka, postgres: Postgres, database: Database, bucket: str, tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[StartChain]:  # fmt: skip
    """Starts the chain; other servers may be named in place of the session's."""
    made: list[Chain] = []
    with ExitStack() as started:

        def start(**more: Any) -> Chain:
            servers = {"ceph": ceph, "kafka": kafka, "postgres": postgres, "database": database, "bucket": bucket}
            made.append(started.enter_context(Chain(tmp_path / "run", **(servers | more))))
            return made[-1]

        yield start
    if request.path.name == "test_faults.py":
        rows = request.config.stash.setdefault(ROWS, {})
        rows |= {_title(request.node): chain.row for chain in made if chain.row}


def _title(node: pytest.Item) -> str:
    name, _, case = node.name.removeprefix("test_").partition("[")
    words = name.replace("_", " ").replace(" s ", "'s ")
    return f"{words}: {case.rstrip(']')}" if case else words


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the table of MEDPATTERN_FAULT_TABLE (a Markdown file) anew, if it is set and every test passed."""
    path, rows = os.environ.get("MEDPATTERN_FAULT_TABLE"), session.config.stash.get(ROWS, {})
    if not path or session.testsfailed or not rows:
        return
    text = Path(path).read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    Path(path).write_text(f"{before}{BEGIN}\n{_table(rows)}\n{END}{after}", encoding="utf-8")


def _table(rows: dict[str, Row]) -> str:
    head = "| what breaks | stored | results | dead letters | superseded | deliveries repeated | events repeated | s |"
    lines = [head, "| --- |" + " ---: |" * 7]
    for title, row in rows.items():
        books = row.books
        numbers = (row.images, books.results, books.dead_letters, books.superseded, books.duplicates)
        lines.append(f"| {title} | {' | '.join(map(str, numbers))} | {row.repeated_events} | {row.seconds:.0f} |")
    return "\n".join(lines)
