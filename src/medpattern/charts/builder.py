"""Rendered template text -> objects with leaves in them, each key with its template line."""

from __future__ import annotations

import re
from typing import Any

import yaml

from medpattern.charts.leaves import Leaf, Reference
from medpattern.charts.skeleton import SkeletonObject
from medpattern.charts.structure import LEAF_CLOSE, LEAF_OPEN
from medpattern.checks.kinds import SYNC_OPTIONS, with_confirmation
from medpattern.documents.nodes import step
from medpattern.documents.reader import Document, parse_stream
from medpattern.documents.validation import type_name
from medpattern.errors import ChartSourceError, InputError
from medpattern.findings import Finding, KeyPath, Place, dotted

# A template line's number stands in rendered text between these two, at the beginning of the line.
MARK_OPEN, MARK_CLOSE = "\ue010", "\ue011"

_MARK = re.compile(f"{MARK_OPEN}(\\d+){MARK_CLOSE}")
_TOKEN = re.compile(f"{LEAF_OPEN}(\\d+){LEAF_CLOSE}")


def build_objects(
    shown: str, template: str, marked: str, leaves: list[Leaf], first_leaf: int = 0
) -> list[SkeletonObject]:
    """The objects in `marked`, the text that Jinja made of `template`.

    Args:
        shown: the template's path for findings.
        template: the template's file name.
        marked: text with line marks and leaf tokens.
        leaves: the leaves that the tokens number.
        first_leaf: the number of the first leaf that is this template's own.

    Raises:
        ChartSourceError: not YAML, no object, a leaf where none can stand.
    """
    text, origin = _without_marks(marked)
    try:
        documents = parse_stream(shown, text)
    except InputError as error:
        raise ChartSourceError([_relocated(finding, origin) for finding in error.findings]) from error
    used: set[int] = set()
    objects = [
        _Builder(shown, template, origin, leaves, document, used).build()
        for document in documents
        if document.data is not None
    ]
    unused = set(range(first_leaf, len(leaves))) - used
    if unused:
        token = f"{LEAF_OPEN}{min(unused)}{LEAF_CLOSE}"
        line = origin[text[: text.find(token)].count("\n")] if token in text else 0
        message = "a leaf that no object has: it stands in a comment, or was only computed with"
        raise ChartSourceError([Finding("chart-source", message, Place(shown, line, 1))])
    return objects


class _Builder:
    def __init__(
        self,
        shown: str,
        template: str,
        origin: list[int],
        leaves: list[Leaf],
        document: Document,
        used: set[int],
    ) -> None:
        self.shown = shown
        self.template = template
        self.origin = origin
        self.leaves = leaves
        self.document = document
        self.used = used
        self.lines: dict[KeyPath, int] = {}

    def build(self) -> SkeletonObject:
        root = self.document.root
        assert root is not None
        tree = self._tree(root, self.document.data, ())
        if not isinstance(tree, dict):
            raise self._error(root, (), "a template makes Kubernetes objects; this is none")
        metadata = tree.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        identity = []
        for what, value in (
            ("apiVersion", tree.get("apiVersion")),
            ("kind", tree.get("kind")),
            ("metadata.name", metadata.get("name")),
            ("metadata.namespace", metadata.get("namespace", "")),
        ):
            if not isinstance(value, str) or (not value and what != "metadata.namespace"):
                path = tuple(what.split("."))
                raise self._error(None, path, f"{what} {_why_no_name(value)}: files and references depend on it")
            identity.append(value)
        api_version, kind, name, namespace = identity
        found = SkeletonObject(api_version, kind, name, namespace, tree, self.template, self.lines)
        return found if not found.holds_data else self._protected(found, metadata)

    def _protected(self, found: SkeletonObject, metadata: dict[str, Any]) -> SkeletonObject:
        """`found` with the sync options that make Argo CD ask before it deletes data."""
        given = metadata.get("annotations") or {}
        if not isinstance(given, dict) or isinstance(given.get(SYNC_OPTIONS), Leaf):
            path = (
                ("metadata", "annotations")
                if not isinstance(given, dict)
                else ("metadata", "annotations", SYNC_OPTIONS)
            )
            message = "cannot be a leaf here: the sync options that guard the data of this object are added to it"
            raise self._error(None, path, message)
        annotations = with_confirmation(given)
        tree = {**found.tree, "metadata": {**metadata, "annotations": annotations}}
        return SkeletonObject(
            found.api_version, found.kind, found.name, found.namespace, tree, found.template, found.lines
        )

    def _tree(self, node: yaml.Node, data: Any, path: KeyPath) -> Any:
        self.lines.setdefault(path, self._line(node))
        if isinstance(data, dict):
            return {key: self._entry(node, key, item, (*path, key)) for key, item in data.items()}
        if isinstance(data, list):
            return [self._entry(node, index, item, (*path, index)) for index, item in enumerate(data)]
        if isinstance(data, str) and LEAF_OPEN in data:
            return self._leaf(node, data, path)
        return data

    def _entry(self, parent: yaml.Node, key: str | int, data: Any, path: KeyPath) -> Any:
        if isinstance(key, str) and LEAF_OPEN in key:
            raise self._error(parent, path[:-1], "a key cannot be a leaf; read it structurally")
        mark, node = step(parent, key) or (parent.start_mark, parent)
        self.lines[path] = self._origin(mark.line + 1)
        return self._tree(node, data, path)

    def _leaf(self, node: yaml.Node, data: str, path: KeyPath) -> Leaf | str:
        style = getattr(node, "style", "")
        whole = _TOKEN.fullmatch(data)
        self.used.update(int(number) for number in _TOKEN.findall(data))
        if whole and not style:
            return self.leaves[int(whole[1])]
        if style == "'":
            raise self._error(node, path, "a leaf inside single quotes; use double quotes")
        if not style and not whole:
            raise self._error(node, path, "a leaf beside other text; write the whole string with text()")
        parts: list[str | Reference] = []
        for index, piece in enumerate(_TOKEN.split(data)):
            if index % 2 == 0:
                if piece:
                    parts.append(piece)
                continue
            leaf = self.leaves[int(piece)]
            if any(part.kind in ("object", "array") for part in leaf.references):
                raise self._error(node, path, "a map or list inside a string")
            parts += leaf.parts
        return Leaf(tuple(_joined(parts)))

    def _line(self, node: yaml.Node) -> int:
        return self._origin(node.start_mark.line + 1)

    def _origin(self, line: int) -> int:
        return self.origin[line - 1] if 0 < line <= len(self.origin) else 0

    def _error(self, node: yaml.Node | None, path: KeyPath, message: str) -> ChartSourceError:
        key = dotted(path)
        while node is None and path not in self.lines:
            path = path[:-1]
        line = self.lines[path] if node is None else self._line(node)
        return ChartSourceError([Finding("chart-source", message, Place(self.shown, line, 1), key)])


def _why_no_name(value: Any) -> str:
    if isinstance(value, Leaf):
        return "must be structural, not a leaf"
    if value is None or value == "":
        return "is missing"
    return f"is the {type_name(value)} {value}, not text; quote it"


def _joined(parts: list[str | Reference]) -> list[str | Reference]:
    result: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        else:
            result.append(part)
    return result


def _without_marks(marked: str) -> tuple[str, list[int]]:
    """The text without its marks, and the template line of each of its lines."""
    lines, origin, last = [], [], 0
    for line in marked.split("\n"):
        marks = _MARK.findall(line)
        last = int(marks[0]) if marks else last
        lines.append(_MARK.sub("", line))
        origin.append(last)
    return "\n".join(lines), origin


def _relocated(finding: Finding, origin: list[int]) -> Finding:
    line = finding.place.line
    template_line = origin[line - 1] if 0 < line <= len(origin) else 0
    place = Place(finding.place.file, template_line, 1)
    return Finding("chart-source", f"the template's output is {finding.message}", place, finding.key, finding.cure)
