"""YAML nodes -> plain data, with a finding for whatever has no meaning to Helm."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml
from yaml.cyaml import CParser as _Parser  # type: ignore[attr-defined]
from yaml.resolver import BaseResolver

from medpattern.documents.scalars import integral, resolve
from medpattern.errors import InputError
from medpattern.findings import Finding, KeyPath, Place, dotted

MAX_NODES = 200_000
MAX_DEPTH = 100

_PLAIN_TAG = "?"
_cached_resolve = lru_cache(maxsize=65536)(resolve)


class Composer(_Parser, BaseResolver):
    """PyYAML's C parser, which leaves the meaning of plain scalars to `scalars.resolve`."""

    def __init__(self, stream: bytes | str) -> None:
        _Parser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN_TAG if implicit[0] else "tag:yaml.org,2002:str"
        return "tag:yaml.org,2002:map" if kind is yaml.MappingNode else "tag:yaml.org,2002:seq"


def _only(kind: type, text: str) -> Any:
    value = _cached_resolve(text)
    if not isinstance(value, kind):
        raise ValueError(text)  # noqa: TRY004 the tag's text is wrong, not its type
    return value


_CONVERT: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0),
    "tag:yaml.org,2002:float": lambda text: integral(float(text.replace("_", "").replace(".inf", "inf"))),
    "tag:yaml.org,2002:bool": lambda text: _only(bool, text),
    "tag:yaml.org,2002:null": lambda text: _only(type(None), text),
    "tag:yaml.org,2002:binary": str,
    "tag:yaml.org,2002:timestamp": str,
    "!": str,
}


class Constructor:
    """Builds plain data from one node tree and collects what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.nodes = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        """The data of a document's root node.

        Raises:
            InputError: all that is wrong with it.
        """
        data = self._value(node, (), 0)
        if self.findings:
            raise InputError(self.findings)
        return data

    def _report(self, code: str, message: str, node: yaml.Node, path: KeyPath, cure: str = "") -> None:
        self.findings.append(Finding(code, message, Place(self.file, *at(node)), dotted(path), cure))

    def _fatal(self, code: str, message: str, node: yaml.Node, path: KeyPath, cure: str) -> InputError:
        self._report(code, message, node, path, cure)
        return InputError(self.findings)

    def _value(self, node: yaml.Node, path: KeyPath, depth: int) -> Any:
        self.nodes += 1
        if isinstance(node, yaml.ScalarNode):
            if node.tag == _PLAIN_TAG:
                return _cached_resolve(node.value)
            return self._tagged(node, path)
        if self.nodes > MAX_NODES:
            raise self._fatal(
                "yaml-bomb", f"more than {MAX_NODES} nodes once its aliases are expanded", node, path,
                "write the values out, or use fewer aliases",
            )  # fmt: skip
        if depth > MAX_DEPTH:
            raise self._fatal("yaml-too-deep", f"nested deeper than {MAX_DEPTH} levels", node, path, "flatten it")
        if id(node) in self.open:
            raise self._fatal("yaml-cycle", "an alias that contains itself", node, path, "break the cycle")
        self.open.add(id(node))
        result: Any
        if isinstance(node, yaml.MappingNode):
            result = self._mapping(node, path, depth)
        else:
            result = [self._value(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
        self.open.discard(id(node))
        if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._report("yaml-tag", f"the tag {node.tag} has no meaning here", node, path, "remove it")
        return result

    def _tagged(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        convert = _CONVERT.get(node.tag)
        if convert is None:
            self._report("yaml-tag", f"the tag {node.tag} has no meaning here", node, path, "remove it")
            return None
        try:
            return convert(node.value)
        except ValueError:
            self._report("yaml-tag", f"{node.value!r} is no {node.tag.rpartition(':')[2]}", node, path)
            return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        written: set[str] = set()
        for key_node, value_node in node.value:
            if _is_merge(key_node):
                result.update(self._merged(value_node, path, depth))
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in written:
                self._report(
                    "duplicate-key", f"the key '{key}' stands here a second time", key_node, (*path, key),
                    "keep one; most readers would silently take the last",
                )  # fmt: skip
            written.add(key)
            result[key] = self._value(value_node, (*path, key), depth + 1)
        return result

    def _merged(self, node: yaml.Node, path: KeyPath, depth: int) -> dict[str, Any]:
        """What `<<:` stands for. As Helm has it, it wins over the keys before it and loses to those after."""
        value = self._value(node, path, depth + 1)
        result: dict[str, Any] = {}
        for source in reversed(value if isinstance(value, list) else [value]):
            if isinstance(source, dict):
                result.update(source)
            else:
                self._report("yaml-merge-key", "'<<' takes a map or a list of maps", node, path)
        return result

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._report("yaml-key", "a map or list cannot be a key", node, path, "quote it")
            return None
        key = _cached_resolve(node.value) if node.tag == _PLAIN_TAG else node.value
        if key is None:
            self._report("yaml-key", "an empty key", node, path, "quote it or remove it")
            return None
        if isinstance(key, bool):
            return "true" if key else "false"
        return key if isinstance(key, str) else f"{key}"


def step(node: yaml.Node | None, key: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """The mark and value node of one key or item; through `<<` it is where the merged map stands."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
        item = node.value[key]
        return item.start_mark, item
    if not isinstance(node, yaml.MappingNode):
        return None
    found = None
    for key_node, value_node in node.value:
        if _is_merge(key_node):
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            found = next((inner for source in sources if (inner := step(source, key))), found)
        elif isinstance(key_node, yaml.ScalarNode) and _key_text(key_node) == str(key):
            found = key_node.start_mark, value_node
    return found


def _is_merge(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and node.tag == _PLAIN_TAG


def _key_text(node: yaml.ScalarNode) -> str:
    key = _cached_resolve(node.value) if node.tag == _PLAIN_TAG else node.value
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
