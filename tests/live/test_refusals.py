"""The examples of tests/checks/api before a real API server, which takes the right ones and refuses the wrong ones."""

from __future__ import annotations

import pytest

from tests.checks.api.test_refusals import RIGHT, WRONG, changed
from tests.live.judging import Object, told_by_server
from tests.live.servers.cluster import Cluster

# Why the server takes what is called wrong.
TAKEN = {
    "digit first in a Service's name": "Kubernetes 1.36 allows it, and the releases of the fleet's clusters do not",
    "volume without source": "the server makes an empty folder of it, which nobody means who names a volume",
}


def told(cluster: Cluster, thing: Object) -> str:
    resource = cluster.api.resource(thing["apiVersion"], thing["kind"])
    return told_by_server(cluster.api, resource, thing)


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_the_server_takes_what_is_right(kubernetes: Cluster, right: Object) -> None:
    assert told(kubernetes, right) == ""


@pytest.mark.parametrize("name", WRONG)
def test_the_server_refuses_what_is_wrong(kubernetes: Cluster, name: str) -> None:
    assert bool(told(kubernetes, changed(*WRONG[name][:3]))) == (name not in TAKEN)
