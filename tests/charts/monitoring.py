"""What charts/monitoring renders, as the tests of its rules and of the dashboards want it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser as promql

from tests.charts.test_shipped_charts import objects

EVERYWHERE = {"namespaces": {"database": "database", "objectStore": "rook-ceph", "certManager": "cert-manager"}}
"""Values with which every rule is made."""


@cache
def rule_objects() -> tuple[dict[str, Any], ...]:
    """The PrometheusRules where every part is in the cluster."""
    return tuple(found for found in objects("monitoring", EVERYWHERE) if found["kind"] == "PrometheusRule")


def rules() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every rule with the name of the object that holds it."""
    for found in rule_objects():
        for group in found["spec"]["groups"]:
            yield from ((found["metadata"]["name"], rule) for rule in group["rules"])


def alerts() -> set[str]:
    """The names of all alerts."""
    return {rule["alert"] for _, rule in rules() if "alert" in rule}


def selectors(expression: str) -> Iterator[promql.VectorSelector]:
    """Every selector of series in a PromQL expression.

    Raises:
        ValueError: it is no PromQL.
    """
    found: list[promql.VectorSelector] = []

    def collect(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        elif isinstance(node, promql.MatrixSelector):
            found.append(node.vector_selector)

    for node in nodes(promql.parse(expression)):
        collect(node)
    return iter(found)


def nodes(expression: promql.Expr) -> Iterator[promql.Expr]:
    """An expression and all below it."""
    yield expression
    for name in ("lhs", "rhs", "expr", "param"):
        below = getattr(expression, name, None)
        if isinstance(below, promql.Expr):
            yield from nodes(below)
    for argument in getattr(expression, "args", ()):
        yield from nodes(argument)
