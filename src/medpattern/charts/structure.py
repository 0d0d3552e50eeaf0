"""What a template may read: structural proxies that note every read, and the leaf functions."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from medpattern.charts.leaves import Leaf, Reference
from medpattern.charts.source import subschema
from medpattern.findings import KeyPath, did_you_mean, dotted, parse_dotted
from medpattern.fleet.merge import lookup

# A leaf stands in rendered text as this pair of private characters around its number.
LEAF_OPEN, LEAF_CLOSE = "\ue000", "\ue001"

# The file name that Jinja gives to the code it compiles from text.
COMPILED_NAME = "<template>"

_SCALARS = ("string", "integer", "number", "boolean")
_TYPES = (*_SCALARS, "object", "array")


class TemplateError(Exception):
    """A template asks for something its language does not have; the text says what."""


class Key(str):
    """A map key met while iterating: one key even if it holds dots."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class StructuralRead:
    """One fact that a structure depends on.

    `how` is "is" (the scalar at `path` equals `seen`), "keys" (the map has these keys), "length" (the list
    has so many items) or "present" (whether it is neither null nor "").
    """

    how: str
    path: KeyPath
    seen: Any

    def holds(self, values: dict[str, Any]) -> bool:
        """Whether `values` would have given the same answer."""
        data: Any = values
        for key in self.path:
            try:
                data = data[key]
            except (KeyError, IndexError, TypeError):
                return False
        return observe(self.how, data) == (self.seen, type(self.seen))


def observe(how: str, data: Any) -> tuple[Any, type]:
    """The answer to a structural read of `data`, with its type: 1, 1.0 and True differ."""
    seen: Any = data
    if how == "keys":
        seen = tuple(data) if isinstance(data, dict) else None
    elif how == "length":
        seen = len(data) if isinstance(data, list) else None
    elif how == "present":
        seen = data is not None and data != ""
    return seen, type(seen)


@dataclass
class Recorder:
    """Everything that rendering a chart's templates has read of `values`."""

    values: dict[str, Any]
    schema: dict[str, Any]
    reads: dict[tuple[str, KeyPath], StructuralRead] = field(default_factory=dict)
    leaves: list[Leaf] = field(default_factory=list)
    template: tuple[str, Callable[[int], int]] | None = None
    sites: dict[KeyPath, set[tuple[str, int]]] = field(default_factory=dict)

    def note(self, how: str, path: KeyPath, data: Any) -> None:
        """Notes a structural read."""
        self.reads.setdefault((how, path), StructuralRead(how, path, observe(how, data)[0]))
        self._site(path)

    def wrap(self, path: KeyPath, data: Any) -> Any:
        """`data` as a template sees it: maps and lists as proxies, scalars as they are (and noted)."""
        if isinstance(data, dict):
            return StructuralMap(self, path, data)
        if isinstance(data, list):
            return StructuralList(self, path, data)
        self.note("is", path, data)
        return data

    def _site(self, path: KeyPath) -> None:
        """Notes which template line reads `path`: the nearest frame of Jinja's compiled code knows."""
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != COMPILED_NAME:
            frame = frame.f_back  # type: ignore[assignment]
        if frame is not None and self.template is not None:
            name, line_of = self.template
            self.sites.setdefault(path, set()).add((name, line_of(frame.f_lineno)))

    # The functions of the language -----------------------------------------------------------------

    def value(self, *where: Any) -> str:
        """value(path), value(item, path): a whole scalar, map or list."""
        reference = self._reference(self._path(where), _TYPES)
        return self._leaf(Leaf((reference,), whole=True))

    def text(self, pattern: str, **roots: Any) -> str:
        """text("kafka://{a.host}:{a.port}"): a string made of several scalar values."""
        return self._leaf(Leaf(tuple(self._parts(pattern, roots))))

    def lines(self, *where: Any) -> str:
        """lines(path): a string of several lines inside a block scalar."""
        return self._leaf(Leaf((self._reference(self._path(where), ("string",)),)))

    def present(self, *where: Any) -> bool:
        """present(path): whether it is neither null nor ""; pins only that."""
        path = self._path(where)
        self._require(path)
        data = lookup(self.values, path)[1]
        self.note("present", path, data)
        return bool(observe("present", data)[0])

    def image(self, *where: Any) -> str:
        """image(path) of a map {registry, repository, tag, digest}; the digest where it is known."""
        path = self._path(where)
        found = StructuralMap(self, path, lookup(self.values, path)[1])
        name = "{i.registry}/{i.repository}:{i.tag}"
        if self.present(found, "digest"):
            name += "@{i.digest}"
        return self.text(name, i=found)

    # ------------------------------------------------------------------------------------------------

    def _leaf(self, leaf: Leaf) -> str:
        for reference in leaf.references:
            self._site(reference.path)
        self.leaves.append(leaf)
        return f"{LEAF_OPEN}{len(self.leaves) - 1}{LEAF_CLOSE}"

    def _path(self, where: tuple[Any, ...]) -> KeyPath:
        path: KeyPath = ()
        for part in where:
            if isinstance(part, StructuralMap | StructuralList):
                path = (*path, *part.path_)
            elif isinstance(part, Key) or (isinstance(part, int) and not isinstance(part, bool)):
                path = (*path, str(part) if isinstance(part, Key) else part)
            elif isinstance(part, str):
                try:
                    path = (*path, *parse_dotted(part))
                except ValueError as error:
                    raise TemplateError(str(error)) from error
            else:
                raise TemplateError(f"a path or an item of values was expected, not {part!r}")
        if not path:
            raise TemplateError("an empty path; name a value, as in value('a.b')")
        return path

    def _require(self, path: KeyPath) -> Any:
        found, data = lookup(self.values, path)
        if not found:
            raise TemplateError(self.unknown(path))
        return data

    def unknown(self, path: KeyPath) -> str:
        """The words for a path that values do not have."""
        parent = lookup(self.values, path[:-1])[1]
        near = did_you_mean(str(path[-1]), parent) if isinstance(parent, dict) else ""
        return f"values have no {dotted(path)}" + (f"; {near}" if near else "")

    def _reference(self, path: KeyPath, allowed: tuple[str, ...]) -> Reference:
        if path == ("release", "namespace") and "release" not in self.values:
            return Reference(path, "release")
        self._require(path)
        part = subschema(self.schema, path) or {}
        kind = part.get("type")
        if isinstance(kind, list):
            kind = next((word for word in kind if word != "null"), None)
            self.note("present", path, lookup(self.values, path)[1])
        if kind not in allowed:
            wanted = ", ".join(allowed)
            raise TemplateError(f"{dotted(path)} is {kind or 'without a type'} in the schema; {wanted} can stand here")
        if lookup(self.values, path)[1] is None:
            raise TemplateError(f"{dotted(path)} is null; guard it with present({dotted(path)!r})")
        return Reference(path, kind)

    def _parts(self, pattern: str, roots: dict[str, Any]) -> Iterator[str | Reference]:
        if not _WHOLE_PATTERN.fullmatch(pattern):
            raise TemplateError(f"text({pattern!r}): unbalanced braces; write {{{{ and }}}} for literal ones")
        for literal, name in _PATTERN.findall(pattern):
            if literal:
                yield literal.replace("{{", "{").replace("}}", "}")
                continue
            root, _, rest = name.partition(".")
            if root in roots:
                where = (roots[root], rest) if rest else (roots[root],)
                if not isinstance(roots[root], StructuralMap | StructuralList):
                    raise TemplateError(f"text(): {root} is no item of values but {roots[root]!r}")
                yield self._reference(self._path(where), _SCALARS)
            else:
                yield self._reference(self._path((name,)), _SCALARS)


_PATTERN = re.compile(r"((?:[^{}]|\{\{|\}\})+)|\{([^{}]+)\}")
_WHOLE_PATTERN = re.compile(rf"(?:{_PATTERN.pattern})*")


class _Structural:
    """A map or list of values inside a template."""

    __slots__ = ("data_", "path_", "recorder_")

    def __init__(self, recorder: Recorder, path: KeyPath, data: Any) -> None:
        self.recorder_ = recorder
        self.path_ = path
        self.data_ = data

    def __len__(self) -> int:
        self._note()
        return len(self.data_)

    def __bool__(self) -> bool:
        self._note()
        return bool(self.data_)

    def __str__(self) -> str:
        raise TemplateError(f"{dotted(self.path_)} is a map or list; print it with value({dotted(self.path_)!r})")

    __html__ = __str__

    def _note(self) -> None:
        raise NotImplementedError


class StructuralMap(_Structural):
    """A map: attribute and item access read one key, everything else pins the set of keys."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        path = (*self.path_, str(name))
        if name not in self.data_:
            raise TemplateError(self.recorder_.unknown(path))
        return self.recorder_.wrap(path, self.data_[name])

    def __iter__(self) -> Iterator[Key]:
        self._note()
        return iter([Key(name) for name in self.data_])

    def __contains__(self, name: object) -> bool:
        self._note()
        return name in self.data_

    def keys(self) -> list[Key]:
        """The keys, in order."""
        return list(self)

    def items(self) -> list[tuple[Key, Any]]:
        """(key, item) pairs, in order."""
        return [(name, self[name]) for name in self]

    def values(self) -> list[Any]:
        """The items, in order."""
        return [self[name] for name in self]

    def _note(self) -> None:
        self.recorder_.note("keys", self.path_, self.data_)


class StructuralList(_Structural):
    """A list: an index reads one item, everything else pins the length."""

    def __getitem__(self, index: int) -> Any:
        if not isinstance(index, int) or not -len(self.data_) <= index < len(self.data_):
            raise TemplateError(f"{dotted(self.path_)} has no item {index}")
        return self.recorder_.wrap((*self.path_, index % len(self.data_)), self.data_[index])

    def __iter__(self) -> Iterator[Any]:
        self._note()
        return iter([self[index] for index in range(len(self.data_))])

    def __contains__(self, item: object) -> bool:
        return item in list(self)

    def _note(self) -> None:
        self.recorder_.note("length", self.path_, self.data_)
