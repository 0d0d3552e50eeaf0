"""The charts that ship with medpattern: what is closed stays closed, and a change in git reaches what it is for."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from medpattern.charts.generator import GeneratedChart, Generator
from medpattern.charts.source import ChartSource, fill_declared, read_chart
from medpattern.checks.schemas import SchemaSet
from medpattern.documents.validation import Violation
from medpattern.findings import KeyPath
from medpattern.fleet.merge import merge

CHARTS = Path(__file__).parents[2] / "charts"
FACTS = {
    "clusterPlatform": "None",
    "clusterVersion": "1.34",
    "kubernetesVersion": "1.34",
    "clusterDomain": "example.org",
    "localClusterDomain": "apps.example.org",
    "hubClusterDomain": "apps.hub.example.org",
    "localClusterName": "hospital",
    "pattern": "medical-diagnosis",
}
DISTRIBUTIONS = ["kubernetes", "openshift"]
HOOK = "argocd.argoproj.io/hook"
ANYWHERE = ("from", "to", "networkPolicyPeers", "loadBalancerSourceRanges")
"""Lists of peers of which none means all."""

ADDRESSES = ["192.0.2.0/28", "2001:db8::/32"]
EXTERNAL_KAFKA = {"externalListener": {"enabled": True, "allowedCIDRs": ADDRESSES}}
EXTERNAL_ROUTE = merge(EXTERNAL_KAFKA, {"externalListener": {"type": "route"}})
EXTERNAL_STORE = {"provider": "external"}
OUTSIDE = {"namespace": "", "cidrs": ["192.0.2.16/28"]}
REPOSITORY = {
    "url": "https://git.example.org/a.git",
    "type": "git",
    "prefix": False,
    "login": "https",
    "remoteKey": "a",
}
GITOPS = {
    "repositories": {"pattern": REPOSITORY},
    "login": {"oidc": {"enabled": True}},
    "healthChecks": {"example.org/Thing": {"lua": "return {}"}},
    "permissions": {"rules": [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}], "only": True},
}
RULE = {"namespace": "", "namespaceLabels": {}, "labels": {}, "host": "", "why": ["the reason"]}
FLOWS = {
    "hosts": {"s3.example.org": ADDRESSES},
    "flows": [
        {
            "name": "stage",
            "namespace": "xraylab",
            "labels": {"app": "stage"},
            "ingress": [{**RULE, "namespaceLabels": {"ingress": ""}, "ports": [{"port": 8080, "protocol": "TCP"}]}],
            "egress": [
                {**RULE, "host": "s3.example.org", "ports": [{"port": 443, "protocol": "TCP"}]},
                {**RULE, "host": "elsewhere.example.org", "ports": [{"port": 443, "protocol": "TCP"}]},
                {
                    **RULE,
                    "namespace": "kafka",
                    "labels": {"strimzi.io/cluster": "kafka"},
                    "ports": [{"port": 9093, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
                },
            ],
        },
    ],
}
BASES: dict[str, list[dict[str, Any]]] = {
    "database": [
        {"backup": {"enabled": True}, "metrics": {"podMonitor": {"enabled": True}}},
        {"backup": {"enabled": True, "recoverFrom": "s3://database-backups/lost", "ca": {"from": "secret"}}},
        {"backup": {"enabled": True, "method": "volumeSnapshot", "recoverFrom": "results-20261122"}},
        {"provider": "external", "external": {"cidrs": ["192.0.2.32/32"]}},
    ],
    "gitops": [{}, GITOPS],
    "grafana": [
        {"tls": {"issuer": {"name": "hospital"}}},
        {"database": {"ca": {"from": "secretStore"}}, "network": {"database": OUTSIDE, "login": OUTSIDE}},
    ],
    "housekeeping": [
        {"database": {"from": "cnpg"}, "jobs": {"purge": {"enabled": True}}},
        {"jobs": {"backfill": {"metrics": {"podMonitor": {"enabled": True}}}}},
        {"s3": {"credentials": {"from": "secretStore"}}},
    ],
    "image-generator": [
        {"machine": {"rate": 0.5}},
        {"s3": {"credentials": {"from": "secretStore"}}},
    ],
    "kafka": [{}, EXTERNAL_KAFKA, {"metrics": {"podMonitor": {"enabled": True}}}],
    "monitoring": [{}, {"namespaces": {"database": "data", "objectStore": "rook-ceph", "certManager": "cert-manager"}}],
    "kafka-ui": [
        {"network": {"login": OUTSIDE}},
        {"network": {"login": {"namespace": "login"}}, "tls": {"issuer": {"name": "hospital"}}},
    ],
    "network": [{}, FLOWS],
    "notifier": [
        {"database": {"from": "cnpg"}, "metrics": {"podMonitor": {"enabled": True}}},
        {"webhook": {"enabled": True, "host": "hooks.example.org"}},
    ],
    "results-api": [
        {"database": {"from": "cnpg"}, "metrics": {"podMonitor": {"enabled": True}}, "tls": {"issuer": {"name": "ca"}}},
        {"s3": {"credentials": {"from": "secretStore"}}},
    ],
    "risk-assessment": [
        {"database": {"from": "cnpg"}, "simulation": {"enabled": True}},
    ],
    "secrets": [
        {},
        {"backend": "kubernetes", "kubernetes": {"secrets": {"database": True}}},
        {"openshift": {"server": OUTSIDE}},
    ],
    "serverless": [{}],
    "storage": [
        {},
        {"rook": {"disks": {"allNodes": False, "nodes": ["node-1"], "filter": "^sd[b-d]"}}},
        {"provider": "odf", "objectStore": {"dataPool": {"layout": "erasure"}}},
        {"provider": "external", "external": {"cidrs": ADDRESSES, "ca": {"from": "secret"}}},
    ],
    "xray-storage": [{}, EXTERNAL_STORE, {"provider": "odf"}, {"simulated": {"enabled": True}}],
}
"""What each chart's values are walked from: the defaults, and what one step from them does not reach."""

NAMES = sorted(BASES)


@cache
def chart_source(name: str) -> ChartSource:
    return read_chart(CHARTS / name, f"charts/{name}")


@cache
def generator(name: str) -> Generator:
    return Generator(chart_source(name))


def with_defaults(name: str, *changes: dict[str, Any], distribution: str = "kubernetes") -> dict[str, Any]:
    """The chart's own values with some changed, complete."""
    values = copy.deepcopy(chart_source(name).values.data)
    for change in changes:
        values = merge(values, change)
    values["global"] = {**FACTS, "distribution": distribution}
    return fill_declared(values, chart_source(name).schema)


def refusals(name: str, values: dict[str, Any]) -> list[Violation]:
    return chart_source(name).validator.violations(values)


def generated(name: str, values: dict[str, Any]) -> GeneratedChart:
    assert refusals(name, values) == []
    return generator(name).generate(values)


def objects(name: str, *changes: dict[str, Any], distribution: str = "kubernetes") -> list[dict[str, Any]]:
    """What a chart makes of its defaults with some values changed."""
    return generated(name, with_defaults(name, *changes, distribution=distribution)).hydrate("ward")


def only(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (one,) = [item for item in found if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    return one


def nested(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Everything in `value`, with its path."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from nested(item, (*path, key))


def without_hooks(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Argo CD compares."""
    return [item for item in found if HOOK not in (item["metadata"].get("annotations") or {})]


# A change in git reaches the object store.


SETTINGS: list[dict[str, Any]] = [
    {"buckets": {"source": {"retentionDays": 7}}},
    {"buckets": {"processed": {"retentionDays": 7}}},
    {"buckets": {"anonymised": {"retentionDays": 0}}},
    {"buckets": {"source": {"name": "other-source"}}},
    {"access": {"service": "arn:aws:iam:::user/other"}},
    {"access": {"uploader": "arn:aws:iam:::user/other"}},
    {"s3": {"endpoint": "https://other.example.org"}},
    {"s3": {"region": "other"}},
    {"s3": {"ca": {"from": "configMap", "name": "ca", "key": "ca.crt"}}},
    {"notification": {"name": "other"}},
    {"notification": {"topic": "other"}},
    {"notification": {"topicArn": "arn:aws:sns:::other"}},
    {"notification": {"events": ["s3:ObjectCreated:Put"]}},
    {"notification": {"prefix": "in/"}},
    {"notification": {"suffix": ".png"}},
    {"kafka": {"bootstrapHost": "other.example.org"}},
    {"kafka": {"bootstrapPort": 9094}},
    {"kafka": {"mechanism": "PLAIN"}},
    {"kafka": {"caLocation": "/etc/ca.crt"}},
    {"access": {"backfill": "arn:aws:iam:::user/other"}},
    {"access": {"purge": "arn:aws:iam:::user/other"}},
    {"simulated": {"enabled": True}},
]


def named(change: Any) -> str:
    """The change's key path, for the name of a test."""
    return ".".join(str(key) for key in max((path for path, _ in nested(change)), key=len))


@pytest.mark.parametrize("change", SETTINGS, ids=named)
def test_a_changed_setting_of_the_buckets_changes_what_argo_cd_compares(change: dict[str, Any]) -> None:
    before = without_hooks(objects("xray-storage", EXTERNAL_STORE))
    after = without_hooks(objects("xray-storage", EXTERNAL_STORE, change))

    for kind, name in (("ConfigMap", "prepare-buckets-settings"), ("Job", "prepare-buckets")):
        assert only(before, kind, name) != only(after, kind, name), f"{kind}/{name} stays as it was"


@pytest.mark.parametrize("base", BASES["xray-storage"], ids=["rook", "external", "odf", "simulated"])
def test_a_changed_retention_is_seen_whoever_provides_the_buckets(base: dict[str, Any]) -> None:
    before = without_hooks(objects("xray-storage", base))
    after = without_hooks(objects("xray-storage", base, SETTINGS[0]))

    assert [item["kind"] for item, other in zip(before, after, strict=True) if item != other] == ["ConfigMap", "Job"]


def test_the_job_of_the_buckets_is_made_again_and_not_changed() -> None:
    job = only(objects("xray-storage"), "Job", "prepare-buckets")

    assert job["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Force=true,Replace=true"
    assert "ttlSecondsAfterFinished" not in job["spec"], "a Job that removes itself is missing for ever"


def test_a_setting_does_not_touch_what_cannot_be_changed_of_a_job() -> None:
    # With server-side diff Argo CD asks the API server about the change, which refuses one in the pod's template.
    before, after = (only(objects("xray-storage", change), "Job", "prepare-buckets") for change in ({}, SETTINGS[0]))

    assert before["spec"] == after["spec"]


def test_the_settings_of_the_job_and_those_it_is_compared_by_are_the_same() -> None:
    found = objects("xray-storage", EXTERNAL_STORE, SETTINGS[8])
    settings = only(found, "ConfigMap", "prepare-buckets-settings")["data"]
    job = only(found, "Job", "prepare-buckets")

    seen = {
        key.partition("/")[2]: value
        for key, value in job["metadata"]["annotations"].items()
        if key.startswith("settings.medpattern.io/")
    }
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert seen == settings
    assert settings["SOURCE_RETENTION_DAYS"] == "30"
    assert container["envFrom"] == [{"configMapRef": {"name": "prepare-buckets-settings"}}]


# Nothing is open because a list is empty.

OPEN: list[tuple[str, dict[str, Any], KeyPath]] = [
    ("kafka", {"externalListener": {"enabled": True}}, ("externalListener", "allowedCIDRs")),
    ("kafka", {"externalListener": {"enabled": True, "type": "route"}}, ("externalListener", "allowedCIDRs")),
    ("kafka-ui", {}, ("network", "login", "cidrs")),
    ("secrets", {"openshift": {"server": {"namespace": ""}}}, ("openshift", "server", "cidrs")),
    ("storage", {"provider": "external"}, ("external", "cidrs")),
    ("notifier", {"webhook": {"enabled": True}}, ("webhook", "host")),
]


@pytest.mark.parametrize(("name", "change", "place"), OPEN, ids=lambda value: value if isinstance(value, str) else "")
def test_values_that_would_open_the_network_are_refused_where_they_stand(
    name: str, change: dict[str, Any], place: KeyPath
) -> None:
    (refusal,) = refusals(name, with_defaults(name, change))

    assert refusal.path == place
    assert "non-empty" in refusal.message or "too short" in refusal.message


@pytest.mark.parametrize("address", ["192.0.2.0", "999.0.2.0/28", "192.0.2.0.0/28", "192.0.2.0/33", "2001:db8::/129"])
def test_an_address_that_is_none_is_refused_since_a_router_would_ignore_the_whole_list(address: str) -> None:
    values = with_defaults("kafka", EXTERNAL_KAFKA, {"externalListener": {"allowedCIDRs": ["192.0.2.0/28", address]}})

    assert [refusal.path for refusal in refusals("kafka", values)] == [("externalListener", "allowedCIDRs", 1)]


@pytest.mark.parametrize("clients", [{"knative-eventing": False, "xraylab": False}, None], ids=["all-false", "none"])
def test_a_listener_for_nobody_lets_nobody_in(clients: dict[str, bool] | None) -> None:
    values = with_defaults("kafka")
    values["listener"]["clientNamespaces"] = clients or {}
    (listener,) = only(generated("kafka", values).hydrate("ward"), "Kafka", "kafka")["spec"]["kafka"]["listeners"]

    # Every namespace has the label, so this names none.
    nobody = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"}]}
    assert listener["networkPolicyPeers"] == [{"namespaceSelector": nobody}]


def test_a_load_balancer_takes_the_allowed_addresses_only() -> None:
    kafka = only(objects("kafka", EXTERNAL_KAFKA), "Kafka", "kafka")["spec"]["kafka"]
    external = kafka["listeners"][1]

    assert external["configuration"]["loadBalancerSourceRanges"] == ADDRESSES
    assert external["networkPolicyPeers"] == [{"ipBlock": {"cidr": cidr}} for cidr in ADDRESSES]
    assert "perPodRoute" not in kafka["template"]


def test_routes_take_the_allowed_addresses_only() -> None:
    kafka = only(objects("kafka", EXTERNAL_ROUTE, distribution="openshift"), "Kafka", "kafka")["spec"]["kafka"]

    router = {"matchLabels": {"policy-group.network.openshift.io/ingress": ""}}
    assert kafka["listeners"][1]["networkPolicyPeers"] == [{"namespaceSelector": router}]
    for route in ("externalBootstrapRoute", "perPodRoute"):
        assert kafka["template"][route]["metadata"]["annotations"] == {
            "haproxy.router.openshift.io/ip_allowlist": "192.0.2.0/28 2001:db8::/32",
            "haproxy.router.openshift.io/ip_whitelist": "192.0.2.0/28 2001:db8::/32",
        }


def test_a_user_without_topics_may_do_nothing() -> None:
    user = only(
        objects("kafka", {"users": {"idle": {"produce": [], "consume": [], "groups": []}}}), "KafkaUser", "idle"
    )

    assert user["spec"]["authorization"] == {"type": "simple", "acls": []}


@pytest.mark.parametrize(
    ("method", "origin"),
    [("barmanObjectStore", "s3://database-backups/lost"), ("volumeSnapshot", "results-20261122")],
)
def test_a_database_begins_with_a_backup_instead_of_empty(method: str, origin: str) -> None:
    backup = {"enabled": True, "method": method, "recoverFrom": origin}
    spec = only(objects("database", {"backup": backup}), "Cluster", "results")["spec"]

    # CloudNativePG refuses a Cluster with two ways to begin.
    assert list(spec["bootstrap"]) == ["recovery"]
    recovery = spec["bootstrap"]["recovery"]
    assert (recovery["database"], recovery["owner"]) == ("xray", "medpattern_owner")
    if method == "volumeSnapshot":
        assert recovery["volumeSnapshots"]["storage"]["name"] == origin
        return
    (before,) = spec["externalClusters"]
    store = before["barmanObjectStore"]
    assert (recovery["source"], store["destinationPath"], store["serverName"]) == (before["name"], origin, "results")
    assert store["endpointURL"] == spec["backup"]["barmanObjectStore"]["endpointURL"]


def test_a_database_does_not_begin_empty_where_a_backup_is_named_and_backups_are_off() -> None:
    values = with_defaults("database", {"backup": {"recoverFrom": "s3://a/b"}})

    assert [refusal.path for refusal in refusals("database", values)] == [("backup", "enabled")]


# One step from the values in each direction.


def steps(schema: dict[str, Any], value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Each switch, choice, list, map and optional text of `value` and what else it may be."""
    if "enum" in schema:
        yield from ((path, other) for other in schema["enum"] if other != value)
    elif schema.get("type") == "boolean":
        yield path, not value
    elif isinstance(value, list):
        yield path, []
    elif schema.get("type") == "string":
        yield path, ""
    elif schema.get("type") == ["string", "null"]:
        yield path, "1.2.3"
    if isinstance(value, dict):
        others = schema.get("additionalProperties")
        if isinstance(others, dict):
            yield path, {}
        if others == {"type": "boolean"}:
            yield path, dict.fromkeys(value, False)
        for key, item in value.items():
            part = schema.get("properties", {}).get(key, others)
            if isinstance(part, dict):
                yield from steps(part, item, (*path, key))


def replaced(values: Any, path: KeyPath, new: Any) -> Any:
    """A copy of `values` with another value at `path`."""
    if not path:
        return new
    changed = copy.copy(values)
    changed[path[0]] = replaced(values[path[0]], path[1:], new)
    return changed


def walked(name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """All values of a chart that are one step away from where the walk begins: what is set, distribution, values."""
    for base in BASES[name]:
        for distribution in DISTRIBUTIONS:
            values = with_defaults(name, base, distribution=distribution)
            yield f"{base} on {distribution}", distribution, values
            for path, new in steps(chart_source(name).schema, values):
                if path and path[0] != "global":
                    what = f"{base}, {'.'.join(map(str, path))}={new!r} on {distribution}"
                    yield what, distribution, fill_declared(replaced(values, path, new), chart_source(name).schema)


def faults(found: dict[str, Any]) -> Iterator[str]:
    """What no object may hold: null, which Kubernetes drops, and a list of peers or names of which none means all."""
    for path, value in nested(found):
        key = path[-1] if path else ""
        if value is None:
            yield f"null at {path}"
        if (key in ANYWHERE and not value) or (key == "resourceNames" and not value):
            yield f"open at {path}"
        if key in ANYWHERE and isinstance(value, list) and {} in value:
            yield f"a peer that is anybody at {path}"


@pytest.mark.parametrize("name", NAMES)
def test_no_choice_makes_a_null_an_open_list_or_an_invalid_object(name: str) -> None:
    schemas = SchemaSet()
    wrong, made = [], 0
    for what, distribution, values in walked(name):
        if refusals(name, values):
            continue
        made += 1
        for found in generator(name).generate(values).hydrate("ward"):
            shown = f"{name}: {what}: {found['kind']}/{found['metadata']['name']}"
            wrong += [f"{shown}: {fault}" for fault in faults(found)]
            wrong += [f"{shown}: {violation}" for violation in schemas.violations(found, "1.34", distribution)]

    assert wrong == []
    assert made >= {"serverless": 10, "network": 30}.get(name, 40), "the walk goes somewhere"


def test_the_walk_knows_every_shipped_chart() -> None:
    assert sorted(path.name for path in CHARTS.iterdir() if (path / "Chart.yaml").exists()) == NAMES


def test_the_walk_finds_what_it_looks_for() -> None:
    policy = {"spec": {"egress": [{"to": None}, {"to": [{}]}, {"to": []}], "ingress": [{"from": [{"ipBlock": {}}]}]}}

    assert list(faults(policy)) == [
        "null at ('spec', 'egress', 0, 'to')",
        "open at ('spec', 'egress', 0, 'to')",
        "a peer that is anybody at ('spec', 'egress', 1, 'to')",
        "open at ('spec', 'egress', 2, 'to')",
    ]
