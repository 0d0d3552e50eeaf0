"""Which inputs a cluster was rendered from, and whether they are still the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from medpattern.charts.catalog import Catalog
from medpattern.charts.source import ChartSource
from medpattern.errors import ChartSourceError
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.fleet import Fleet
from medpattern.fleet.layers import Layers, base_files
from medpattern.fleet.repository import GLOBAL_FILE, join
from medpattern.fleet.sections import Application
from medpattern.tree.receipt import Receipt

SPOKES = "(spokes)"

_HUB = re.compile(rb"^hub:[ \t]*['\"]?([^\s'\"#]+)", re.MULTILINE)


def cluster_inputs(
    fleet: Fleet,
    cluster: Cluster,
    extra: Iterable[Layers],
    sources: Mapping[str, ChartSource | None],
    apps: Iterable[Application],
) -> dict[str, str]:
    """sha256 of every input of `cluster` by name.

    Values files that were looked for in vain have "", a chart has a final "/", and `(spokes)` stands for
    the facts of the clusters that name this one as their hub.
    """
    asked = fleet.repository.files
    facts = cluster.facts
    files = {join(fleet.values_folder, name) for _, name in base_files(facts)}
    files |= {layer.document.file for layers in (cluster.layers, *extra) for layer in layers}
    files |= {known.document.file for known in (facts, cluster.hub) if known and known.document}
    inputs = {file: asked[file] for file in files}
    inputs |= {f"{app.path}/": source.digest for app in apps if (source := sources.get(app.name))}
    spokes = [other.document.file for other in fleet.facts.values() if other.hub == cluster.name and other.document]
    for spoke in cluster.spokes:
        inputs |= {file: asked[file] for file in _base(fleet, spoke) if file in asked}
    return inputs | {SPOKES: _together({file: asked[file] for file in spokes})}


def _base(fleet: Fleet, facts: object) -> list[str]:
    return [join(fleet.values_folder, name) for _, name in base_files(facts)]  # type: ignore[arg-type]


def _together(files: Mapping[str, str]) -> str:
    return sha256("".join(f"{name}\0{digest}\n" for name, digest in sorted(files.items())).encode()).hexdigest()


class CurrentInputs:
    """Hashes inputs as they are now, each once, without reading any as YAML."""

    def __init__(self, root: Path, values_folder: str, facts_files: Mapping[str, str]) -> None:
        self.root = root
        self.folder = values_folder
        self._facts = facts_files
        self._catalog = Catalog(root)
        self._digests: dict[str, str] = {}
        self._spokes: dict[str, dict[str, str]] | None = None

    def match(self, cluster: str, receipt: Receipt) -> bool:
        """Whether `receipt` of `cluster` names the inputs of this repository, all unchanged."""
        inputs = receipt.inputs
        needed = {join(self.folder, GLOBAL_FILE), *([self._facts[cluster]] if cluster in self._facts else [])}
        if not needed <= inputs.keys():
            return False
        return all(self._digest(name, cluster) == digest for name, digest in inputs.items())

    def _digest(self, name: str, cluster: str) -> str:
        if name == SPOKES:
            return _together(self._spokes_of(cluster))
        if name not in self._digests:
            self._digests[name] = self._chart(name[:-1]) if name.endswith("/") else self._file(name)
        return self._digests[name]

    def _file(self, name: str) -> str:
        try:
            return sha256((self.root / name).read_bytes()).hexdigest()
        except OSError:
            return ""

    def _chart(self, path: str) -> str:
        try:
            source = self._catalog.get(path)
        except ChartSourceError:
            return ""
        return source.digest if source else ""

    def _spokes_of(self, hub: str) -> dict[str, str]:
        if self._spokes is None:
            self._spokes = {}
            for name, file in self._facts.items():
                content = (self.root / file).read_bytes()
                match = _HUB.search(content)
                named = match[1].decode() if match else name
                self._spokes.setdefault(named, {})[file] = sha256(content).hexdigest()
        return self._spokes.get(hub, {})
