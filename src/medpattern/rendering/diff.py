"""Two rendered trees, object by object, with one change on many clusters told once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medpattern.charts.files import COPIED_VALUES
from medpattern.charts.flat import UnreadableChartError, hydrate_flat
from medpattern.documents.reader import parse_stream
from medpattern.documents.writer import dump
from medpattern.errors import InputError
from medpattern.tree.receipt import RECEIPT

Tree = Mapping[str, bytes]

_CHART = re.compile(r"charts/([^/]+)/")
_NAMESPACE = re.compile(r"^  destination:\n(?:    .*\n)*?    namespace: \"?([^\s\"]+)", re.MULTILINE)
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


def tree_diff(old: Tree, new: Tree) -> list[ObjectDiff]:
    """What changes from `old` to `new`, both files by path in the tree.

    Args:
        old: the tree as it is.
        new: the tree as it would become.
    """
    folded: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, tuple[str, ...]]]] = {}
    for cluster, part in sorted(_changed_parts(old, new)):
        before, after = _objects(old, cluster, part), _objects(new, cluster, part)
        for label in sorted(before.keys() | after.keys()):
            lines = _unified(before.get(label, ""), after.get(label, ""))
            if lines:
                changes = tuple(_neutral(line, cluster) for line in lines if line[:1] in "+-")
                key = (part, _neutral(label, cluster), changes)
                folded.setdefault(key, []).append((cluster, lines))
    return [
        ObjectDiff(part, label if len(found) > 1 else label.replace(_PLACEHOLDER, found[0][0]),
                   tuple(cluster for cluster, _ in found), found[0][1])
        for (part, label, _), found in sorted(folded.items(), key=lambda entry: entry[0][:2])
    ]  # fmt: skip


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


def _changed_parts(old: Tree, new: Tree) -> set[tuple[str, str]]:
    parts = set()
    for path in old.keys() | new.keys():
        if old.get(path) != new.get(path):
            cluster, _, name = path.partition("/")
            chart = _CHART.match(name)
            if name != RECEIPT:
                parts.add((cluster, chart[1] if chart else name.partition("/")[0].removesuffix(".yaml")))
                if name.startswith("argocd/application-"):
                    # The destination namespace of a chart's objects stands in its Application.
                    parts |= _charts_of(name, cluster, old)
    return parts


def _charts_of(name: str, cluster: str, tree: Tree) -> set[tuple[str, str]]:
    app = name.removeprefix("argocd/application-").removesuffix(".yaml").removeprefix(f"{cluster}-")
    return {(cluster, app)} if any(path.startswith(f"{cluster}/charts/{app}/") for path in tree) else set()


def _objects(tree: Tree, cluster: str, part: str) -> dict[str, str]:
    """The objects of one part of a cluster as YAML by label; files that are none by their name."""
    prefix = f"{cluster}/charts/{part}/"
    files = {path.removeprefix(prefix): content for path, content in tree.items() if path.startswith(prefix)}
    if files:
        return _chart_objects(files, _destination(tree, cluster, part))
    found: dict[str, str] = {}
    for path, content in tree.items():
        if path.startswith(f"{cluster}/{part}/") or path == f"{cluster}/{part}.yaml":
            found |= _labelled(path, content)
    return found


def _destination(tree: Tree, cluster: str, app: str) -> str:
    for name in (f"application-{app}.yaml", f"application-{cluster}-{app}.yaml"):
        match = _NAMESPACE.search(tree.get(f"{cluster}/argocd/{name}", b"").decode("utf-8", "replace"))
        if match:
            return match[1]
    return ""


def _chart_objects(files: dict[str, bytes], namespace: str) -> dict[str, str]:
    texts = {name: content.decode("utf-8", "replace") for name, content in files.items()}
    if COPIED_VALUES not in files:
        try:
            return {_label(found, namespace): dump(found) for found in hydrate_flat(texts, namespace)}
        except UnreadableChartError:
            pass
    return texts


def _labelled(path: str, content: bytes) -> dict[str, str]:
    text = content.decode("utf-8", "replace")
    try:
        return {
            _label(document.data, ""): dump(document.data)
            for document in parse_stream(path, text)
            if isinstance(document.data, dict)
        }
    except InputError:
        return {path.partition("/")[2]: text}


def _label(found: dict[str, Any], namespace: str) -> str:
    metadata = found.get("metadata") or {}
    where = metadata.get("namespace") or namespace
    return f"{found.get('kind')}/{metadata.get('name')}" + (f" in {where}" if where else "")


def _unified(before: str, after: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return tuple(lines)[2:]
