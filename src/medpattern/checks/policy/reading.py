"""Reading objects that may be odd: whatever is not what it should be reads as empty, and nothing raises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from medpattern.checks.manifests import NOTHING_SHARED, Manifest, Shared, value_at
from medpattern.findings import KeyPath


class Text(NamedTuple):
    """A string in an object. `name` says what it is: its key, or the name beside it in a list of {name, value}."""

    path: KeyPath
    name: str
    text: str


# Of a judgement on one string: clusters share most of their strings, so most have been judged before.
remembered = lru_cache(maxsize=1 << 16)


def named(text: str) -> frozenset[str]:
    """The words of a text as a set, for tables that read better so."""
    return frozenset(text.split())


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a map, else {}."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """`value` if it is a list, else []."""
    return value if isinstance(value, list) else []


def word(value: Any) -> str:
    """`value` if it is a string, else ""."""
    return value if isinstance(value, str) else ""


def map_at(data: Any, *path: str | int) -> dict[str, Any]:
    """The map at `path`, {} if there is none."""
    return mapping(value_at(data, path))


def items_at(data: Any, *path: str | int) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """(path, map) of each map in the list at `path`."""
    for index, item in enumerate(sequence(value_at(data, path))):
        if isinstance(item, dict):
            yield (*path, index), item


def words_at(data: Any, *path: str | int) -> list[str]:
    """The strings of the list at `path`."""
    return [item for item in sequence(value_at(data, path)) if isinstance(item, str)]


def deepest(data: Any, path: KeyPath) -> KeyPath:
    """As much of `path` as is there."""
    for end in range(len(path), 0, -1):
        parent = value_at(data, path[: end - 1])
        if isinstance(parent, dict) and path[end - 1] in parent:
            return path[:end]
        if isinstance(parent, list) and isinstance(path[end - 1], int) and path[end - 1] in range(len(parent)):
            return path[:end]
    return ()


def is_true(value: Any) -> bool:
    """Whether a switch is on: true, or text that programs read as true."""
    return value is True or word(value).strip().lower() in ("true", "yes", "on", "1")


@lru_cache(maxsize=4)
def texts(manifest: Manifest) -> Sequence[Text]:
    """Every string of an object but its kind; kept for the rules that read it one after the other."""
    data = {key: value for key, value in manifest.data.items() if key not in ("apiVersion", "kind")}
    return strings(data, manifest.shared)


def strings(data: Any, shared: Shared = NOTHING_SHARED) -> list[Text]:
    """Every string below `data`, in order; what is `shared` is looked through once."""
    found: list[Text] = []
    _collect(data, (), "", found, shared)
    return found


def _collect(value: Any, path: KeyPath, name: str, found: list[Text], shared: Shared) -> None:
    if isinstance(value, dict):
        beside = word(value.get("name"))
        for key, item in value.items():
            _add(item, (*path, key), beside if beside and key == "value" else str(key), found, shared)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _add(item, (*path, index), name, found, shared)


def _add(item: Any, path: KeyPath, name: str, found: list[Text], shared: Shared) -> None:
    if isinstance(item, str):
        found.append(Text(path, name, item))
    elif id(item) in shared.ids:
        found += shared.once("texts", item, lambda: _below(item, path, name))
    elif isinstance(item, dict | list):
        _collect(item, path, name, found, shared)


def _below(item: Any, path: KeyPath, name: str) -> list[Text]:
    found: list[Text] = []
    _collect(item, path, name, found, NOTHING_SHARED)
    return found
