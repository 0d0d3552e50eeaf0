"""The health checks that the chart gitops gives to Argo CD, run as Argo CD runs them: Lua 5.1 with few libraries."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lupa.lua51 import LuaRuntime

from medpattern.charts.generator import Generator
from medpattern.charts.source import fill_declared, read_chart
from medpattern.fleet.merge import merge

CHART = Path(__file__).parents[2] / "charts" / "gitops"
PREFIX = "resource.customizations.health."

# Checks that Argo CD 3.5.3 has itself, of kinds that the charts make (resource_customizations/ in its module). It has
# one of postgresql.cnpg.io/Cluster too, which fails where there is no status.
BUILT_IN = {
    "cert-manager.io/Certificate", "cert-manager.io/ClusterIssuer", "cert-manager.io/Issuer",
    "ceph.rook.io/CephCluster", "ceph.rook.io/CephObjectStore",
    "external-secrets.io/ClusterSecretStore", "external-secrets.io/ExternalSecret",
    "external-secrets.io/PushSecret", "external-secrets.io/SecretStore",
    "grafana.integreatly.org/Grafana", "grafana.integreatly.org/GrafanaDashboard",
    "grafana.integreatly.org/GrafanaDatasource", "grafana.integreatly.org/GrafanaFolder",
    "kafka.strimzi.io/Kafka", "kafka.strimzi.io/KafkaTopic", "kafka.strimzi.io/KafkaUser",
    "objectbucket.io/ObjectBucketClaim", "ocs.openshift.io/StorageCluster",
    "operator.knative.dev/KnativeEventing", "operator.knative.dev/KnativeServing",
    "operators.coreos.com/Subscription", "route.openshift.io/Route",
    "serving.knative.dev/Service",
}  # fmt: skip


def gitops(distribution: str, **changes: Any) -> list[dict[str, Any]]:
    """What the chart makes for a cluster."""
    source = read_chart(CHART, "charts/gitops")
    values = merge(source.values.data, changes)
    values["global"] = {"distribution": distribution}
    return Generator(source).generate(fill_declared(values, source.schema)).hydrate("argocd")


@cache
def config_map_checks() -> dict[str, str]:
    """Lua by <group>/<Kind>, as argocd-cm holds it on Kubernetes."""
    (settings,) = [found for found in gitops("kubernetes") if found["metadata"]["name"] == "argocd-cm"]
    named = {key.removeprefix(PREFIX): text for key, text in settings["data"].items() if key.startswith(PREFIX)}
    return {key.replace("_", "/"): text for key, text in named.items()}


@cache
def resource_checks() -> dict[str, str]:
    """Lua by <group>/<Kind>, as the resource ArgoCD holds it on OpenShift."""
    (argocd,) = [found for found in gitops("openshift") if found["kind"] == "ArgoCD"]
    return {f"{item['group']}/{item['kind']}": item["check"] for item in argocd["spec"]["resourceHealthChecks"]}


def health(kind: str, found: dict[str, Any]) -> tuple[str, str]:
    """Status and message that a kind's check gives an object, in a Lua that has what Argo CD's has."""
    lua = LuaRuntime(unpack_returned_tuples=True)
    lua.execute("""
        getmetatable("").__index = nil
        for _, name in ipairs({"string", "math", "io", "os", "debug", "coroutine", "python", "package", "require"}) do
          _G[name] = nil
        end
    """)
    # Through JSON, as from an API server: lupa leaves a dict that stands in two places empty in one of them.
    lua.globals().obj = lua.table_from(json.loads(json.dumps(found)), recursive=True)
    answer = dict(lua.execute(config_map_checks()[kind]).items())
    assert set(answer) == {"status", "message"}, "Argo CD reads these two"
    assert isinstance(answer["message"], str)
    return answer["status"], answer["message"]


def seen(status: dict[str, Any] | None, generation: int = 2, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object as Argo CD hands it over."""
    found: dict[str, Any] = {"metadata": {"name": "a", "generation": generation}, "spec": spec or {}}
    return found if status is None else {**found, "status": status}


def condition(kind: str, status: str, message: str = "", generation: int = 2) -> dict[str, Any]:
    return {
        "observedGeneration": generation,
        "conditions": [{"type": "Other", "status": "True"}, {"type": kind, "status": status, "message": message}],
    }


def pool(**status: Any) -> dict[str, Any]:
    return seen({"observedGeneration": 2, "clusterId": "a", **status}, spec={"replicas": 3})


SOURCE = {"repoURL": "https://git.example.org/a.git", "path": "rendered/a", "targetRevision": "main"}
CHART_SOURCE = {**SOURCE, "helm": {"valueFiles": ["values-medpattern.yaml"], "parameters": []}}


def application(spec: dict[str, Any] | None = None, compared: dict[str, Any] | None = None, **status: Any) -> Any:
    """An Application that was compared, synced and is healthy, but for what is given."""
    spec = spec or {"source": SOURCE}
    sync = {"status": status.pop("sync", "Synced"), "comparedTo": compared or spec}
    operation = status.pop("operation", {"phase": "Succeeded"})
    held = {"sync": sync, "health": {"status": "Healthy"}, "operationState": operation, **status}
    return seen({key: value for key, value in held.items() if value is not None}, spec=spec)


INVALID = [{"type": "InvalidSpecError", "message": "no such project"}]
READY_KINDS = [
    "eventing.knative.dev/Broker", "eventing.knative.dev/KafkaSink", "eventing.knative.dev/Trigger",
    "sources.knative.dev/KafkaSource", "sources.knative.dev/PingSource", "sources.knative.dev/SinkBinding",
]  # fmt: skip
ROOK_KINDS = ["CephBlockPool", "CephBucketNotification", "CephBucketTopic", "CephObjectStoreUser"]
DATA_SCIENCE = "datasciencecluster.opendatahub.io/DataScienceCluster"
KNATIVE_KAFKA = "operator.serverless.openshift.io/KnativeKafka"
SECRETS_CONFIG = "operator.openshift.io/ExternalSecretsConfig"
POOL = "kafka.strimzi.io/KafkaNodePool"
POSTGRES = "postgresql.cnpg.io/Cluster"
APPLICATION = "argoproj.io/Application"

EXAMPLES: list[tuple[str, dict[str, Any], str]] = [
    *(row for kind in READY_KINDS for row in (
        (kind, seen(None), "Progressing"),
        (kind, seen({}), "Progressing"),
        (kind, seen(condition("Ready", "Unknown", "waiting for consumers")), "Progressing"),
        (kind, seen(condition("Ready", "True", generation=1)), "Progressing"),
        (kind, seen(condition("Ready", "False", "no such topic", generation=1)), "Progressing"),
        (kind, seen(condition("Ready", "False", "no such topic")), "Degraded"),
        (kind, seen(condition("Ready", "True")), "Healthy"),
    )),
    *(row for kind in ROOK_KINDS for row in (
        (f"ceph.rook.io/{kind}", seen(None), "Progressing"),
        (f"ceph.rook.io/{kind}", seen({"phase": ""}), "Progressing"),
        (f"ceph.rook.io/{kind}", seen({"phase": "Reconciling"}), "Progressing"),
        (f"ceph.rook.io/{kind}", seen({"phase": "Ready", "observedGeneration": 1}), "Progressing"),
        (f"ceph.rook.io/{kind}", seen({"phase": "ReconcileFailed"}), "Degraded"),
        (f"ceph.rook.io/{kind}", seen({"phase": "Failure"}), "Degraded"),
        (f"ceph.rook.io/{kind}", seen({"phase": "Ready", "observedGeneration": 2}), "Healthy"),
    )),
    ("argoproj.io/ArgoCD", seen(None), "Progressing"),
    ("argoproj.io/ArgoCD", seen({"phase": "Pending"}), "Progressing"),
    ("argoproj.io/ArgoCD", seen({"phase": "Failed"}), "Degraded"),
    ("argoproj.io/ArgoCD", seen({"phase": "Available"}), "Healthy"),
    (POOL, seen(None, spec={"replicas": 3}), "Progressing"),
    (POOL, seen({}, spec={"replicas": 3}), "Progressing"),
    (POOL, pool(nodeIds=[0, 1]), "Progressing"),
    (POOL, pool(nodeIds=[0, 1, 2], observedGeneration=1), "Progressing"),
    (POOL, pool(nodeIds=[0, 1, 2], conditions=[{"type": "NotReady", "status": "True"}]), "Degraded"),
    (POOL, pool(nodeIds=[0, 1, 2], conditions=[{"type": "Warning", "status": "True"}]), "Healthy"),
    (POOL, pool(nodeIds=[0, 1, 2]), "Healthy"),
    (KNATIVE_KAFKA, seen(None), "Progressing"),
    (KNATIVE_KAFKA, seen(condition("Ready", "False", "deployments start")), "Progressing"),
    (KNATIVE_KAFKA, seen(condition("Ready", "True", generation=1)), "Progressing"),
    (KNATIVE_KAFKA, seen(condition("InstallSucceeded", "False", "refused")), "Degraded"),
    (KNATIVE_KAFKA, seen(condition("Ready", "True")), "Healthy"),
    (DATA_SCIENCE, seen(None), "Progressing"),
    (DATA_SCIENCE, seen(condition("Ready", "False", "components start")), "Progressing"),
    (DATA_SCIENCE, seen(condition("Ready", "True", generation=1)), "Progressing"),
    (DATA_SCIENCE, seen(condition("ProvisioningSucceeded", "False", "no operator")), "Degraded"),
    (DATA_SCIENCE, seen(condition("Ready", "True")), "Healthy"),
    (SECRETS_CONFIG, seen(None), "Progressing"),
    (SECRETS_CONFIG, seen(condition("Ready", "False", "pods start")), "Progressing"),
    (SECRETS_CONFIG, seen(condition("Degraded", "True", "no webhook")), "Degraded"),
    (SECRETS_CONFIG, seen(condition("Ready", "True")), "Healthy"),
    (POSTGRES, seen(None), "Progressing"),
    (POSTGRES, seen({}), "Progressing"),
    (POSTGRES, seen({"phase": "Setting up primary", "phaseReason": "first"}), "Progressing"),
    (POSTGRES, seen({"phase": "Upgrading cluster", "conditions": []}), "Progressing"),
    (POSTGRES, seen({"phase": "Failing over"}), "Degraded"),
    (POSTGRES, seen({"phase": "Unable to create required cluster objects", "phaseReason": "no PVC"}), "Degraded"),
    (POSTGRES, seen({"phase": "Cluster in healthy state"}), "Healthy"),
    (POSTGRES, seen({"phase": "Cluster in healthy state", **condition("cnpg.io/hibernation", "True")}), "Suspended"),
    # Nothing is known of it yet, also while it is being written.
    (APPLICATION, seen(None, spec={"source": SOURCE}), "Progressing"),
    (APPLICATION, seen({}, spec={"source": SOURCE}), "Progressing"),
    (APPLICATION, application(operation=None, sync="OutOfSync"), "Progressing"),
    (APPLICATION, application(), "Healthy"),
    # Its health is that of the old source until Argo CD has compared the new one.
    (APPLICATION, application({"source": {**SOURCE, "path": "b"}}, {"source": SOURCE}), "Progressing"),
    (APPLICATION, application({"source": SOURCE}, {"source": CHART_SOURCE}), "Progressing"),
    (APPLICATION, application({"sources": [SOURCE, CHART_SOURCE]}, {"sources": [SOURCE]}), "Progressing"),
    (APPLICATION, application({"sources": [SOURCE]}, {"source": SOURCE}), "Progressing"),
    # Argo CD leaves out what is empty.
    (APPLICATION, application({"source": CHART_SOURCE},
        {"source": {**SOURCE, "helm": {"valueFiles": ["values-medpattern.yaml"]}}}), "Healthy"),
    (APPLICATION, application({"sources": [SOURCE]}, {"source": {"repoURL": ""}, "sources": [SOURCE]}), "Healthy"),
    (APPLICATION, application({"sourceHydrator": {"drySource": SOURCE}}, {"source": SOURCE}), "Healthy"),
    # Some objects are there and healthy, others are still to come: Argo CD calls that Healthy.
    (APPLICATION, application(sync="OutOfSync", operation={"phase": "Running"}), "Progressing"),
    (APPLICATION, {**application(sync="OutOfSync"), "operation": {"sync": {}}}, "Progressing"),
    (APPLICATION, application(sync="OutOfSync", operation={"phase": "Failed"}), "Degraded"),
    (APPLICATION, application(operation={"phase": "Failed"}), "Healthy"),
    # What Argo CD could not compare has no health.
    (APPLICATION, application(sync="Unknown"), "Progressing"),
    (APPLICATION, application(sync="Unknown", conditions=INVALID), "Degraded"),
    (APPLICATION, application(conditions=[{"type": "SharedResourceWarning", "message": "twice"}]), "Healthy"),
    (APPLICATION, application(health={"status": "Progressing"}), "Progressing"),
    (APPLICATION, application(health={"status": "Degraded"}), "Degraded"),
    (APPLICATION, application(health={"status": "Missing"}), "Missing"),
    (APPLICATION, application(health={"status": "Suspended"}), "Suspended"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "found", "expected"), EXAMPLES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_status_has_the_health_that_it_means(kind: str, found: dict[str, Any], expected: str) -> None:
    assert health(kind, found)[0] == expected


@pytest.mark.parametrize("kind", sorted({row[0] for row in EXAMPLES}))
def test_every_check_is_tried_without_a_status_and_in_each_of_three_ways(kind: str) -> None:
    mine = [(found, expected) for name, found, expected in EXAMPLES if name == kind]

    assert any("status" not in found for found, _ in mine)
    assert {"Healthy", "Progressing", "Degraded"} <= {expected for _, expected in mine}


def test_every_check_has_examples() -> None:
    assert set(config_map_checks()) == {row[0] for row in EXAMPLES}


def test_nothing_is_checked_that_argo_cd_checks_itself() -> None:
    assert set(config_map_checks()) & BUILT_IN == set()


def test_both_forms_hold_the_same_checks() -> None:
    assert resource_checks() == config_map_checks()


def test_what_is_wrong_is_said() -> None:
    assert health("sources.knative.dev/KafkaSource", seen(condition("Ready", "False", "no such topic"))) == (
        "Degraded",
        "no such topic",
    )
    assert health(APPLICATION, application(sync="Unknown", conditions=INVALID)) == ("Degraded", "no such project")
    assert health(POOL, pool(nodeIds=[0, 1])) == ("Progressing", "2 of 3 nodes")


@pytest.mark.parametrize(("distribution", "kind"), [("kubernetes", "ConfigMap"), ("openshift", "ArgoCD")])
def test_what_others_share_is_never_pruned_or_deleted(distribution: str, kind: str) -> None:
    made = [found for found in gitops(distribution) if found["kind"] == kind]

    assert made
    for found in made:
        options = found["metadata"]["annotations"]["argocd.argoproj.io/sync-options"].split(",")
        assert {"Prune=false", "Delete=false"} <= set(options)


@pytest.mark.parametrize("distribution", ["kubernetes", "openshift"])
def test_a_check_of_a_further_kind_is_a_value(distribution: str) -> None:
    lua = 'return { status = "Healthy", message = "" }\n'
    made = gitops(distribution, healthChecks={"example.org/Thing": {"lua": lua}})
    (found,) = [item for item in made if item["metadata"]["name"] in ("argocd-cm", "openshift-gitops")]

    if distribution == "kubernetes":
        assert found["data"][f"{PREFIX}example.org_Thing"] == lua
    else:
        assert {"group": "example.org", "kind": "Thing", "check": lua} in found["spec"]["resourceHealthChecks"]


def test_a_repository_is_known_by_a_label_and_its_password_is_a_reference() -> None:
    entry = {"url": "https://git.example.org/a.git", "type": "git", "prefix": False, "login": "https"}
    made = gitops("kubernetes", repositories={"pattern": {**entry, "remoteKey": "git"}})
    (found,) = [item for item in made if item["kind"] == "ExternalSecret"]

    template = found["spec"]["target"]["template"]
    assert template["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "repository"}
    assert template["data"]["password"] == "{{ .password }}"
    assert found["spec"]["data"][1]["remoteRef"] == {"key": "medical-diagnosis/git", "property": "password"}


def test_rights_of_its_own_take_the_place_of_the_operators_role() -> None:
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "patch"]}]
    made = gitops("openshift", permissions={"rules": rules, "only": True})
    (argocd,) = [item for item in made if item["kind"] == "ArgoCD"]
    (role,) = [item for item in made if item["kind"] == "ClusterRole"]

    assert argocd["spec"]["defaultClusterScopedRoleDisabled"] is True
    assert role["rules"] == rules
