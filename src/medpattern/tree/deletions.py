"""Which objects a Plan takes away from the clusters, those that hold data first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medpattern.charts.kinds import DATA_KINDS
from medpattern.documents.file import File
from medpattern.documents.reader import parse_stream
from medpattern.errors import InputError
from medpattern.tree.plan import Action, Entry

_ACTIONS = re.compile(r"\{\{.*?\}\}")
_PATH = re.compile(rb"^    path: .*?([^/\s]+/charts/[^/\s]+)$", re.MULTILINE)
_NAMESPACE = re.compile(rb"^  destination:\n(?:    .*\n)*?    namespace: \"?([^\s\"]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Removed:
    """An object that the tree no longer has: what holds data sorts first."""

    safe: bool
    cluster: str
    kind: str
    name: str
    namespace: str
    path: str

    @property
    def holds_data(self) -> bool:
        """Whether deleting it loses data."""
        return not self.safe

    @property
    def names(self) -> set[str]:
        """How --allow-delete may name it."""
        return {f"{self.kind}/{self.name}", f"{self.cluster}/{self.kind}/{self.name}"}

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind}/{self.name}{where} on {self.cluster}"


def removed_objects(tree: Path, entries: Iterable[Entry], files: Mapping[str, File]) -> list[Removed]:
    """The objects in deleted or changed files that no file of the cluster makes any longer.

    Templates are read as YAML with their actions blanked: kind, name and namespace are literal by law.
    Ordinary charts are compared by the kinds and names that stand literally in their templates.
    """
    gone: dict[tuple[str, ...], Removed] = {}
    for path in _old_files(tree, entries, files):
        cluster = path.partition("/")[0]
        for identity in _identities(path, _content(tree / path)):
            gone[(cluster, *identity)] = _removed(cluster, identity, path)
    if not gone:
        return []
    touched = {cluster for cluster, *_ in gone}
    moved = _moved_charts(tree, entries, files)
    kept = {
        (path.partition("/")[0], *identity)
        for path, file in files.items()
        if path.partition("/")[0] in touched and _makes_objects(path) and _chart(path) not in moved
        for identity in _identities(path, file.content)
    }
    return sorted(removed for key, removed in gone.items() if key not in kept)


def _old_files(tree: Path, entries: Iterable[Entry], files: Mapping[str, File]) -> list[str]:
    """Files on disk whose objects may go: deleted and changed ones, and charts that change their namespace."""
    paths = [
        entry.path for entry in entries if entry.action in (Action.DELETE, Action.UPDATE) and _makes_objects(entry.path)
    ]
    moved = _moved_charts(tree, entries, files)
    return paths + [entry.path for entry in entries if _makes_objects(entry.path) and _chart(entry.path) in moved]


def _moved_charts(tree: Path, entries: Iterable[Entry], files: Mapping[str, File]) -> set[str]:
    """`<cluster>/charts/<app>` of Applications whose destination namespace changes."""
    moved = set()
    for entry in entries:
        if entry.action is Action.UPDATE and "/argocd/application-" in entry.path:
            old, new = _destination(_content(tree / entry.path)), _destination(files[entry.path].content)
            if old and new and old != new:
                moved.add(old[0] or new[0])
    return moved


def _destination(content: bytes) -> tuple[str, str] | None:
    """(`<cluster>/charts/<app>`, namespace) of an Application whose chart lies in the tree."""
    path, namespace = _PATH.search(content), _NAMESPACE.search(content)
    if not path or not namespace:
        return None
    return path[1].decode(), namespace[1].decode()


def _chart(path: str) -> str:
    parts = path.split("/")
    return "/".join(parts[:3]) if len(parts) > 3 and parts[1] == "charts" else ""


def _removed(cluster: str, identity: tuple[str, str, str, str], path: str) -> Removed:
    group, kind, name, where = identity
    namespace = "" if where.startswith("charts/") else where
    return Removed((group, kind) not in DATA_KINDS, cluster, kind, name, namespace, path)


def _makes_objects(path: str) -> bool:
    name = path.partition("/")[2]
    return name.endswith((".yaml", ".yml")) and (
        name.startswith(("cluster/", "argocd/")) or "/templates/" in name or "/crds/" in name
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _identities(path: str, content: bytes) -> set[tuple[str, str, str, str]]:
    """(group, kind, name, namespace or chart) of the objects in a manifest or flat template."""
    text = _ACTIONS.sub("x", content.decode("utf-8", "replace"))
    try:
        documents = [document.data for document in parse_stream(path, text)]
    except InputError:
        return set()
    chart = "/".join(path.split("/")[1:3]) if "/charts/" in path else ""
    return {found for data in documents if (found := _identity(data, chart))}


def _identity(data: Any, chart: str) -> tuple[str, str, str, str] | None:
    if not isinstance(data, dict) or not isinstance(data.get("metadata"), dict):
        return None
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    metadata = data["metadata"]
    return (
        group,
        str(data.get("kind", "")),
        str(metadata.get("name", "")),
        str(metadata.get("namespace") or chart),
    )
