"""Needed flows as rules of network policies: plain data, for a chart that writes them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from medpattern.checks.wiring.ends import End, Flow, end_of
from medpattern.checks.wiring.flows import needed_flows
from medpattern.checks.wiring.graph import Graph

Rules = dict[End, list[Flow]]


def allowances(graph: Graph, namespaces: Collection[str]) -> list[dict[str, Any]]:
    """What must be let through, for each set of pods in `namespaces`.

    Returns:
        Maps in the order of their names: `name` and `namespace` of the pods, their `labels`, and `ingress` and
        `egress`, lists of rules. A rule has `namespace` and `labels` of the pods on the other side (`labels` empty
        where only the namespace is known), or the `namespaceLabels` of a namespace without a known name, or a `host`;
        `ports`, each with `port` and `protocol`; and `why`, a line of text for each port.
    """
    pods: dict[tuple[str, str], tuple[End, Rules, Rules]] = {}
    for end in _pods(graph, namespaces):
        pods.setdefault((end.namespace, end.name), (end, {}, {}))
    for flow in needed_flows(graph):
        for near, far, side in ((flow.target, flow.source, 1), (flow.source, flow.target, 2)):
            known = pods.get((near.namespace, near.name))
            if known is not None and near.pod is not None:
                rules: Rules = known[side]  # type: ignore[assignment]
                rules.setdefault(far, []).append(flow)
    return [_allowance(*pods[key]) for key in sorted(pods)]


def _pods(graph: Graph, namespaces: Collection[str]) -> Iterable[End]:
    return [end_of(pod) for pod in graph.pods if pod.thing.namespace in namespaces]


def _allowance(end: End, ingress: Rules, egress: Rules) -> dict[str, Any]:
    return {
        "name": end.name,
        "namespace": end.namespace,
        "labels": dict(sorted((end.labels or {}).items())),
        "ingress": [_rule(far, flows) for far, flows in sorted(ingress.items(), key=_order)],
        "egress": [_rule(far, flows) for far, flows in sorted(egress.items(), key=_order)],
    }


def _order(item: tuple[End, list[Flow]]) -> tuple[str, ...]:
    return item[0].key


def _rule(far: End, flows: list[Flow]) -> dict[str, Any]:
    ports = sorted({(flow.port, flow.protocol) for flow in flows})
    return {
        "namespace": far.namespace,
        "namespaceLabels": dict(sorted(far.namespace_labels.items())),
        "labels": dict(sorted((far.labels or {}).items())),
        "host": far.host,
        "ports": [{"port": port, "protocol": protocol} for port, protocol in ports],
        "why": sorted({_why(far, flow) for flow in flows}),
    }


def _why(far: End, flow: Flow) -> str:
    """What a rule is for; who the platform's own part is says so itself."""
    reason = "" if flow.reason == far.name else f": {flow.reason}"
    return f"{far}, {flow.protocol} {flow.port}{reason}"
