"""The policies of `charts/network`: what hospital-1 gets, as a file to read, and that it is exactly what is needed."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.schemas import SchemaSet
from medpattern.checks.wiring import wiring_findings
from medpattern.checks.wiring.flows import needed_flows
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.policies import Network
from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.inventories import inventory
from medpattern.rendering.renderer import RenderedCluster, Renderer
from tests.fleet.small import CHECKOUT, copy_small, edit, medpattern
from tests.golden import compare

CLUSTERS = ["hospital-1", "hospital-2", "hospital-3"]
SCHEMAS = SchemaSet()


@cache
def rendered(cluster: str) -> RenderedCluster:
    return Renderer(load_fleet(CHECKOUT), schemas=SCHEMAS).cluster(cluster)


@cache
def alone(cluster: str) -> Inventory:
    """What the cluster gets, with the policies of `network` and those that operators write, and no others."""
    known = inventory(rendered(cluster), SCHEMAS, "rendered")
    kept = tuple(item for item in known.manifests if item.kind != "NetworkPolicy" or item.app == "network")
    return replace(known, manifests=kept)


def blocked(known: Inventory) -> list[str]:
    return [str(finding) for finding in wiring_findings(known) if finding.code == "blocked-flow"]


def test_the_policies_of_hospital_1_are_the_golden_ones() -> None:
    shown = {
        Path(name).name: file.content
        for name, file in rendered("hospital-1").files.items()
        if name.startswith("charts/network/templates/")
    }
    compare(Path(__file__).parent / "golden" / "network", shown)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_every_flow_that_is_needed_is_let_through_by_them_alone(cluster: str) -> None:
    graph = Graph.of(alone(cluster))
    network = Network(graph)
    judged = [
        flow
        for flow in needed_flows(graph)
        if network.judging(flow.source, "egress") or network.judging(flow.target, "ingress")
    ]

    assert len(judged) > 30
    assert blocked(alone(cluster)) == []


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_no_rule_can_be_taken_out_without_a_finding(cluster: str) -> None:
    known = alone(cluster)
    ways = list(taken_out(known))

    assert len(ways) > 30
    assert [way for way, less in ways if not blocked(less)] == []


def taken_out(known: Inventory) -> Iterator[tuple[str, Inventory]]:
    """The cluster without one port of one rule, for each of them."""
    for place, policy in enumerate(known.manifests):
        if policy.app != "network" or policy.name == "default-deny":
            continue
        for direction in ("ingress", "egress"):
            for index, rule in enumerate(policy.data["spec"].get(direction, ())):
                for number, port in enumerate(rule["ports"]):
                    data: dict[str, Any] = copy.deepcopy(policy.data)
                    del data["spec"][direction][index]["ports"][number]
                    if not rule["ports"][1:]:
                        del data["spec"][direction][index]
                    less = Manifest(data, policy.namespace, policy.app, policy.wave, policy.locate)
                    objects = (*known.manifests[:place], less, *known.manifests[place + 1 :])
                    yield f"{policy.name} {direction} {port}", replace(known, manifests=objects)


@pytest.mark.parametrize(
    ("cluster", "wanted"),
    [
        ("hospital-1", [("", [8443]), ("openshift-user-workload-monitoring", [9090])]),
        ("hospital-2", [("ingress-nginx", [8443])]),
        ("hospital-3", [("ingress-nginx", [8443])]),
    ],
)
def test_only_the_router_and_prometheus_come_in_to_the_results(
    cluster: str, wanted: list[tuple[str, list[int]]]
) -> None:
    spec = policy(alone(cluster), "flows-results-api")

    assert spec["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "results-api"}}
    assert [
        (peer["namespaceSelector"]["matchLabels"].get("kubernetes.io/metadata.name", ""), ports)
        for peer, ports in ways(spec, "ingress", "from")
    ] == wanted


def policy(known: Inventory, name: str) -> dict[str, Any]:
    (found,) = [item for item in known.manifests if item.kind == "NetworkPolicy" and item.name == name]
    spec: dict[str, Any] = found.data["spec"]
    return spec


def ways(spec: dict[str, Any], direction: str, word: str) -> list[tuple[dict[str, Any], list[int]]]:
    """(peer, ports) of each rule."""
    return [(peer, [port["port"] for port in rule["ports"]]) for rule in spec[direction] for peer in rule[word]]


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_nothing_but_pods_of_the_closed_namespaces_is_spoken_of(cluster: str) -> None:
    policies = [item for item in alone(cluster).manifests if item.app == "network"]

    assert {item.namespace for item in policies} == {"xraylab"}
    (closed,) = [item for item in policies if item.name == "default-deny"]
    assert closed.data["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


# ---- what the shipped fleet has turned off ------------------------------------------------------------------------


def changed(tmp_path: Path, *edits: tuple[str, str, str]) -> Inventory:
    """hospital-1 of a copy of the shipped fleet, with edits (file, old, new)."""
    for name in ("charts", "values"):
        shutil.copytree(CHECKOUT / name, tmp_path / name)
    for file, old, new in edits:
        edit(tmp_path, file, old, new)
    return inventory(Renderer(load_fleet(tmp_path), schemas=SCHEMAS).cluster("hospital-1"), SCHEMAS, "rendered")


POSTS = (
    "values/values-hospital-1.yaml",
    "        mail: {to: [radiology@hospital-1.example.org]}",
    "        webhook: {enabled: true, host: %s}",
)
HOSTS = (
    "values/values-hospital-1.yaml",
    "        hosts:\n",
    "        hosts:\n          hooks.example.org: [192.0.2.96/32]\n",
)


@pytest.mark.parametrize(("host", "port"), [("hooks.example.org", 443), ("hooks.example.org:8443", 8443)])
def test_the_notifier_may_reach_what_it_posts_to_though_the_address_is_a_secret(
    tmp_path: Path, host: str, port: int
) -> None:
    file, old, new = POSTS
    known = changed(tmp_path, (file, old, new % host), HOSTS)

    assert blocked(known) == []
    assert ({"ipBlock": {"cidr": "192.0.2.96/32"}}, [port]) in ways(policy(known, "flows-notifier"), "egress", "to")


def test_a_webhook_whose_addresses_nobody_says_is_told(tmp_path: Path) -> None:
    file, old, new = POSTS

    (finding,) = blocked(changed(tmp_path, (file, old, new % "hooks.example.org")))
    assert "notifier in xraylab may not reach hooks.example.org at TCP 443" in finding


def test_the_simulated_machine_reaches_names_and_the_object_store_alone(tmp_path: Path) -> None:
    off = "      dependsOn: [secrets, xray-storage]\n      disabled: true\n"
    known = changed(tmp_path, ("values/values-hospital.yaml", off, off.replace("      disabled: true\n", "")))

    spec = policy(known, "flows-image-generator")
    assert "ingress" not in spec
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], ports)
        for peer, ports in ways(spec, "egress", "to")
    ] == [("openshift-dns", [5353, 5353]), ("openshift-storage", [443])]
    assert blocked(known) == []


# ---- a chart of one's own that takes flows ------------------------------------------------------------------------

CHART = {
    "Chart.yaml": 'apiVersion: v2\nname: walls\nversion: 0.1.0\nannotations: {medpattern.io/chart-source: "true", '
    'medpattern.io/flows: "true"}\n',
    "values.yaml": "namespaces: {reports: {}, images: {}, broker: {}}\nflows: []\n",
    "values.schema.json": '{"type": "object", "properties": {"namespaces": {"type": "object"}, "flows": {"type": '
    '"array"}}, "additionalProperties": false}',
    "templates/walls.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: walls}\ndata:\n"
    '[% for pods in values.flows %]\n  "[[ pods.namespace ]].[[ pods.name ]]": "[[ pods.egress | length ]]"\n'
    '[% else %]\n  none: ""\n[% endfor %]\n',
}


def with_walls(tmp_path: Path, values: str = "{}") -> Path:
    """The small fleet with a chart that takes flows, in the ward, before the applications that it is made of."""
    root = copy_small(tmp_path)
    for name, text in CHART.items():
        path = root / "charts/walls" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    entry = f"    walls: {{namespace: images, argoProject: xray, path: charts/walls, values: {values}}}\n"
    edit(root, "values/values-ward.yaml", "  applications:\n", f"  applications:\n{entry}")
    return root


def walls(root: Path, cluster: str = "west") -> dict[str, str]:
    found = Renderer(load_fleet(root)).cluster(cluster)
    (app,) = [item for item in found.apps if item.app.name == "walls"]
    (made,) = app.objects()
    data: dict[str, str] = made["data"]
    return data


def test_a_chart_that_is_marked_gets_the_flows_of_the_applications_around_it(tmp_path: Path) -> None:
    assert walls(with_walls(tmp_path)).keys() == {"images.viewer"}


def test_what_is_set_by_hand_is_replaced(tmp_path: Path) -> None:
    values = "{flows: [{namespace: a, name: b, egress: []}]}"

    assert walls(with_walls(tmp_path, values)).keys() == {"images.viewer"}


def test_without_the_mark_a_value_is_a_value(tmp_path: Path) -> None:
    root = with_walls(tmp_path)
    edit(root, "charts/walls/Chart.yaml", ', medpattern.io/flows: "true"', "")

    assert walls(root).keys() == {"none"}


def test_the_same_inputs_give_the_same_bytes_in_whatever_order_clusters_come(tmp_path: Path) -> None:
    root = with_walls(tmp_path)

    def files(*order: str) -> dict[str, dict[str, str]]:
        renderer = Renderer(load_fleet(root))
        found = {name: renderer.cluster(name) for name in order}
        return {name: {path: file.digest for path, file in found[name].files.items()} for name in sorted(found)}

    assert files("east", "west") == files("west", "east")


def test_explain_says_that_flows_come_from_the_wiring(tmp_path: Path) -> None:
    root = with_walls(tmp_path)

    lines = [line.split() for line in medpattern("explain", "west", "walls", "flows", root=root).out.splitlines()]

    assert [line[-1] for line in lines if line[:2] == ["set", "by"]] == ["(wiring)"]
    readers = [line[2] for line in lines if line[:2] == ["read", "by"]]
    assert len(readers) == len(set(readers)) > 0
