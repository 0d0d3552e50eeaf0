"""When an object surely need not be applied again, and what a manager's fields are."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from medpattern.cluster.livediff.fieldsets import is_applied, owned, without

MANAGER = "argocd-controller"
WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "ward", "labels": {"app": "web"}, "finalizers": ["a/b"]},
    "spec": {
        "replicas": 2,
        "paused": False,
        "template": {
            "spec": {
                "containers": [
                    {"name": "web", "image": "web:1", "args": ["-v"], "ports": [{"containerPort": 80}]},
                    {"name": "log", "image": "log:1"},
                ]
            }
        },
    },
}
# As an API server 1.36 records it.
FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {'v:"a/b"': {}}},
    "f:spec": {
        "f:replicas": {},
        "f:paused": {},
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"log"}': {".": {}, "f:image": {}, "f:name": {}},
                    'k:{"name":"web"}': {
                        ".": {},
                        "f:args": {},
                        "f:image": {},
                        "f:name": {},
                        "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
                    },
                }
            }
        },
    },
}


def live(**entry: Any) -> dict[str, Any]:
    """WANTED as the server has it: with defaults, what others have set, and the record of who applied what."""
    made = copy.deepcopy(WANTED)
    made["metadata"] |= {"resourceVersion": "7", "annotations": {"theirs": "x"}}
    made["metadata"]["finalizers"] = ["theirs/too", "a/b"]
    made["spec"]["strategy"] = {"type": "RollingUpdate"}
    containers = made["spec"]["template"]["spec"]["containers"]
    containers[0]["ports"][0]["protocol"] = "TCP"
    containers.insert(1, {"name": "sidecar", "image": "injected:1"})
    record = {"manager": MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": FIELDS}
    other = {"manager": "other", "operation": "Update", "apiVersion": "apps/v1", "fieldsV1": {"f:status": {"f:x": {}}}}
    made["metadata"]["managedFields"] = [other, record | entry]
    return made


def containers(thing: dict[str, Any]) -> list[dict[str, Any]]:
    """Its containers, to be changed."""
    found: list[dict[str, Any]] = thing["spec"]["template"]["spec"]["containers"]
    return found


def test_what_was_applied_so_and_still_is_so_is_settled() -> None:
    assert is_applied(WANTED, live(), MANAGER)


def set_replicas(thing: dict[str, Any], value: object) -> None:
    thing["spec"]["replicas"] = value


@pytest.mark.parametrize(
    "change",
    [
        lambda thing: set_replicas(thing, 3),
        lambda thing: set_replicas(thing, "2"),
        lambda thing: set_replicas(thing, None),
        lambda thing: thing["spec"].update(paused=0),  # 0 is not false
        lambda thing: thing["spec"].update(minReadySeconds=1),
        lambda thing: thing["spec"].pop("paused"),  # is applied no longer, so it would go
        lambda thing: thing["metadata"].update(labels={}),
        lambda thing: thing["metadata"].update(finalizers=["c/d"]),
        lambda thing: containers(thing)[0].update(image="web:2"),
        lambda thing: containers(thing)[0].update(args=["-v", "-v"]),
        lambda thing: containers(thing)[0]["ports"].append({"containerPort": 81}),
        lambda thing: containers(thing).reverse(),
        lambda thing: containers(thing).pop(),
    ],
)
def test_a_doubt_about_what_is_wanted_is_no_settlement(change: Any) -> None:
    wanted = copy.deepcopy(WANTED)
    change(wanted)

    assert not is_applied(wanted, live(), MANAGER)


@pytest.mark.parametrize(
    "change",
    [
        lambda thing: set_replicas(thing, 5),
        lambda thing: thing["spec"].pop("replicas"),
        lambda thing: thing["metadata"].update(finalizers=[]),
        lambda thing: containers(thing)[0].update(image="by-hand:1"),
        lambda thing: containers(thing).pop(),
        lambda thing: containers(thing)[0]["ports"][0].update(protocol="UDP"),
    ],
)
def test_a_change_by_hand_is_no_settlement(change: Any) -> None:
    there = live()
    change(there)

    assert not is_applied(WANTED, there, MANAGER)


@pytest.mark.parametrize(
    "entry",
    [
        {"manager": "someone"},
        {"operation": "Update"},
        {"apiVersion": "apps/v1beta2"},
        {"subresource": "scale"},
        {"fieldsV1": {}},
        {"fieldsV1": {**FIELDS, "f:data": {}}},
    ],
)
def test_another_record_is_no_settlement(entry: dict[str, Any]) -> None:
    assert not is_applied(WANTED, live(**entry), MANAGER)


def test_without_a_record_nothing_is_settled() -> None:
    assert not is_applied(WANTED, WANTED, MANAGER)


def test_fields_of_a_manager_are_taken_out_of_maps_lists_and_sets() -> None:
    thing = live()
    (fields,) = owned(thing, frozenset({MANAGER}))

    left = without(thing, fields)

    assert set(left["spec"]) == {"strategy", "template"}
    sidecar = {"name": "sidecar", "image": "injected:1"}
    assert containers(left) == [{"ports": [{"protocol": "TCP"}]}, sidecar, {}]
    assert left["metadata"]["finalizers"] == ["theirs/too"]
    assert thing == live(), "what it is made of stays as it is"
