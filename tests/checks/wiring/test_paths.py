"""The language of the tables: what a path finds, what a template makes."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.checks.wiring.paths import Context, TableError, compile_condition, compile_path, compile_template, find

OBJECT: dict[str, Any] = {
    "metadata": {"name": "kafka", "labels": {"strimzi.io/cluster": "one", "bucket-notification-a": "x", "other": "y"}},
    "spec": {
        "listeners": [{"name": "tls", "port": 9093}, {"name": "out", "port": 9094, "open": True}],
        "data": {"a": "1", "b": "2"},
        "json": '{"panels": [{"uid": "p"}, {"targets": [{"uid": "q"}]}]}',
        "broken": "{",
    },
}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("", [OBJECT]),
        ("metadata.name", ["kafka"]),
        ('metadata.labels."strimzi.io/cluster"', ["one"]),
        ("metadata.labels[/^bucket-notification-/]", ["x"]),
        ("spec.listeners[*].port", [9093, 9094]),
        ("spec.listeners[name=out].port", [9094]),
        ("spec.data.~", ["a", "b"]),
        ("spec.data[*]", ["1", "2"]),
        ("spec.json!json.**.uid", ["p", "q"]),
        ("spec.broken!json.**.uid", []),
        ("spec.nothing[*].here", []),
        ("metadata.name.deeper", []),
    ],
)
def test_a_path_finds(path: str, wanted: list[Any]) -> None:
    assert [value for _, value in find(OBJECT, compile_path(path))] == wanted


def test_found_values_know_where_they_stand_and_those_of_json_text_where_the_text_does() -> None:
    ports = find(OBJECT, compile_path("spec.listeners[*].port"))
    inside = find(OBJECT, compile_path("spec.json!json.**.uid"))

    assert [path for path, _ in ports] == [("spec", "listeners", 0, "port"), ("spec", "listeners", 1, "port")]
    assert {path for path, _ in inside} == {("spec", "json")}


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("plain", ["plain"]),
        ("{name}", ["tls"]),
        ("{/metadata.name}-ca", ["kafka-ca"]),
        ("{nothing|port}", ["9093"]),
        ("{nothing|=apps/v1}/{name}", ["apps/v1/tls"]),
        ("{nothing}-ca", []),
        ("{$TOPIC}", ["images"]),
        ("{$NOTHING|=587}", ["587"]),
        ("{/spec.listeners[*].port}", ["9093", "9094"]),
        ("{/spec.data}", []),
    ],
)
def test_a_template_makes(template: str, wanted: list[str]) -> None:
    context = Context(OBJECT, OBJECT["spec"]["listeners"][0], {"TOPIC": "images"})

    assert compile_template(template).values(context) == wanted


def test_the_value_at_hand_may_be_the_name() -> None:
    assert compile_template("{.}").values(Context(OBJECT, "x")) == ["x"]


@pytest.mark.parametrize(
    ("path", "wanted", "holds"),
    [
        ("name", "tls", True),
        ("name", "out", False),
        ("name", "*", True),
        ("nothing", "*", False),
        ("/spec.listeners", "*", True),
        ("open", True, False),
        ("$TOPIC", "images", True),
    ],
)
def test_a_condition_holds(path: str, wanted: object, holds: bool) -> None:
    context = Context(OBJECT, OBJECT["spec"]["listeners"][0], {"TOPIC": "images"})

    assert compile_condition(path, wanted).holds(context) is holds


@pytest.mark.parametrize("path", ["spec[", "a..b", 'a."b', "a[]"])
def test_what_is_no_path_says_so(path: str) -> None:
    with pytest.raises(TableError, match="is no path"):
        compile_path(path)
