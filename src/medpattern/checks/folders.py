"""A folder of CustomResourceDefinitions or JSON Schemas as a source of schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from medpattern.checks.lists import ObjectSchema
from medpattern.checks.metadata import NAMED_OBJECT_META
from medpattern.checks.sources import Definitions, KindRow, Scope, group_of
from medpattern.documents.reader import parse_stream
from medpattern.documents.validation import Schema, schema_problem
from medpattern.errors import InputError, UsageError
from medpattern.findings import Finding, Place

INDEX = "index.json"
_YAML = (".yaml", ".yml")
_SCHEMA_FILE = re.compile(r"([a-z0-9-]+)_([a-z0-9-]+)\.json")


def definitions_in(path: Path) -> list[dict[str, Any]]:
    """Return the CustomResourceDefinitions of a YAML or JSON file, lists of them taken apart; [] if it has none.

    Raises:
        InputError: the file is not UTF-8 or not YAML.
        UsageError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return definitions_of(str(path), content)


def definitions_of(shown: str, content: bytes) -> list[dict[str, Any]]:
    """As `definitions_in`, for the content of a file, or of whatever else is shown as `shown`."""
    if b"CustomResourceDefinition" not in content:
        return []
    try:
        documents = parse_stream(shown, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            [Finding("not-utf8", "the file is not UTF-8", Place(shown), cure="save it as UTF-8")]
        ) from error
    return [crd for document in documents for crd in _definitions(document.data)]


def _definitions(data: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(data, dict):
        return
    if data.get("kind") == "CustomResourceDefinition":
        yield data
    elif isinstance(data.get("items"), list):
        for item in data["items"]:
            yield from _definitions({"kind": "CustomResourceDefinition", **item} if _is_bare(data, item) else item)


def _is_bare(data: dict[str, Any], item: Any) -> bool:
    """Whether an item of a CustomResourceDefinitionList leaves out its kind, as such a list's items may."""
    return data.get("kind") == "CustomResourceDefinitionList" and isinstance(item, dict)


def files_below(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """The files below a folder with one of the suffixes, in order.

    Hidden files and folders are left out, and folders named `variants`: those are not for every platform.
    """
    found = (path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())
    return sorted(path for path in found if not any(map(_is_passed_over, path.relative_to(folder).parts)))


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name == "variants"


class SchemaFolder:
    """A folder as a source.

    It holds YAML files with CustomResourceDefinitions, anywhere, or JSON Schemas as `<group>/<kind>_<version>.json` in
    lower case, as `medpattern schemas import` writes them and as catalogs of schemas in public have them. A JSON file
    with another name is read if it holds definitions. Of two for one kind the JSON Schema counts.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder of schemas")
        self.folder = folder
        self.label = str(folder)
        self._schemas: dict[Path, Schema] = {}

    def rows(self) -> Iterator[KindRow]:
        """Every kind. One of a JSON Schema that does not name it is shown as its file does, in lower case."""
        for (api_version, kind), path in self._files.items():
            named = self._schema(path).schema.get("properties", {}).get("kind", {}).get("const", kind)
            yield KindRow(api_version, named, self.scope(group_of(api_version), named), self.label)
        for row in self._definitions.rows():
            if (row.api_version, row.kind.lower()) not in self._files:
                yield row

    def covers(self, api_version: str, kind: str) -> bool:
        """Whether there is a schema or a definition of the kind."""
        return (api_version, kind.lower()) in self._files or self._definitions.covers(api_version, kind)

    def scope(self, group: str, kind: str) -> Scope | None:
        """As the definition says, or the index beside the JSON Schemas."""
        return self._scopes.get((group, kind)) or self._definitions.scope(group, kind)

    def schema(self, api_version: str, kind: str, minor: int, distribution: str) -> Schema | None:
        """The kind's schema.

        Raises:
            UsageError: the file is no JSON Schema.
        """
        path = self._files.get((api_version, kind.lower()))
        if path is None:
            return self._definitions.schema(api_version, kind, minor, distribution)
        return self._schema(path)

    def _schema(self, path: Path) -> Schema:
        if path not in self._schemas:
            try:
                schema = json.loads(path.read_bytes())
            except (ValueError, OSError) as error:
                raise UsageError(f"{path}: no JSON ({error}); mend or remove it") from error
            problem = schema_problem(schema) if isinstance(schema, dict) else "it is no map"
            if problem:
                raise UsageError(f"{path}: no JSON Schema ({problem}); mend or remove it")
            # draft 7 means other things by some of Kubernetes' formats, such as duration
            self._schemas[path] = ObjectSchema(_completed(schema), formats=False)
        return self._schemas[path]

    @cached_property
    def _files(self) -> dict[tuple[str, str], Path]:
        """The JSON Schemas by apiVersion and kind in lower case."""
        found: dict[tuple[str, str], Path] = {}
        for path in files_below(self.folder, [".json"]):
            name = _SCHEMA_FILE.fullmatch(path.name)
            if name and "." in path.parent.name:
                found.setdefault((f"{path.parent.name}/{name[2]}", name[1]), path)
        return found

    @cached_property
    def _definitions(self) -> Definitions:
        schemas = set(self._files.values())
        files = [path for path in files_below(self.folder, (*_YAML, ".json")) if path not in schemas]
        return Definitions(self.label, [crd for path in files for crd in definitions_in(path)])

    @cached_property
    def _scopes(self) -> dict[tuple[str, str], Scope]:
        rows = read_index(self.folder)
        return {(row["group"], row["kind"]): row["scope"] for row in rows if row.get("scope")}


def read_index(folder: Path) -> list[dict[str, Any]]:
    """The rows of a folder's index.json, which say what a JSON Schema does not: plural and scope; [] without one."""
    try:
        rows = json.loads((folder / INDEX).read_bytes())
    except (OSError, ValueError):
        return []
    if not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict) and {"group", "kind"} <= row.keys()]


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that leaves metadata to the API server, with what the API server demands of it."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or properties.get("metadata", {}).keys() - {"type", "description"}:
        return schema
    required = sorted({*schema.get("required", ()), "apiVersion", "kind", "metadata"})
    return {**schema, "properties": {**properties, "metadata": NAMED_OBJECT_META}, "required": required}
