"""Values files that say more than anybody reads: warnings that need all clusters of the fleet.

What no chart could ever read is an error or a warning of rendering (closed schemas, `unread-global`, `unread-value`).
Here is what a chart could read, and does not, on any cluster that has the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from medpattern.charts.catalog import top_level_names
from medpattern.charts.source import ChartSource
from medpattern.checks.policy.credentials import credential
from medpattern.checks.policy.reading import strings
from medpattern.documents.reader import Document
from medpattern.findings import Finding, KeyPath, Place, Severity, dotted
from medpattern.fleet.layers import Layers, LayerStack
from medpattern.fleet.merge import lookup
from medpattern.rendering.apps import RenderedApp
from medpattern.rendering.overrides import RepeatedBelow, same_in_group, set_paths
from medpattern.rendering.renderer import RenderedCluster
from medpattern.rendering.warnings import FRAMEWORK_GLOBALS, FRAMEWORK_SECTIONS

_MENTION = re.compile(r"\.Values((?:\.[A-Za-z_]\w*)+)")
# Words that say what happens if a value is not there.
_GUARD = re.compile(r"\b(if|with|range|default|empty|not|and|or|hasKey|coalesce|required|ternary|dig|kindIs|get)\b")


@dataclass
class _Set:
    """A value of an application in a values file: where it counts, and whether anything reads it there."""

    document: Document
    clusters: dict[str, None] = field(default_factory=dict)
    is_read: bool = False


@dataclass
class HygieneCheck:
    """Collects what each cluster reads; `findings` tells what of the values files is for nothing."""

    stack: LayerStack
    _clusters: list[tuple[str, str, Layers]] = field(default_factory=list)
    _set: dict[str, dict[KeyPath, _Set]] = field(default_factory=dict)
    _unset: dict[tuple[Place, str], dict[str, None]] = field(default_factory=dict)
    _mentions: dict[int, tuple[ChartSource, list[tuple[KeyPath, str, int, bool]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._repeated = RepeatedBelow(self.stack)

    def add(self, rendered: RenderedCluster) -> None:
        """Notes one more cluster; each is added once."""
        cluster = rendered.cluster
        self._clusters.append((cluster.name, cluster.facts.group, cluster.layers))
        self._repeated.add(rendered)
        for item in rendered.apps:
            if item.source is not None:
                self._note(rendered, item)
            if item.is_copied:
                self._note_unset(rendered, item)

    def findings(self) -> Iterator[Finding]:
        """All warnings, once every cluster of the fleet has been added."""
        yield from self._idle()
        yield from self._never_set()
        yield from self._repeated.findings()
        yield from same_in_group(self._clusters)
        yield from self._credentials()

    # Values that nothing reads ------------------------------------------------------------------------

    def _note(self, rendered: RenderedCluster, item: RenderedApp) -> None:
        for layer in rendered.cluster.layers:
            of_file = self._set.setdefault(layer.document.file, {})
            for base, section in _sections(item, layer.document.data):
                for path, value in set_paths(section):
                    if value is not None and value != {}:
                        noted = of_file.setdefault((*base, *path), _Set(layer.document))
                        noted.clusters[rendered.cluster.name] = None
                        noted.is_read = noted.is_read or self._reads(item, path)

    def _reads(self, item: RenderedApp, path: KeyPath) -> bool:
        if item.chart is not None:
            return lookup(item.chart.values, path)[0]
        if item.source is None or path[0] == "global" or _is_packed(item.source, str(path[0])):
            return True
        found, default = lookup(item.source.values.data, path)
        return found or default == {} or any(_meet(path, mentioned) for mentioned, *_ in self._of(item.source))

    def _idle(self) -> Iterator[Finding]:
        for of_file in self._set.values():
            idle = {_highest(of_file, path): noted for path, noted in of_file.items() if not noted.is_read}
            for path, noted in idle.items():
                message = f"no template reads it on {_listed(noted.clusters)}, where it would count"
                cure = "remove it, or switch on what it is for"
                place, clusters = noted.document.place(path), tuple(noted.clusters)
                yield Finding("idle-value", message, place, dotted(path), cure, Severity.WARNING, clusters)

    # Values that templates read and nobody sets ---------------------------------------------------------

    def _note_unset(self, rendered: RenderedCluster, item: RenderedApp) -> None:
        assert item.source is not None
        for path, template, line, is_guarded in self._of(item.source):
            is_set = lookup(item.values.values, path)[0] or lookup(item.source.values.data, path)[0]
            if not is_guarded and not is_set and path[0] != "global":
                place = Place(f"{item.source.shown}/{template}", line, 1)
                self._unset.setdefault((place, dotted(path)), {})[rendered.cluster.name] = None

    def _never_set(self) -> Iterator[Finding]:
        for (place, path), clusters in self._unset.items():
            message = f"the template reads {path}, which nobody sets and which has no default: Helm prints nothing"
            cure = "give it a default in the chart's values.yaml, or set it"
            yield Finding("unset-value", message, place, path, cure, Severity.WARNING, tuple(clusters))

    def _of(self, source: ChartSource) -> list[tuple[KeyPath, str, int, bool]]:
        """(path, template, line, whether it may be absent) of each value that an ordinary chart mentions."""
        if id(source) not in self._mentions:
            self._mentions[id(source)] = (source, list(_mentions(source)))
        return self._mentions[id(source)][1]

    # Credentials that no object shows ---------------------------------------------------------------------

    def _credentials(self) -> Iterator[Finding]:
        documents: dict[int, tuple[Document, dict[str, None]]] = {}
        for name, _, layers in self._clusters:
            for layer in layers:
                documents.setdefault(id(layer.document), (layer.document, {}))[1][name] = None
        for document, clusters in documents.values():
            for text in strings(document.data):
                told = credential(text.name, text.text)
                noted = self._set.get(document.file, {}).get(text.path)
                if told and not (noted and noted.is_read):
                    message = f"{told}: it looks like a credential"
                    cure = "take it out, also of git's history, change it, and put it into the secret store"
                    place = document.place(text.path)
                    yield Finding("credential", message, place, dotted(text.path), cure, clusters=tuple(clusters))


# How much of a path is the place of values and no value: clusterGroup.applications.<name>.values
_DEPTHS: dict[str | int, int] = {"clusterGroup": 4, "global": 1}


def _sections(item: RenderedApp, data: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """(path, map) of what a values file says to an application: its own section, and what its chart reads of the rest.

    The names right below `global` are looked after by `unread-global`.
    """
    assert item.source is not None
    own = (*item.app.key, "values")
    found, section = lookup(data, own)
    if found and isinstance(section, dict):
        yield own, section
    names = top_level_names(item.source) - FRAMEWORK_SECTIONS
    yield (), {name: data[name] for name in sorted(names & data.keys())}
    shared = data.get("global")
    if item.source.is_source and isinstance(shared, dict):
        deep = {name: value for name, value in shared.items() if isinstance(value, dict)}
        yield (), {"global": {name: deep[name] for name in deep.keys() - FRAMEWORK_GLOBALS}}


def _highest(of_file: dict[KeyPath, _Set], path: KeyPath) -> KeyPath:
    """The highest map around `path` in which the file sets nothing that is read; never all values of an application."""
    top = path
    for end in range(len(path) - 1, _DEPTHS.get(path[0], 0), -1):
        if any(noted.is_read for at, noted in of_file.items() if at[:end] == path[:end]):
            break
        top = path[:end]
    return top


def _mentions(source: ChartSource) -> Iterator[tuple[KeyPath, str, int, bool]]:
    for name, content in sorted(source.files.items()):
        if not name.startswith("templates/") or b".Values." not in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), start=1):
            for match in _MENTION.findall(line):
                yield tuple(match.strip(".").split(".")), name, number, bool(_GUARD.search(line))


def _meet(path: KeyPath, mentioned: KeyPath) -> bool:
    """Whether one of the two is the other or above it."""
    length = min(len(path), len(mentioned))
    return path[:length] == mentioned[:length]


def _is_packed(source: ChartSource, name: str) -> bool:
    """Whether `name` is a chart that the chart carries, whose values these are then."""
    dependencies: Any = source.metadata.get("dependencies") or ()
    named = {item.get("alias") or item.get("name") for item in dependencies if isinstance(item, dict)}
    return name in named or any(file.startswith(f"charts/{name}/") for file in source.files)


def _listed(names: dict[str, None]) -> str:
    return ", ".join(list(names)[:3]) + (" ..." if len(names) > 3 else "")
