"""API servers as fixtures: one for each distribution of the fleet, with the custom kinds that its charts use.

With MEDPATTERN_REQUIRE_CLUSTER=1 (`make test-cluster`, .ci/run) a program that was not built is a failure, and so is
every skip. Without it the tests are skipped, and say what to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.live import fleet
from tests.live.servers.cluster import Cluster
from tests.live.servers.definitions import definition_files
from tests.live.servers.template import template
from tests.missing import hooks
from tests.real.servers.programs import ServerError

pytest_runtest_setup, pytest_runtest_call, pytest_runtest_makereport = hooks(
    required=os.environ.get("MEDPATTERN_REQUIRE_CLUSTER") == "1"
)


class StartCluster(Protocol):
    """Starts an API server with the custom kinds of a distribution, or goes on with the one that runs."""

    def __call__(self, distribution: str) -> Cluster: ...


@pytest.fixture(scope="session")
def start_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartCluster]:
    """API servers that end with the session (of the worker, under xdist)."""
    running: dict[str, Cluster] = {}
    failed: dict[str, ServerError] = {}  # it takes long to fail, and would again
    with ExitStack() as ends:

        def start(distribution: str) -> Cluster:
            if distribution in failed:
                raise failed[distribution]
            if distribution not in running:
                try:
                    running[distribution] = made(distribution)
                except ServerError as error:
                    failed[distribution] = error
                    raise
            return running[distribution]

        def made(distribution: str) -> Cluster:
            known = fleet.on(distribution)
            ready = template(definition_files(distribution, fleet.groups(known)))
            cluster = Cluster(tmp_path_factory.mktemp("cluster") / distribution, ready)
            ends.callback(cluster.discard)
            cluster.start()
            cluster.api.make_namespaces(fleet.namespaces(known))
            return cluster

        yield start


@pytest.fixture(scope="session")
def kubernetes(start_cluster: StartCluster) -> Cluster:
    """An API server with upstream's custom kinds."""
    return start_cluster("kubernetes")
