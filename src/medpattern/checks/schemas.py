"""Strict schemas of the Kubernetes objects that medpattern renders, shipped with it and read offline.

The bundle `data/schemas.zip` is written by `.ci/build_schemas.py`, which also describes its members. Only the
members that are asked for are unpacked; a kind's schema is compiled once per SchemaSet.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from medpattern.documents.validation import Schema, Violation, type_name

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

    from medpattern.findings import KeyPath

Scope = Literal["Cluster", "Namespaced"]

DISTRIBUTIONS = ("kubernetes", "openshift")


class SchemaSet:
    """The shipped schemas. Cheap to make: nothing is read before the first question.

    Keep one instance for many objects, since it keeps what it compiled. Not safe for use by several threads.
    """

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, int], Schema] = {}

    def covers(self, api_version: str, kind: str) -> bool:
        """Say whether there is a schema for the kind, e.g. `covers("apps/v1", "Deployment")`."""
        return f"{api_version}/{kind}" in self._index["kinds"]

    def scope(self, group: str, kind: str) -> Scope | None:
        """Say whether objects of a kind live in a namespace.

        Args:
            group: the API group without version; "" for the core group.
            kind: the kind.

        Returns:
            The scope, or None if the kind is not known. Far more kinds are known than have a schema here:
            all native ones and all custom ones that were collected.
        """
        return cast("Scope | None", self._index["scope"].get(f"{group}/{kind}"))

    def violations(
        self, obj: dict[str, Any], kubernetes_version: str, distribution: str = "kubernetes"
    ) -> list[Violation]:
        """Check an object against the strict schema of its apiVersion and kind.

        Args:
            obj: the object as read from YAML or JSON. Plain str, int and float are judged fastest; an object
                with subclasses of them is copied first.
            kubernetes_version: the cluster's version, like "1.34", "v1.34.2" or "1.34.2+k3s1". It chooses the
                schema of a native kind; a version newer or older than all known is checked as the newest or
                oldest known.
            distribution: "openshift" checks the kinds of OpenShift Serverless as that product declares them.

        Returns:
            All violations, in the order of their paths; empty if the object is valid. What a Secret holds
            stands in none of them. An object of a kind without a schema always has one violation, at
            ("kind",), which says so: it is never passed in silence. Ask `covers` first to treat such a kind
            otherwise.

        Raises:
            ValueError: the version is no Kubernetes version, or the distribution is unknown.
        """
        if distribution not in DISTRIBUTIONS:
            raise ValueError(f"{distribution!r} is not one of {', '.join(DISTRIBUTIONS)}")
        minor = self._known_minor(kubernetes_version)
        api_version, kind = obj.get("apiVersion"), obj.get("kind")
        key = f"{api_version}/{kind}"
        members = self._index["kinds"].get(key)
        if members is None:
            message = f"no schema is known for kind {kind!r} of apiVersion {api_version!r}"
            return [Violation(("kind",), "not-allowed", message)]
        member = members.get(distribution, members["all"])
        found = self._refusals(self._schema(key, minor) if member == "native.json" else self._schema(member), obj)
        if (api_version, kind) == ("v1", "Secret"):
            found = [_withheld(one, obj) for one in found]
        return sorted(found, key=lambda one: ([(isinstance(p, str), p) for p in one.path], one.message))

    def _refusals(self, schema: Schema, obj: dict[str, Any]) -> list[Violation]:
        try:
            return schema.violations(obj)
        except ValueError:
            # a value that is no JSON, or a subclass of str or int, which the fast validator does not take
            return list(_no_json((), obj)) or self._refusals(schema, json.loads(json.dumps(obj)))

    def _schema(self, name: str, minor: int = 0) -> Schema:
        """Return the schema of a bundle's member, or of a native kind in one Kubernetes version."""
        if (name, minor) not in self._schemas:
            self._schemas[name, minor] = Schema(self._native_schema(name, minor) if minor else self._read(name))
        return self._schemas[name, minor]

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

    def _known_minor(self, version: str) -> int:
        match = re.match(r"v?1\.(\d+)(?:[.+-]|$)", version)
        if match is None:
            raise ValueError(f"{version!r} is no Kubernetes version like 1.34")
        known: list[int] = self._index["minors"]
        return max(known[0], min(known[-1], int(match[1])))

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


def _no_json(path: KeyPath, value: Any) -> Iterator[Violation]:
    """Yield the keys and values that JSON cannot hold: keys that are no text, dates, sets and the like."""
    if isinstance(value, dict):
        for key, sub in value.items():
            if isinstance(key, str):
                yield from _no_json((*path, key), sub)
            else:
                yield Violation(path, "wrong-type", f"the key {key!r} is no text", "quote it")
    elif isinstance(value, list | tuple):
        for index, sub in enumerate(value):
            yield from _no_json((*path, index), sub)
    elif value is not None and not isinstance(value, str | int | float):
        yield Violation(path, "wrong-type", f"is a {type(value).__name__}, which JSON does not have", "quote it")


def _withheld(violation: Violation, obj: dict[str, Any]) -> Violation:
    """Return a Secret's violation without the value that it is about."""
    value: Any = obj
    for key in violation.path:
        value = value[key]
    if violation.path[:1] not in (("data",), ("stringData",)) or isinstance(value, dict | list) or value is None:
        return violation
    if violation.code == "wrong-type":
        return replace(violation, message=f"expected string, found {type_name(value)}", cure="quote it")
    return replace(violation, message="is a value that cannot stand here", cure="")
