"""What the API server refuses although the schema allows it: each case a right object, and one change that is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from medpattern.checks.api import refusals
from medpattern.checks.api.quantities import quantity
from medpattern.checks.manifests import Manifest, everywhere
from medpattern.checks.schemas import SchemaSet
from medpattern.findings import KeyPath, Place

Object = dict[str, Any]
Change = Callable[[Any], None]

SCHEMAS = SchemaSet()


def obj(api_version: str, kind: str, **fields: Any) -> Object:
    """An object named `a` with the given top-level fields."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}, **fields}


CONTAINER = {
    "name": "c",
    "image": "registry.example/c:1",
    "ports": [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}],
    "env": [
        {"name": "A", "value": "1"},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "C"},
    ],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": 1, "memory": "128Mi"}},
    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "successThreshold": 2},
    "livenessProbe": {"tcpSocket": {"port": "http"}},
    "volumeMounts": [{"name": "tmp", "mountPath": "/cache"}, {"name": "data", "mountPath": "/data"}],
}
VOLUMES = [
    {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
    {"name": "data", "persistentVolumeClaim": {"claimName": "d"}},
]
TEMPLATE = {
    "metadata": {"labels": {"app.kubernetes.io/name": "a"}},
    "spec": {"initContainers": [{"name": "i", "image": "i:1"}], "containers": [CONTAINER], "volumes": VOLUMES},
}
DEPLOYMENT = obj(
    "apps/v1",
    "Deployment",
    spec={
        "selector": {
            "matchLabels": {"app.kubernetes.io/name": "a"},
            "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["a", "b"]}],
        },
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "template": TEMPLATE,
    },
)
CLAIM_SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
STATEFUL_SET = obj(
    "apps/v1",
    "StatefulSet",
    spec={
        "serviceName": "a",
        "selector": {"matchLabels": {"app.kubernetes.io/name": "a"}},
        "template": {**TEMPLATE, "spec": {**TEMPLATE["spec"], "volumes": VOLUMES[:1]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM_SPEC}],
    },
)
ONCE = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
JOB = obj("batch/v1", "Job", spec={"template": ONCE})
CRON_JOB = obj("batch/v1", "CronJob", spec={"schedule": "*/5 1-3 * * MON", "jobTemplate": {"spec": {"template": ONCE}}})
SERVICE = obj(
    "v1",
    "Service",
    spec={
        "selector": {"app.kubernetes.io/name": "a"},
        "ports": [{"name": "dns", "port": 53}, {"name": "dns-udp", "port": 53, "protocol": "UDP"}],
    },
)
CLAIM = obj("v1", "PersistentVolumeClaim", spec=CLAIM_SPEC)
CONFIG = obj("v1", "ConfigMap", data={"a.b_c-D": "x"}, binaryData={"e": "eA=="})
SECRET = obj("v1", "Secret", data={"a": "eHh4" * 349_525}, stringData={"b": "x"})
BUDGET = obj("policy/v1", "PodDisruptionBudget", spec={"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}})
SCALER = obj(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={"minReplicas": 2, "maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "a"}},
)
ROLE = obj("rbac.authorization.k8s.io/v1", "Role", rules=[])
KNATIVE = obj(
    "serving.knative.dev/v1",
    "Service",
    spec={"template": {"spec": {"containers": [{"image": "i:1", "readinessProbe": {"periodSeconds": 5}}]}}},
)
RIGHT = {
    "deployment": DEPLOYMENT,
    "stateful set": STATEFUL_SET,
    "job": JOB,
    "cron job": CRON_JOB,
    "service": SERVICE,
    "headless service without ports": obj("v1", "Service", spec={"clusterIP": "None", "selector": {"a": "b"}}),
    "external name": obj("v1", "Service", spec={"type": "ExternalName", "externalName": "a.example.org"}),
    "claim": CLAIM,
    "config": CONFIG,
    "secret that just fits": SECRET,
    "budget": BUDGET,
    "scaler": SCALER,
    "role with a colon": {**ROLE, "metadata": {"name": "system:a"}},
    "an annotation in capitals": {**CONFIG, "metadata": {"name": "a", "annotations": {"Example.ORG/a": "b"}}},
    "knative probe without handler": KNATIVE,
    "only a generateName": {**CONFIG, "metadata": {"generateName": "a-"}},
}

POD: KeyPath = ("spec", "template", "spec")
FIRST: KeyPath = (*POD, "containers", 0)

# the object, where it is changed, to what (GONE: taken out), where the finding is (the same place unless given), a word
GONE = object()
WRONG: dict[str, tuple[Object, KeyPath, Any, KeyPath, str]] = {
    "capital in a name": (CONFIG, ("metadata", "name"), "A", (), "cannot be a name"),
    "dot in a Service's name": (SERVICE, ("metadata", "name"), "a.b", (), "cannot be a name"),
    "digit first in a Service's name": (SERVICE, ("metadata", "name"), "1a", (), "cannot be a name"),
    "slash in a Role's name": (ROLE, ("metadata", "name"), "a/b", (), "cannot be a name"),
    "long name of a namespace": (obj("v1", "Namespace"), ("metadata", "name"), "a" * 64, (), "cannot be a name"),
    "dot in a namespace": (CONFIG, ("metadata", "namespace"), "a.b", (), "name of a namespace"),
    "key of a label": (CONFIG, ("metadata", "labels"), {"a b": "c"}, ("metadata", "labels", "a b"), "key of a label"),
    "two slashes in a key": (CONFIG, ("metadata", "labels"), {"a/b/c": ""}, ("metadata", "labels", "a/b/c"), "a label"),
    "key of an annotation": (
        CONFIG,
        ("metadata", "annotations"),
        {"-a": ""},
        ("metadata", "annotations", "-a"),
        "an annotation",
    ),
    "large annotations": (CONFIG, ("metadata", "annotations"), {"a": "x" * 270_000}, (), "larger than 262144"),
    "key of a ConfigMap": (CONFIG, ("data",), {"a/b": ""}, ("data", "a/b"), "key of a ConfigMap"),
    "two dots at the beginning of a key": (CONFIG, ("data",), {"..a": ""}, ("data", "..a"), "key of a ConfigMap"),
    "long name of a CronJob": (CRON_JOB, ("metadata", "name"), "a" * 53, (), "cannot be a name"),
    "large Secret": (SECRET, ("data",), {"a": "eHh4" * 349_526}, (), "larger than 1048576"),
    "key in data and binaryData": (CONFIG, ("binaryData", "a.b_c-D"), "eA==", (), "stands in data too"),
    "large ConfigMap": (CONFIG, ("data",), {"a": "x" * 1_048_577}, (), "larger than 1048576"),
    "port without a name": (SERVICE, ("spec", "ports", 0, "name"), GONE, ("spec", "ports", 0), "has no name"),
    "two ports of one name": (SERVICE, ("spec", "ports", 1, "name"), "dns", (), "two ports are named 'dns'"),
    "one port twice": (SERVICE, ("spec", "ports", 1, "protocol"), "TCP", ("spec", "ports", 1, "port"), "TCP 53"),
    "capitals in a port's name": (SERVICE, ("spec", "ports", 1, "name"), "DNS", (), "name of a port"),
    "no port": (SERVICE, ("spec", "ports"), GONE, ("spec",), "has no port"),
    "external name without the name": (SERVICE, ("spec", "type"), "ExternalName", (), "needs the name"),
    "label of a selector": (SERVICE, ("spec", "selector", "x"), "a b", (), "value of a label"),
    "both numbers of a budget": (BUDGET, ("spec", "maxUnavailable"), 1, (), "minAvailable is given too"),
    "least above most": (SCALER, ("spec", "maxReplicas"), 1, (), "less than minReplicas"),
    "selector without labels": (DEPLOYMENT, ("spec", "selector"), {}, (), "selects nothing"),
    "selector that the template does not fit": (
        DEPLOYMENT,
        ("spec", "selector", "matchLabels", "app.kubernetes.io/name"),
        "b",
        (),
        "has not the label",
    ),
    "expression that the template does not fit": (
        DEPLOYMENT,
        ("spec", "selector", "matchExpressions", 0, "operator"),
        "NotIn",
        ("spec", "selector", "matchExpressions", 0),
        "do not fulfil",
    ),
    "rolling update of Recreate": (
        DEPLOYMENT,
        ("spec", "strategy", "type"),
        "Recreate",
        ("spec", "strategy", "rollingUpdate"),
        "Recreate",
    ),
    "no room to roll": (
        DEPLOYMENT,
        ("spec", "strategy", "rollingUpdate", "maxUnavailable"),
        "0%",
        ("spec", "strategy", "rollingUpdate"),
        "both 0",
    ),
    "Deployment that ends": (DEPLOYMENT, (*POD, "restartPolicy"), "Never", (), "not for a Deployment"),
    "Job that never ends": (JOB, (*POD, "restartPolicy"), GONE, POD, "not for a Job"),
    "four fields of a schedule": (CRON_JOB, ("spec", "schedule"), "0 3 * *", (), "is no schedule"),
    "two containers of one name": (DEPLOYMENT, (*POD, "initContainers", 0, "name"), "c", (*FIRST, "name"), "named 'c'"),
    "no image": (DEPLOYMENT, (*FIRST, "image"), GONE, FIRST, "has no image"),
    "long name of a container's port": (DEPLOYMENT, (*FIRST, "ports", 0, "name"), "a" * 16, (), "container's port"),
    "container ports of one name": (DEPLOYMENT, (*FIRST, "ports", 1, "name"), "http", (), "two ports are named"),
    "container ports of one number": (DEPLOYMENT, (*FIRST, "ports", 1, "containerPort"), 8080, (), "TCP 8080"),
    "variable twice": (DEPLOYMENT, (*FIRST, "env", 1, "name"), "A", (), "stands twice"),
    "value and valueFrom": (DEPLOYMENT, (*FIRST, "env", 1, "value"), "x", (*FIRST, "env", 1, "valueFrom"), "a value"),
    "valueFrom nowhere": (DEPLOYMENT, (*FIRST, "env", 1, "valueFrom"), {}, (), "0 places"),
    "probe without handler": (DEPLOYMENT, (*FIRST, "livenessProbe"), {"periodSeconds": 5}, (), "has 0 handlers"),
    "probe with two handlers": (
        DEPLOYMENT,
        (*FIRST, "livenessProbe", "exec"),
        {"command": ["a"]},
        (*FIRST, "livenessProbe"),
        "has 2 handlers",
    ),
    "liveness after two successes": (DEPLOYMENT, (*FIRST, "livenessProbe", "successThreshold"), 2, (), "must be 1"),
    "odd quantity": (DEPLOYMENT, (*FIRST, "resources", "limits", "memory"), "128MB", (), "is no quantity"),
    "negative quantity": (DEPLOYMENT, (*FIRST, "resources", "requests", "cpu"), "-1", (), "is negative"),
    "request above limit": (DEPLOYMENT, (*FIRST, "resources", "requests", "memory"), "1Gi", (), "more than the limit"),
    "volumes of one name": (
        DEPLOYMENT,
        (*POD, "volumes"),
        [*VOLUMES, VOLUMES[0]],
        (*POD, "volumes", 2, "name"),
        "two volumes are named",
    ),
    "volume without source": (DEPLOYMENT, (*POD, "volumes", 0, "emptyDir"), GONE, (*POD, "volumes", 0), "no source"),
    "volume with two sources": (
        DEPLOYMENT,
        (*POD, "volumes", 0, "configMap"),
        {"name": "a"},
        (*POD, "volumes", 0),
        "emptyDir and configMap",
    ),
    "odd size of a folder": (DEPLOYMENT, (*POD, "volumes", 0, "emptyDir", "sizeLimit"), "1 Gi", (), "no quantity"),
    "mount of no volume": (DEPLOYMENT, (*FIRST, "volumeMounts", 1, "name"), "dat", (), "there is no volume 'dat'"),
    "mounts at one place": (DEPLOYMENT, (*FIRST, "volumeMounts", 1, "mountPath"), "/cache", (), "mounted at /cache"),
    "claim without size": (CLAIM, ("spec", "resources"), GONE, ("spec",), "asks for no storage"),
    "claim without mode": (CLAIM, ("spec", "accessModes"), GONE, ("spec",), "no access mode"),
    "odd size of a claim template": (
        STATEFUL_SET,
        ("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage"),
        "10GB",
        (),
        "is no quantity",
    ),
}  # fmt: skip


def found(thing: Object) -> list[tuple[KeyPath, str]]:
    return [(one.path, one.message) for one in refusals(Manifest(thing, "n", "a", 0, everywhere(Place("f"))))]


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_a_right_object_is_not_refused(right: Object) -> None:
    assert SCHEMAS.violations(right, "1.34") == []
    assert found(right) == []


@pytest.mark.parametrize(("right", "path", "value", "where", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_object_is_refused_where_it_is_wrong(
    right: Object, path: KeyPath, value: Any, where: KeyPath, says: str
) -> None:
    wrong = copy.deepcopy(right)
    here: Any = wrong
    for key in path[:-1]:
        here = here[key]
    if value is GONE:
        del here[path[-1]]
    else:
        here[path[-1]] = value
    told = found(wrong)

    assert [one for one, _ in told] == [where or path]
    assert says in told[0][1]


@pytest.mark.parametrize("odd", [{}, {"metadata": None}, {"metadata": []}, {"spec": 1}, {"spec": {"template": []}}])
@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_an_odd_object_is_left_to_the_schema_and_raises_nothing(right: Object, odd: Object) -> None:
    kind = {"apiVersion": right["apiVersion"], "kind": right["kind"]}
    found(kind | odd)
    for path in (
        ("spec", "selector"),
        ("spec", "ports"),
        ("spec", "template", "spec"),
        ("spec", "strategy"),
        ("data",),
    ):
        for value in (None, 1, [1], {"a": 1}, [{"name": 1, "resources": 1}]):
            wrong = copy.deepcopy(right)
            here: Any = wrong
            for key in path[:-1]:
                here = here.setdefault(key, {})
            here[path[-1]] = value
            found(wrong)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", "1"), (2, "2"), (0.5, "0.5"), ("500m", "0.5"), ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("1e3", "1000"),
     ("1E", "1e18"), (".5", "0.5"), ("-1k", "-1000"), ("100n", "1e-7")],
)  # fmt: skip
def test_quantities(text: Any, number: str) -> None:
    assert quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1GB", "1 Gi", "Gi", "1K", "0x1", True, None, [], "1e", "١"])
def test_what_is_no_quantity(text: Any) -> None:
    assert quantity(text) is None
