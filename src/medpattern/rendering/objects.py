"""Holds the objects of generated charts against the shipped schemas and the declared namespaces."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.charts.generator import GeneratedChart, Structure
from medpattern.checks.conformance import checked_version
from medpattern.checks.schemas import SchemaSet
from medpattern.findings import Finding, Place, dotted
from medpattern.fleet.audit import is_platform_namespace
from medpattern.fleet.cluster import Cluster
from medpattern.fleet.sections import Application


class ObjectCheck:
    """Holds each structure of a chart, once per platform, against the shipped schemas of its objects' kinds.

    A kind without a schema is not checked here.
    """

    def __init__(self, schemas: SchemaSet) -> None:
        self.schemas = schemas
        self._seen: dict[tuple[int, str, str], Structure] = {}

    def check(self, cluster: Cluster, app: Application, chart: GeneratedChart) -> Iterator[Finding]:
        """Findings at the template lines of what the API server would refuse, or nobody has declared."""
        structure = chart.structure
        facts = cluster.facts
        yield from _undeclared(cluster, app, chart)
        key = (id(structure), facts.kubernetes_version, facts.distribution)
        if key in self._seen:
            return
        self._seen[key] = structure
        for found in structure.objects:
            if not self.schemas.covers(found.api_version, found.kind):
                continue
            data = found.hydrate(chart.values, app.namespace)
            version = checked_version(facts.kubernetes_version)
            for violation in self.schemas.violations(data, version, facts.distribution):
                line = found.line_of(violation.path)
                place = Place(f"{chart.source.shown}/templates/{found.template}", line, 1)
                message = f"{found.kind}/{found.name} {dotted(violation.path)}: {violation.message}"
                yield Finding("invalid-object", message, place, dotted(app.key), violation.cure)


def _undeclared(cluster: Cluster, app: Application, chart: GeneratedChart) -> Iterator[Finding]:
    declared = {item.name for item in cluster.namespaces}
    for found in chart.structure.objects:
        name = found.namespace
        if name and name not in declared and not is_platform_namespace(name):
            line = found.line_of(("metadata", "namespace"))
            place = Place(f"{chart.source.shown}/templates/{found.template}", line, 1)
            message = f"{found.kind}/{found.name} goes to the namespace '{name}', which is not declared"
            cure = "add it to clusterGroup.namespaces, or change the value that names it"
            yield Finding("undeclared-namespace", message, place, dotted(app.key), cure)
