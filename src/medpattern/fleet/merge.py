"""The merge law: maps merge, lists and scalars replace, an explicit null deletes; at every layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medpattern.findings import KeyPath

Conflict = Callable[[KeyPath, Any, Any], None]


def merge(low: dict[str, Any], high: dict[str, Any], conflict: Conflict | None = None) -> dict[str, Any]:
    """`high` laid over `low`; neither is changed, and what `high` does not touch is shared, not copied.

    Nulls of `high` stay in the result as tombstones until `without_nulls`, so that a later reader knows
    that a chart's default was deleted. With `conflict`, a map that meets something that is neither map nor
    null, or the other way round, is told as `conflict(path, low_value, high_value)` and the lower value
    stays; without it the higher one wins.

    >>> merge({"a": {"b": 1, "c": [1]}}, {"a": {"b": None, "c": [2]}})
    {'a': {'b': None, 'c': [2]}}
    """
    return _merge(low, high, conflict, ())


def _merge(low: dict[str, Any], high: dict[str, Any], conflict: Conflict | None, path: KeyPath) -> dict[str, Any]:
    result = dict(low)
    for key, value in high.items():
        if key not in low:
            result[key] = value
            continue
        old = low[key]
        if isinstance(value, dict) and isinstance(old, dict):
            result[key] = _merge(old, value, conflict, (*path, key))
            continue
        clash = old is not None and value is not None and isinstance(value, dict) != isinstance(old, dict)
        if conflict and clash:
            conflict((*path, key), old, value)
            continue
        result[key] = value
    return result


def without_nulls(value: Any) -> Any:
    """`value` without the keys whose value is null; nulls in lists stay, maps may become empty.

    Parts that hold no null are returned as they are, not copied.
    """
    if isinstance(value, dict):
        changed = {
            key: kept for key, item in value.items() if item is not None and (kept := without_nulls(item)) is not item
        }
        if not changed and None not in value.values():
            return value
        return {key: changed.get(key, item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        kept_items = [without_nulls(item) for item in value]
        return value if all(a is b for a, b in zip(kept_items, value, strict=True)) else kept_items
    return value


def lookup(data: Any, path: KeyPath) -> tuple[bool, Any]:
    """(True, value) at `path` of `data`, or (False, None). Digits name list items and keys alike."""
    for key in path:
        if isinstance(data, dict):
            name = key if key in data else str(key)
            if name not in data:
                return False, None
            data = data[name]
        elif isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data):
            data = data[key]
        else:
            return False, None
    return True, data
