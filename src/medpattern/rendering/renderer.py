"""The whole rendering of one cluster after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from medpattern.argocd.applications import Git
from medpattern.argocd.names import ROOT_PROJECT
from medpattern.charts.catalog import Catalog
from medpattern.charts.generator import HEADER
from medpattern.charts.source import ChartSource
from medpattern.checks.schemas import SchemaSet
from medpattern.documents.file import File
from medpattern.documents.reader import check_syntax, parse_stream
from medpattern.documents.writer import dump
from medpattern.errors import InputError
from medpattern.findings import Finding, errors_of, in_order
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.facts import Facts
from medpattern.fleet.fleet import Fleet
from medpattern.fleet.sections import Application
from medpattern.rendering.apps import AppRenderer, RenderedApp
from medpattern.rendering.flows import FlowValues
from medpattern.rendering.inputs import cluster_inputs
from medpattern.rendering.roots import RootInputs, git_of, manifests, missing_kinds
from medpattern.rendering.selection import DEFAULT_TREE
from medpattern.rendering.settled import Spokes
from medpattern.rendering.warnings import UnreadNames, missing_digests, not_hydrated
from medpattern.tree.receipt import RECEIPT, Receipt, make_receipt

ROOT_PROJECT_FILE = f"argocd/appproject-{ROOT_PROJECT}.yaml"


@dataclass(frozen=True)
class RenderedCluster:
    """All files of one cluster by name, RECEIPT.json included, and what they were made of.

    `manifests` are root.yaml and the objects of cluster/ and argocd/ by file name.
    """

    cluster: Cluster
    apps: tuple[RenderedApp, ...]
    manifests: dict[str, dict[str, Any]]
    files: dict[str, File]
    receipt: Receipt


@dataclass
class Renderer:
    """Renders the clusters of `fleet`; `tree` is the rendered tree's path as Argo CD reads it.

    `before` is a renderer of an earlier state of the same repository: charts that have not changed since are not
    worked out again, and texts that were read back are not read again.
    """

    fleet: Fleet
    tree: str = DEFAULT_TREE
    schemas: SchemaSet = field(default_factory=SchemaSet)
    before: Renderer | None = None

    def __post_init__(self) -> None:
        self.catalog: Catalog = Catalog(self.fleet.repository.root, self.before.catalog if self.before else None)
        self._found: list[Finding] = []
        generators = self.before._apps.generators if self.before else {}
        self._apps: AppRenderer = AppRenderer(self.fleet, self.catalog, self._found, self.schemas, generators)
        self._flows = FlowValues(self.schemas)
        self._unread = UnreadNames(self.catalog)
        self._spokes = Spokes(self.fleet.repository.root, self.fleet.values_folder, self.fleet.facts_files)
        self._reread: set[str] = set(self.before._reread) if self.before else set()
        self._names_read: set[str] = set()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found so far, of the fleet and of rendering."""
        return in_order((*self.fleet.repository.findings, *self._found))

    def clusters(self, names: Iterable[str]) -> Iterator[RenderedCluster]:
        """Renders one cluster after the other; those whose files cannot be read are left out."""
        for name in names:
            if self.fleet.is_sound(name):
                yield self.cluster(name)

    def cluster(self, name: str) -> RenderedCluster:
        """Renders one cluster; what is wrong with it goes to `findings`, and what can be made is made.

        Raises:
            UsageError: no cluster has that name.
        """
        cluster = self.fleet.cluster(name)
        apps, retired, sources = self._applications(cluster)
        spokes = tuple((spoke, self._git(spoke)) for spoke in cluster.spokes)
        git = self._git(cluster.facts)
        try:
            made = manifests(RootInputs(cluster, apps, retired, sources, git, spokes, self.schemas.scope))
        except InputError as error:
            # Usually the audit has said so already, and at a better place.
            self._found += error.findings if not errors_of(self.findings) else ()
            made = {}
        header = HEADER.format(origin="the values files")
        texts = {path: dump(manifest, header=header) for path, manifest in made.items()}
        if ROOT_PROJECT_FILE in texts:
            # Argo CD refuses an Application whose project is missing, and this file is applied by hand.
            texts["root.yaml"] = f"{texts[ROOT_PROJECT_FILE]}---\n{dump(made['root.yaml'])}"
        files = {path: File.of(text) for path, text in texts.items()}
        for rendered in apps:
            folder = f"charts/{rendered.app.name}"
            files |= {f"{folder}/{file_}": content for file_, content in rendered.files.items()}
        for path, file in files.items():
            self._read_back(path, file)
        self._warn(cluster, apps)
        inputs = cluster_inputs(self.fleet, cluster, (item.values.extra for item in apps), sources, self._spokes)
        receipt = make_receipt(self.tree, inputs, {path: file.digest for path, file in files.items()})
        files[RECEIPT] = File.of(receipt.text())
        return RenderedCluster(cluster, apps, made, files, receipt)

    def _git(self, facts: Facts) -> Git:
        return git_of(*self.fleet.values_and_git(facts), self.tree)

    def _applications(
        self, cluster: Cluster
    ) -> tuple[tuple[RenderedApp, ...], tuple[RenderedApp, ...], dict[str, ChartSource | None]]:
        """The enabled applications, the disabled ones as they would be, and the chart source of each."""
        named = [app for app in cluster.applications if app.name]
        enabled = [app for app in named if not app.disabled]
        rendered = self._rendered(cluster, enabled)
        retired = [self._apps.render_quietly(cluster, app) for app in named if app.disabled]
        sources = {app.name: self._apps.source(app) for app in named}
        self._found += missing_kinds(cluster, enabled, sources)
        return tuple(rendered), tuple(filter(None, retired)), sources

    def _rendered(self, cluster: Cluster, enabled: list[Application]) -> list[RenderedApp]:
        """The applications in their order; those that are made of the others come last."""
        order = {app.name: number for number, app in enumerate(enabled)}
        last = {app.name for app in enabled if self._apps.takes_flows(app)}
        found = [self._apps.render(cluster, app) for app in enabled if app.name not in last]
        made = [item for item in found if item is not None]
        ends = [
            self._apps.render(cluster, app, lambda values: self._flows.filled(values, made))
            for app in enabled
            if app.name in last
        ]
        every = (*made, *(item for item in ends if item is not None))
        return sorted(every, key=lambda item: order[item.app.name])

    def _read_back(self, name: str, file: File) -> None:
        """Parses each distinct YAML text: what is written must be what Argo CD and Helm can read.

        The first of each name is read whole, as values files are; its likes on other clusters, which
        come from the same structure, by the parser alone.
        """
        if file.digest in self._reread or b"{{" in file.content or not file.content.startswith(b"# Generated"):
            return
        self._reread.add(file.digest)
        if name in self._names_read:
            check_syntax(name, file.content)
        else:
            self._names_read.add(name)
            parse_stream(name, file.content.decode())

    def _warn(self, cluster: Cluster, apps: tuple[RenderedApp, ...]) -> None:
        unread = self._unread.of(cluster.layers, cluster.silenced)
        found = (*missing_digests(apps), *not_hydrated(apps), *unread)
        self._found += [finding for finding in found if finding.code not in cluster.silenced]
