"""Values that say again what holds anyway: in a layer above, or in every cluster of a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from medpattern.charts.source import ChartSource
from medpattern.documents.reader import Document
from medpattern.findings import Finding, KeyPath, Place, Severity, dotted
from medpattern.fleet.layers import Layer, Layers, LayerStack, place_of
from medpattern.fleet.merge import lookup
from medpattern.rendering.renderer import RenderedCluster


def set_paths(data: Any, base: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """(path, value) of everything that a values file sets: scalars and whole lists, not the maps around them."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from set_paths(value, (*base, key))
    else:
        yield base, data


@dataclass
class _Seen:
    """What became of one value in the places where its file counts; `like` is where the same is said below."""

    document: Document
    clusters: dict[str, None] = field(default_factory=dict)
    is_always: bool = True
    is_default: bool = False
    like: Place | None = None


@dataclass
class RepeatedBelow:
    """Finds overrides that are equal to what they override, wherever their file counts."""

    stack: LayerStack
    _seen: dict[tuple[str, KeyPath], _Seen] = field(default_factory=dict)
    _done: dict[tuple[Any, ...], list[tuple[str, KeyPath]]] = field(default_factory=dict)
    _kept: list[object] = field(default_factory=list)

    def add(self, rendered: RenderedCluster) -> None:
        """Looks at the layers of one more cluster."""
        layers = rendered.cluster.layers
        sources = {item.app.key: item.source for item in rendered.apps if item.source is not None}
        for number in range(len(layers)):
            identity = (*(id(layer.document) for layer in layers[: number + 1]), *map(id, sources.values()))
            if identity not in self._done:
                self._kept.append((layers, sources))  # what the identities name must live as long as they
                self._done[identity] = list(self._look(layers[:number], layers[number], sources))
            for key in self._done[identity]:
                self._seen[key].clusters[rendered.cluster.name] = None

    def _look(self, below: Layers, layer: Layer, sources: dict[KeyPath, ChartSource]) -> Iterator[tuple[str, KeyPath]]:
        values = self.stack.merged(below)
        for path, value in set_paths(layer.document.data):
            key = (layer.document.file, path)
            seen = self._seen.setdefault(key, _Seen(layer.document))
            like = _like(below, values, path, value)
            default = None if like else _default(values, path, value, sources)
            seen.is_always &= bool(like or default)
            seen.is_default |= default is not None
            seen.like = seen.like or like or default
            yield key

    def findings(self) -> Iterator[Finding]:
        """What is said again in every cluster that reads it."""
        for (_, path), seen in self._seen.items():
            if seen.is_always and seen.like is not None:
                place, key, clusters = seen.document.place(path), dotted(path), tuple(seen.clusters)
                if seen.is_default:
                    message = f"it is the chart's default already ({seen.like})"
                    yield Finding("repeated-default", message, place, key, "remove it", Severity.WARNING, clusters)
                else:
                    message = f"{seen.like} says the same: this changes nothing, and would hide a change there"
                    yield Finding("repeated-value", message, place, key, "remove it", Severity.WARNING, clusters)


def _like(below: Layers, values: dict[str, Any], path: KeyPath, value: Any) -> Place | None:
    """Where a layer below says the same; None if none does."""
    found, lower = lookup(values, path)
    is_same = found and value is not None and value != {} and _same(lower, value)
    return place_of(below, path) if is_same else None


def _default(values: dict[str, Any], path: KeyPath, value: Any, sources: dict[KeyPath, ChartSource]) -> Place | None:
    """Where the application's chart says the same, if no layer does; `values` are those of the layers below."""
    source = sources.get(path[:3])
    if source is None or path[3:4] != ("values",) or value is None or value == {}:
        return None
    if lookup(values, path)[0] or _is_replaced(values, path):
        return None
    found, default = lookup(source.values.data, path[4:])
    return source.values.place(path[4:]) if found and _same(default, value) else None


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one type: 1 is not true, and "1" is not 1."""
    return type(one) is type(other) and one == other


def _is_replaced(values: dict[str, Any], path: KeyPath) -> bool:
    """Whether something that is no map, such as a null, stands above `path`: then setting it does something."""
    for end in range(len(path) - 1, 0, -1):
        found, value = lookup(values, path[:end])
        if found:
            return not isinstance(value, dict)
    return False


def same_in_group(clusters: Iterable[tuple[str, str, Layers]]) -> Iterator[Finding]:
    """Values that each cluster of a group sets in its own file, all to the same.

    `clusters` are all that there are, as (name, group, layers); a group of one has nothing to share.
    """
    groups: dict[str, list[tuple[str, Document | None]]] = {}
    for name, group, layers in clusters:
        own = next((layer.document for layer in layers if layer.role == "cluster"), None)
        groups.setdefault(group, []).append((name, own))
    for group, members in groups.items():
        documents = [document for _, document in members if document is not None]
        if len(documents) < 2 or len(documents) < len(members):
            continue
        names = tuple(name for name, _ in members)
        for path in _common([document.data for document in documents]):
            first, *others = (document.place(path) for document in documents)
            message = f"all {len(names)} clusters of the group '{group}' set it to the same (also {others[0]})"
            cure = f"set it once, in values-{group}.yaml"
            yield Finding("same-in-group", message, first, dotted(path), cure, Severity.WARNING, names)


def _common(maps: list[Any], base: KeyPath = ()) -> Iterator[KeyPath]:
    """The highest paths at which all `maps` have the same, which is no empty map."""
    first = maps[0]
    for key, value in first.items():
        values = [one.get(key) for one in maps]
        if not all(key in one for one in maps):
            continue
        if all(_same(value, other) for other in values) and value != {}:
            yield (*base, key)
        elif all(isinstance(item, dict) for item in values):
            yield from _common(values, (*base, key))
