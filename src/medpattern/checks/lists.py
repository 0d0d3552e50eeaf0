"""Lists whose items must differ: `x-kubernetes-list-type: map`, which no JSON Schema can say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.documents.validation import Schema, Violation
from medpattern.findings import KeyPath

MAP_KEYS = "x-kubernetes-list-map-keys"


class ObjectSchema(Schema):
    """A kind's schema that also judges lists by the keys that `x-kubernetes-list-map-keys` names."""

    def violations(self, data: Any) -> list[Violation]:
        """Everything in `data` that the schema forbids, and items that stand twice."""
        return [*super().violations(data), *repeated(self.schema, data)]


def repeated(schema: dict[str, Any], data: Any) -> Iterator[Violation]:
    """Items of a list that have the same keys as one before them; a key that is left out counts as a value."""
    for path, items in _lists(data, ()):
        keys = _at(schema, path).get(MAP_KEYS)
        if not keys:
            continue
        known: set[str] = set()
        for index, item in enumerate(items):
            if not isinstance(item, dict):
                continue
            shown = ", ".join(f"{key}={item[key]}" for key in keys if key in item)
            if shown in known:
                message = f"a second item with {shown}"
                yield Violation((*path, index), "not-allowed", message, "take one of them out")
            known.add(shown)


def _lists(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, list[Any]]]:
    """Every list of at least two items in which there is a map; most objects have few."""
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(value, dict | list):
                yield from _lists(value, (*path, key))
    elif isinstance(data, list):
        if len(data) > 1 and any(isinstance(item, dict) for item in data):
            yield path, data
        for index, item in enumerate(data):
            if isinstance(item, dict | list):
                yield from _lists(item, (*path, index))


def _at(schema: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    """The schema of what stands at `path`; {} where it says nothing."""
    here = _target(schema, schema)
    for key in path:
        if isinstance(key, int):
            below = here.get("items")
        else:
            properties = here.get("properties")
            below = properties.get(key) if isinstance(properties, dict) else None
            below = here.get("additionalProperties") if below is None else below
        if not isinstance(below, dict):
            return {}
        here = _target(schema, below)
    return here


def _target(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """What a `$ref` to a definition means."""
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return schema
    found = root.get("definitions", {}).get(reference.rpartition("/")[2])
    return found if isinstance(found, dict) else {}
