"""Two rendered trees, object by object, with one change on many clusters told once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from medpattern.charts import helm
from medpattern.charts.files import COPIED_VALUES
from medpattern.charts.flat import UnreadableChartError, hydrate_flat
from medpattern.checks.schemas import SchemaSet
from medpattern.documents.reader import parse_stream
from medpattern.documents.writer import dump
from medpattern.errors import HelmError, InputError
from medpattern.tree.reading import read_application
from medpattern.tree.receipt import RECEIPT

Tree = Mapping[str, bytes]
Files = dict[str, bytes]
Texts = dict[str, str]

_CHART = re.compile(r"charts/[^/]+(?=/)")
_PLACEHOLDER = "<cluster>"


@dataclass(frozen=True)
class ObjectDiff:
    """The unified diff of one object, the same on all of `clusters`.

    `part` is the application, or "cluster" and "argocd" for what the root applies.
    """

    part: str
    label: str
    clusters: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class TreeDiff:
    """What changes between two trees; `notes` name each application that was compared by its files, and why."""

    objects: tuple[ObjectDiff, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Chart:
    """One application's chart on one side: `files` by name in the chart, none if it is not there."""

    app: str
    namespace: str
    files: Files


def tree_diff(old: Tree, new: Tree) -> TreeDiff:
    """What changes from `old` to `new`, both files by path in the tree.

    Args:
        old: the tree as it is.
        new: the tree as it would become.
    """
    before, after = _parts(old), _parts(new)
    hydrator = _Hydrator()
    folded: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, tuple[str, ...]]]] = {}
    for cluster, folder in sorted(before.keys() | after.keys()):
        part = folder.removeprefix("charts/")
        had, has = _changed_objects(cluster, folder, before, after, hydrator)
        for label in sorted(had.keys() | has.keys()):
            lines = _unified(had.get(label, ""), has.get(label, ""))
            if lines:
                changes = tuple(_neutral(line, cluster) for line in lines if line[:1] in "+-")
                folded.setdefault((part, _neutral(label, cluster), changes), []).append((cluster, lines))
    objects = tuple(
        ObjectDiff(part, label if len(found) > 1 else label.replace(_PLACEHOLDER, found[0][0]),
                   tuple(cluster for cluster, _ in found), found[0][1])
        for (part, label, _), found in sorted(folded.items(), key=lambda entry: entry[0][:2])
    )  # fmt: skip
    return TreeDiff(objects, tuple(f"{app}: {why}" for app, why in sorted(hydrator.notes.items())))


def cluster_ranges(clusters: Sequence[str], fleet: Iterable[str]) -> str:
    """`clusters` as runs of the sorted `fleet`.

    >>> cluster_ranges(["h-1", "h-2", "h-3", "hub"], ["h-1", "h-2", "h-3", "h-4", "hub"])
    'h-1 .. h-3, hub'
    """
    order = {name: index for index, name in enumerate(sorted(fleet))}
    runs: list[list[str]] = []
    for name in sorted(clusters):
        if runs and order.get(name, -2) == order.get(runs[-1][-1], -9) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(f"{run[0]} .. {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _neutral(text: str, cluster: str) -> str:
    """`text` without the cluster's own name, so that the same change on two clusters compares equal."""
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(cluster)}(?![A-Za-z0-9])", _PLACEHOLDER, text)


def _parts(tree: Tree) -> dict[tuple[str, str], Files]:
    """The files, by name in the cluster's folder, of each (cluster, `charts/<app>` or folder or file at the top)."""
    parts: dict[tuple[str, str], Files] = {}
    for path, content in tree.items():
        cluster, _, name = path.partition("/")
        if name != RECEIPT:
            chart = _CHART.match(name)
            folder = chart[0] if chart else name.partition("/")[0].removesuffix(".yaml")
            parts.setdefault((cluster, folder), {})[name] = content
    return parts


def _changed_objects(
    cluster: str,
    folder: str,
    before: Mapping[tuple[str, str], Files],
    after: Mapping[tuple[str, str], Files],
    hydrator: _Hydrator,
) -> tuple[Texts, Texts]:
    """The old and the new objects, as YAML by label, among which the changed ones of one part of a cluster are."""
    old, new = (side.get((cluster, folder), {}) for side in (before, after))
    if not folder.startswith("charts/"):
        changed = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
        had, has = (
            {label: text for name in sorted(changed) if name in side for label, text in _labelled(name, side[name])}
            for side in (old, new)
        )
        return had, has
    app = folder.removeprefix("charts/")
    manifests = [f"argocd/application-{app}.yaml", f"argocd/application-{cluster}-{app}.yaml"]
    was, becomes = (side.get((cluster, "argocd"), {}) for side in (before, after))
    if old == new and all(was.get(name) == becomes.get(name) for name in manifests):
        return {}, {}
    # The destination namespace of a chart's objects stands in its Application.
    left, right = _destination(was, manifests, app), _destination(becomes, manifests, app)
    if old == new and left == right:
        return {}, {}
    prefix = len(folder) + 1
    return hydrator.both(
        _Chart(app, left, {name[prefix:]: content for name, content in old.items()}),
        _Chart(app, right, {name[prefix:]: content for name, content in new.items()}),
    )


def _destination(files: Files, manifests: Iterable[str], app: str) -> str:
    for name in manifests:
        found = read_application(files[name]) if name in files else None
        if found and found.app == app:
            return found.namespace
    return ""


@dataclass
class _Hydrator:
    """Makes objects of charts; `notes` tells, by application, why Helm did not."""

    notes: dict[str, str] = field(default_factory=dict)
    _made: dict[tuple[str, str, frozenset[tuple[str, bytes]]], Texts | None] = field(default_factory=dict)

    @cached_property
    def _has_helm(self) -> bool:
        return bool(helm.available())

    def both(self, old: _Chart, new: _Chart) -> tuple[Texts, Texts]:
        """The objects of both as YAML by label; the files of both if one of them cannot be hydrated."""
        had, has = self._objects(old), self._objects(new)
        if had is None or has is None:
            return _texts(old.files), _texts(new.files)
        return had, has

    def _objects(self, chart: _Chart) -> Texts | None:
        if COPIED_VALUES in chart.files:
            # Clusters that share chart, values and namespace share what Helm makes of them.
            key = (chart.app, chart.namespace, frozenset(chart.files.items()))
            if key not in self._made:
                self._made[key] = self._by_helm(chart)
            return self._made[key]
        try:
            return _by_label(hydrate_flat(_texts(chart.files), chart.namespace), chart.namespace)
        except UnreadableChartError:
            return None

    def _by_helm(self, chart: _Chart) -> Texts | None:
        if not self._has_helm:
            self.notes[chart.app] = helm.NEEDS_HELM
            return None
        try:
            made = helm.template(chart.files, chart.app, chart.namespace or "default", COPIED_VALUES)
        except HelmError as error:
            self.notes[chart.app] = f"not hydrated: {error}"
            return None
        except InputError as error:
            self.notes[chart.app] = f"not hydrated: {'; '.join(map(str, error.findings))}"
            return None
        return _by_label((made_by for _, made_by in made), chart.namespace)


def _texts(files: Files) -> Texts:
    return {name: content.decode("utf-8", "replace") for name, content in files.items()}


def _labelled(name: str, content: bytes) -> list[tuple[str, str]]:
    """The objects of a manifest as YAML with their labels; the text with the file's name if it is no YAML."""
    text = content.decode("utf-8", "replace")
    try:
        documents = parse_stream(name, text)
    except InputError:
        return [(name, text)]
    return list(_by_label((item.data for item in documents if isinstance(item.data, dict)), "").items())


def _by_label(objects: Iterable[dict[str, Any]], namespace: str) -> Texts:
    found: Texts = {}
    for item in objects:
        label = _label(item, namespace)
        # Kinds of one name in two API groups stay two documents.
        found[label] = f"{found[label]}---\n{dump(item)}" if label in found else dump(item)
    return found


@cache
def _schemas() -> SchemaSet:
    return SchemaSet()


def _label(found: dict[str, Any], namespace: str) -> str:
    metadata = found.get("metadata") or {}
    group = str(found.get("apiVersion", "")).rpartition("/")[0]
    is_clusters = (
        found.get("kind") == "CustomResourceDefinition" or _schemas().scope(group, str(found.get("kind"))) == "Cluster"
    )
    where = metadata.get("namespace") or ("" if is_clusters else namespace)
    return f"{found.get('kind')}/{metadata.get('name')}" + (f" in {where}" if where else "")


def _unified(before: str, after: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return tuple(lines)[2:]
