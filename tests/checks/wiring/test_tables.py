"""The tables: rows that cannot be read say so, a further kind is further rows, and nothing makes the engine fail."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medpattern.checks.manifests import Inventory, Unseen, value_at
from medpattern.checks.wiring import fleet_wiring, wiring_findings
from medpattern.checks.wiring.dangling import dangling
from medpattern.checks.wiring.drawing import mermaid, text
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.paths import TableError, compile_path, find
from medpattern.checks.wiring.picture import as_json, picture
from medpattern.checks.wiring.rows import read_tables, tables
from medpattern.checks.wiring.svg import svg
from medpattern.findings import KeyPath
from medpattern.fleet.fleet import load_fleet
from medpattern.rendering.renderer import Renderer
from tests.checks.wiring.clusters import cluster, manifest
from tests.checks.wiring.test_access_and_order import KAFKA
from tests.checks.wiring.test_access_and_order import RIGHT as ORDER
from tests.checks.wiring.test_dangling import COPIED, COPY, served
from tests.checks.wiring.test_policies import PODS
from tests.checks.wiring.test_policies import RIGHT as FLOWS
from tests.fleet.small import CHECKOUT

OWN = yaml.safe_load("""
references:
  kinds:
    scanner.example.org/Scan:
      - {at: spec.deviceRef, to: "scanner.example.org/Device", name: "{name}", role: uses}
      - {at: spec.report, to: Secret, keys: "{/spec.reportKey}", role: writes with}
produces:
  kinds:
    scanner.example.org/Device:
      - {makes: Secret, name: "{metadata.name}-login", keys: [token]}
""")


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("{deviceRef: {name: ct-1}, report: ct-1-login, reportKey: token}", []),
        ("{deviceRef: {name: ct-2}}", ["did you mean 'ct-1'?"]),
        ("{deviceRef: {name: ct-1}, report: ct-1-login, reportKey: tokn}", ["did you mean 'token'?"]),
    ],
)
def test_a_stranger_adds_a_kind_by_rows(spec: str, wanted: list[str]) -> None:
    known = read_tables(OWN["references"], OWN["produces"])
    text = f"""
{{apiVersion: scanner.example.org/v1, kind: Device, metadata: {{name: ct-1}}}}
---
{{apiVersion: scanner.example.org/v1, kind: Scan, metadata: {{name: chest}}, spec: {spec}}}
"""

    assert [wrong.cure for wrong in dangling(Graph.of(cluster(text), known))] == wanted


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"at": "spec.a[", "to": "Secret"}, "is no path"),
        ({"at": "spec.a"}, "either 'to' or 'selects'"),
        ({"at": "spec.a", "to": "Secret", "key": "x"}, "did you mean 'keys'"),
        ({"at": "spec.a", "selects": "Pod", "form": "label"}, "'form' is selector or labels"),
        ("spec.a", "is no row"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_read_says_which_and_why(row: Any, says: str) -> None:
    with pytest.raises(TableError, match=says):
        read_tables({"kinds": {"example.org/Kind": [row]}}, {})


def test_every_kind_that_a_row_speaks_of_is_spelt_as_others_spell_it() -> None:
    """A misspelt kind would be looked for and never found."""
    shipped = tables()
    spoken = {row.to.text for rows in shipped.references.values() for row in rows if "{" not in row.to.text}
    spoken |= {row.of for rows in shipped.selectors.values() for row in rows}
    native = {
        "Pod", "Secret", "ConfigMap", "Service", "ServiceAccount", "PersistentVolumeClaim",
        "storage.k8s.io/StorageClass",
    }  # fmt: skip
    words = {"address", "topic", "kafka-group", "datasource"}
    known = native | words | set(shipped.references) | set(shipped.produced)
    # They refer to nothing and bring nothing about.
    known |= {"argoproj.io/AppProject", "eventing.knative.dev/Broker", "grafana.integreatly.org/GrafanaFolder"}

    assert spoken <= known


# ---- whatever stands in an object --------------------------------------------------------------------------------

WORDS = st.sampled_from(["", "a", "kafka", "ward", "a.b.svc:80", "https://x.y.svc", "*", "{}", "/etc/a/b", "TCP", "In"])
SCALARS = st.none() | st.booleans() | st.integers(-2, 70000) | st.floats(allow_nan=False) | WORDS


def _strings(value: Any) -> set[str]:
    """Every key that the tables speak of."""
    if isinstance(value, str):
        return {value}
    items = value if isinstance(value, tuple) else ()
    return {word for item in items for word in _strings(item)}


KEYS = sorted(
    {word for rows in tables().references.values() for row in rows for word in _strings(row.at)}
    | {
        "metadata", "name", "namespace", "labels", "spec", "template", "data", "rules", "subjects", "roleRef",
        "resource", "resourceNames", "authentication", "authorization", "acls", "operations", "type", "ports",
        "port", "targetPort", "containerPort", "matchLabels", "matchExpressions", "key", "values", "operator",
        "ingress", "egress", "to", "from", "ipBlock", "cidr", "podSelector", "namespaceSelector",
        "policyTypes", "containers", "env", "value", "volumes", "volumeMounts", "mountPath", "secret",
        "items", "path", "networkPolicyPeers", "listeners", "automountServiceAccountToken",
    }
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=25,
)
KINDS = sorted(set(tables().references) | set(tables().produced) | set(tables().embeds) | {
    "networking.k8s.io/NetworkPolicy", "Namespace", "rbac.authorization.k8s.io/Role",
})  # fmt: skip


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    group, _, kind = draw(st.sampled_from(KINDS)).rpartition("/")
    body = draw(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
    metadata = {"name": draw(WORDS), "labels": draw(JSON), "annotations": draw(JSON)}
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, **body, "metadata": metadata}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(objects(), max_size=5))
def test_whatever_stands_in_an_object_is_no_reason_to_fail(found: list[dict[str, Any]]) -> None:
    hidden = {"remote": Unseen("ward", frozenset({("apps", "Deployment")}))}
    inventory = Inventory("any", "openshift", "1.34", tuple(manifest(data, "app") for data in found), hidden)

    for finding in (*wiring_findings(inventory), *fleet_wiring([inventory])):
        assert finding.message
        assert finding.clusters == ("any",)
    drawn = picture(Graph.of(inventory))
    assert text(drawn).startswith("any")
    assert mermaid([drawn]).startswith("flowchart LR")
    ElementTree.fromstring(svg(drawn))  # noqa: S314 - our own
    assert json.dumps(as_json([drawn]))


def every_path(data: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The paths of all values below `data`."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from every_path(item, (*path, key))


GOOD = [
    data for text in (KAFKA % ORDER, PODS % FLOWS, COPY % COPIED, served()) for data in yaml.safe_load_all(text) if data
]
PATHS = [(index, path) for index, data in enumerate(GOOD) for path in every_path(data)]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), JSON), min_size=1, max_size=3))
def test_one_wrong_value_among_right_ones_is_no_reason_to_fail(changes: list[tuple[tuple[int, KeyPath], Any]]) -> None:
    changed = copy.deepcopy(GOOD)
    for (index, path), value in changes:
        holder = value_at(changed[index], path[:-1])
        if isinstance(holder, dict) or (isinstance(holder, list) and len(holder) > int(path[-1])):
            holder[path[-1]] = value  # type: ignore[index]
    inventory = Inventory("any", "kubernetes", "1.34", tuple(manifest(data, "app") for data in changed))

    list(wiring_findings(inventory))
    list(fleet_wiring([inventory]))


REFERRING = re.compile(
    r"(MEDPATTERN_.*)?_(FILE|TOPIC|BUCKETS?|GROUP|ENDPOINT|BOOTSTRAP|CA|HOST|ISSUER|CERTIFICATE|KEY)"
)


@pytest.mark.parametrize("cluster_name", ["hospital-1", "hospital-2", "hospital-3"])
def test_every_variable_of_the_shipped_charts_that_names_something_has_a_row(cluster_name: str) -> None:
    rendered = Renderer(load_fleet(CHECKOUT)).cluster(cluster_name)
    objects = [made for app in rendered.apps if app.chart for made in app.objects()]
    containers = [found for made in objects for _, found in find(made, compile_path("**.containers[*]"))]
    names = {item["name"] for found in containers for item in found.get("env", ()) if "value" in item}
    settings = {name for name in names if name.startswith("MEDPATTERN_") and REFERRING.fullmatch(name)}

    assert len(settings) > 15
    assert sorted(settings - set(tables().environment)) == []
