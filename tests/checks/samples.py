"""Objects made from a schema, and wrong ones made from them: for tests that hold two judges against each other."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

# One of them fits nearly every pattern of the collected definitions.
WORDS = ("a", "1", "5m", "10Gi", "https://a.example.org", "a.example.org/b", "application/json", "ApplicationMenu")

Path = tuple[str | int, ...]


def sample(schema: dict[str, Any], root: dict[str, Any], depth: int = 6) -> Any:
    """A value with every field that the schema names, down to a depth; it may break patterns and alternatives."""
    if "$ref" in schema:
        return sample(root["definitions"][schema["$ref"].rpartition("/")[2]], root, depth)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        others = {name for branch in schema.get("oneOf", [])[1:] for name in branch.get("required", ())}
        fields = {name: sub for name, sub in schema.get("properties", {}).items() if depth and name not in others}
        made = {name: sample(sub, root, depth - 1) for name, sub in fields.items()}
        rest = schema.get("additionalProperties")
        return {**made, "a": sample(rest, root, depth - 1)} if isinstance(rest, dict) and depth else made
    if kind == "array":
        return [sample(schema["items"], root, depth - 1)] if depth and isinstance(schema.get("items"), dict) else []
    words = {"boolean": True, "integer": max(1, schema.get("minimum", 1)), "number": 1.5, "null": None}
    return words[kind] if kind in words else _word(schema)


def _word(schema: dict[str, Any]) -> str:
    words = [word for word in WORDS if re.search(schema.get("pattern", ""), word)]
    return next((word for word in words if len(word) >= schema.get("minLength", 1)), "a" * schema.get("minLength", 1))


def without_refusals(made: Any, judge: Any) -> Any:
    """The value without the parts that `judge`, a compiled validator, refuses; None if nothing right remains."""
    made = copy.deepcopy(made)
    for _ in range(40):
        paths = {tuple(error.instance_path) for error in judge.iter_errors(made)}
        if not paths:
            return made
        for path in sorted(paths, key=len, reverse=True):
            _removed(made, path)
    return None


def _removed(made: Any, path: Path) -> None:
    for length in range(len(path), 0, -1):
        here: Any = made
        try:
            for key in path[: length - 1]:
                here = here[key]
            del here[path[length - 1]]
        except (KeyError, IndexError, TypeError):
            continue
        return


def mutants(good: dict[str, Any], most: int, seed: str) -> Iterator[tuple[str, Any]]:
    """Changes of a right object, each with a word for it; `most` of its places are changed in each way."""
    places = [path for path in _paths(good) if path[:1] != ("metadata",)]
    chosen = random.Random(seed).sample(places, min(most, len(places)))  # a table must not change from run to run
    for path in [*chosen, *(path for path in _paths(good) if len(path) <= 2)]:
        for word, change in _CHANGES.items():
            made = copy.deepcopy(good)
            here: Any = made
            for key in path[:-1]:
                here = here[key]
            if change(here, path[-1]):
                yield f"{word} at {'.'.join(map(str, path))}", made


def _paths(value: Any, path: Path = ()) -> list[Path]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [one for key, sub in items for one in ((*path, key), *_paths(sub, (*path, key)))]


def _put(value: Any) -> Callable[[Any, Any], bool]:
    def change(here: Any, key: Any) -> bool:
        here[key] = value
        return True

    return change


def _unknown(here: Any, key: Any) -> bool:
    if not isinstance(here[key], dict):
        return False
    here[key]["isNotAField"] = 1
    return True


def _gone(here: Any, key: Any) -> bool:
    del here[key]
    return True


_CHANGES: dict[str, Callable[[Any, Any], bool]] = {
    "unknown field": _unknown,
    "missing": _gone,
    "null": _put(None),
    "list": _put([[]]),
    "map": _put({"isNotAField": {}}),
    "odd word": _put("No Such Word!"),
    "number": _put(-7.5),
    "flag": _put(True),
}
