"""Inventories held against schemas: what is told, once, where, and for which platform."""

from __future__ import annotations

import copy
from typing import Any

from medpattern.checks.conformance import Conformance
from medpattern.checks.manifests import Inventory, Manifest, everywhere
from medpattern.checks.schemas import SchemaSet
from medpattern.findings import Place, Severity

# `resources` of a whole pod came with Kubernetes 1.32
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "a"},
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": "i:1"}],
                "resources": {"limits": {"cpu": "1"}},
            }
        }
    },
}
NOTE = {"apiVersion": "notes.example.org/v1", "kind": "Note", "metadata": {"name": "A b"}}


def manifest(data: dict[str, Any], app: str = "app", file: str = "f") -> Manifest:
    return Manifest(data, "n", app, 0, everywhere(Place(file, 1, 1)))


def test_an_object_is_judged_for_each_version_and_told_where_each_cluster_has_it() -> None:
    check = Conformance(SchemaSet())
    old, new, older = (
        list(check.findings(Inventory(name, "kubernetes", version, (manifest(copy.deepcopy(JOB), file=name),))))
        for name, version in (("east", "1.31"), ("north", "1.34"), ("west", "1.31"))
    )
    assert new == []
    assert [(one.code, one.clusters, str(one.place)) for one in (*old, *older)] == [
        ("invalid-object", ("east",), "east:1:1"),
        ("invalid-object", ("west",), "west:1:1"),
    ]
    assert "unknown key 'resources'" in old[0].message


def test_an_object_that_changed_is_judged_again() -> None:
    check = Conformance(SchemaSet())
    data = copy.deepcopy(JOB)
    assert list(check.findings(Inventory("east", "kubernetes", "1.34", (manifest(data),)))) == []
    data["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    (found,) = check.findings(Inventory("east", "kubernetes", "1.34", (manifest(data),)))
    assert "restartPolicy Always is not for a Job" in found.message


def test_true_is_not_taken_for_one() -> None:
    check = Conformance(SchemaSet())
    right = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}]}}
    wrong = copy.deepcopy(right)
    wrong["spec"]["ports"][0]["port"] = True
    found = list(check.findings(Inventory("east", "kubernetes", "1.34", (manifest(right), manifest(wrong)))))
    assert len(found) == 1
    assert "expected integer, found boolean" in found[0].message


def test_a_kind_without_a_schema_is_said_once_for_each_application_and_its_name_judged_all_the_same() -> None:
    check = Conformance(SchemaSet())
    manifests = (manifest(NOTE, "a"), manifest(NOTE, "a"), manifest(NOTE, "b"))
    found = list(check.findings(Inventory("east", "kubernetes", "1.34", manifests)))
    unknown = [one for one in found if one.code == "no-schema"]
    assert [(one.app, one.severity) for one in unknown] == [("a", Severity.WARNING), ("b", Severity.WARNING)]
    assert len([one for one in found if "cannot be a name" in one.message]) == 3


def test_an_item_that_stands_twice_is_told_once() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    container = {"image": "i:1", "env": twice}
    service = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    (found,) = Conformance(SchemaSet()).findings(Inventory("east", "kubernetes", "1.34", (manifest(service),)))
    assert "a second item with name=A" in found.message


def test_what_the_schema_tells_of_a_place_is_not_told_twice() -> None:
    topic = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": "A b"}, "spec": {}}
    found = list(Conformance(SchemaSet()).findings(Inventory("east", "kubernetes", "1.34", (manifest(topic),))))
    assert len([one for one in found if "metadata.name" in one.message]) == 1
