"""Objects with open leaves: where leaves may stand, and the sync options of objects that hold data."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.charts.skeleton import file_name
from medpattern.checks.kinds import CONFIRM, DATA_KINDS, SYNC_OPTIONS
from tests.charts.small import HEAD, fault, faults, generate, made, small

VALUES: dict[str, Any] = {"a": "x", "n": 1, "m": {"k": "v"}, "l": [1], "option": "Replace=true"}


@pytest.mark.parametrize(
    ("line", "key", "says"),
    [
        ("k: '[[ value(\"a\") ]]'", "data.k", "single quotes"),
        ('k: before [[ value("a") ]]', "data.k", "text()"),
        ('k: [[ value("a") ]][[ value("a") ]]', "data.k", "text()"),
        ('[[ value("a") ]]: k', "data", "key cannot be a leaf"),
        ('x: {[[ value("a") ]]: k}', "data.x", "key cannot be a leaf"),
        ('k: "[[ value("m") ]]"', "data.k", "map or list inside a string"),
        ('k: |\n    [[ value("l") ]]', "data.k", "map or list inside a string"),
    ],
)
def test_a_leaf_in_the_wrong_place_is_refused(line: str, key: str, says: str) -> None:
    found = fault(f"{HEAD}data:\n  z: 1\n  {line}\n", VALUES)
    assert says in found.message
    assert found.key == key
    assert found.place.line in (6, 7)


def test_a_leaf_in_a_comment_is_refused() -> None:
    assert fault(HEAD + '# [[ value("a") ]]\nb: [[ value("n") ]]\n', VALUES).place.line == 5


# Data safety ------------------------------------------------------------------------------------------


def data_object(group: str, kind: str, annotations: str = "") -> dict[str, Any]:
    version = f"{group}/v1" if group else "v1"
    template = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: a\n{annotations}"
    return made(template, VALUES)


def sync_options(found: dict[str, Any]) -> list[str]:
    return found["metadata"]["annotations"][SYNC_OPTIONS].split(",")


@pytest.mark.parametrize(("group", "kind"), sorted(DATA_KINDS))
def test_objects_that_hold_data_ask_before_they_go(group: str, kind: str) -> None:
    assert set(sync_options(data_object(group, kind))) == set(CONFIRM)


@pytest.mark.parametrize(
    ("group", "kind"),
    [("", "ConfigMap"), ("apps", "Deployment"), ("example.org", "Kafka"), ("example.org", "Cluster")],
)
def test_other_objects_do_not(group: str, kind: str) -> None:
    assert "annotations" not in data_object(group, kind)["metadata"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ServerSideApply=true", {"ServerSideApply=true"}),
        ("ServerSideApply=true,Replace=true", {"ServerSideApply=true", "Replace=true"}),
        ("Prune=false,Validate=false", {"Validate=false"}),
        ("Delete=false", set()),
        (",", set()),
        ("Prune=confirm,Delete=confirm", set()),
    ],
)
def test_sync_options_that_are_there_stay(given: str, kept: set[str]) -> None:
    annotations = f'  annotations:\n    other: "1"\n    {SYNC_OPTIONS}: "{given}"\n'
    found = data_object("kafka.strimzi.io", "KafkaTopic", annotations)
    options = sync_options(found)
    assert set(options) == kept | set(CONFIRM)
    assert len(options) == len(set(options))
    assert found["metadata"]["annotations"]["other"] == "1"


@pytest.mark.parametrize("annotations", ["  annotations:\n", "  annotations: {}\n", "  annotations: null\n"])
def test_empty_annotations_get_them_too(annotations: str) -> None:
    assert set(sync_options(data_object("", "Namespace", annotations))) == set(CONFIRM)


@pytest.mark.parametrize(
    "annotations",
    [
        f'  annotations:\n    {SYNC_OPTIONS}: [[ value("option") ]]\n',
        f'  annotations:\n    {SYNC_OPTIONS}: "[[ value("option") ]],Validate=false"\n',
        '  annotations: [[ value("m") ]]\n',
    ],
)
def test_sync_options_of_data_cannot_be_leaves(annotations: str) -> None:
    template = f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n{annotations}"
    assert "annotations" in fault(template, VALUES).key


# Names ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "system:reader", "a/b", "a.b-c_d"])
def test_an_object_becomes_one_file_named_after_it(name: str) -> None:
    files = generate(small(f"apiVersion: v1\nkind: ClusterRole\nmetadata:\n  name: '{name}'\n", VALUES)).files
    (found,) = [file for file in files if file.startswith("templates/")]
    assert found == f"templates/{file_name('ClusterRole', name)}"
    assert found.count("/") == 1
    assert ":" not in found


def test_names_that_would_share_a_file_are_refused() -> None:
    template = "".join(
        f"---\napiVersion: v1\nkind: ClusterRole\nmetadata:\n  name: '{name}'\n" for name in ("a:b", "a-b")
    )
    (found,) = faults(template, VALUES)
    assert "clusterrole-a-b.yaml" in found.message


def test_a_name_that_yaml_takes_for_something_else_is_refused_with_the_cure() -> None:
    found = fault("apiVersion: v1\nkind: Pod\nmetadata:\n  name: [[ values.n ]]\n", VALUES)
    assert "metadata.name" in found.message
    assert "missing" not in found.message
