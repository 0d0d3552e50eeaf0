"""Strict schemas of Kubernetes objects: those shipped with medpattern, and others that a person names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from medpattern.checks.bundle import Bundle
from medpattern.checks.installed import InstalledKubernetes
from medpattern.checks.sources import Judge, KindRow, Scope, Source
from medpattern.documents.validation import Violation, type_name
from medpattern.findings import KeyPath

DISTRIBUTIONS = ("kubernetes", "openshift")


class SchemaSet:
    """Schemas from several sources: those named, in their order, then the shipped ones, then an optional package.

    The first source that knows a kind answers for it. Cheap to make: nothing is read before the first question.
    Keep one instance for many objects, since it keeps what it compiled. Not safe for use by several threads.
    """

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self.sources: tuple[Source, ...] = (*sources, Bundle(), InstalledKubernetes())
        self._judges: dict[tuple[str, str, int, str], Judge | None] = {}

    def rows(self) -> list[KindRow]:
        """Every kind with a schema, of each source."""
        return [row for source in self.sources for row in source.rows()]

    def covers(self, api_version: str, kind: str) -> bool:
        """Say whether there is a schema for the kind, e.g. `covers("apps/v1", "Deployment")`."""
        return any(source.covers(api_version, kind) for source in self.sources)

    def scope(self, group: str, kind: str) -> Scope | None:
        """Say whether objects of a kind live in a namespace.

        Args:
            group: the API group without version; "" for the core group.
            kind: the kind.

        Returns:
            The scope, or None if the kind is not known. Far more kinds are known than have a schema here:
            all native ones and some custom ones besides.
        """
        return next((found for source in self.sources if (found := source.scope(group, kind))), None)

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
        minor = _minor(kubernetes_version)
        api_version, kind = obj.get("apiVersion"), obj.get("kind")
        judge = self._judge(api_version, kind, minor, distribution)
        if judge is None:
            message = f"no schema is known for kind {kind!r} of apiVersion {api_version!r}"
            return [Violation(("kind",), "not-allowed", message)]
        found = self._refusals(judge, obj)
        if (api_version, kind) == ("v1", "Secret"):
            found = [_withheld(one, obj) for one in found]
        return sorted(found, key=lambda one: ([(isinstance(p, str), p) for p in one.path], one.message))

    def _refusals(self, judge: Judge, obj: dict[str, Any]) -> list[Violation]:
        try:
            return judge.violations(obj)
        except ValueError:
            # a value that is no JSON, or a subclass of str or int, which the fast validator does not take
            return list(_no_json((), obj)) or self._refusals(judge, json.loads(json.dumps(obj)))

    def _judge(self, api_version: object, kind: object, minor: int, distribution: str) -> Judge | None:
        if not isinstance(api_version, str) or not isinstance(kind, str):
            return None
        key = (api_version, kind, minor, distribution)
        if key not in self._judges:
            found = (source.schema(*key) for source in self.sources if source.covers(api_version, kind))
            self._judges[key] = next(found, None)
        return self._judges[key]


def _minor(version: str) -> int:
    match = re.match(r"v?1\.(\d+)(?:[.+-]|$)", version)
    if match is None:
        raise ValueError(f"{version!r} is no Kubernetes version like 1.34")
    return int(match[1])


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
