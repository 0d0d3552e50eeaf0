"""Fields that managers own, as an object's `metadata.managedFields` tells: FieldsV1 of server-side apply.

In it `f:NAME` is a key of a map, `k:{...}` the item of a list that has these keys, `v:VALUE` an item of a set, and `.`
the thing itself: https://github.com/kubernetes-sigs/structured-merge-diff/tree/master/fieldpath
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Fields = dict[str, Any]
Object = dict[str, Any]

_IDENTITY = ("name", "namespace")


def is_applied(wanted: Object, live: Object, manager: str) -> bool:
    """Whether applying `wanted` once more surely changes nothing, so that the server need not be asked.

    True only where the server has it on record that `manager` applied exactly the fields of `wanted`, in the same
    version, and each of them still has that very value. Applying is then without effect: nothing to set, nothing that
    is no longer applied and would go. A number written otherwise, a null, a list in another order: all that would have
    to be understood counts as a doubt, and makes this False.

    Args:
        wanted: the object as it would be applied.
        live: the object as the server has it, with its managedFields.
        manager: who would apply it.
    """
    entries = [
        one
        for one in (live.get("metadata") or {}).get("managedFields") or ()
        if one.get("manager") == manager and one.get("operation") == "Apply" and not one.get("subresource")
    ]
    if len(entries) != 1 or entries[0].get("apiVersion") != wanted.get("apiVersion"):
        return False
    return _same(_content(wanted), _content(live), entries[0].get("fieldsV1") or {})


def owned(live: Object, managers: frozenset[str]) -> Iterator[Fields]:
    """The fields of an object that one of `managers` owns, status and other subresources included."""
    for one in (live.get("metadata") or {}).get("managedFields") or ():
        if one.get("manager") in managers:
            yield one.get("fieldsV1") or {}


def without(thing: Any, fields: Fields) -> Any:
    """A copy of `thing` without the fields named."""
    if isinstance(thing, dict):
        kept = dict(thing)
        for name, below in fields.items():
            key = name.removeprefix("f:")
            if name.startswith("f:") and key in kept:
                if _is_leaf(below):
                    del kept[key]
                else:
                    kept[key] = without(kept[key], below)
        return kept
    if isinstance(thing, list):
        return _without_items(thing, fields)
    return thing


def _without_items(thing: list[Any], fields: Fields) -> list[Any]:
    kept: list[Any] = list(thing)
    for name, below in fields.items():
        if name.startswith("v:"):
            value = json.loads(name[2:])
            kept = [item for item in kept if item != value]
        elif name.startswith("k:"):
            keys = json.loads(name[2:])
            kept = [without(item, below) if _has(item, keys) else item for item in kept]
    return kept


def _content(thing: Object) -> Object:
    """What is applied: without what names the object."""
    metadata = {key: value for key, value in (thing.get("metadata") or {}).items() if key not in _IDENTITY}
    kept = {key: value for key, value in thing.items() if key not in ("apiVersion", "kind", "metadata")}
    return {**kept, "metadata": metadata} if metadata else kept


def _same(wanted: Any, live: Any, fields: Fields) -> bool:
    if _is_leaf(fields):
        return _equal(wanted, live)
    if isinstance(wanted, dict) and isinstance(live, dict):
        names = {name for name in fields if name != "."}
        return names == {f"f:{key}" for key in wanted} and all(
            key in live and _same(value, live[key], fields[f"f:{key}"]) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(live, list):
        return _same_items(wanted, live, {name: below for name, below in fields.items() if name != "."})
    return False


def _same_items(wanted: list[Any], live: list[Any], fields: Fields) -> bool:
    """Each field one item of both lists, in the same order."""
    if len(fields) != len(wanted):
        return False
    found: list[tuple[int, int]] = []
    for name, below in fields.items():
        at = _places(name, wanted, live)
        if at is None or (name.startswith("k:") and not _same(wanted[at[0]], live[at[1]], below)):
            return False
        found.append(at)
    found.sort()
    places = [theirs for _, theirs in found]
    return len({ours for ours, _ in found}) == len(wanted) and places == sorted(places)


def _places(name: str, wanted: list[Any], live: list[Any]) -> tuple[int, int] | None:
    """Where the item that a field names stands in both lists; None unless that is sure."""
    if name[:2] not in ("v:", "k:"):
        return None
    named = json.loads(name[2:])
    if name.startswith("v:"):
        ours, theirs = (_where(items, lambda item: _equal(item, named)) for items in (wanted, live))
    else:
        ours, theirs = _where(wanted, lambda item: _may_have(item, named)), _where(live, lambda item: _has(item, named))
    return None if ours is None or theirs is None else (ours, theirs)


def _where(items: list[Any], fits: Callable[[Any], bool]) -> int | None:
    """The place of the only item that fits."""
    places = [place for place, item in enumerate(items) if fits(item)]
    return places[0] if len(places) == 1 else None


def _has(item: Any, keys: dict[str, Any]) -> bool:
    return isinstance(item, dict) and all(key in item and _equal(item[key], value) for key, value in keys.items())


def _may_have(item: Any, keys: dict[str, Any]) -> bool:
    """A key with a default, such as a port's protocol, may be left out."""
    return isinstance(item, dict) and all(_equal(item.get(key, value), value) for key, value in keys.items())


def _is_leaf(fields: Fields) -> bool:
    return not fields


def _equal(one: Any, other: Any) -> bool:
    """As JSON: true is not 1."""
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return type(one) is type(other) and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return type(one) is type(other) and one is not None and bool(one == other)
