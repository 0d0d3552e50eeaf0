"""Kubernetes objects with leaves in them: the one form that chart and hydrated objects share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from medpattern.charts.leaves import Leaf
from medpattern.checks.kinds import DATA_KINDS
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
        """The object that Helm makes of it with `values` in the release namespace `namespace`."""
        hydrated: dict[str, Any] = _hydrate(self.tree, values, namespace)
        return hydrated


def file_name(kind: str, name: str, namespace: str = "") -> str:
    """`<kind>-<name>.yaml`, or `<kind>-<namespace>-<name>.yaml` where another namespace has taken that.

    Characters that a file name should not have (as in RBAC names) become '-'.
    """
    words = "-".join(word for word in (namespace, name) if word)
    return f"{kind.lower()}-{re.sub('[^A-Za-z0-9._-]', '-', words)}.yaml"


def _hydrate(node: Any, values: dict[str, Any], namespace: str) -> Any:
    if isinstance(node, dict):
        return {key: _hydrate(item, values, namespace) for key, item in node.items()}
    if isinstance(node, list):
        return [_hydrate(item, values, namespace) for item in node]
    return node.resolve(values, namespace) if isinstance(node, Leaf) else node
