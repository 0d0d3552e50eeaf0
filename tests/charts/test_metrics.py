"""No rule and no panel asks for a metric, a label or a label's value that nobody exposes.

What our stages register is read from their registry; what others expose stands in charts/monitoring/files/metrics.yaml.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client import REGISTRY

from tests.charts.monitoring import nodes, rules, selectors
from tests.charts.panels import promql_queries

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "src/medpattern/pipeline"
OURS, RECORDED = "medpattern_", "medpattern:"
# What Prometheus itself puts on every series; le and quantile belong to histograms and summaries.
TARGET = {"namespace", "pod", "container", "job", "instance", "endpoint", "__name__"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "summary": ("",)}


@dataclass(frozen=True, slots=True)
class Metric:
    """A series' name with the labels that its exporter sets, and the bounds of its buckets where it is a histogram."""

    labels: frozenset[str]
    bounds: frozenset[str] = frozenset()


def modules_with_metrics() -> list[str]:
    """Every module of the pipeline that imports prometheus_client."""
    found = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for path in PIPELINE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
    }
    return sorted(found)


@cache
def registered() -> dict[str, Metric]:
    """The metrics that our stages register, by the names of their series."""
    from medpattern.pipeline.backfill.measures import Measures

    for module in modules_with_metrics():
        importlib.import_module(module)
    if "medpattern_images_without_outcome" not in REGISTRY._names_to_collectors:
        Measures()
    found = {}
    for collector in set(REGISTRY._names_to_collectors.values()):
        name = getattr(collector, "_name", "")
        if not name.startswith(OURS):
            continue
        kind: str = collector._type  # type: ignore[attr-defined]
        labels = frozenset(collector._labelnames)  # type: ignore[attr-defined]
        bounds = frozenset(promql_number(bound) for bound in getattr(collector, "_upper_bounds", ()))
        for suffix in SUFFIXES[kind]:
            found[name + suffix] = Metric(labels | ({"le"} if suffix == "_bucket" else set()), bounds)
    return found


def promql_number(bound: float) -> str:
    """As prometheus_client writes le."""
    return "+Inf" if bound == float("inf") else repr(float(bound))


@cache
def of_exporters() -> dict[str, Metric]:
    """The table of what others expose."""
    table = yaml.safe_load((ROOT / "charts/monitoring/files/metrics.yaml").read_text("utf-8"))
    return {name: Metric(frozenset(labels)) for entry in table.values() for name, labels in entry["metrics"].items()}


@cache
def recorded() -> dict[str, str]:
    """The expressions of recording rules by name."""
    return {rule["record"]: rule["expr"] for _, rule in rules() if "record" in rule}


def queries() -> Iterator[tuple[str, str]]:
    """Every PromQL expression that we ship, with a name to find it by."""
    for file, rule in rules():
        yield f"{file}: {rule.get('alert') or rule['record']}", rule["expr"]
    yield from promql_queries()


QUERIES = list(queries())


def faults(expression: str) -> Iterator[str]:
    """What of an expression nobody exposes."""
    known = registered() | of_exporters()
    used: set[str] = set()
    for selector in selectors(expression):
        name = selector.name
        if name in recorded():
            continue
        metric = known.get(name or "")
        if metric is None:
            yield f"nobody exposes {name}"
            continue
        used |= metric.labels
        for matcher in selector.matchers.matchers:
            if matcher.name not in metric.labels | TARGET:
                yield f"{name} has no label {matcher.name}"
            elif matcher.name == "le" and matcher.value not in metric.bounds:
                yield f"{name} has no bucket {matcher.value}: {sorted(metric.bounds)}"
    if any(selector.name in recorded() for selector in selectors(expression)):
        return
    for node in nodes(promql.parse(expression)):
        if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            unknown = set(node.modifier.labels) - used - TARGET
            yield from (f"grouped by {label}, which none of its metrics has" for label in sorted(unknown))


@pytest.mark.parametrize(("name", "expression"), QUERIES, ids=[name for name, _ in QUERIES])
def test_what_is_asked_for_is_exposed(name: str, expression: str) -> None:
    assert list(faults(expression)) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("sum(rate(medpattern_delivered_total[5m]))", "nobody exposes medpattern_delivered_total"),
        ("kafka_lag > 0", "nobody exposes kafka_lag"),
        ('medpattern_deliveries_total{end="x"}', "medpattern_deliveries_total has no label end"),
        ("sum by (topc) (kafka_consumergroup_lag)", "grouped by topc, which none of its metrics has"),
        ("medpattern:lag:sum > 3", "nobody exposes medpattern:lag:sum"),
    ],
)
def test_a_slip_is_found(expression: str, fault: str) -> None:
    assert list(faults(expression)) == [fault]


def test_a_bound_that_no_bucket_has_is_found() -> None:
    (fault,) = faults('medpattern_latency_seconds_bucket{le="300"}')
    assert fault.startswith("medpattern_latency_seconds_bucket has no bucket 300:")


# Values of labels: what a rule compares with is what a stage says.


def test_values_of_labels_that_rules_name_are_those_that_stages_say() -> None:
    from medpattern.pipeline.events.results import Outcome, Publication
    from medpattern.pipeline.notification.outgoing import State
    from medpattern.pipeline.service.events import GIVEN_BACK, REFUSED
    from medpattern.pipeline.service.handling import Ending
    from medpattern.pipeline.service.steps import DEPENDENCIES

    words = {
        "ending": {*Ending, REFUSED, GIVEN_BACK},
        "publication": set(Publication),
        "outcome": set(Outcome),
        "state": set(State),
        "dependency": set(DEPENDENCIES),
        "simulated": {"true", "false"},
        "stand_in": {"true", "false"},
        "retryable": {"true", "false"},
    }
    seen = set()
    for name, expression in QUERIES:
        for selector in selectors(expression):
            if not (selector.name or "").startswith(OURS):
                continue
            for matcher in selector.matchers.matchers:
                if matcher.name in words:
                    seen.add(matcher.name)
                    assert set(matcher.value.split("|")) <= words[matcher.name], name
    assert seen >= {"ending", "publication", "state", "dependency", "stand_in"}


def test_the_table_holds_nothing_that_nobody_asks_for() -> None:
    asked = {selector.name for _, expression in QUERIES for selector in selectors(expression)}
    assert set(of_exporters()) <= asked


def test_every_exporter_says_who_it_is_and_how_it_is_scraped() -> None:
    table: dict[str, dict[str, Any]] = yaml.safe_load(
        (ROOT / "charts/monitoring/files/metrics.yaml").read_text("utf-8")
    )
    told = (ROOT / "docs/monitoring.md").read_text("utf-8")
    for name, entry in table.items():
        assert set(entry) == {"what", "scraped", "source", "metrics"}, name
        assert re.match(r"https://", entry["source"]), name
        assert f"`{name}`" in told, f"docs/monitoring.md does not name {name}"


def test_kafka_exposes_what_is_asked_of_its_brokers() -> None:
    # The reporter drops what its list does not allow; the JMX exporter what its rules do not name.
    chart = ROOT / "charts/kafka"
    allowed = yaml.safe_load((chart / "values.yaml").read_text("utf-8"))["metrics"]["allowList"]
    for name in yaml.safe_load((ROOT / "charts/monitoring/files/metrics.yaml").read_text("utf-8"))[
        "strimzi-metrics-reporter"
    ]["metrics"]:
        assert any(re.fullmatch(pattern, name) for pattern in allowed), name
        bean = name.rpartition("_")[0]
        assert f"name: {bean}_$1" in (chart / "files/jmx-rules.yaml").read_text("utf-8"), name


def test_an_alert_that_compares_recorded_numbers_compares_what_is_recorded() -> None:
    for name, expression in QUERIES:
        for selector in selectors(expression):
            if (selector.name or "").startswith(RECORDED):
                assert selector.name in recorded(), name


def test_dashboards_are_json() -> None:
    for path in (ROOT / "charts/grafana/files").glob("*.json"):
        json.loads(path.read_text("utf-8"))
