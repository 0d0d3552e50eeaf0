"""The generated values.yaml and values.schema.json: only what is read, structure pinned, leaves open."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medpattern.charts.generator import GeneratedChart
from medpattern.documents.reader import parse_text
from medpattern.documents.validation import Schema
from tests.charts.small import HEAD, generate, small
from tests.charts.strategies import anything

VALUES: dict[str, Any] = {
    "tls": True,
    "n": 3,
    "s": "x",
    "m": {"a": 1, "b": {"c": [1]}},
    "l": [{"x": 1, "y": "z"}],
    "null": None,
    "unread": {"deep": 1},
}


def chart(body: str, values: dict[str, Any] | None = None) -> GeneratedChart:
    return generate(small(HEAD + body, {**VALUES, **(values or {})}))


def schema_of(made: GeneratedChart) -> Schema:
    return Schema(json.loads(made.files["values.schema.json"].content))


def changed(values: dict[str, Any], path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    result = copy.deepcopy(values)
    here: Any = result
    for key in path[:-1]:
        here = here[key]
    if value is DELETED:
        del here[path[-1]]
    else:
        here[path[-1]] = value
    return result


DELETED = object()
ALL = """\
tls: "[[ values.tls ]]"
n: [[ value("n") ]]
s: [[ value("s") ]]
m: [[ value("m.b") ]]
[% for item in values.l %]
l-[[ loop.index ]]: [[ value(item, "x") ]]
[% endfor %]
"""


def test_values_hold_what_is_read_and_nothing_else() -> None:
    made = chart(ALL)
    assert made.values == {"tls": True, "n": 3, "s": "x", "m": {"b": {"c": [1]}}, "l": [{"x": 1}]}
    assert parse_text("values.yaml", made.files["values.yaml"].content.decode()).data == made.values
    assert schema_of(made).accepts(made.values)


def test_a_chart_that_reads_nothing_has_no_values() -> None:
    made = chart("a: b\n")
    assert made.values == {}
    assert schema_of(made).accepts(made.values)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("n",), 4),
        (("s",), "other\ntext"),
        (("m", "b"), {}),
        (("m", "b"), {"c": [2, 3]}),
        (("l", 0, "x"), 7),
    ],
)
def test_leaves_are_open(path: tuple[str | int, ...], value: Any) -> None:
    made = chart(ALL)
    assert schema_of(made).accepts(changed(made.values, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("tls",), False),
        (("tls",), 1),
        (("tls",), "true"),
        (("tls",), None),
        (("tls",), DELETED),
        (("n",), "4"),
        (("n",), 4.5),
        (("n",), True),
        (("n",), None),
        (("n",), DELETED),
        (("n",), 2**53 + 2),
        (("n",), -(2**60)),
        (("s",), 4),
        (("s",), "a\x7f"),
        (("s",), "\u2028"),
        (("m", "b"), [1]),
        (("m", "b"), {"x": "\x00"}),
        (("m", "b"), {"\x85": 1}),
        (("m", "b"), {"x": 2**53 + 2}),
        (("m", "a"), 1),
        (("l",), []),
        (("l",), [{"x": 1}, {"x": 1}]),
        (("l", 0, "y"), "z"),
        (("unread",), {"deep": 1}),
        (("new",), 1),
    ],
)
def test_everything_else_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    made = chart(ALL)
    assert not schema_of(made).accepts(changed(made.values, path, value))


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [
        ('[% if values.tls %]\na: [[ value("tls") ]]\n[% endif %]\n', ("tls",), False),
        ('[% if values.n > 1 %]\na: [[ value("n") ]]\n[% endif %]\n', ("n",), 1),
        ('a: [[ value("m") ]]\nb: "[[ values.m.a ]]"\n', ("m", "a"), 2),
        ('[% for k in values.m %]\nkey-[[ k ]]: 1\n[% endfor %]\na: [[ value("m") ]]\n', ("m", "new"), 2),
        ('a: [[ value("l") ]]\nb: "[[ values.l | length ]]"\n', ("l",), []),
        ('a: [[ value("l") ]]\nb: "[[ values.l[0].x ]]"\n', ("l", 0, "x"), 2),
    ],
)
def test_what_is_read_both_ways_is_pinned(body: str, path: tuple[str | int, ...], value: Any) -> None:
    made = chart(body)
    assert schema_of(made).accepts(made.values)
    assert not schema_of(made).accepts(changed(made.values, path, value))


def test_present_pins_presence_alone() -> None:
    body = '[% if present("null") %]\na: [[ value("null") ]]\n[% endif %]\n'
    absent, there = chart(body), chart(body, {"null": "x"})
    assert schema_of(absent).accepts(absent.values)
    assert not schema_of(absent).accepts({"null": "x"})
    assert schema_of(there).accepts({"null": "y"})
    for gone in ({"null": None}, {"null": ""}, {}):
        assert not schema_of(there).accepts(gone)


@pytest.mark.parametrize(
    ("limits", "accepted", "refused"),
    [
        ({}, [0.7, 7, "0.7", "-3", "12.50"], ["1e3", "", "x", " 1", "1.", ".5", "0x1", "1\n", True, None, "9" * 400]),
        ({"minimum": 0, "maximum": 1}, [0, 1, 0.5, "0", "0.7", "1.0"], [1.5, -1, "1.5", "-0.5", "7"]),
        ({"minimum": 0, "maximum": 100}, [0, 99.5], [101, "101", "-1"]),
        ({"exclusiveMinimum": 0}, [0.1], [0, "0", "-1"]),
    ],
)
def test_number_leaves_take_decimal_text_within_their_limits(
    limits: dict[str, Any], accepted: list[Any], refused: list[Any]
) -> None:
    schema = {"type": "object", "properties": {"f": {"type": "number", **limits}}}
    made = generate(small(HEAD + 'f: [[ value("f") ]]\n', {"f": 0.5}, schema))
    assert [value for value in accepted if not schema_of(made).accepts({"f": value})] == []
    assert [value for value in refused if schema_of(made).accepts({"f": value})] == []


@given(anything(), anything())
def test_a_pin_holds_its_value_and_no_other(first: Any, second: Any) -> None:
    schema = {"type": "object", "properties": {"v": {}}}
    source = small(HEAD + 'a: "[[ (values.v | string) | length ]]"\n', {"v": 1}, schema)
    if isinstance(first, dict | list):
        return
    made = generate(source, {"v": first})
    assert schema_of(made).accepts(made.values)
    if second != first and second not in (None, ""):
        assert not schema_of(made).accepts({"v": second})


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(0, 9), max_size=4))
def test_an_iterated_map_is_pinned_to_its_keys(entries: dict[str, int]) -> None:
    schema = {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "integer"}}}}
    source = small(
        HEAD + "[% for k in values.m %]\nx-[[ k ]]: [[ value(values.m, k) ]]\n[% endfor %]\n", {"m": {}}, schema
    )
    made = generate(source, {"m": entries})
    assert made.values == {"m": entries}
    assert schema_of(made).accepts({"m": {key: n + 1 for key, n in entries.items()}})
    assert not schema_of(made).accepts({"m": {**entries, "new": 1}})
    for key in entries:
        assert not schema_of(made).accepts({"m": {other: n for other, n in entries.items() if other != key}})
