"""The examples of tests/checks/api, in which nobody has asked a server yet, are judged by one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from medpattern.findings import KeyPath
from tests.checks.api.test_refusals import GONE, RIGHT, WRONG
from tests.live.judging import Object, told_by_server
from tests.live.servers.cluster import Cluster


def told(cluster: Cluster, thing: Object) -> str:
    resource = cluster.api.resource(thing["apiVersion"], thing["kind"])
    return told_by_server(cluster.api, resource, thing)


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_the_server_takes_what_is_right(kubernetes: Cluster, right: Object) -> None:
    assert told(kubernetes, right) == ""


@pytest.mark.parametrize(("right", "path", "value"), [case[:3] for case in WRONG.values()], ids=WRONG)
def test_the_server_refuses_what_is_wrong(kubernetes: Cluster, right: Object, path: KeyPath, value: Any) -> None:
    wrong = copy.deepcopy(right)
    here: Any = wrong
    for key in path[:-1]:
        here = here[key]
    if value is GONE:
        del here[path[-1]]
    else:
        here[path[-1]] = value

    assert told(kubernetes, wrong) != ""
