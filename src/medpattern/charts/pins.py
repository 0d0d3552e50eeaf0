"""What a generated chart reads of its values: the shape of its values.yaml and its closed schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from medpattern.charts.leaves import Reference
from medpattern.charts.source import subschema
from medpattern.charts.structure import StructuralRead
from medpattern.documents.scalars import MAX_EXACT_INTEGER, UNSAFE_CHARACTERS
from medpattern.findings import KeyPath
from medpattern.fleet.merge import lookup

# `--set x=0.7` arrives as text, so a number leaf takes decimal text too.
_DECIMAL = r"^-?[0-9]+(\.[0-9]+)?$"
_DECIMAL_TO_ONE = r"^(0(\.[0-9]+)?|1(\.0+)?)$"
_TEXT = {"type": "string", "pattern": f"^[^{UNSAFE_CHARACTERS}]*$"}
_PLAIN_REF = {"$ref": "#/definitions/plain"}
_DEFINITIONS = {
    "text": _TEXT,
    "plain": {
        "anyOf": [
            {"$ref": "#/definitions/text"},
            {"type": "integer", "minimum": -MAX_EXACT_INTEGER, "maximum": MAX_EXACT_INTEGER},
            {"type": ["number", "boolean", "null"]},
            {"type": "array", "items": _PLAIN_REF},
            {
                "type": "object",
                "propertyNames": {"$ref": "#/definitions/text"},
                "additionalProperties": _PLAIN_REF,
            },
        ]
    },
}


@dataclass
class Shape:
    """A tree of what is read. `leaf` is the type of a leaf, `const` a pinned value, `length` a pinned list."""

    leaf: str = ""
    whole: bool = False
    pinned: bool = False
    const: Any = None
    absent: bool = False
    present: bool = False
    length: int | None = None
    children: dict[str | int, Shape] = field(default_factory=dict)

    def at(self, path: KeyPath) -> Shape:
        """The shape at `path`, made where it is missing."""
        shape = self
        for key in path:
            shape = shape.children.setdefault(key, Shape())
        return shape


def shape_of(reads: Iterable[StructuralRead], references: Iterable[Reference], values: dict[str, Any]) -> Shape:
    """What a structure reads, as one tree."""
    root = Shape()
    for reference in references:
        if reference.kind != "release":
            shape = root.at(reference.path)
            shape.leaf = reference.kind
            shape.whole = reference.kind in ("object", "array")
    for read in reads:
        shape = root.at(read.path)
        data = lookup(values, read.path)[1]
        if read.how == "is":
            shape.pinned, shape.const = True, read.seen
        elif read.how == "present":
            shape.absent, shape.present = not read.seen, bool(read.seen)
        elif read.how == "length":
            shape.length = read.seen
            for index in range(read.seen or 0):
                _whole_if_unread(shape, index)
        elif isinstance(data, dict):
            for key in data:
                _whole_if_unread(shape, key)
    return root


def _whole_if_unread(shape: Shape, key: str | int) -> None:
    if key not in shape.children:
        shape.children[key] = Shape(whole=True)


def extract(shape: Shape, data: Any) -> Any:
    """The part of `data` that `shape` reads: the content of the generated values.yaml."""
    if shape.whole or not (shape.children or shape.length is not None):
        return data
    if isinstance(data, dict):
        children = shape.children
        return {key: extract(children[key], item) for key, item in data.items() if key in children and item is not None}
    if isinstance(data, list):
        return [extract(shape.children[i], item) if i in shape.children else item for i, item in enumerate(data)]
    return data


def generated_schema(shape: Shape, schema: dict[str, Any], values: dict[str, Any], title: str) -> dict[str, Any]:
    """The values.schema.json of a generated chart: closed, structural values pinned, leaves typed."""
    body = _schema_at(shape, (), schema, values)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **body,
        "definitions": _DEFINITIONS,
    }


def _schema_at(shape: Shape, path: KeyPath, source: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    declared = subschema(source, path) or {}
    if shape.leaf:
        return _leaf_schema(shape, declared)
    if shape.whole:
        return _without_null(declared) or _PLAIN_REF
    if shape.pinned:
        return _described({"enum": [shape.const, None]} if shape.const is None else {"const": shape.const}, declared)
    data = lookup(values, path)[1]
    if shape.absent:
        return _described({"enum": [None, ""]}, declared)
    if isinstance(data, list):
        items = [
            _schema_at(shape.children[i], (*path, i), source, values) if i in shape.children else _PLAIN_REF
            for i in range(len(data))
        ]
        size = shape.length if shape.length is not None else len(data)
        return _described(
            {"type": "array", "minItems": size, "maxItems": size, "items": items, "additionalItems": False}
            if items else {"type": "array", "maxItems": 0},
            declared,
        )  # fmt: skip
    if isinstance(data, dict):
        properties = {
            str(key): _schema_at(child, (*path, key), source, values) for key, child in shape.children.items()
        }
        required = [key for key in properties if data.get(key) is not None]
        result: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
        return _described(result | ({"required": required} if required else {}), declared)
    # Only asked whether it is present.
    return _described({"not": {"enum": [None, ""]}}, declared)


def _leaf_schema(shape: Shape, declared: dict[str, Any]) -> dict[str, Any]:
    limits = _without_null(declared)
    if shape.leaf == "string":
        result = {"allOf": [{"$ref": "#/definitions/text"}, limits]}
        return {**result, "minLength": 1} if shape.present else result
    if shape.leaf == "integer":
        edges = {"minimum": -MAX_EXACT_INTEGER, "maximum": MAX_EXACT_INTEGER}
        return {**edges, **limits}
    if shape.leaf == "number":
        texts = _decimal_text(limits)
        return {"anyOf": [limits, *texts]}
    if shape.leaf in ("object", "array"):
        return {"allOf": [limits, _PLAIN_REF]}
    return limits


def _decimal_text(limits: dict[str, Any]) -> list[dict[str, Any]]:
    """Decimal text where it cannot slip past a limit that only numbers are checked against."""
    edges = {key for key in limits if "inimum" in key or "aximum" in key or key in ("enum", "multipleOf")}
    if not edges:
        return [{"type": "string", "pattern": _DECIMAL}]
    if edges == {"minimum", "maximum"} and (limits["minimum"], limits["maximum"]) == (0, 1):
        return [{"type": "string", "pattern": _DECIMAL_TO_ONE}]
    return []


def _without_null(declared: dict[str, Any]) -> dict[str, Any]:
    kind = declared.get("type")
    if isinstance(kind, list):
        rest = [word for word in kind if word != "null"]
        return {**declared, "type": rest[0] if len(rest) == 1 else rest}
    return declared


def _described(result: dict[str, Any], declared: dict[str, Any]) -> dict[str, Any]:
    description = declared.get("description")
    return {"description": description, **result} if description else result
