"""Which objects a Plan takes away from the clusters, those that hold data first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medpattern.charts import helm
from medpattern.charts.files import COPIED_VALUES
from medpattern.checks.kinds import CONFIRM, DATA_KINDS, SYNC_OPTIONS
from medpattern.documents.file import File
from medpattern.documents.reader import parse_stream
from medpattern.errors import HelmError, InputError
from medpattern.tree.files import files_in
from medpattern.tree.plan import Action, Entry
from medpattern.tree.reading import read_application

_ACTION_LINE = re.compile(r"^[ \t]*\{\{.*?\}\}[ \t]*\n", re.MULTILINE)
_ACTION = re.compile(r"\{\{.*?\}\}")

Read = Callable[[str], bytes]


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


@dataclass(frozen=True, slots=True)
class _Object:
    """What identifies an object; `unit` stands for the release's namespace where it names none."""

    group: str
    kind: str
    name: str
    namespace: str
    unit: str


def removed_objects(
    tree: Path, entries: Iterable[Entry], files: Mapping[str, File], lost: Mapping[str, bytes] | None = None
) -> list[Removed]:
    """The objects in deleted or changed files that no file of the cluster makes any longer.

    Generated templates are read as YAML with their actions blanked: kind, name and namespace are literal by
    law. Ordinary charts are hydrated where there is Helm; else only what stands literally in their
    templates is seen. An object holds data by its kind, or if Argo CD was told to ask before it deletes it.

    Args:
        tree: the rendered tree's folder, as it still is.
        entries: the plan.
        files: the new files by path in the tree.
        lost: committed files that are gone from the tree without a render having removed them.
    """
    entries = list(entries)
    lost = lost or {}
    moved = _moved_charts(tree, entries, files)
    units = {_unit(entry.path) for entry in entries if _may_remove(entry, tree)} | moved
    units |= {_unit(path) for path in lost if path not in files}

    def old(path: str) -> bytes:
        try:
            return (tree / path).read_bytes()
        except OSError:
            return lost.get(path, b"")

    gone: dict[tuple[str, _Object], tuple[bool, str]] = {}
    for unit in units:
        cluster = unit.partition("/")[0]
        paths = [f"{unit}/{name}" for name in files_in(tree / unit)] if _is_chart(unit) else [unit]
        paths += [path for path in lost if path.startswith(f"{unit}/")]
        for path, found, guarded in _objects(unit, paths, old):
            gone[(cluster, found)] = (guarded, path)
    if not gone:
        return []
    names = {found.name.encode() for _, found in gone}
    for cluster in {cluster for cluster, _ in gone}:
        for unit, paths in _units(files, cluster).items():
            copied = f"{unit}/{COPIED_VALUES}" in paths
            if unit in moved or not (copied or any(name in files[path].content for path in paths for name in names)):
                continue
            for _, found, _ in _objects(unit, paths, lambda path: files[path].content):
                gone.pop((cluster, found), None)
    return sorted(
        Removed(not guarded, cluster, found.kind, found.name, found.namespace, path)
        for (cluster, found), (guarded, path) in gone.items()
    )


def _may_remove(entry: Entry, tree: Path) -> bool:
    """Whether carrying out `entry` can take an object away: in an ordinary chart any value can."""
    if entry.action not in (Action.DELETE, Action.UPDATE):
        return False
    name = entry.path.partition("/")[2]
    if name.startswith(("cluster/", "argocd/")) or "/templates/" in name or "/crds/" in name:
        return True
    return name.startswith("charts/") and (tree / _unit(entry.path) / COPIED_VALUES).is_file()


def _unit(path: str) -> str:
    """The chart's folder that a file belongs to, or the file itself."""
    parts = path.split("/")
    return "/".join(parts[:3]) if len(parts) > 3 and parts[1] == "charts" else path


def _is_chart(unit: str) -> bool:
    return unit.count("/") == 2 and unit.split("/")[1] == "charts"


def _units(files: Mapping[str, File], cluster: str) -> dict[str, list[str]]:
    units: dict[str, list[str]] = {}
    for path in files:
        if path.startswith(f"{cluster}/"):
            units.setdefault(_unit(path), []).append(path)
    return units


def _objects(unit: str, paths: Iterable[str], read: Read) -> Iterator[tuple[str, _Object, bool]]:
    """(file, object, whether it is guarded as data) of a chart or a manifest."""
    paths = sorted(paths)
    label = unit.partition("/")[2] if _is_chart(unit) else ""
    hydrated = _hydrated(unit, paths, read)
    if hydrated is not None:
        for name, data in hydrated:
            yield from _identified(f"{unit}/{name}", data, label)
        return
    for path in paths:
        if label and "/templates/" not in path and "/crds/" not in path:
            continue
        text = _ACTION.sub("x", _ACTION_LINE.sub("", read(path).decode("utf-8", "replace")))
        try:
            documents = [document.data for document in parse_stream(path, text)]
        except InputError:
            continue
        for data in documents:
            yield from _identified(path, data, label)


def _hydrated(unit: str, paths: list[str], read: Read) -> list[tuple[str, dict[str, Any]]] | None:
    """What Helm makes of an ordinary chart; None for others, without Helm, and if Helm refuses it."""
    if f"{unit}/{COPIED_VALUES}" not in paths or not helm.available():
        return None
    contents = {path.removeprefix(f"{unit}/"): read(path) for path in paths}
    try:
        return helm.template(contents, "release", "default", COPIED_VALUES)
    except (HelmError, InputError):
        return None


def _identified(path: str, data: Any, unit: str) -> Iterator[tuple[str, _Object, bool]]:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    if not isinstance(metadata, dict):
        return
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    kind, namespace = str(data.get("kind", "")), str(metadata.get("namespace") or "")
    found = _Object(group, kind, str(metadata.get("name", "")), namespace, "" if namespace else unit)
    annotations = metadata.get("annotations")
    options = str(annotations.get(SYNC_OPTIONS, "")) if isinstance(annotations, dict) else ""
    yield path, found, (group, kind) in DATA_KINDS or any(word in options for word in CONFIRM)


def _moved_charts(tree: Path, entries: Iterable[Entry], files: Mapping[str, File]) -> set[str]:
    """`<cluster>/charts/<app>` of Applications whose destination namespace changes: all they made goes."""
    moved = set()
    for entry in entries:
        if entry.action is Action.UPDATE and "/argocd/application-" in entry.path:
            old, new = read_application((tree / entry.path).read_bytes()), read_application(files[entry.path].content)
            if old and new and old.chart_folder and old.namespace != new.namespace:
                moved.add(old.chart_folder)
    return moved
