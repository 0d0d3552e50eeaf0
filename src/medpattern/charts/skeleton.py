"""Kubernetes objects with leaves in them: the one form that chart and hydrated objects share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from medpattern.charts.leaves import Leaf
from medpattern.checks.kinds import DATA_KINDS
from medpattern.checks.manifests import Shared
from medpattern.findings import KeyPath


@dataclass(frozen=True)
class SkeletonObject:
    """One Kubernetes object whose leaves are still open.

    `tree` is plain data with `Leaf` objects at the leaves, `template` the file it came from and `lines` the
    template line of each key path.
    """

    api_version: str
    kind: str
    name: str
    namespace: str
    tree: dict[str, Any]
    template: str
    lines: dict[KeyPath, int] = field(compare=False, repr=False)

    @property
    def group(self) -> str:
        """The API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def holds_data(self) -> bool:
        """Whether deleting it loses data."""
        return (self.group, self.kind) in DATA_KINDS

    def line_of(self, path: KeyPath) -> int:
        """The template line of `path`, or of the deepest part of it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def hydrate(self, values: dict[str, Any], namespace: str) -> dict[str, Any]:
        """The object that Helm makes of it with `values` in the release namespace `namespace`.

        Parts without leaves are not copied, so nobody may change it.
        """
        hydrated: dict[str, Any] = _hydrate(self.tree, values, namespace, self.shared.ids)
        return hydrated

    @cached_property
    def shared(self) -> Shared:
        """The parts without leaves, which are the same maps and lists in every object that this one becomes."""
        return Shared(frozenset(_constant_parts(self.tree)))


def file_name(kind: str, name: str, namespace: str = "") -> str:
    """`<kind>-<name>.yaml`, or `<kind>-<namespace>-<name>.yaml` where another namespace has taken that.

    Characters that a file name should not have (as in RBAC names) become '-'.
    """
    words = "-".join(word for word in (namespace, name) if word)
    return f"{kind.lower()}-{re.sub('[^A-Za-z0-9._-]', '-', words)}.yaml"


def _hydrate(node: Any, values: dict[str, Any], namespace: str, constant: frozenset[int]) -> Any:
    if isinstance(node, Leaf):
        return node.resolve(values, namespace)
    if id(node) in constant:
        return node
    if isinstance(node, dict):
        return {key: _hydrate(item, values, namespace, constant) for key, item in node.items()}
    if isinstance(node, list):
        return [_hydrate(item, values, namespace, constant) for item in node]
    return node


def _constant_parts(node: Any) -> Iterator[int]:
    """The ids of the largest maps and lists below `node` in which there is no leaf."""
    for item in node.values() if isinstance(node, dict) else node:
        if isinstance(item, dict | list):
            if _has_leaf(item):
                yield from _constant_parts(item)
            else:
                yield id(item)


def _has_leaf(node: Any) -> bool:
    if isinstance(node, dict | list):
        return any(_has_leaf(item) for item in (node.values() if isinstance(node, dict) else node))
    return isinstance(node, Leaf)
