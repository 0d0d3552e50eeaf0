"""One application of a cluster: its values checked, its chart generated, copied or pointed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from medpattern.charts import helm
from medpattern.charts.catalog import Catalog
from medpattern.charts.files import COPIED_VALUES
from medpattern.charts.generator import HEADER, GeneratedChart, Generator
from medpattern.charts.source import ChartSource
from medpattern.charts.values import ChartValues, ValuesBuilder
from medpattern.checks.schemas import SchemaSet
from medpattern.documents.file import File
from medpattern.documents.writer import dump
from medpattern.errors import ChartSourceError
from medpattern.findings import Finding, KeyPath, did_you_mean, dotted
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.fleet import Fleet
from medpattern.fleet.sections import Application
from medpattern.rendering.objects import ObjectCheck

Derive = Callable[[ChartValues], ChartValues]


@dataclass(frozen=True)
class RenderedApp:
    """One enabled application; `chart` is there if it is one of ours, `source` if it lies here at all."""

    app: Application
    values: ChartValues
    source: ChartSource | None
    chart: GeneratedChart | None
    files: dict[str, File]

    @property
    def is_copied(self) -> bool:
        """Whether it is an ordinary Helm chart of the repository."""
        return self.source is not None and self.chart is None

    @property
    def is_hydrated(self) -> bool:
        """Whether `objects` can say what it makes."""
        return self.chart is not None or (self.is_copied and bool(helm.available()))

    def objects(self) -> list[dict[str, Any]]:
        """The objects it makes; none for remote charts, and for ordinary ones where there is no Helm.

        Raises:
            HelmError: Helm refuses an ordinary chart.
        """
        if self.chart is not None:
            return self.chart.hydrate(self.app.namespace)
        return [found for _, found in self.copied_objects()]

    def copied_objects(self) -> list[tuple[str, dict[str, Any]]]:
        """(template file, object) pairs of an ordinary chart, where there is Helm.

        Raises:
            HelmError: Helm refuses the chart.
        """
        if not self.is_copied or not helm.available():
            return []
        contents = {name: file.content for name, file in self.files.items()}
        return helm.template(contents, self.app.name, self.app.namespace, COPIED_VALUES)


@dataclass
class AppRenderer:
    """Renders applications; charts, structures (in `generators`) and merged values are kept for the next cluster."""

    fleet: Fleet
    catalog: Catalog
    findings: list[Finding]
    schemas: SchemaSet
    generators: dict[int, Generator] = field(default_factory=dict)
    _builder: ValuesBuilder = field(default_factory=ValuesBuilder)
    _copies: dict[int, dict[str, File]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._objects = ObjectCheck(self.schemas)

    def render(self, cluster: Cluster, app: Application, derive: Derive | None = None) -> RenderedApp | None:
        """The application `app` of `cluster`; None where findings say why not.

        `derive` fills what a chart that takes flows is made of besides its values.
        """
        try:
            return self._render(cluster, app, derive)
        except ChartSourceError as error:
            self.findings += error.findings
            return None

    def render_quietly(self, cluster: Cluster, app: Application) -> RenderedApp | None:
        """As `render`, for a disabled application: what is wrong with it stops nobody."""
        kept = list(self.findings)
        rendered = self.render(cluster, app)
        self.findings[:] = kept
        return rendered

    def source(self, app: Application) -> ChartSource | None:
        """Its chart, if it lies in the repository or ships with medpattern, and can be read."""
        if app.is_remote or not app.path:
            return None
        try:
            return self.catalog.get(app.path)
        except ChartSourceError:
            return None

    def takes_flows(self, app: Application) -> bool:
        """Whether its chart is made of the cluster's other applications."""
        source = self.source(app)
        return source is not None and source.takes_flows

    def _render(self, cluster: Cluster, app: Application, derive: Derive | None = None) -> RenderedApp | None:
        extra: tuple[Any, ...] = ()
        if app.extra_value_files:
            texts = {key: value for key, value in cluster.globals.items() if isinstance(value, str)}
            key = (*app.key, "extraValueFiles")
            layers = self.fleet.stack.of_files(cluster.layers, app.extra_value_files, key, texts)
            extra = layers[len(cluster.layers) :]
        if app.is_remote:
            return RenderedApp(app, self._builder.for_helm(cluster, app, None, extra), None, None, {})
        if not app.path:
            return None
        source = self.catalog.get(app.path)
        if source is None:
            path = (*app.key, "path")
            cure = did_you_mean(app.path, self.catalog.names())
            message = f"there is no chart in '{app.path}'"
            self.findings.append(Finding("unknown-chart", message, cluster.place(path), dotted(path), cure))
            return None
        if not source.is_source:
            values = self._builder.for_helm(cluster, app, source, extra)
            return RenderedApp(app, values, source, None, self._copied(source, values))
        values = self._builder.for_source(cluster, app, source, extra)
        if not self._valid(values, source):
            return None
        if derive is not None and source.takes_flows:
            values = derive(values)
        generator = self.generators.setdefault(id(source), Generator(source))
        chart = generator.generate(values.values)
        rendered = RenderedApp(app, values, source, chart, chart.files)
        self.findings += self._objects.check(cluster, app, chart)
        return rendered

    def _valid(self, values: ChartValues, source: ChartSource) -> bool:
        """Whether the chart's closed schema accepts the values; each breach becomes a finding at its place."""
        violations = source.validator.violations(values.values)
        for found in violations:
            key = dotted(_shown_path(values, found.path))
            self.findings.append(Finding(found.code, found.message, values.place(found.path), key, found.cure))
        return not violations

    def _copied(self, source: ChartSource, values: ChartValues) -> dict[str, File]:
        """An ordinary chart as it is, and the cluster's values beside its own."""
        if id(source) not in self._copies:
            self._copies[id(source)] = {name: File.of(content) for name, content in source.files.items()}
        text = dump(values.values, header=HEADER.format(origin="the values files"))
        return {**self._copies[id(source)], COPIED_VALUES: File.of(text)}


def _shown_path(values: ChartValues, path: KeyPath) -> KeyPath:
    """`path` as the person wrote it: below the application's `values:` if it came from there."""
    own = (*values.app.key, "values")
    place = values.place(path)
    return (*own, *path) if place == values.cluster.place((*own, *path)) else path
