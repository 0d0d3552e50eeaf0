"""Where the objects of a kind are, as an API server tells it: its discovery, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.errors import RemoteError


class UnknownKindError(RemoteError):
    """The API server does not know a kind: what brings it is not installed, or not yet."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind and the path of its objects. `group` is "" for the core group; `verbs` are what the server offers."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    @property
    def api_version(self) -> str:
        """Such as "apps/v1", or "v1" of the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None) -> str:
        """The path of the objects in a namespace; of all, without one or where the kind lives in none."""
        start = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{start}{within}/{self.plural}"


class Resources:
    """All kinds of a server, in its order: the version that it prefers before others of the same group."""

    def __init__(self, found: Iterable[Resource]) -> None:
        self.all = tuple(found)
        self._by_version = {(one.api_version, one.kind): one for one in reversed(self.all)}
        self._preferred = {(one.group, one.kind): one for one in reversed(self.all)}

    def of(self, api_version: str, kind: str) -> Resource:
        """The kind in a version; `UnknownKindError` if the server does not have it."""
        found = self._by_version.get((api_version, kind))
        if found is None:
            raise UnknownKindError(f"the cluster does not know {kind} of {api_version}")
        return found

    def preferred(self, group: str, kind: str) -> Resource | None:
        """The kind in the version that the server prefers; None if it does not have it."""
        return self._preferred.get((group, kind))

    def has(self, api_version: str, kind: str) -> bool:
        """Whether the server knows the kind in that version."""
        return (api_version, kind) in self._by_version


def from_aggregated(answer: Any) -> Iterator[Resource]:
    """The kinds of an APIGroupDiscoveryList of apidiscovery.k8s.io/v2, subresources left out."""
    for group in answer.get("items") or ():
        for version in group.get("versions") or ():
            for row in version.get("resources") or ():
                kind = row.get("responseKind") or {}
                yield Resource(
                    group=str(group.get("metadata", {}).get("name") or ""),
                    version=str(version["version"]),
                    kind=str(kind.get("kind") or ""),
                    plural=str(row["resource"]),
                    namespaced=row.get("scope") == "Namespaced",
                    verbs=frozenset(row.get("verbs") or ()),
                )


def from_version(api_version: str, answer: Any) -> Iterator[Resource]:
    """The kinds of an APIResourceList of one group and version, subresources left out."""
    group, _, version = api_version.rpartition("/")
    for row in answer.get("resources") or ():
        if "/" not in row["name"]:
            yield Resource(
                group,
                version,
                str(row["kind"]),
                str(row["name"]),
                bool(row["namespaced"]),
                frozenset(row.get("verbs") or ()),
            )


# What needs no question, since every server that has it has it there.
WELL_KNOWN = {
    (one.api_version, one.kind): one
    for one in (
        Resource("", "v1", "ConfigMap", "configmaps", namespaced=True),
        Resource("", "v1", "Namespace", "namespaces", namespaced=False),
        Resource("", "v1", "Secret", "secrets", namespaced=True),
        Resource("", "v1", "ServiceAccount", "serviceaccounts", namespaced=True),
        Resource("argoproj.io", "v1alpha1", "AppProject", "appprojects", namespaced=True),
        Resource("argoproj.io", "v1alpha1", "Application", "applications", namespaced=True),
    )
}
