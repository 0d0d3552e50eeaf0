"""The panels of the rendered dashboards and the queries in them, with Grafana's macros replaced.

| macro | in Grafana | here |
| --- | --- | --- |
| `$__timeFilter(column)` | the shown time, on a column | the last hour before now |
| `$__timeGroupAlias(column, interval)` | the column in steps, as "time" | the same, in steps of a minute |
| `$__interval` | a step that suits the width of the panel | 1m |
| `$__rate_interval` | four scrapes at least | 1m |
| `$__range` | the shown time | 1h |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.charts.test_shipped_charts import objects

METRICS, RESULTS = "xray-metrics", "xray-results"
_TIME_FILTER = re.compile(r"\$__timeFilter\(([a-z_.]+)\)")
_TIME_GROUP = re.compile(r"\$__timeGroupAlias\(([a-z_.]+),\s*\$__interval\)")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel."""

    dashboard: str
    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def name(self) -> str:
        """To find it by."""
        return f"{self.dashboard}: {self.panel['title']} {self.target['refId']}"

    @property
    def datasource(self) -> str:
        """The uid of where it goes."""
        uid: str = self.target["datasource"]["uid"]
        return uid

    @property
    def text(self) -> str:
        """SQL or PromQL without macros."""
        return without_macros(self.target["rawSql"] if self.datasource == RESULTS else self.target["expr"])


def without_macros(query: str) -> str:
    """As Grafana would send it."""
    query = _TIME_FILTER.sub(r"\1 BETWEEN now() - interval '1 hour' AND now()", query)
    query = _TIME_GROUP.sub(r'floor(extract(epoch FROM \1) / 60) * 60 AS "time"', query)
    for macro, text in {"$__interval": "1m", "$__rate_interval": "1m", "$__range": "1h"}.items():
        query = query.replace(macro, text)
    if "$" in query:
        raise ValueError(f"a macro that is not known here: {query}")
    return query


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """The JSON of each GrafanaDashboard as the operator gets it."""
    return {
        found["metadata"]["name"]: json.loads(found["spec"]["json"])
        for found in objects("grafana")
        if found["kind"] == "GrafanaDashboard"
    }


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every panel that shows something, with its dashboard's name."""
    for name, board in dashboards().items():
        yield from ((name, panel) for panel in board["panels"] if panel["type"] != "row")


def queries() -> Iterator[Query]:
    """Every query of every panel."""
    for name, panel in panels():
        yield from (Query(name, panel, target) for target in panel["targets"])


def promql_queries() -> Iterator[tuple[str, str]]:
    """Name and PromQL of each query that goes to Prometheus."""
    yield from ((query.name, query.text) for query in queries() if query.datasource == METRICS)
