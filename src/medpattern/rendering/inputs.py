"""Which inputs a cluster was rendered from, and whether they are still the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
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

_SOURCE = re.compile(rb"\b(?:main|mirrors)\b['\"]?[ \t]*:")
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
    what `Spokes` reads.
    """
    asked = fleet.repository.files
    facts = cluster.facts
    files = {join(fleet.values_folder, name) for _, name in base_files(facts)}
    files |= {layer.document.file for layers in (cluster.layers, *extra) for layer in layers}
    files |= {known.document.file for known in (facts, cluster.hub) if known and known.document}
    inputs = {file: asked[file] for file in files}
    inputs |= {f"{app.path}/": source.digest for app in apps if (source := sources.get(app.name))}
    return inputs | {SPOKES: Spokes(fleet.repository.root, fleet.values_folder, fleet.facts_files).digest(cluster.name)}


@dataclass(frozen=True)
class Spokes:
    """What the roots of a hub's spokes depend on, read without YAML.

    Their facts, and every values file that may set `main` or `mirrors`: whatever else a hospital changes in
    its own values is no concern of the hub.
    """

    root: Path
    values_folder: str
    facts: Mapping[str, str]

    def digest(self, hub: str) -> str:
        """One sha256 of it all; the same constant for every cluster that has no spokes."""
        files = self._facts_by_hub.get(hub)
        if not files:
            return ""
        text = "".join(f"{name}\0{digest}\n" for name, digest in sorted((files | self._sources).items()))
        return sha256(text.encode()).hexdigest()

    @cached_property
    def _facts_by_hub(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name, file in self.facts.items():
            content = (self.root / file).read_bytes()
            match = _HUB.search(content)
            if match and match[1].decode() != name:
                found.setdefault(match[1].decode(), {})[file] = sha256(content).hexdigest()
        return found

    @cached_property
    def _sources(self) -> dict[str, str]:
        contents = {path.name: path.read_bytes() for path in (self.root / self.values_folder).glob("values-*.yaml")}
        return {name: sha256(content).hexdigest() for name, content in contents.items() if _SOURCE.search(content)}


class CurrentInputs:
    """Hashes inputs as they are now, each once, without reading any as YAML."""

    def __init__(self, root: Path, values_folder: str, facts_files: Mapping[str, str]) -> None:
        self.root = root
        self.folder = values_folder
        self._facts = facts_files
        self._catalog = Catalog(root)
        self._digests: dict[str, str] = {}
        self._spokes = Spokes(root, values_folder, facts_files)

    def match(self, cluster: str, receipt: Receipt) -> bool:
        """Whether `receipt` of `cluster` names the inputs of this repository, all unchanged."""
        inputs = receipt.inputs
        needed = {join(self.folder, GLOBAL_FILE), *([self._facts[cluster]] if cluster in self._facts else [])}
        if not needed <= inputs.keys():
            return False
        return all(self._digest(name, cluster) == digest for name, digest in inputs.items())

    def _digest(self, name: str, cluster: str) -> str:
        if name == SPOKES:
            return self._spokes.digest(cluster)
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
