"""The chain on the session's servers, one for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.real.chain.harness import Chain
from tests.real.servers.ceph import Ceph
from tests.real.servers.kafka.cluster import Kafka
from tests.real.servers.postgres import Database, Postgres

StartChain = Callable[..., Chain]


@pytest.fixture
def start_chain(
    ceph: Ceph, kafka: Kafka, postgres: Postgres, database: Database, bucket: str, tmp_path: Path
) -> Iterator[StartChain]:
    """Starts the chain; other servers may be named in place of the session's."""
    with ExitStack() as started:

        def start(**more: Any) -> Chain:
            servers = {"ceph": ceph, "kafka": kafka, "postgres": postgres, "database": database, "bucket": bucket}
            return started.enter_context(Chain(tmp_path / "run", **(servers | more)))

        yield start
