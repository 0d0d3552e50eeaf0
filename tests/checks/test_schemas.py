"""The shipped schemas: what they accept, what they refuse and where, and that they match their sources."""

from __future__ import annotations

import copy
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from medpattern.checks.schemas import SchemaSet
from medpattern.documents.validation import Violation
from tests.checks.script import build_script

Object = dict[str, Any]

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "src" / "medpattern" / "checks" / "data" / "schemas.zip"
CRD_SCHEMAS = Path(os.environ.get("MEDPATTERN_CRD_SCHEMAS", ROOT.parent / "shared" / "crd-schemas"))
CRDS = Path(os.environ.get("MEDPATTERN_CRDS", ROOT.parent / "shared" / "crds"))
MINORS = range(30, 38)

SCHEMAS = SchemaSet()


def obj(api_version: str, kind: str, **fields: Any) -> Object:
    """An object named `a` with the given top-level fields."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, **fields}


def pod(**fields: Any) -> Object:
    """A pod template with one container and the given fields of its spec."""
    return {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "registry.example/c:1"}], **fields},
    }


def changed(good: Object, path: tuple[str | int, ...], value: Any) -> Object:
    """A copy of an object with one value set; maps on the way are made, an index must exist."""
    made = copy.deepcopy(good)
    here: Any = made
    for key in path[:-1]:
        here = here[key] if isinstance(key, int) else here.setdefault(key, {})
    here[path[-1]] = value
    return made


DEPLOYMENT = obj("apps/v1", "Deployment", spec={"selector": {"matchLabels": {"app": "a"}}, "template": pod()})
JOB = obj("batch/v1", "Job", spec={"backoffLimit": 3, "template": pod(restartPolicy="Never")})
CRON_JOB = obj("batch/v1", "CronJob", spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": JOB["spec"]}})
SERVICE = obj("v1", "Service", spec={"ports": [{"port": 80, "targetPort": "http"}], "selector": {"app": "a"}})
CLAIM = obj(
    "v1",
    "PersistentVolumeClaim",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
)
NETWORK_POLICY = obj(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    spec={"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}]},
)
ROLE = obj(
    "rbac.authorization.k8s.io/v1",
    "Role",
    rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
)
ROLE_BINDING = obj(
    "rbac.authorization.k8s.io/v1",
    "RoleBinding",
    roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"},
    subjects=[{"kind": "ServiceAccount", "name": "a", "namespace": "n"}],
)
AUTOSCALER = obj(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}},
)
STATEFUL_SET = obj(
    "apps/v1",
    "StatefulSet",
    spec={"serviceName": "a", "selector": {"matchLabels": {"app": "a"}}, "template": pod()},
)
INGRESS = obj(
    "networking.k8s.io/v1",
    "Ingress",
    spec={"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}},
)
NATIVE = {
    "deployment": DEPLOYMENT,
    "job": JOB,
    "cron job": CRON_JOB,
    "service": SERVICE,
    "claim": CLAIM,
    "network policy": NETWORK_POLICY,
    "role": ROLE,
    "role binding": ROLE_BINDING,
    "autoscaler": AUTOSCALER,
    "stateful set": STATEFUL_SET,
    "ingress": INGRESS,
    "namespace": obj("v1", "Namespace", spec={"finalizers": ["kubernetes"]}),
    "service account": obj("v1", "ServiceAccount", automountServiceAccountToken=False),
    "config map": obj("v1", "ConfigMap", data={"a": "b"}),
    "secret": obj("v1", "Secret", type="Opaque", stringData={"a": "b"}),
    "cluster role": obj("rbac.authorization.k8s.io/v1", "ClusterRole", rules=ROLE["rules"]),
    "disruption budget": obj("policy/v1", "PodDisruptionBudget", spec={"minAvailable": "50%"}),
    "storage class": obj("storage.k8s.io/v1", "StorageClass", provisioner="rook-ceph.rbd.csi.ceph.com"),
    "annotations null": changed(DEPLOYMENT, ("metadata", "annotations"), None),
}

KAFKA = obj(
    "kafka.strimzi.io/v1",
    "Kafka",
    spec={"kafka": {"listeners": [{"name": "tls", "port": 9093, "type": "internal", "tls": True}]}},
)
POOL = obj(
    "kafka.strimzi.io/v1",
    "KafkaNodePool",
    spec={"replicas": 3, "roles": ["broker"], "storage": {"type": "persistent-claim", "size": "10Gi"}},
)
TOPIC = obj("kafka.strimzi.io/v1", "KafkaTopic", spec={"partitions": 3, "config": {"retention.ms": 1}})
USER = obj("kafka.strimzi.io/v1", "KafkaUser", spec={"authentication": {"type": "scram-sha-512"}})
APPLICATION = obj(
    "argoproj.io/v1alpha1",
    "Application",
    spec={
        "project": "default",
        "source": {"repoURL": "https://git.example/a.git", "path": "charts/a", "targetRevision": "main"},
        "destination": {"name": "in-cluster", "namespace": "n"},
        "syncPolicy": {"automated": {"prune": True}, "syncOptions": ["ServerSideApply=true"]},
    },
)
PROJECT = obj(
    "argoproj.io/v1alpha1",
    "AppProject",
    spec={"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}]},
)
BUCKET_TOPIC = obj(
    "ceph.rook.io/v1",
    "CephBucketTopic",
    spec={
        "objectStoreName": "s",
        "objectStoreNamespace": "rook-ceph",
        "endpoint": {"kafka": {"uri": "kafka://k:9093", "useSSL": True, "ackLevel": "broker"}},
    },
)
NOTIFICATION = obj("ceph.rook.io/v1", "CephBucketNotification", spec={"topic": "t", "events": ["s3:ObjectCreated:Put"]})
BUCKET_CLAIM = obj("objectbucket.io/v1alpha1", "ObjectBucketClaim", spec={"storageClassName": "s"})
SERVING = obj("operator.knative.dev/v1beta1", "KnativeServing", spec={"high-availability": {"replicas": 2}})
KNATIVE_SERVICE = obj("serving.knative.dev/v1", "Service", spec={"template": pod()})
KNATIVE_KAFKA = obj(
    "operator.serverless.openshift.io/v1alpha1",
    "KnativeKafka",
    spec={"source": {"enabled": True}, "channel": {"enabled": False}},
)
SINK = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "a"}}
KAFKA_SOURCE = obj(
    "sources.knative.dev/v1",
    "KafkaSource",
    spec={"bootstrapServers": ["k:9093"], "topics": ["images"], "sink": SINK},
)
EXTERNAL_SECRET = obj(
    "external-secrets.io/v1",
    "ExternalSecret",
    spec={
        "secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"},
        "dataFrom": [{"extract": {"key": "k"}}],
    },
)
SUBSCRIPTION = obj(
    "operators.coreos.com/v1alpha1",
    "Subscription",
    spec={"name": "amq-streams", "source": "redhat-operators", "sourceNamespace": "openshift-marketplace"},
)
MONITOR = obj(
    "monitoring.coreos.com/v1",
    "ServiceMonitor",
    spec={"selector": {"matchLabels": {"app": "a"}}, "endpoints": [{"port": "metrics"}]},
)
RULES = obj(
    "monitoring.coreos.com/v1",
    "PrometheusRule",
    spec={"groups": [{"name": "g", "rules": [{"alert": "Down", "expr": "up == 0", "for": "5m"}]}]},
)
ROUTE = obj("route.openshift.io/v1", "Route", spec={"to": {"kind": "Service", "name": "a"}})
DATABASE = obj(
    "postgresql.cnpg.io/v1",
    "Cluster",
    spec={"instances": 3, "storage": {"size": "10Gi"}, "bootstrap": {"initdb": {"database": "results"}}},
)
LINK = obj(
    "console.openshift.io/v1",
    "ConsoleLink",
    spec={"href": "https://a.example", "location": "ApplicationMenu", "text": "A"},
)
CERTIFICATE = obj(
    "cert-manager.io/v1",
    "Certificate",
    spec={"secretName": "s", "issuerRef": {"name": "i"}, "dnsNames": ["a"]},
)
CUSTOM = {
    "kafka": KAFKA,
    "pool": POOL,
    "topic": TOPIC,
    "user": USER,
    "application": APPLICATION,
    "project": PROJECT,
    "bucket topic": BUCKET_TOPIC,
    "notification": NOTIFICATION,
    "bucket claim": BUCKET_CLAIM,
    "serving": SERVING,
    "knative service": KNATIVE_SERVICE,
    "knative kafka": KNATIVE_KAFKA,
    "kafka source": KAFKA_SOURCE,
    "external secret": EXTERNAL_SECRET,
    "subscription": SUBSCRIPTION,
    "monitor": MONITOR,
    "rules": RULES,
    "route": ROUTE,
    "console link": LINK,
    "database": DATABASE,
    "settings of External Secrets on OpenShift": obj(
        "operator.openshift.io/v1alpha1", "ExternalSecretsConfig", spec={"controllerConfig": {"labels": {"a": "b"}}}
    ),
    "certificate": CERTIFICATE,
    "kafka of an older operator": obj("kafka.strimzi.io/v1beta2", "KafkaTopic", spec={"partitions": 1, "replicas": 1}),
}

CONTAINER = ("spec", "template", "spec", "containers", 0)
# what is set in a good object, where the violation is (the same place unless given), a word of its message
WRONG: dict[str, tuple[Object, tuple[str | int, ...], Any, str]] = {
    "unknown field, Kafka": (KAFKA, ("spec", "kafka", "listners"), [], "did you mean 'listeners'"),
    "field of v1beta2 only, Kafka": (KAFKA, ("spec", "kafka", "replicas"), 3, "unknown key"),
    "enum, Kafka": (KAFKA, ("spec", "kafka", "listeners", 0, "type"), "internl", "is not one of the allowed values"),
    "enum, KafkaNodePool": (POOL, ("spec", "roles", 0), "brokr", "is not one of the allowed values"),
    "minimum, KafkaTopic": (TOPIC, ("spec", "partitions"), 0, "minimum"),
    "enum, KafkaUser": (USER, ("spec", "authentication", "type"), "scram", "is not one of the allowed values"),
    "type, Application": (
        APPLICATION,
        ("spec", "syncPolicy", "automated", "prune"),
        "true",
        "expected boolean, found string",
    ),
    "null block, Application": (APPLICATION, ("spec", "syncPolicy"), None, "expected map, found null"),
    "label, AppProject": (PROJECT, ("metadata", "labels", "a"), True, "expected string, found boolean"),
    "long label, AppProject": (PROJECT, ("metadata", "labels", "a"), "x" * 64, "too long"),
    "unknown field, CephBucketTopic": (
        BUCKET_TOPIC,
        ("spec", "endpoint", "kafka", "useSsl"),
        True,
        "did you mean 'useSSL'",
    ),
    "enum, CephBucketNotification": (
        NOTIFICATION,
        ("spec", "events", 0),
        "s3:Created",
        "is not one of the allowed values",
    ),
    "name, ObjectBucketClaim": (BUCKET_CLAIM, ("metadata", "name"), "A_b", "does not match"),
    "unknown field, KnativeServing": (SERVING, ("spec", "highAvailability"), {}, "unknown key"),
    "type, KnativeKafka": (KNATIVE_KAFKA, ("spec", "source", "enabled"), "yes", "expected boolean, found string"),
    "unknown field, KafkaSource": (KAFKA_SOURCE, ("spec", "topic"), "a", "did you mean 'topics'"),
    "pod field, Knative Service": (KNATIVE_SERVICE, (*CONTAINER, "imagePull"), "Always", "unknown key"),
    "unknown field, ExternalSecret": (EXTERNAL_SECRET, ("spec", "secretStore"), {}, "unknown key"),
    "type, Subscription": (SUBSCRIPTION, ("spec", "channel"), 4.2, "expected string, found number"),
    "pattern, PrometheusRule": (RULES, ("spec", "groups", 0, "rules", 0, "for"), "5 min", "does not match"),
    "type, ServiceMonitor": (MONITOR, ("spec", "endpoints"), {}, "expected list, found map"),
    "enum, Route": (ROUTE, ("spec", "tls", "termination"), "Edge", "is not one of the allowed values"),
    "pattern, ConsoleLink": (LINK, ("spec", "location"), "Menu", "does not match"),
    "unknown field, Cluster of CloudNativePG": (DATABASE, ("spec", "instance"), 3, "did you mean 'instances'"),
    "minimum, Cluster of CloudNativePG": (DATABASE, ("spec", "instances"), 0, "minimum"),
    "type, Certificate": (CERTIFICATE, ("spec", "dnsNames"), "a", "expected list, found string"),
    "unknown field, Deployment": (
        DEPLOYMENT,
        ("spec", "template", "spec", "contaners"),
        [],
        "did you mean 'containers'",
    ),
    "deep unknown field, Deployment": (
        DEPLOYMENT,
        (*CONTAINER, "livenessProbe", "http"),
        {},
        "unknown key",
    ),
    "type, Deployment": (DEPLOYMENT, ("spec", "replicas"), "2", "expected integer, found string"),
    "number, Deployment": (DEPLOYMENT, ("spec", "replicas"), 1.5, "expected integer, found number"),
    "unknown field, CronJob": (
        CRON_JOB,
        ("spec", "jobTemplate", "spec", "template", "spec", "restart"),
        "Never",
        "unknown key",
    ),
    "int-or-string, Service": (
        SERVICE,
        ("spec", "ports", 0, "targetPort"),
        True,
        "expected string or integer, found boolean",
    ),
    "annotation, ConfigMap": (
        NATIVE["config map"],
        ("metadata", "annotations", "a"),
        1,
        "expected string, found integer",
    ),
    "data, ConfigMap": (NATIVE["config map"], ("data", "a"), 1, "expected string, found integer"),
    "unknown field, NetworkPolicy": (
        NETWORK_POLICY,
        ("spec", "ingress", 0, "form"),
        [],
        "did you mean 'from'",
    ),
    "type, Role": (ROLE, ("rules", 0, "verbs"), "get", "expected list, found string"),
}
# kubernetes-validate takes these, the API server does not take them as meant
STRICTER: dict[str, tuple[Object, tuple[str | int, ...], Any, str]] = {
    "null block, Deployment": (DEPLOYMENT, ("spec",), None, "expected map, found null"),
    "null list, Deployment": (DEPLOYMENT, ("spec", "template", "spec", "volumes"), None, "expected list, found null"),
    "null value, Secret": (NATIVE["secret"], ("stringData", "a"), None, "expected string, found null"),
    "long label, pod template": (
        DEPLOYMENT,
        ("spec", "template", "metadata", "labels", "b"),
        "x" * 64,
        "too long",
    ),
}


@pytest.mark.parametrize("good", [*CUSTOM.values(), *NATIVE.values()], ids=[*CUSTOM, *NATIVE])
def test_a_right_object_has_no_violations(good: Object) -> None:
    assert SCHEMAS.covers(good["apiVersion"], good["kind"])
    assert SCHEMAS.violations(good, "1.34") == []


@pytest.mark.parametrize(("good", "path", "value", "word"), (WRONG | STRICTER).values(), ids=WRONG | STRICTER)
def test_a_wrong_object_is_refused_where_it_is_wrong(
    good: Object, path: tuple[str | int, ...], value: Any, word: str
) -> None:
    found = SCHEMAS.violations(changed(good, path, value), "1.34")
    assert [one.path for one in found] == [path]
    assert word in f"{found[0].message}; {found[0].cure}"


@pytest.mark.parametrize(
    ("good", "gone", "path"),
    [
        (KAFKA, ("spec",), ()),
        (KAFKA_SOURCE, ("spec", "topics"), ("spec",)),
        (KAFKA, ("metadata", "name"), ("metadata",)),
        (DEPLOYMENT, ("spec", "selector"), ("spec",)),
        (DEPLOYMENT, ("metadata", "name"), ("metadata",)),
        (DEPLOYMENT, ("metadata",), ()),
    ],
    ids=["spec", "topics", "name", "selector", "name of a native kind", "metadata"],
)
def test_what_must_be_there_is_missed_at_its_parent(good: Object, gone: tuple[str, ...], path: tuple[str, ...]) -> None:
    bad = copy.deepcopy(good)
    here = bad
    for key in gone[:-1]:
        here = here[key]
    del here[gone[-1]]
    found = SCHEMAS.violations(bad, "1.34")
    assert [one.path for one in found] == [path]
    assert found[0].message == f"the key '{gone[-1]}' is missing"


def test_all_violations_are_found_at_once_in_order_of_their_paths() -> None:
    bad = changed(changed(DEPLOYMENT, ("spec", "replicas"), "2"), ("metadata", "labels", "a"), 1)
    bad = changed(bad, (*CONTAINER, "ports"), [{"containerPort": 1}] * 10 + [{"containerPort": "80"}])
    bad = changed(bad, (*CONTAINER, "ports", 9), {"containerPort": "80"})
    assert [one.path for one in SCHEMAS.violations(bad, "1.34")] == [
        ("metadata", "labels", "a"),
        ("spec", "replicas"),
        (*CONTAINER, "ports", 9, "containerPort"),
        (*CONTAINER, "ports", 10, "containerPort"),
    ]


MOUNT = [{"name": "v", "mountPath": "/v", "mountPropagation": "None"}]
VOLUME = [{"name": "v", "csi": {"driver": "d"}}]
WORKLOAD = [{"name": "controller", "resources": [{"container": "c", "limits": {"example.com/gpu": 1}}]}]


@pytest.mark.parametrize(
    ("good", "path", "value", "below"),
    [
        (KNATIVE_SERVICE, (*CONTAINER, "volumeMounts"), MOUNT, (0, "mountPropagation")),
        (KNATIVE_SERVICE, ("spec", "template", "spec", "volumes"), VOLUME, (0, "csi")),
        (KAFKA_SOURCE, ("spec", "net", "sasl", "tokenProvider"), {}, ()),
        (SERVING, ("spec", "workloads"), WORKLOAD, (0, "resources", 0, "limits", "example.com/gpu")),
    ],
    ids=["mountPropagation", "csi volume", "token provider", "extended resource"],
)
def test_openshift_serverless_refuses_what_only_upstream_has(
    good: Object, path: tuple[str | int, ...], value: Any, below: tuple[str | int, ...]
) -> None:
    newer = changed(good, path, value)
    assert SCHEMAS.violations(newer, "1.34", "kubernetes") == []
    (found,) = SCHEMAS.violations(newer, "1.34", "openshift")
    assert found.path == (*path, *below)
    assert found.message.startswith("unknown key")


def test_openshift_serverless_leaves_the_spec_of_its_operands_open() -> None:
    odd = changed(SERVING, ("spec", "oddity"), 1)
    assert [one.path for one in SCHEMAS.violations(odd, "1.34", "kubernetes")] == [("spec", "oddity")]
    assert SCHEMAS.violations(odd, "1.34", "openshift") == []


@pytest.mark.parametrize("good", [*CUSTOM.values(), *NATIVE.values()], ids=[*CUSTOM, *NATIVE])
def test_a_right_object_is_right_on_openshift_too(good: Object) -> None:
    assert SCHEMAS.violations(good, "1.33", "openshift") == []


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"kind": "Deployment"},
        {"apiVersion": "apps/v1"},
        {"apiVersion": "apps/v2", "kind": "Deployment", "metadata": {"name": "a"}},
        {"apiVersion": "apps.example/v1", "kind": "Deployment", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "List", "items": []},
        {"apiVersion": ["v1"], "kind": None},
    ],
    ids=str,
)
def test_a_kind_without_schema_is_never_passed_in_silence(bad: Object) -> None:
    found = SCHEMAS.violations(bad, "1.34")
    assert [one.path for one in found] == [("kind",)]
    assert "no schema is known" in found[0].message
    assert not SCHEMAS.covers(str(bad.get("apiVersion")), str(bad.get("kind")))


def test_what_json_cannot_hold_is_a_violation() -> None:
    bad = changed(NATIVE["config map"], ("data",), {1: "a", "b": {2}})
    assert SCHEMAS.violations(bad, "1.34") == [
        Violation(("data",), "wrong-type", "the key 1 is no text", "quote it"),
        Violation(("data", "b"), "wrong-type", "is a set, which JSON does not have", "quote it"),
    ]


def test_subclasses_of_text_and_numbers_are_judged_as_what_they_are() -> None:
    class Text(str):
        __slots__ = ()

    class Whole(int):
        pass

    good = changed(DEPLOYMENT, ("spec", "replicas"), Whole(2))
    good = changed(good, ("metadata", "labels"), {Text("a"): Text("b")})
    assert SCHEMAS.violations(good, "1.34") == []
    bad = changed(good, ("spec", "replicas"), Text("2"))
    found = Violation(("spec", "replicas"), "wrong-type", 'expected integer, found string "2"')
    assert SCHEMAS.violations(bad, "1.34") == [found]


@pytest.mark.parametrize(
    ("bad", "path", "message"),
    [
        (
            changed(SERVICE, ("spec", "ports", 0, "targetPort"), True),
            ("spec", "ports", 0, "targetPort"),
            "expected string or integer, found boolean true",
        ),
        (
            changed(ROUTE, ("spec",), {**ROUTE["spec"], "path": "/a", "tls": {"termination": "passthrough"}}),
            ("spec", "path"),
            "'/a' is expected to be empty",
        ),
        (
            changed(
                POOL,
                ("spec", "template", "kafkaContainer", "env"),
                [{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
            ),
            ("spec", "template", "kafkaContainer", "env", 0),
            "mixes forms that exclude each other",
        ),
    ],
    ids=["none", "deeper", "several"],
)
def test_alternatives_are_explained(bad: Object, path: tuple[str | int, ...], message: str) -> None:
    (found,) = SCHEMAS.violations(bad, "1.34")
    assert (found.path, found.message) == (path, message)


def test_an_item_that_stands_twice_in_a_list_by_keys_is_refused() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}]
    (found,) = SCHEMAS.violations(changed(KNATIVE_SERVICE, (*CONTAINER, "env"), twice), "1.34")
    assert (found.path, found.message) == ((*CONTAINER, "env", 2), "a second item with name=A")


def test_a_word_that_stands_twice_in_a_set_is_refused() -> None:
    group = obj("operators.coreos.com/v1", "OperatorGroup", spec={"targetNamespaces": ["a", "b"]})
    assert SCHEMAS.violations(group, "1.34") == []
    bad = changed(group, ("spec", "targetNamespaces", 1), "a")
    (found,) = SCHEMAS.violations(bad, "1.34")
    assert (found.path, found.message) == (("spec", "targetNamespaces"), "holds the same item twice")


def test_all_that_is_missing_is_named() -> None:
    bad = changed(NATIVE["role binding"], ("roleRef",), {"apiGroup": "rbac.authorization.k8s.io"})
    assert [(one.path, one.message) for one in SCHEMAS.violations(bad, "1.34")] == [
        (("roleRef",), "the key 'kind' is missing"),
        (("roleRef",), "the key 'name' is missing"),
    ]


def test_a_long_value_is_shortened() -> None:
    bad = changed(DEPLOYMENT, ("metadata", "labels", "a"), "x" * 5000)
    assert len(SCHEMAS.violations(bad, "1.34")[0].message) < 300


def test_a_refusal_that_only_the_fast_validator_sees_is_kept() -> None:
    # Python's `$` also matches before a newline at the end
    found = SCHEMAS.violations(changed(TOPIC, ("metadata", "name"), "a\n"), "1.34")
    assert [one.path for one in found] == [("metadata", "name")]


@pytest.mark.parametrize("section", ["data", "stringData"])
@pytest.mark.parametrize(
    ("value", "kind"), [(20261121, "integer"), (20.261121, "number"), (True, "boolean")], ids=["int", "float", "bool"]
)
def test_a_message_does_not_show_the_text_of_a_secret(section: str, value: Any, kind: str) -> None:
    bad = changed(NATIVE["secret"], (section, "password"), value)
    (found,) = SCHEMAS.violations(bad, "1.34")
    assert found == Violation((section, "password"), "wrong-type", f"expected string, found {kind}", "quote it")


# --- versions


def test_a_field_is_known_from_its_version_on() -> None:
    # `resources` of a whole pod came with 1.32, `trafficDistribution` of a Service with 1.30
    whole_pod = changed(DEPLOYMENT, ("spec", "template", "spec", "resources"), {"limits": {"cpu": "1"}})
    assert [bool(SCHEMAS.violations(whole_pod, f"1.{minor}")) for minor in (30, 31, 32, 37)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("version", "like"),
    [("1.99", "1.37"), ("1.21", "1.30"), ("v1.34.2", "1.34"), ("1.31.5+k3s1", "1.31"), ("1.33-eks", "1.33")],
)
def test_other_spellings_and_unknown_versions_are_checked_as_the_nearest_known(version: str, like: str) -> None:
    whole_pod = changed(DEPLOYMENT, ("spec", "template", "spec", "resources"), {"limits": {"cpu": "1"}})
    assert SCHEMAS.violations(whole_pod, version) == SCHEMAS.violations(whole_pod, like)


@pytest.mark.parametrize(
    ("version", "distribution"),
    [("4.20", "openshift"), ("1.34x", "openshift"), ("", "openshift"), ("1.34", "okd")],
)
def test_what_is_no_version_or_distribution_is_an_error(version: str, distribution: str) -> None:
    with pytest.raises(ValueError, match="is n"):
        SCHEMAS.violations(DEPLOYMENT, version, distribution)


# --- the sources


def accepted_by_kubernetes_validate(thing: Object, version: str) -> bool:
    try:
        kubernetes_validate.validate(thing, version, strict=True)
    except kubernetes_validate.ValidationError:
        return False
    return True


NATIVE_KINDS = {(one["apiVersion"], one["kind"]) for one in NATIVE.values()}
WRONG_NATIVE = {
    name: changed(good, path, value)
    for name, (good, path, value, _) in WRONG.items()
    if (good["apiVersion"], good["kind"]) in NATIVE_KINDS
}


@pytest.mark.parametrize("minor", MINORS)
@pytest.mark.parametrize("thing", [*NATIVE.values(), *WRONG_NATIVE.values()], ids=[*NATIVE, *WRONG_NATIVE])
def test_native_kinds_are_judged_as_kubernetes_validate_does(thing: Object, minor: int) -> None:
    version = f"1.{minor}"
    assert (SCHEMAS.violations(thing, version) == []) == accepted_by_kubernetes_validate(thing, version)


@pytest.mark.parametrize(("good", "path", "value", "word"), STRICTER.values(), ids=STRICTER)
def test_where_native_kinds_are_judged_more_strictly(
    good: Object, path: tuple[str | int, ...], value: Any, word: str
) -> None:
    assert accepted_by_kubernetes_validate(changed(good, path, value), "1.34"), word


def members(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


# Without the folder there is nothing to build from, and these tests are not collected. A variable that names
# a wrong folder makes them fail.
if "MEDPATTERN_CRD_SCHEMAS" in os.environ or CRD_SCHEMAS.is_dir():

    def test_the_shipped_bundle_is_what_the_sources_make() -> None:
        script = build_script()
        made = [script.bundle(CRD_SCHEMAS, CRDS, script.kubernetes_schemas()) for _ in range(2)]
        assert made[0] == made[1]
        # members and not bytes: another zlib may compress differently
        assert members(made[0]) == members(BUNDLE.read_bytes())

    ROWS = [row for row in json.loads((CRD_SCHEMAS / "index.json").read_bytes()) if "file" in row]

    @pytest.mark.parametrize("row", ROWS, ids=[f"{row['file']}" for row in ROWS])
    def test_custom_kinds_are_judged_as_their_source_does(row: dict[str, Any]) -> None:
        import jsonschema_rs

        source = jsonschema_rs.Draft7Validator(
            json.loads((CRD_SCHEMAS / row["file"]).read_bytes()), validate_formats=False
        )
        distribution = "openshift" if row["file"].startswith("variants/") else "kubernetes"
        named = (f"{row['group']}/{row['version']}", row["kind"])
        things = [thing for thing in CUSTOM.values() if (thing["apiVersion"], thing["kind"]) == named]
        wrong = [changed(good, path, value) for good, path, value, _ in WRONG.values() if good in things]
        bare = {"apiVersion": named[0], "kind": named[1], "metadata": {"name": "a"}}
        for one in (bare, {**bare, "nonsense": 1}, {**bare, "spec": 1}, *things, *wrong):
            assert (SCHEMAS.violations(one, "1.34", distribution) == []) == source.is_valid(one)


def test_the_bundle_is_small_and_without_prose() -> None:
    data = BUNDLE.read_bytes()
    assert len(data) < 600_000
    for name, schema in members(data).items():
        if name != "index.json":
            assert '"description": "' not in json.dumps(schema)


# --- scope


@pytest.mark.parametrize(
    ("group", "kinds"),
    [
        ("", "Namespace Node PersistentVolume"),
        ("rbac.authorization.k8s.io", "ClusterRole ClusterRoleBinding"),
        ("storage.k8s.io", "StorageClass CSIDriver VolumeAttributesClass"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("apiregistration.k8s.io", "APIService"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration MutatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"),
        ("console.openshift.io", "ConsoleLink ConsolePlugin"),
        ("external-secrets.io", "ClusterSecretStore ClusterExternalSecret"),
        ("cert-manager.io", "ClusterIssuer"),
        ("security.openshift.io", "SecurityContextConstraints"),
        ("user.openshift.io", "Group"),
    ],
)
def test_kinds_outside_namespaces(group: str, kinds: str) -> None:
    assert {SCHEMAS.scope(group, kind) for kind in kinds.split()} == {"Cluster"}


@pytest.mark.parametrize(
    ("group", "kinds"),
    [
        ("", "Pod Service Secret ConfigMap ServiceAccount PersistentVolumeClaim ResourceQuota"),
        ("apps", "Deployment StatefulSet DaemonSet"),
        ("batch", "Job CronJob"),
        ("networking.k8s.io", "NetworkPolicy Ingress"),
        ("rbac.authorization.k8s.io", "Role RoleBinding"),
        ("kafka.strimzi.io", "Kafka KafkaTopic"),
        ("serving.knative.dev", "Service"),
        ("argoproj.io", "Application AppProject ApplicationSet"),
        ("operator.openshift.io", "IngressController"),
    ],
)
def test_kinds_in_namespaces(group: str, kinds: str) -> None:
    assert {SCHEMAS.scope(group, kind) for kind in kinds.split()} == {"Namespaced"}


def test_the_scope_of_an_unknown_kind_is_not_guessed() -> None:
    assert SCHEMAS.scope("example.org", "Pod") is None
    assert SCHEMAS.scope("", "StorageClass") is None


def test_every_kind_with_a_schema_compiles_and_has_a_scope() -> None:
    for key in members(BUNDLE.read_bytes())["index.json"]["kinds"]:
        *api_version, kind = key.split("/")
        assert SCHEMAS.scope(api_version[0] if len(api_version) == 2 else "", kind) is not None
        bare = {"apiVersion": "/".join(api_version), "kind": kind, "metadata": {"name": "a", "nonsense": 1}}
        for version, distribution in (("1.30", "kubernetes"), ("1.37", "openshift")):
            paths = [one.path for one in SCHEMAS.violations(bare, version, distribution)]
            assert ("metadata", "nonsense") in paths, key


# --- cost


def test_importing_the_module_loads_no_validator() -> None:
    code = (
        "import sys, medpattern.checks.schemas as s\n"
        "s.SchemaSet().scope('', 'Pod')\n"
        "print([m for m in ('jsonschema', 'jsonschema_rs', 'yaml') if m in sys.modules])"
    )
    path = os.pathsep.join(one for one in sys.path if one)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    assert done.stdout.strip() == "[]"
