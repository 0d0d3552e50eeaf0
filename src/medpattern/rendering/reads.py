"""Which values the tags of a template have read while one object, or one field of it, was made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.charts.generator import Structure
from medpattern.charts.leaves import Leaf
from medpattern.charts.skeleton import SkeletonObject
from medpattern.charts.values import ChartValues
from medpattern.findings import KeyPath, Place, dotted
from medpattern.fleet.merge import lookup

_SPELLED = re.compile(r"\bvalues((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
_TAG = re.compile(r"\[%[-+]?\s*(\w+)\s*(.*?)\s*[-+]?%\]|\[\[(.*?)\]\]", re.DOTALL)
_TEXT = re.compile(r"\"[^\"]*\"|'[^']*'")
_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")
_SET = re.compile(r"([\w, ]+?)\s*=(?!=)")


@dataclass(frozen=True)
class Read:
    """A value that a template line reads: its path, the value, and where it was set."""

    path: KeyPath
    value: Any
    place: Place
    is_leaf: bool


def leaf_reads(values: ChartValues, node: Any) -> Iterator[Read]:
    """The values in a leaf of an object; none for anything else."""
    for reference in node.references if isinstance(node, Leaf) else ():
        if reference.kind != "release":
            value = lookup(values.values, reference.path)[1]
            yield Read(reference.path, value, values.place(reference.path), True)


@dataclass(frozen=True)
class _Tag:
    """A tag of a template: `word` begins it ("" for `[[ ]]`), `first` and `last` are its lines."""

    first: int
    last: int
    word: str
    expression: str

    @property
    def names(self) -> set[str]:
        """The names that it uses."""
        return set(_NAME.findall(_TEXT.sub("", self.expression)))

    @property
    def sets(self) -> set[str]:
        """The names that it gives a value to."""
        if self.word not in ("set", "with"):
            return set()
        return {name for part in _SET.findall(self.expression) for name in _NAME.findall(part)}


class StructuralReads:
    """What the tags of one template have read structurally while one object was made.

    The recorder noted each read at its line. The lines of a loop were passed once per item; reads of other
    items than the one that the object, or the field, was made of are left out where that can be told.
    """

    def __init__(
        self,
        values: ChartValues,
        structure: Structure,
        found: SkeletonObject,
        field: KeyPath,
        text: str,
        around: list[tuple[int, str]],
    ) -> None:
        self.values = values
        self.found = found
        self.tags = [
            _Tag(
                text.count("\n", 0, match.start()) + 1,
                text.count("\n", 0, match.end()) + 1,
                match[1] or "",
                match[3] or match[2] or "",
            )
            for match in _TAG.finditer(text)
        ]
        structural = {read.path for read in structure.reads}
        self.noted: dict[int, list[KeyPath]] = {}
        for path, sites in structure.sites.items():
            if path in structural:
                for name, line in sites:
                    if name == found.template:
                        self.noted.setdefault(line, []).append(path)
        self.items: list[tuple[KeyPath, str | int]] = []
        loops = [(number, tag) for number, tag in around if tag.startswith("for ")]
        twins = [one for one in structure.objects if (one.template, one.line_of(())) == (found.template, self.start)]
        for number, tag in loops:
            self._find_item(number, tag, field, twins if len(self._around_object(loops)) == 1 else [])

    @property
    def start(self) -> int:
        """The line on which the object begins."""
        return self.found.line_of(())

    def of_line(self, line: int, leaves: set[KeyPath]) -> Iterator[Read]:
        """What the tags on a line read beside its leaves."""
        tags = [tag for tag in self.tags if tag.first <= line <= tag.last]
        yield from (read for read in self._of(tags) if read.path not in leaves)

    def of_condition(self, number: int, shown: str) -> Iterator[Read]:
        """What the tag `shown` of line `number` depends on; of an `elif` or `else` also what stands before it."""
        word = shown.partition(" ")[0]
        expression = "" if word == "else" else shown.partition(" ")[2]
        here = [
            i for i, tag in enumerate(self.tags) if (tag.first, tag.word, tag.expression) == (number, word, expression)
        ]
        yield from self._of(self._chain(here[0]) if here else [])

    def _chain(self, index: int) -> list[_Tag]:
        """The tag, and the `if` and `elif` whose failing it takes."""
        chain, depth = [self.tags[index]], 0
        if chain[0].word in ("elif", "else"):
            for tag in reversed(self.tags[:index]):
                if tag.word in ("endif", "endfor"):
                    depth += 1
                elif tag.word in ("if", "for") and depth:
                    depth -= 1
                elif tag.word in ("if", "for", "elif") and not depth:
                    chain.insert(0, tag)
                    if tag.word != "elif":
                        break
        return chain

    def _of(self, tags: list[_Tag]) -> Iterator[Read]:
        paths = list(dict.fromkeys(path for tag in tags for path in self._paths(tag)))
        paths = paths or [path for tag in tags for path in self._spelled(tag)]
        for path in paths:
            inside_list = path[:-1] in paths and isinstance(self._value(path[:-1]), list)
            if not inside_list:
                yield Read(path, self._value(path), self.values.place(path), False)

    def _paths(self, tag: _Tag) -> Iterator[KeyPath]:
        """What was read at the lines of `tag`, and at those of the `set` tags whose names it uses."""
        tags, waiting = [tag], [tag]
        while waiting:
            used = waiting.pop()
            for other in self.tags:
                if other.first <= used.first and other not in tags and other.sets & used.names:
                    tags.append(other)
                    waiting.append(other)
        for one in sorted(tags, key=lambda one: one.first):
            for line in range(one.first, one.last + 1):
                for path in self.noted.get(line, ()):
                    if self._is_own(path) or dotted(path) in one.expression:
                        yield path

    def _spelled(self, tag: _Tag) -> Iterator[KeyPath]:
        """Paths that stand in `tag` in full; for tags that read nothing on the way."""
        for match in _SPELLED.findall(tag.expression):
            path: KeyPath = tuple(match.strip(".").split("."))
            while path and not lookup(self.values.values, path)[0]:
                path = path[:-1]  # a method such as items()
            if path:
                yield path

    def _value(self, path: KeyPath) -> Any:
        return lookup(self.values.values, path)[1]

    # Which item of a loop the object was made of ---------------------------------------------------

    def _is_own(self, path: KeyPath) -> bool:
        return all(path[: len(base)] != base or path[len(base) :][:1] in ((), (key,)) for base, key in self.items)

    def _around_object(self, loops: list[tuple[int, str]]) -> list[tuple[int, str]]:
        return [loop for loop in loops if loop[0] < self.start]

    def _find_item(self, number: int, shown: str, field: KeyPath, twins: list[SkeletonObject]) -> None:
        """Notes which item of the map or list behind a `for` tag is meant, if that can be told."""
        iterable = re.split(r"\sif\s", shown.partition(" in ")[2])[0]
        for read in list(self.of_condition(number, shown)):
            items = read.value
            if isinstance(items, dict | list) and str(read.path[-1]) in iterable:
                keys = list(items) if isinstance(items, dict) else list(range(len(items)))
                if number >= self.start:
                    key = self._item_of_field(number, field, read.path)
                elif len(twins) == len(keys) and "|" not in iterable:
                    key = keys[next(i for i, one in enumerate(twins) if one is self.found)]
                else:
                    key = self._item_of_object(read.path, keys)
                if key is not None:
                    self.items.append((read.path, key))
                return

    def _item_of_object(self, base: KeyPath, keys: list[Any]) -> str | int | None:
        """The item whose parts are the object's leaves, or whose key is its name or stands in it."""
        keys = list(_keys_below(base, self.found.tree)) or keys
        named = [key for key in keys if str(key) == self.found.name]
        named = named or [key for key in keys if isinstance(key, str) and key in self.found.name.split("-")]
        chosen = keys if len(keys) == 1 else named
        return chosen[0] if len(chosen) == 1 else None

    def _item_of_field(self, number: int, field: KeyPath, base: KeyPath) -> str | int | None:
        """The item whose parts are the leaves of the field, or of the nearest map around it in the loop."""
        for length in range(len(field), 0, -1):
            path = field[:length]
            if self.found.line_of(path) <= number:
                break
            keys = list(_keys_below(base, lookup(self.found.tree, path)[1]))
            if keys:
                return keys[0] if len(keys) == 1 else None
        return None


def _keys_below(base: KeyPath, node: Any) -> Iterator[str | int]:
    """The keys of the items below `base` that leaves in `node` refer to, each once."""
    seen = set()
    for leaf in _leaves(node):
        for reference in leaf.references:
            if reference.path[: len(base)] == base and len(reference.path) > len(base):
                key = reference.path[len(base)]
                if key not in seen:
                    seen.add(key)
                    yield key


def _leaves(node: Any) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, dict | list):
        for item in node.values() if isinstance(node, dict) else node:
            yield from _leaves(item)
