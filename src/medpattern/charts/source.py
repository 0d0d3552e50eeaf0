"""A chart source on disk: Jinja2 templates, default values and their schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from medpattern.charts.files import FLOWS_MARK, SOURCE_MARK, OutsideLinkError, chart_digest, chart_files
from medpattern.documents.reader import Document, parse_file
from medpattern.documents.validation import Schema, schema_problem
from medpattern.errors import ChartSourceError, InputError
from medpattern.findings import Finding, KeyPath, Place


@dataclass(frozen=True)
class ChartSource:
    """One chart as its author wrote it.

    `name` is the folder's name, `shown` the folder as findings name it, `files` every file by its name
    relative to the folder.
    """

    name: str
    shown: str
    files: dict[str, bytes]

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Chart.yaml."""
        return _map(self._document("Chart.yaml"))

    @property
    def is_source(self) -> bool:
        """Whether it is written in medpattern's language; otherwise it is an ordinary Helm chart."""
        return self._is_marked(SOURCE_MARK)

    @property
    def takes_flows(self) -> bool:
        """Whether its value `flows` is made of the cluster's other applications."""
        return self.is_source and self._is_marked(FLOWS_MARK)

    def _is_marked(self, mark: str) -> bool:
        annotations = self.metadata.get("annotations")
        return isinstance(annotations, dict) and str(annotations.get(mark)) == "true"

    @cached_property
    def values(self) -> Document:
        """values.yaml, the lowest layer."""
        return self._document("values.yaml")

    @cached_property
    def schema(self) -> dict[str, Any]:
        """values.schema.json with every $ref into its own `definitions` replaced by what it names."""
        content = self.files.get("values.schema.json")
        place = Place(f"{self.shown}/values.schema.json")
        if content is None:
            raise ChartSourceError([Finding("chart-source", "a chart source has a values.schema.json", place)])
        try:
            schema = json.loads(content)
        except ValueError as error:
            raise ChartSourceError([Finding("chart-source", f"not JSON: {error}", place)]) from error
        problem = "not a map" if not isinstance(schema, dict) else schema_problem(schema)
        if problem:
            raise ChartSourceError([Finding("chart-source", f"no JSON Schema: {problem}", place)])
        inlined: dict[str, Any] = _inline(schema, schema, 0)
        inlined.pop("definitions", None)
        return inlined

    @cached_property
    def validator(self) -> Schema:
        """The closed schema of its values."""
        return Schema(self.schema)

    @cached_property
    def templates(self) -> dict[str, str]:
        """templates/*.yaml by file name, sorted."""
        return {
            name.removeprefix("templates/"): self._text(name)
            for name in sorted(self.files)
            if name.startswith("templates/") and name.endswith((".yaml", ".yml"))
        }

    @cached_property
    def digest(self) -> str:
        """sha256 of its files, for receipts and caches."""
        return chart_digest(self.files)

    def _text(self, name: str) -> str:
        try:
            return self.files[name].decode("utf-8")
        except UnicodeDecodeError as error:
            place = Place(f"{self.shown}/{name}", self.files[name][: error.start].count(b"\n") + 1, 1)
            raise ChartSourceError([Finding("chart-source", "not UTF-8", place, cure="save it as UTF-8")]) from error

    def _document(self, name: str) -> Document:
        shown = f"{self.shown}/{name}"
        if name not in self.files:
            if name == "Chart.yaml":
                raise ChartSourceError([Finding("chart-source", "no Chart.yaml", Place(shown))])
            return Document(shown, {})
        try:
            document = parse_file(shown, self.files[name])
        except InputError as error:
            raise ChartSourceError(error.findings) from error
        if document.data is None:
            return Document(shown, {}, document.text)
        if not isinstance(document.data, dict):
            raise ChartSourceError([Finding("chart-source", "a map of keys was expected", Place(shown, 1, 1))])
        return document


def read_chart(folder: Path, shown: str) -> ChartSource:
    """Reads the chart in `folder`; hidden files are left out.

    Raises:
        ChartSourceError: a link that leaves the folder.
    """
    try:
        return ChartSource(folder.name, shown, chart_files(folder))
    except OutsideLinkError as error:
        place = Place(f"{shown}/{error}")
        finding = Finding("chart-source", "a link that leaves the chart", place, cure="copy the file")
        raise ChartSourceError([finding]) from error


def subschema(schema: Any, path: KeyPath) -> dict[str, Any] | None:
    """The part of `schema` that governs `path`; None where the schema says nothing about it."""
    for key in path:
        if not isinstance(schema, dict):
            return None
        if isinstance(key, int):
            items = schema.get("items")
            schema = items[key] if isinstance(items, list) and key < len(items) else items
        else:
            properties = schema.get("properties")
            if isinstance(properties, dict) and key in properties:
                schema = properties[key]
            else:
                schema = schema.get("additionalProperties")
    return schema if isinstance(schema, dict) else None


def fill_declared(values: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """`values` with null for each key that the schema declares and nobody set.

    A key that a values file deletes may still be read by a template, which must then see null. Maps that
    lack nothing are shared, not copied.
    """
    filled: dict[str, Any] = _fill(values, schema)
    return filled


def _fill(value: Any, schema: dict[str, Any]) -> Any:
    if isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, dict) or not value:
            return value
        new = [_fill(item, items) for item in value]
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    changed: dict[str, Any] = {}
    for key, item in value.items():
        part = properties.get(key, others)
        if isinstance(part, dict) and isinstance(item, dict | list):
            new_item = _fill(item, part)
            if new_item is not item:
                changed[key] = new_item
    missing = properties.keys() - value.keys()
    if not changed and not missing:
        return value
    return {**value, **changed, **dict.fromkeys(key for key in properties if key in missing)}


def _map(document: Document) -> dict[str, Any]:
    return document.data if isinstance(document.data, dict) else {}


def _inline(part: Any, whole: dict[str, Any], depth: int) -> Any:
    if depth > 60:
        raise ChartSourceError([Finding("chart-source", "a $ref that contains itself", Place("values.schema.json"))])
    if isinstance(part, list):
        return [_inline(item, whole, depth + 1) for item in part]
    if not isinstance(part, dict):
        return part
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        target: Any = whole
        for word in reference[2:].split("/"):
            target = target[word]
        rest = {key: value for key, value in part.items() if key != "$ref"}
        return {**_inline(target, whole, depth + 1), **_inline(rest, whole, depth + 1)}
    return {key: _inline(value, whole, depth + 1) for key, value in part.items()}
