"""Strict schemas of the Kubernetes objects that medpattern renders, shipped with it and read offline.

The bundle `data/schemas.zip` is written by `.ci/build_schemas.py`, which also describes its members. Only the
members that are asked for are unpacked; a kind's validator is compiled once per SchemaSet.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

from medpattern.findings import did_you_mean, dotted

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

    import jsonschema
    import jsonschema_rs

    from medpattern.findings import KeyPath

Scope = Literal["Cluster", "Namespaced"]
Schema = dict[str, Any]

DISTRIBUTIONS = ("kubernetes", "openshift")
JSON_NAMES = {dict: "map", list: "list", str: "text", bool: "boolean", int: "integer", float: "number"}
TYPE_WORDS = {"object": "map", "array": "list", "string": "text"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing in an object that its schema refuses.

    `path` leads from the object's root to the offending value: keys of maps and indexes of lists. It is empty
    when the object as a whole is meant.
    """

    path: KeyPath
    message: str


class SchemaSet:
    """The shipped schemas. Cheap to make: nothing is read before the first question.

    Keep one instance for many objects, since it keeps what it compiled. Not safe for use by several threads.
    """

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, int], Schema] = {}
        self._validators: dict[tuple[str, int], jsonschema_rs.Validator] = {}

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
            All violations, in the order of their paths; empty if the object is valid. An object of a kind
            without a schema always has one violation, at ("kind",), which says so: it is never passed in
            silence. Ask `covers` first to treat such a kind otherwise.

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
            return [Violation(("kind",), _short(message))]
        member = members.get(distribution, members["all"])
        return self._refusals((key, minor) if member == "native.json" else (member, 0), obj)

    def _refusals(self, cache_key: tuple[str, int], obj: dict[str, Any]) -> list[Violation]:
        """Decide with the fast validator, and explain with jsonschema only what was refused."""
        import jsonschema_rs

        if cache_key not in self._validators:
            self._validators[cache_key] = jsonschema_rs.validator_for(self._schema(cache_key))
        validator = self._validators[cache_key]
        try:
            if validator.is_valid(obj):
                return []
        except ValueError:
            # a value that is no JSON, or a subclass of str or int, which jsonschema_rs does not take
            return list(_no_json((), obj)) or self._refusals(cache_key, json.loads(json.dumps(obj)))
        found = {Violation(*pair) for pair in _explained(self._schema(cache_key), obj)}
        # the two libraries differ in corners (a newline at the end of a name): a refusal must not get lost
        if not found:
            found = {Violation(tuple(e.instance_path), _short(e.message)) for e in validator.iter_errors(obj)}
        return sorted(found, key=lambda one: ([(isinstance(p, str), p) for p in one.path], one.message))

    def _schema(self, cache_key: tuple[str, int]) -> Schema:
        """Return the schema of (member, 0) for a custom kind, of (kind's key, minor) for a native one."""
        name, minor = cache_key
        if cache_key not in self._schemas:
            self._schemas[cache_key] = self._native_schema(name, minor) if minor else self._read(name)
        return self._schemas[cache_key]

    def _native_schema(self, key: str, minor: int) -> Schema:
        """Put a native kind's schema of one Kubernetes version together from the definitions it reaches."""
        root: Schema = _run(self._native["kinds"][key], minor)
        definitions: Schema = {}
        waiting = list(_references(root))
        while waiting:
            name = waiting.pop()
            if name not in definitions:
                definitions[name] = _run(self._native["definitions"][name], minor)
                waiting += _references(definitions[name])
        return {**root, "$defs": definitions}

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


def _run(runs: list[list[Any]], minor: int) -> Schema:
    """Return the schema of the last run that starts at or before the minor version."""
    return cast("Schema", next(schema for first, schema in reversed(runs) if first <= minor))


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
                yield Violation(path, f"the key {key!r} is no text; quote it")
    elif isinstance(value, list | tuple):
        for index, sub in enumerate(value):
            yield from _no_json((*path, index), sub)
    elif value is not None and not isinstance(value, str | int | float):
        yield Violation(path, f"is a {type(value).__name__}, which JSON does not have; quote it")


def _explained(schema: Schema, obj: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield path and message of each error; an unknown field has a path of its own."""
    from jsonschema.validators import Draft202012Validator, validator_for

    for error in validator_for(schema, default=Draft202012Validator)(schema).iter_errors(obj):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            fields = cast("Schema", error.instance)
            yield from (_unknown(error, path, key) for key in fields if _is_extra(error, key))
        else:
            yield path, _message(error)


def _is_extra(error: jsonschema.ValidationError, key: str) -> bool:
    schema = cast("Schema", error.schema)
    patterns = schema.get("patternProperties", {})
    return key not in schema.get("properties", {}) and not any(re.search(one, key) for one in patterns)


def _unknown(error: jsonschema.ValidationError, path: KeyPath, key: str) -> tuple[KeyPath, str]:
    known = cast("Schema", error.schema).get("properties", {})
    cure = did_you_mean(key, known)
    return (*path, key), f"unknown field; {cure}" if cure else "unknown field; none is known here"


def _message(error: jsonschema.ValidationError) -> str:
    """Say what is wrong, without the value where it can be large or secret."""
    wanted: Any = error.validator_value
    if error.validator == "type":
        words = [wanted] if isinstance(wanted, str) else wanted
        given = "null" if error.instance is None else JSON_NAMES.get(type(error.instance), "?")
        return f"is {given}, must be {' or '.join(TYPE_WORDS.get(word, word) for word in words)}"
    if error.validator in ("anyOf", "oneOf"):
        ways = dict.fromkeys(
            (f"{dotted(tuple(way.relative_path))}: " if way.relative_path else "") + _message(way)
            for way in error.context or ()
        )
        # oneOf without errors in its branches: more than one of them fits
        return _short(f"fits none of its forms: {'; '.join(ways)}") if ways else "mixes forms that exclude each other"
    if error.validator == "not":
        return "is in a form that is not allowed"
    return _short(error.message)


def _short(message: str, most: int = 240) -> str:
    return message if len(message) <= most else f"{message[: most // 2]} ... {message[-most // 2 :]}"
