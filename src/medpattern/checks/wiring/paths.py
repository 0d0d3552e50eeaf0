"""The small language of the tables: paths that find values in an object, and templates that make names of them.

A path is dotted, as in `spec.containers[*].name`; a key with dots is quoted. Its steps:

    key        the entry of a map             [*]      every item of a list or map
    [key=x]    the items whose `key` is x     [/x/]    the entries whose key matches x
    ~          the keys of a map, as values   **       here and at any depth below
    !json      the text here, read as JSON

A template is text with paths in braces, as in `{metadata.name}-ca`. `{a|b}` is the first of the two that is there,
`{a|=b}` the text b where a is not there, `{.}` the value at hand, `{/a.b}` a path from the object's root, `{$NAME}`
another variable of the same container. A path that finds several values makes several texts, one that finds none none.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from medpattern.findings import KeyPath

Found = tuple[KeyPath, Any]

EACH, KEYS, DEEP, JSON = object(), object(), object(), object()

_STEP = re.compile(
    r"""\.?(?:"([^"]*)"|\[(\*)\]|\[/([^\]]*)/\]|\[([^\]=]+)=([^\]]*)\]|(\*\*)|(~)|(!json)|([^.\[\]"~!{}]+))"""
)
_BRACES = re.compile(r"\{([^{}]*)\}")
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Named:
    """A step to the entries of a map whose key matches."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Matching:
    """A step to the items of a list whose `key` is `value`."""

    key: str
    value: str


Step = Any
Path = tuple[Step, ...]


class TableError(ValueError):
    """A row of a table cannot be read; the text says which and why."""


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """The steps of a path; `.` and "" are the value itself.

    Raises:
        TableError: it is none.
    """
    steps: list[Step] = []
    position = 0
    while position < len(text) and text != ".":
        match = _STEP.match(text, position)
        if match is None:
            raise TableError(f"{text!r} is no path, from {text[position:]!r} on")
        quoted, each, pattern, key, value, deep, keys, parsed, word = match.groups()
        if pattern is not None:
            steps.append(Named(re.compile(pattern)))
        elif key is not None:
            steps.append(Matching(key, value))
        elif each or deep or keys or parsed:
            steps.append(EACH if each else DEEP if deep else KEYS if keys else JSON)
        else:
            steps.append(word if quoted is None else quoted)
        position = match.end()
    return tuple(steps)


def find(data: Any, path: Path) -> list[Found]:
    """Everything that `path` finds in `data`, with the key path of each; inside JSON text that of the text."""
    keys = 0
    for step in path:  # most paths are keys alone, or begin with them, and most find nothing
        if not isinstance(step, str):
            break
        if not isinstance(data, dict) or step not in data:
            return []
        data = data[step]
        keys += 1
    found: list[Found] = [(path[:keys], data)]
    for number, step in enumerate(path[keys:], keys):
        if isinstance(step, str):
            found = [((*at, step), value[step]) for at, value in found if isinstance(value, dict) and step in value]
        elif step is JSON:
            rest = path[number + 1 :]
            return [(at, inner) for at, value in found if isinstance(value, str) for inner in _inside(value, rest)]
        else:
            found = [item for one in found for item in _special(step, *one)]
        if not found:
            return []
    return found


@lru_cache(maxsize=256)
def _inside(text: str, path: Path) -> tuple[Any, ...]:
    """What `path` finds in a JSON text; kept, since the clusters of a fleet have the same dashboards."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(value for _, value in find(data, path))


def first(data: Any, path: Path) -> Any:
    """The first value that `path` finds; None if it finds none."""
    for step in path:
        if not isinstance(step, str):
            return next((value for _, value in find(data, path)), None)
    for step in path:
        if not isinstance(data, dict):
            return None
        data = data.get(step)
    return data


def _special(step: Step, at: KeyPath, value: Any) -> Iterator[Found]:
    if step is KEYS:
        if isinstance(value, dict):
            yield from (((*at, key), key) for key in value)
    elif step is DEEP:
        yield from _deep(at, value, _DEEPEST)
    else:
        for key, item in _items(value):
            if _takes(step, key, item):
                yield (*at, key), item


def _takes(step: Step, key: Any, item: Any) -> bool:
    if isinstance(step, Named):
        return isinstance(key, str) and bool(step.pattern.match(key))
    return step is EACH or (isinstance(item, dict) and item.get(step.key) == step.value)


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _deep(at: KeyPath, value: Any, depth: int) -> Iterator[Found]:
    yield at, value
    if depth:
        for key, item in _items(value):
            if isinstance(item, dict | list):
                yield from _deep((*at, key), item, depth - 1)


# ---- templates -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Context:
    """What a template may read: the object, the value at hand, and the variables of its container."""

    root: Any
    here: Any
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One `{...}`: alternatives, each a start ("." here, "/" the root, "$" a variable) and a path or name."""

    alternatives: tuple[tuple[str, Any], ...]

    def values(self, context: Context) -> list[str]:
        """The texts that the first alternative finds which finds any."""
        for start, what in self.alternatives:
            if start == "$":
                texts = [context.variables[what]] if what in context.variables else []
            elif start == "=":
                texts = [what]
            else:
                data = context.root if start == "/" else context.here
                texts = [as_name(value) for _, value in find(data, what)] if what else [as_name(data)]
            if any(texts):
                return [text for text in texts if text]
        return []


@dataclass(frozen=True, slots=True)
class Template:
    """Text with lookups in it."""

    text: str
    parts: tuple[str | Lookup, ...]

    def values(self, context: Context) -> list[str]:
        """Every text it makes; none where one of its lookups finds nothing."""
        if len(self.parts) == 1:
            only = self.parts[0]
            return [only] if isinstance(only, str) else only.values(context)
        choices = [[part] if isinstance(part, str) else part.values(context) for part in self.parts]
        return ["".join(words) for words in itertools.product(*choices)]

    def value(self, context: Context) -> str:
        """The first text it makes; "" if it makes none."""
        return next(iter(self.values(context)), "")


@dataclass(frozen=True, slots=True)
class Condition:
    """A text that must stand somewhere: "*" is any, also a map or a list that is not empty."""

    what: Lookup
    wanted: str

    def holds(self, context: Context) -> bool:
        """Whether it does."""
        start, what = self.what.alternatives[0]
        if start == "$":
            found: Any = context.variables.get(what)
        else:
            found = first(context.root if start == "/" else context.here, what)
        if self.wanted == "*":
            return found is not None and found not in ("", {}, [])
        return (("true" if found else "false") if isinstance(found, bool) else as_name(found)) == self.wanted


def compile_condition(path: str, wanted: Any) -> Condition:
    """A condition of a table's row.

    Raises:
        TableError: the path cannot be read.
    """
    word = ("true" if wanted else "false") if isinstance(wanted, bool) else str(wanted)
    return Condition(Lookup((_alternative(path),)), word)


@lru_cache(maxsize=4096)
def compile_template(text: str) -> Template:
    """A template.

    Raises:
        TableError: a path in it cannot be read.
    """
    pieces = _BRACES.split(text)
    parts: list[str | Lookup] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            parts.append(Lookup(tuple(_alternative(word) for word in piece.split("|"))))
        elif piece:
            parts.append(piece)
    return Template(text, tuple(parts))


def _alternative(word: str) -> tuple[str, Any]:
    if word.startswith("$"):
        return "$", word[1:]
    if word.startswith("="):
        return "=", word[1:]
    if word.startswith("/"):
        return "/", compile_path(word[1:])
    return ".", compile_path(word)


def as_name(value: Any) -> str:
    """A scalar as a name; "" for what can be none."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""
