"""YAML text -> plain data, with the place of every key, and a finding for whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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


class _Composer(_Parser, BaseResolver):
    """PyYAML's C parser, which leaves the meaning of plain scalars to `scalars.resolve`."""

    def __init__(self, stream: bytes | str) -> None:
        _Parser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN_TAG if implicit[0] else "tag:yaml.org,2002:str"
        return "tag:yaml.org,2002:map" if kind is yaml.MappingNode else "tag:yaml.org,2002:seq"


_CONVERT: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0),
    "tag:yaml.org,2002:float": lambda text: integral(float(text.replace("_", "").replace(".inf", "inf"))),
    "tag:yaml.org,2002:bool": lambda text: bool(_cached_resolve(text)),
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:binary": str,
    "tag:yaml.org,2002:timestamp": str,
    "!": str,
}


@dataclass(frozen=True)
class Document:
    """One YAML file: `data` as plain Python values; `place()` knows where each key stood.

    A file of its own keeps its `text` and finds positions when somebody asks, which saves a thousand
    clusters' worth of memory; one document of a stream keeps its `nodes`.
    """

    file: str
    data: Any
    text: str = field(repr=False, compare=False, default="")
    nodes: yaml.Node | None = field(repr=False, compare=False, default=None)

    @property
    def root(self) -> yaml.Node | None:
        """The root node of the parsed text."""
        return self.nodes or _compose(self.text)

    def place(self, path: KeyPath) -> Place:
        """The position of the deepest part of `path` that the file has (its key, for a map entry)."""
        node, mark = self.root, None
        for key in path:
            step = _step(node, key)
            if step is None:
                break
            mark, node = step
        if mark is None:
            return Place(self.file, *((1, 1) if path or node is None else _at(node)))
        return Place(self.file, mark.line + 1, mark.column + 1)


def parse_file(file: str, content: bytes) -> Document:
    """Reads the one document in `content`.

    Raises:
        InputError: not UTF-8, not YAML, several documents, duplicate or odd keys, unknown tags, too deep
            or too large once its aliases are expanded. All findings of the file are in it.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise InputError([_encoding_finding(Place(file, line, column), error)]) from error
    return parse_text(file, text)


def parse_text(file: str, text: str) -> Document:
    """As `parse_file`, for text that is already decoded."""
    documents = parse_stream(file, text)
    if len(documents) > 1:
        root = documents[1].root
        place = Place(file, *_at(root)) if root else Place(file)
        raise InputError(
            [Finding("yaml-several-documents", "a second YAML document begins here", place, cure="keep one")]
        )
    return Document(file, documents[0].data if documents else None, text)


@lru_cache(maxsize=32)
def _compose(text: str) -> yaml.Node | None:
    """The node tree of a text that has been parsed before."""
    composer = _Composer(text)
    try:
        return composer.get_single_node()
    finally:
        composer.dispose()


def parse_stream(file: str, text: str) -> list[Document]:
    """All documents of a YAML stream; empty ones are kept, with `data` None.

    Raises:
        InputError: as for `parse_file`, several documents excepted.
    """
    _refuse_deep_flow(file, text)
    composer = _Composer(text)
    documents = []
    try:
        while composer.check_node():
            node = composer.get_node()
            assert node is not None
            documents.append(Document(file, _Constructor(file).build(node), nodes=node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise InputError([_syntax_finding(place, error)]) from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InputError([Finding("yaml-character", str(error.reason), place, cure="remove it")]) from error
    finally:
        composer.dispose()
    return documents


class _Constructor:
    """Builds plain data from one node tree and collects what is wrong with it."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.nodes = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        data = self._value(node, (), 0)
        if self.findings:
            raise InputError(self.findings)
        return data

    def _report(self, code: str, message: str, node: yaml.Node, path: KeyPath, cure: str = "") -> None:
        self.findings.append(Finding(code, message, Place(self.file, *_at(node)), dotted(path), cure))

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
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == "<<" and key_node.tag == _PLAIN_TAG:
                merged.append(value_node)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in result:
                self._report(
                    "duplicate-key", f"the key '{key}' stands here a second time", key_node, (*path, key),
                    "keep one; most readers would silently take the last",
                )  # fmt: skip
            result[key] = self._value(value_node, (*path, key), depth + 1)
        for value_node in merged:
            self._merge(result, value_node, path, depth)
        return result

    def _merge(self, result: dict[str, Any], node: yaml.Node, path: KeyPath, depth: int) -> None:
        """`<<:`, YAML 1.1's merge key, which Helm's reader knows too: keys that stand there win."""
        value = self._value(node, path, depth + 1)
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                self._report("yaml-merge-key", "'<<' takes a map or a list of maps", node, path)
                continue
            for key, item in source.items():
                result.setdefault(key, item)

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


def _step(node: yaml.Node | None, key: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """The mark and value node of one key or item; through `<<` it is where the merged map stands."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and 0 <= key < len(node.value):
        item = node.value[key]
        return item.start_mark, item
    if not isinstance(node, yaml.MappingNode):
        return None
    for key_node, value_node in reversed(node.value):
        if isinstance(key_node, yaml.ScalarNode) and _key_text(key_node) == str(key):
            return key_node.start_mark, value_node
    for key_node, value_node in node.value:
        if key_node.value == "<<":
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            found = next((step for source in sources if (step := _step(source, key))), None)
            if found:
                return found
    return None


def _key_text(node: yaml.ScalarNode) -> str:
    key = _cached_resolve(node.value) if node.tag == _PLAIN_TAG else node.value
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def _at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _refuse_deep_flow(file: str, text: str) -> None:
    """The C parser recurses on `[[[[`: stop before its stack does."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        opened = line.count("[") + line.count("{")
        if opened <= MAX_DEPTH and depth + opened <= 10 * MAX_DEPTH:
            depth = max(0, depth + opened - line.count("]") - line.count("}"))
            continue
        column, quoted, level = 0, "", depth
        for column, char in enumerate(line, 1):
            if quoted:
                quoted = "" if char == quoted else quoted
            elif char in "\"'":
                quoted = char
            elif char in "[{":
                level += 1
            elif char in "]}":
                level -= 1
            if level > 5 * MAX_DEPTH:
                place = Place(file, number, column)
                raise InputError(
                    [
                        Finding(
                            "yaml-too-deep",
                            f"nested deeper than {MAX_DEPTH} levels",
                            place,
                            cure="flatten it",
                        )
                    ]
                )
        depth = max(0, level)


def _encoding_finding(place: Place, error: UnicodeDecodeError) -> Finding:
    return Finding("not-utf8", f"the file is not UTF-8 ({error.reason})", place, cure="save it as UTF-8")


def _syntax_finding(place: Place, error: yaml.MarkedYAMLError) -> Finding:
    problem = (error.problem or "cannot be read").replace("\n", " ")
    context = f" ({error.context})" if error.context else ""
    cure = "YAML is indented with spaces, never tabs" if "\\t" in problem or "tab" in problem else ""
    return Finding("yaml-syntax", f"not YAML: {problem}{context}", place, cure=cure)
