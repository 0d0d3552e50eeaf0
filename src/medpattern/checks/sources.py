"""Where schemas of Kubernetes objects come from: what every source answers, and definitions as one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from medpattern.checks.crds import CustomKind, Skipped
    from medpattern.documents.validation import Schema, Violation

Scope = Literal["Cluster", "Namespaced"]


class KindRow(NamedTuple):
    """A kind with a schema: its names, its scope if that is known, and the source."""

    api_version: str
    kind: str
    scope: Scope | None
    source: str


class Judge(Protocol):
    """What decides whether an object is right."""

    def violations(self, data: Any) -> list[Violation]:
        """Everything in `data` that is wrong."""


class Source(Protocol):
    """Schemas from one place; `label` names it for people."""

    label: str

    def rows(self) -> Iterable[KindRow]:
        """Every kind with a schema that can be listed."""

    def covers(self, api_version: str, kind: str) -> bool:
        """Whether there is a schema for the kind."""

    def scope(self, group: str, kind: str) -> Scope | None:
        """Whether objects of a kind live in a namespace; None if that is not known here."""

    def schema(self, api_version: str, kind: str, minor: int, distribution: str) -> Judge | None:
        """The judge of a kind's objects on Kubernetes 1.`minor`; None if the kind has none here."""


def group_of(api_version: str) -> str:
    """The group of "group/version"; "" for the core group, whose apiVersion is the version alone."""
    return api_version.rpartition("/")[0]


class Definitions:
    """CustomResourceDefinitions as a source; each is converted when its kind is asked for first.

    `skipped` tells, once `rows` has been asked for, what could not be converted.
    """

    def __init__(self, label: str, crds: Iterable[dict[str, Any]]) -> None:
        self.label = label
        self.skipped: list[Skipped] = []
        self._crds = {key: crd for crd in crds if (key := _names(crd))}
        self._kinds: dict[tuple[str, str], dict[str, CustomKind]] = {}
        self._schemas: dict[tuple[str, str], Schema] = {}

    def rows(self) -> Iterator[KindRow]:
        """Every kind in each of its versions."""
        for group, kind in self._crds:
            for found in self._converted(group, kind).values():
                yield KindRow(found.api_version, found.kind, found.scope, self.label)

    def covers(self, api_version: str, kind: str) -> bool:
        """Whether a definition serves the kind in this version."""
        return api_version in self._converted(group_of(api_version), kind)

    def scope(self, group: str, kind: str) -> Scope | None:
        """As the definition says."""
        return next((found.scope for found in self._converted(group, kind).values()), None)

    def schema(self, api_version: str, kind: str, minor: int, distribution: str) -> Schema | None:
        """The kind's strict schema, the same for every platform."""
        from medpattern.checks.lists import ObjectSchema

        found = self._converted(group_of(api_version), kind).get(api_version)
        if found is None:
            return None
        return self._schemas.setdefault((api_version, kind), ObjectSchema(found.schema))

    def _converted(self, group: str, kind: str) -> dict[str, CustomKind]:
        from medpattern.checks.crds import convert

        if (group, kind) in self._crds and (group, kind) not in self._kinds:
            kinds, skipped = convert(self._crds[group, kind])
            self._kinds[group, kind] = {found.api_version: found for found in kinds}
            self.skipped += skipped
        return self._kinds.get((group, kind), {})


def _names(crd: dict[str, Any]) -> tuple[str, str] | None:
    """The group and the kind that a definition defines; None if it says neither."""
    spec = crd.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if not isinstance(names, dict) or not isinstance(spec, dict):
        return None
    return str(spec.get("group", "")), str(names.get("kind", ""))
