"""The merge law as properties, and against Helm's own coalescing."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import helm_python
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medpattern.documents.writer import dump
from medpattern.fleet.merge import lookup, merge, without_nulls

KEYS = st.sampled_from(["a", "b", "c", "d.e", "1"])
SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x"])
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=10
)
LAYERS = st.dictionaries(KEYS, TREES, max_size=4)
# Layers of one shape: a key is a map everywhere or nowhere, as a schema demands.
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "a": SCALARS,
        "b": st.none() | st.lists(SCALARS, max_size=2),
        "m": st.fixed_dictionaries({}, optional={"a": SCALARS, "m": st.dictionaries(KEYS, SCALARS, max_size=2)}),
    },
)


def paths(data: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """(path, value) of everything in maps that is no map itself."""
    if not isinstance(data, dict):
        return [(path, data)]
    return [found for key, item in data.items() for found in paths(item, (*path, key))]


@given(LAYERS)
def test_nothing_laid_over_or_under_changes_nothing(layer: dict[str, Any]) -> None:
    assert merge(layer, {}) == layer
    assert merge({}, layer) == layer
    assert merge(layer, layer) == layer


@given(SHAPED, SHAPED, SHAPED)
def test_layers_of_one_shape_associate(low: dict[str, Any], middle: dict[str, Any], high: dict[str, Any]) -> None:
    assert merge(merge(low, middle), high) == merge(low, merge(middle, high))


@given(LAYERS, LAYERS)
def test_the_higher_layer_wins(low: dict[str, Any], high: dict[str, Any]) -> None:
    merged = merge(low, high)
    for path, value in paths(high):
        if path:
            assert lookup(merged, path) == (True, value)
    assert merged.keys() == low.keys() | high.keys()
    for key in low.keys() - high.keys():
        assert merged[key] == low[key]


@given(LAYERS, LAYERS)
def test_inputs_are_never_changed(low: dict[str, Any], high: dict[str, Any]) -> None:
    before = copy.deepcopy((low, high))
    without_nulls(merge(low, high))
    assert (low, high) == before


@given(LAYERS, LAYERS)
def test_no_null_key_is_left(low: dict[str, Any], high: dict[str, Any]) -> None:
    merged = without_nulls(merge(low, high))
    assert all(value is not None for _, value in paths(merged))
    assert without_nulls(merged) is merged


@pytest.mark.parametrize(
    ("low", "high", "result"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": None}, {}, {}),
        ({}, {"a": {"b": None}}, {"a": {}}),
        ({"l": [1, 2, 3]}, {"l": [4]}, {"l": [4]}),
        ({"l": [{"a": 1}]}, {"l": [{"b": 2}]}, {"l": [{"b": 2}]}),
        ({"l": [1]}, {"l": []}, {"l": []}),
        ({"l": [1]}, {"l": [None]}, {"l": [None]}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": False}, {"a": False}),
        ({"a": {}}, {"a": {}}, {"a": {}}),
    ],
)
def test_two_layers(low: dict[str, Any], high: dict[str, Any], result: dict[str, Any]) -> None:
    assert without_nulls(merge(low, high)) == result


def test_a_null_in_the_middle_stays_deleted_until_someone_sets_it_again() -> None:
    deleted = merge(merge({"a": {"b": 1, "c": 2}}, {"a": None}), {"x": 1})
    assert without_nulls(deleted) == {"x": 1}
    assert without_nulls(merge(deleted, {"a": {"d": 3}})) == {"a": {"d": 3}, "x": 1}


@given(LAYERS, LAYERS)
def test_a_map_that_meets_something_else_is_told_once(low: dict[str, Any], high: dict[str, Any]) -> None:
    told: list[tuple[Any, ...]] = []
    merged = merge(low, high, lambda path, old, new: told.append((path, old, new)))
    assert len({path for path, _, _ in told}) == len(told)
    for path, old, new in told:
        assert lookup(low, path) == (True, old)
        assert lookup(high, path) == (True, new)
        assert isinstance(old, dict) != isinstance(new, dict)
        assert lookup(merged, path) == (True, old)
    if not told:
        assert merged == merge(low, high)


def helm_merges(folder: Path, low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """What Helm makes of a chart's values and those of a user."""
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: m\nversion: 1.0.0\n")
    (folder / "values.yaml").write_text(dump(low))
    with helm_python.Chart.load(str(folder)) as chart:
        return chart.merge_values(high)


@settings(max_examples=150)
@given(low=SHAPED.map(without_nulls), high=SHAPED)
def test_helm_coalesces_two_layers_alike(tmp_path_factory: pytest.TempPathFactory, low: Any, high: Any) -> None:
    real = helm_merges(tmp_path_factory.getbasetemp(), low, high)
    assert without_nulls(real) == without_nulls(merge(low, high))
    for path, value in paths(real):
        assert value is not None or not lookup(low, path)[0], "a null deletes a chart's default"


@given(LAYERS)
def test_lookup_finds_every_path(layer: dict[str, Any]) -> None:
    for path, value in paths(layer):
        assert lookup(layer, path) == (True, value)
        assert lookup(layer, (*path, "gone"))[0] is False


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("ports", 8080), (True, "a")),
        (("ports", "8080"), (True, "a")),
        (("list", 1), (True, 2)),
        (("list", "1"), (False, None)),
        (("list", 2), (False, None)),
        (("list", -1), (False, None)),
        (("gone",), (False, None)),
        (("list", 0, "x"), (False, None)),
    ],
)
def test_lookup_takes_digits_for_keys_and_items(path: tuple[str | int, ...], found: tuple[bool, Any]) -> None:
    assert lookup({"ports": {"8080": "a"}, "list": [1, 2]}, path) == found
