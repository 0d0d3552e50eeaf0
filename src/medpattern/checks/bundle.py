"""The strict schemas shipped with medpattern. `.ci/build_schemas.py` writes the bundle and describes its members.

Only the members that are asked for are unpacked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from medpattern.checks.lists import ObjectSchema
from medpattern.checks.sources import KindRow, Scope, group_of
from medpattern.documents.validation import Schema

if TYPE_CHECKING:
    import zipfile


class Bundle:
    """The shipped schemas as a source. Cheap to make: nothing is read before the first question."""

    label = "medpattern"

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, int], Schema] = {}

    def rows(self) -> Iterator[KindRow]:
        """Every kind with a schema."""
        for key in self._index["kinds"]:
            api_version, _, kind = key.rpartition("/")
            yield KindRow(api_version, kind, self.scope(group_of(api_version), kind), self.label)

    def covers(self, api_version: str, kind: str) -> bool:
        """Whether there is a schema for the kind."""
        return f"{api_version}/{kind}" in self._index["kinds"]

    def scope(self, group: str, kind: str) -> Scope | None:
        """Whether objects of a kind live in a namespace. Far more kinds are known than have a schema here."""
        return cast("Scope | None", self._index["scope"].get(f"{group}/{kind}"))

    def schema(self, api_version: str, kind: str, minor: int, distribution: str) -> Schema | None:
        """The schema of a kind; a Kubernetes version older or newer than all known counts as the nearest known."""
        key = f"{api_version}/{kind}"
        members = self._index["kinds"].get(key)
        if members is None:
            return None
        member = members.get(distribution, members["all"])
        known: list[int] = self._index["minors"]
        name, version = (key, max(known[0], min(known[-1], minor))) if member == "native.json" else (member, 0)
        if (name, version) not in self._schemas:
            native = Schema(self._native_schema(name, version)) if version else None
            self._schemas[name, version] = native or ObjectSchema(self._read(name))
        return self._schemas[name, version]

    def _native_schema(self, key: str, minor: int) -> dict[str, Any]:
        """Put a native kind's schema of one Kubernetes version together from the definitions it reaches."""
        root = _run(self._native["kinds"][key], minor)
        definitions: dict[str, Any] = {}
        waiting = list(_references(root))
        while waiting:
            name = waiting.pop()
            if name not in definitions:
                definitions[name] = _run(self._native["definitions"][name], minor)
                waiting += _references(definitions[name])
        return {**_draft_7(root), "$defs": definitions}

    @cached_property
    def _index(self) -> dict[str, Any]:
        return self._read("index.json")

    @cached_property
    def _native(self) -> dict[str, Any]:
        return self._read("native.json")

    @cached_property
    def _archive(self) -> zipfile.ZipFile:
        import io
        import zipfile
        from importlib.resources import files

        data = files(__package__).joinpath("data", "schemas.zip").read_bytes()
        return zipfile.ZipFile(io.BytesIO(data))

    def _read(self, member: str) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self._archive.read(member)))


def _run(runs: list[list[Any]], minor: int) -> dict[str, Any]:
    """Return the schema of the last run that starts at or before the minor version."""
    return cast("dict[str, Any]", next(schema for first, schema in reversed(runs) if first <= minor))


def _draft_7(schema: Any) -> Any:
    """Return the schema with what stands beside a `$ref` put where draft 7 does not overlook it."""
    if isinstance(schema, list):
        return [_draft_7(value) for value in schema]
    if not isinstance(schema, dict):
        return schema
    beside = {key: _draft_7(value) for key, value in schema.items()}
    target = beside.get("$ref")
    if not isinstance(target, str) or len(beside) == 1:
        return beside
    del beside["$ref"]
    return {"allOf": [{"$ref": target}, beside]}


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the definitions that a schema refers to."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix("#/$defs/")
            else:
                yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)
