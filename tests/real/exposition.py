"""What a cluster's targets expose: of the stages what they register, of the exporters what the chart's table says.

The stages' part is written by prometheus_client from the metrics that the stages make, each known label counted up at
every scrape. The exporters' part has the names and labels of charts/monitoring/files/metrics.yaml, and values of here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

from medpattern.pipeline.notification.outgoing import State
from medpattern.pipeline.service.steps import DEPENDENCIES
from tests.charts.test_metrics import OURS, registered

TABLE = Path(__file__).parents[2] / "charts/monitoring/files/metrics.yaml"
# Where each exporter's targets are; one that is seen in two namespaces has a series in each.
NAMESPACES = {
    "kafka-exporter": ["kafka"],
    "strimzi-metrics-reporter": ["kafka"],
    "strimzi-operator": ["kafka"],
    "ceph-exporter": ["rook-ceph"],
    "cert-manager": ["cert-manager"],
    "kubelet": ["xraylab", "kafka"],
    "kube-state-metrics": ["xraylab"],
    "prometheus": [],
}
# What labels say that queries look for; any other says "x".
STAGES: dict[str, list[str]] = {
    "dependency": list(DEPENDENCIES),
    "state": [state.value for state in State],
    "ending": ["scored", "given-back"],
    "publication": ["published", "quarantined"],
    "stand_in": ["true"],
}
EXPORTERS = {"topic": "xray-images", "consumergroup": "risk-assessment", "partition": "0", "phase": "Running"}
EXPORTERS |= {"pod": "risk-assessment-1", "container": "risk-assessment", "reason": "CrashLoopBackOff"}


class Exposition:
    """Every series grows from scrape to scrape."""

    def __init__(self) -> None:
        self._scrapes = 0
        # Here, not in the threads that answer scrapes: ast.parse in two of them at once fails in Python 3.11.
        registered()

    def text(self) -> str:
        """The next scrape."""
        self._scrapes += 1
        _count_up()
        return "\n".join([*_of_stages(), *_of_exporters(100.0 + self._scrapes), ""])


def _collectors() -> list[Any]:
    registered()
    return [
        found for found in set(REGISTRY._names_to_collectors.values()) if getattr(found, "_name", "").startswith(OURS)
    ]


def _count_up() -> None:
    for collector in _collectors():
        said = [STAGES.get(name, ["x"]) for name in collector._labelnames]
        for child in [collector.labels(*values) for values in product(*said)] if said else [collector]:
            (child.observe if hasattr(child, "observe") else child.inc)(0.3)


def _of_stages() -> Iterator[str]:
    for family in REGISTRY.collect():
        if family.name.startswith(OURS):
            for sample in family.samples:
                yield _line(sample.name, sample.labels | {"namespace": "xraylab", "pod": "a"}, sample.value)


def _of_exporters(value: float) -> Iterator[str]:
    for exporter, entry in yaml.safe_load(TABLE.read_text("utf-8")).items():
        for (name, labels), namespace in product(entry["metrics"].items(), NAMESPACES[exporter]):
            said = {label: EXPORTERS.get(label, "x") for label in (*labels, "pod", "container")}
            yield _line(name, said | {"namespace": namespace}, value)


def _line(name: str, labels: dict[str, str], value: float) -> str:
    shown = ",".join(f'{key}="{text}"' for key, text in sorted(labels.items()))
    return f"{name}{{{shown}}} {value}"
