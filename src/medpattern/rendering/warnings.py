"""Harmless habits and open ends: warnings with a stable code, which a values file can silence by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from medpattern.charts.catalog import Catalog, global_names, top_level_names
from medpattern.charts.helm import NEEDS_HELM
from medpattern.errors import ChartSourceError
from medpattern.findings import Finding, Severity, did_you_mean, dotted
from medpattern.fleet.layers import Layer
from medpattern.fleet.merge import lookup
from medpattern.rendering.apps import RenderedApp

# What medpattern itself, or the Validated Patterns framework, reads.
FRAMEWORK_GLOBALS = frozenset(
    {"options", "extraValueFiles", "mirrors", "pattern", "secretStore", "secretLoader", "git"}
)
FRAMEWORK_SECTIONS = frozenset({"global", "main", "clusterGroup", "medpattern"})
_FRAMEWORK = frozenset({"secretStore", "secretLoader"})


def missing_digests(apps: Iterable[RenderedApp]) -> Iterator[Finding]:
    """Images of generated charts that are pinned by tag only."""
    for rendered in apps:
        if rendered.chart is None:
            continue
        for path in rendered.chart.structure.without_digest:
            image = lookup(rendered.chart.values, path)[1]
            where = (*path, "digest")
            message = f"{image['registry']}/{image['repository']} is pinned by its tag only: what it names can change"
            cure = "set its digest once it can be looked up"
            yield Finding(
                "missing-digest", message, rendered.values.place(where), dotted(where), cure, Severity.WARNING
            )


def not_hydrated(apps: Iterable[RenderedApp]) -> Iterator[Finding]:
    """Ordinary charts whose objects are not known, since there is no Helm."""
    for rendered in apps:
        if rendered.is_copied and not rendered.is_hydrated:
            key = rendered.app.key
            message = f"'{rendered.app.name}': {NEEDS_HELM}"
            cure = "pip install 'medpattern[helm]', or put helm on PATH"
            place = rendered.values.cluster.place(key)
            yield Finding("not-hydrated", message, place, dotted(key), cure, Severity.WARNING)


@dataclass
class UnreadNames:
    """Finds keys that no chart reads, under `global` and at the top of values files; each file once."""

    catalog: Catalog
    _seen: dict[tuple[int, frozenset[str]], object] = field(default_factory=dict)

    def of(self, layers: Iterable[Layer], silenced: frozenset[str]) -> Iterator[Finding]:
        """The findings of those `layers` whose files have not been looked at for clusters so `silenced`."""
        for layer in layers:
            document = layer.document
            if (id(document), silenced) in self._seen:
                continue
            self._seen[(id(document), silenced)] = document
            section = document.data.get("global")
            for key in section if isinstance(section, dict) else ():
                if key not in self._under_global and key not in FRAMEWORK_GLOBALS:
                    yield self._finding(layer, "unread-global", ("global", key), self._under_global)
            for key in document.data:
                if key not in self._top and key not in FRAMEWORK_SECTIONS:
                    yield self._finding(layer, "unread-value", (key,), self._top | FRAMEWORK_SECTIONS)

    def _finding(self, layer: Layer, code: str, path: tuple[str, ...], known: Iterable[str]) -> Finding:
        near = did_you_mean(path[-1], known)
        cure = near if near.startswith("did") else f"remove it, or silence '{code}' under medpattern.silence"
        place = layer.document.place(path)
        return Finding(code, f"no chart reads {dotted(path)}", place, dotted(path), cure, Severity.WARNING)

    @cached_property
    def _names(self) -> tuple[frozenset[str], frozenset[str]]:
        top: set[str] = set(_FRAMEWORK)
        under_global: set[str] = set()
        for path in self.catalog.names():
            try:
                source = self.catalog.get(path)
                top |= top_level_names(source) if source else set()
            except ChartSourceError:
                continue  # said where an application uses it
            under_global |= global_names(source) if source else set()
        return frozenset(top), frozenset(under_global)

    @property
    def _top(self) -> frozenset[str]:
        return self._names[0]

    @property
    def _under_global(self) -> frozenset[str]:
        return self._names[1]
