"""The values of one application: chart defaults, layers, its own section, facts and overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from medpattern.charts.catalog import top_level_names
from medpattern.charts.mirrors import with_mirrors
from medpattern.charts.source import ChartSource, fill_declared
from medpattern.documents.scalars import Scalar
from medpattern.findings import KeyPath, Place, parse_dotted
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.layers import Layer, Layers, Occurrence, trace
from medpattern.fleet.merge import lookup, merge, without_nulls
from medpattern.fleet.sections import Application, Override

_SECTIONS = frozenset({"main", "clusterGroup", "medpattern"})
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")


@dataclass(frozen=True)
class ChartValues:
    """The merged values of `app` on `cluster`, and where each came from. `values` has tombstones.

    `derived` are the keys that no file sets: medpattern fills them from the cluster's other applications.
    """

    cluster: Cluster
    app: Application
    source: ChartSource | None
    extra: Layers
    values: dict[str, Any] = field(repr=False)
    derived: frozenset[str] = frozenset()

    def chain(self, path: KeyPath) -> Iterator[Occurrence]:
        """Everything that sets `path`, the winner first.

        What is derived, an override, an injected fact, the application's own section, its extra value files, the
        layers, the chart's default.
        """
        if self.source is not None and path and path[0] in self.derived:
            yield Occurrence("wiring", Place(f"{self.source.shown}/Chart.yaml"), lookup(self.values, path)[1])
        yield from self._overrides(path)
        yield from self._facts(path)
        own = (*self.app.key, "values")
        yield from trace(self._layers_of_entry(), (*own, *path), below=len(self.app.key))
        yield from trace(self.extra, path)
        if path and path[0] not in _SECTIONS:
            yield from trace(self.cluster.layers, path)
        if self.source is not None:
            yield from trace((Layer("chart default", self.source.values),), path)

    def _layers_of_entry(self) -> Layers:
        """The layers that make up the application's entry: in list form only the one whose list won."""
        layers = self.cluster.layers
        if not any(isinstance(key, int) for key in self.app.key):
            return layers
        return next(((layer,) for layer in reversed(layers) if lookup(layer.document.data, self.app.key[:2])[0]), ())

    def place(self, path: KeyPath) -> Place:
        """Where the winner of `path`, or of the deepest part of it that is set, stands."""
        for end in range(len(path), 0, -1):
            winner = next(self.chain(path[:end]), None)
            if winner is not None:
                return winner.place
        return self.cluster.place(self.app.key)

    def _overrides(self, path: KeyPath) -> Iterator[Occurrence]:
        for override in reversed(self.app.overrides):
            if override_path(override) == path:
                yield Occurrence("overrides", self.cluster.place(override.key), override_value(override))

    def _facts(self, path: KeyPath) -> Iterator[Occurrence]:
        if len(path) != 2 or path[0] != "global" or path[1] not in self.cluster.injected:
            return
        key = str(path[1])
        facts = self.cluster.facts
        if key in _GIT_KEYS and key not in facts.parameters:
            place = self.cluster.place(("main", "git", _GIT_KEYS[key]))
        elif facts.document is None:
            place = self.cluster.place(("main", "clusterGroupName"))
        else:
            place = facts.document.place(("parameters", key) if key in facts.parameters else (_FACT_KEYS.get(key, ""),))
        yield Occurrence("facts", place, self.cluster.injected[key])


_GIT_KEYS = {"repoURL": "repoURL", "targetRevision": "revision"}
_FACT_KEYS = {
    "clusterDomain": "domain",
    "clusterPlatform": "platform",
    "clusterVersion": "version",
    "localClusterDomain": "appsDomain",
    "hubClusterDomain": "hub",
    "distribution": "distribution",
    "kubernetesVersion": "kubernetesVersion",
}


@dataclass
class ValuesBuilder:
    """Builds `ChartValues`; what clusters share (all but `global`) is merged and checked once."""

    _bases: dict[tuple[Any, ...], tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    # Values of one cluster's own are never asked for again; what is shared is asked for soon.
    LIMIT: ClassVar[int] = 256

    def for_source(self, cluster: Cluster, app: Application, source: ChartSource, extra: Layers) -> ChartValues:
        """For a chart source: complete under its schema, image references mirrored, no tombstones left."""
        keys = source.schema.get("properties", {})
        top = {key: cluster.values[key] for key in keys if key in cluster.values and key != "global"}
        mirrors = cluster.globals.get("mirrors") or {}
        identity = (
            id(source),
            id(app),
            *map(id, top.values()),
            *(id(layer.document) for layer in extra),
            str(mirrors),
        )
        if identity not in self._bases:
            if len(self._bases) >= self.LIMIT:
                del self._bases[next(iter(self._bases))]
            merged = self._merged(source, top, app, extra, keys)
            # What the identities name must live as long as the cache entry.
            self._bases[identity] = ((source, app, top, extra), with_mirrors(merged, mirrors))
        base = self._bases[identity][1]
        values = dict(base)
        if "global" in keys:
            values["global"] = _global(cluster, app, extra, source.values.data.get("global"))
        return ChartValues(cluster, app, source, extra, values)

    def _merged(
        self,
        source: ChartSource,
        top: dict[str, Any],
        app: Application,
        extra: Layers,
        keys: dict[str, Any],
    ) -> dict[str, Any]:
        defaults = {key: item for key, item in source.values.data.items() if key != "global"}
        merged = merge(defaults, top)
        for layer in extra:
            merged = merge(merged, {key: item for key, item in layer.document.data.items() if key in keys})
        merged = merge(merged, app.values)
        merged = with_overrides(merged, app)
        merged.pop("global", None)
        return fill_declared(without_nulls(merged), source.schema)

    def for_helm(self, cluster: Cluster, app: Application, source: ChartSource | None, extra: Layers) -> ChartValues:
        """For an ordinary chart: what it declares or mentions, with nulls where they meet a default.

        A remote chart (`source` None) gets the application's own values, since what it reads is unknown.
        """
        known = top_level_names(source) if source else set()
        values: dict[str, Any] = {key: item for key, item in cluster.values.items() if key in known and key != "global"}
        for layer in extra:
            reads = {k: v for k, v in layer.document.data.items() if source is None or k in known}
            values = merge(values, reads)
        values = with_overrides(merge(values, app.values), app)
        defaults = source.values.data if source else None
        if "global" in known:
            values["global"] = _global(cluster, app, extra, None)
        values = with_mirrors(_nulls_over_defaults(values, defaults), cluster.globals.get("mirrors") or {})
        return ChartValues(cluster, app, source, extra, values)


def _global(cluster: Cluster, app: Application, extra: Layers, default: Any) -> dict[str, Any]:
    """`global` as a chart sees it: its default, the layers, the application's own, the facts, overrides."""
    result: dict[str, Any] = default if isinstance(default, dict) else {}
    for data in (cluster.values, *(layer.document.data for layer in extra), app.values):
        section = data.get("global")
        if isinstance(section, dict):
            result = merge(result, section)
    result = with_overrides({"global": merge(result, cluster.injected)}, app)["global"]
    kept: dict[str, Any] = without_nulls(result)
    return kept


def _nulls_over_defaults(values: dict[str, Any], defaults: Any) -> dict[str, Any]:
    """Nulls stay where they delete a default of the chart (or might: `defaults` None); others go."""
    result: dict[str, Any] = {}
    for key, item in values.items():
        if defaults is None:
            known, below = True, None
        else:
            known = isinstance(defaults, dict) and key in defaults
            below = defaults[key] if known else {}
        if isinstance(item, dict):
            result[key] = _nulls_over_defaults(item, {} if known and below is None and defaults else below)
        elif item is not None or known:
            result[key] = item
    return result


def with_overrides(values: dict[str, Any], app: Application) -> dict[str, Any]:
    """`values` with the overrides of `app` set, in order."""
    for override in app.overrides:
        values = _set(values, override_path(override), override_value(override))
    return values


def override_path(override: Override) -> KeyPath:
    """Its dotted path as keys; a path that cannot be read is one key."""
    try:
        return parse_dotted(override.path)
    except ValueError:
        return (override.path,)


def override_value(override: Override) -> Scalar:
    """Its value as Helm's --set would take the text: integers and booleans typed, the rest text."""
    value = override.value
    if override.force_string:
        return ("true" if value else "false") if isinstance(value, bool) else str(value)
    if isinstance(value, str):
        if value in ("true", "false"):
            return value == "true"
        if _INTEGER.match(value):
            return int(value)
    return value


def _set(data: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(key, int) and isinstance(data, list):
        items = [*data, *([None] * (key + 1 - len(data)))]
        items[key] = _set(items[key], rest, value)
        return items
    data = data if isinstance(data, dict) else {}
    return {**data, str(key): _set(data.get(str(key)), rest, value)}
