"""Structural reads: when two clusters share a structure, and what leaves refuse."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.charts.generator import Generator
from medpattern.charts.source import ChartSource, fill_declared
from medpattern.charts.structure import observe
from tests.charts.small import HEAD, fault, made, small

VALUES: dict[str, Any] = {
    "tls": True,
    "replicas": 3,
    "name": "a",
    "optional": None,
    "topics": {"x": {"n": 1}, "y": {"n": 2}},
    "users": [{"name": "u"}],
    "unread": 1,
}
TEMPLATE = (
    HEAD
    + """\
data:
  replicas: [[ value("replicas") ]]
  name: "[[ values.name ]]"
[% if values.tls %]
  tls: yes
[% endif %]
[% if present("optional") %]
  optional: [[ value("optional") ]]
[% endif %]
[% for name, topic in values.topics.items() %]
  topic-[[ name ]]: [[ value(topic, "n") ]]
[% endfor %]
[% for user in values.users %]
  user-[[ loop.index ]]: [[ value(user, "name") ]]
[% endfor %]
"""
)


def generators_structures(*clusters: dict[str, Any]) -> list[int]:
    """The number of the structure that each cluster got."""
    source = small(TEMPLATE, VALUES, SCHEMA)
    generator = Generator(source)
    return [generator.structures.index(generator.generate(filled(source, values)).structure) for values in clusters]


def filled(source: ChartSource, values: dict[str, Any]) -> dict[str, Any]:
    return fill_declared({**VALUES, **values}, source.schema)


TOPIC = {"type": "object", "properties": {"n": {"type": "integer"}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "tls": {"type": "boolean"},
        "replicas": {"type": "integer"},
        "name": {"type": "string"},
        "optional": {"type": ["string", "null"]},
        "topics": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"n": {"type": "integer"}}},
        },
        "users": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "unread": {"type": "integer"},
    },
}


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 5},
        {"topics": {"x": {"n": 9}, "y": {"n": 0}}},
        {"users": [{"name": "other"}]},
        {"optional": ""},
        {"unread": 7},
    ],
)
def test_other_leaves_share_the_structure(change: dict[str, Any]) -> None:
    assert generators_structures({}, change) == [0, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"tls": False},
        {"name": "b"},
        {"optional": "x"},
        {"topics": {"x": {"n": 1}}},
        {"topics": {}},
        {"topics": {"y": {"n": 1}, "x": {"n": 1}}},
        {"users": []},
        {"users": [{"name": "u"}, {"name": "v"}]},
    ],
)
def test_another_structural_value_makes_another_structure(change: dict[str, Any]) -> None:
    assert generators_structures({}, change, {}) == [0, 1, 0]


def test_clusters_of_one_structure_share_its_objects_and_files() -> None:
    source = small(TEMPLATE, VALUES, SCHEMA)
    generator = Generator(source)
    first, second = (generator.generate(filled(source, {"replicas": n})) for n in (1, 2))
    assert first.structure.objects is second.structure.objects
    differing = {name for name in first.files if first.files[name] != second.files[name]}
    assert differing == {"values.yaml"}
    assert [chart.hydrate("")[0]["data"]["replicas"] for chart in (first, second)] == [1, 2]


@pytest.mark.parametrize(("low", "high"), [(1, True), (0, False), (1, 1.0), ("1", 1), (None, "")])
def test_values_that_only_look_equal_differ(low: Any, high: Any) -> None:
    assert observe("is", low) != observe("is", high)


@pytest.mark.parametrize(
    ("line", "values", "says"),
    [
        ('a: [[ value("gone") ]]', {"gone": None}, "present('gone')"),
        ('a: [[ text("{gone}") ]]', {"gone": None}, "present('gone')"),
        ('a: |\n  [[ lines("n") ]]', {"n": 1}, "n is integer in the schema; string can stand here"),
        ('a: [[ text("{m}") ]]', {"m": {"a": 1}}, "m is object"),
        ('a: [[ text("{l}") ]]', {"l": [1]}, "l is array"),
        ('a: [[ value("u") ]]', {"u": 1}, "without a type"),
    ],
)
def test_a_leaf_that_cannot_stand_there_is_refused(line: str, values: dict[str, Any], says: str) -> None:
    schema = {"type": "object", "properties": {"u": {}}} if "u" in values else None
    found = fault(f"{HEAD}{line}\n", values, schema)
    assert says in found.message
    assert found.place.line >= 5


def test_literal_braces_and_namespace_in_text() -> None:
    template = HEAD + 'a: [[ text("{{{s}}} {release.namespace} {n}") ]]\n'
    assert made(template, {"s": "x", "n": 1})["a"] == "{x} ward-7 1"


def test_a_value_called_release_hides_the_namespace() -> None:
    template = HEAD + 'a: [[ text("{release.namespace}") ]]\n'
    assert made(template, {"release": {"namespace": "own"}})["a"] == "own"


@pytest.mark.parametrize("pattern", ["a } b", "{ a", "{}", "{a b}"])
def test_an_unbalanced_pattern_is_refused(pattern: str) -> None:
    assert fault(f'{HEAD}a: [[ text("{pattern}") ]]\n', {"a": "x"})


@pytest.mark.parametrize("name", ["items", "keys", "values", "get"])
def test_keys_that_are_also_methods_are_read_by_index(name: str) -> None:
    assert made(f'{HEAD}a: "[[ values["{name}"] ]]"\n', {name: "x"})["a"] == "x"


def test_membership_and_emptiness_are_structural() -> None:
    template = HEAD + '[% if "a" in values.m %]\na: 1\n[% endif %]\n[% if values.l %]\nl: 1\n[% endif %]\n'
    clusters: list[dict[str, Any]] = [{"m": {"b": 1}, "l": [1]}, {"m": {"a": 1}, "l": []}]
    generator = Generator(small(template, clusters[0]))
    objects = [generator.generate(values).hydrate("")[0] for values in clusters]
    assert [sorted(found.keys() & {"a", "l"}) for found in objects] == [["l"], ["a"]]
