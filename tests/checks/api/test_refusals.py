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
    spec={
        "minReplicas": 2,
        "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"},
    },
)
ROLE = obj("rbac.authorization.k8s.io/v1", "Role", rules=[])
RBAC = "rbac.authorization.k8s.io"
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
CLUSTER_ROLE = obj(f"{RBAC}/v1", "ClusterRole", rules=[RULE, {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}])
SUBJECT = {"kind": "ServiceAccount", "name": "a", "namespace": "n"}
BINDING = obj(
    f"{RBAC}/v1",
    "ClusterRoleBinding",
    roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "system:a"},
    subjects=[SUBJECT, {"apiGroup": RBAC, "kind": "Group", "name": "system:Any Group!"}],
)
BACKEND = {"service": {"name": "a", "port": {"name": "http"}}}
INGRESS = obj(
    "networking.k8s.io/v1",
    "Ingress",
    spec={
        "ingressClassName": "nginx",
        "rules": [
            {"host": "*.example.org", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}},
            {
                "http": {
                    "paths": [
                        {
                            "pathType": "ImplementationSpecific",
                            "backend": {"service": {"name": "a", "port": {"number": 80}}},
                        }
                    ]
                }
            },
        ],
        "tls": [{"hosts": ["a.example.org"], "secretName": "tls"}],
    },
)
FLOWS = obj(
    "networking.k8s.io/v1",
    "NetworkPolicy",
    spec={
        "podSelector": {"matchLabels": {"app": "a"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {}},
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "n"}}},
                ]
            }
        ],
        "egress": [
            {
                "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
                "ports": [{"port": "http", "protocol": "SCTP"}, {"port": 53}],
            },
            {},
        ],
    },
)
STORAGE = obj("storage.k8s.io/v1", "StorageClass", provisioner="Ceph.rook.io/bucket", reclaimPolicy="Retain")
TOKEN = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "a", "annotations": {"kubernetes.io/service-account.name": "a"}},
    "type": "kubernetes.io/service-account-token",
}
TLS = obj("v1", "Secret", type="kubernetes.io/tls", data={"tls.crt": "eA==", "tls.key": "eA=="})
KNATIVE = obj(
    "serving.knative.dev/v1",
    "Service",
    spec={"template": {"spec": {"containers": [{"image": "i:1", "readinessProbe": {"periodSeconds": 5}}]}}},
)
FULL = obj(
    "apps/v1",
    "Deployment",
    spec={
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {
                "serviceAccountName": "a.b",
                "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["192.0.2.1"]},
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "fsGroupChangePolicy": "Always"},
                "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
                "topologySpreadConstraints": [
                    {
                        "maxSkew": 1,
                        "topologyKey": "zone",
                        "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": {"matchLabels": {"a": "b"}},
                    }
                ],
                "containers": [
                    {
                        **CONTAINER,
                        "imagePullPolicy": "IfNotPresent",
                        "terminationMessagePolicy": "FallbackToLogsOnError",
                        "resources": {
                            "limits": {"nvidia.com/gpu": 1, "hugepages-2Mi": "4Mi", "cpu": 1, "memory": "1Gi"}
                        },
                        "startupProbe": {"httpGet": {"path": "/", "port": "http", "scheme": "HTTPS"}},
                        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}, "prefix": "B_"}],
                    }
                ],
                "volumes": [
                    *VOLUMES,
                    {"name": "keys", "secret": {"secretName": "keys"}},
                    {"name": "settings", "configMap": {"name": "settings"}},
                ],
            },
        },
    },
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
    "cluster role": CLUSTER_ROLE,
    "binding": BINDING,
    "ingress": INGRESS,
    "network policy": FLOWS,
    "storage class": STORAGE,
    "token": TOKEN,
    "certificate": TLS,
    "other type of secret": obj("v1", "Secret", type="example.org/any", data={}),
    "fields of a pod": FULL,
    "role with a colon": {**ROLE, "metadata": {"name": "system:a"}},
    "an annotation in capitals": {**CONFIG, "metadata": {"name": "a", "annotations": {"Example.ORG/a": "b"}}},
    "knative probe without handler": KNATIVE,
    "only a generateName": {**CONFIG, "metadata": {"generateName": "a-"}},
}

POD: KeyPath = ("spec", "template", "spec")
FIRST: KeyPath = (*POD, "containers", 0)

HTTP: KeyPath = ("spec", "rules", 0, "http")
BACK: KeyPath = (*HTTP, "paths", 0, "backend", "service")
PEER: KeyPath = ("spec", "ingress", 0, "from", 1, "namespaceSelector")

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
    "dots in a container's name": (FULL, (*FIRST, "name"), "a.b", (), "cannot stand here"),
    "no container": (DEPLOYMENT, (*POD, "containers"), [], (), "has no container"),
    "no pod": (JOB, ("spec", "template"), {}, (), "has no container"),
    "account": (FULL, (*POD, "serviceAccountName"), "A", (), "cannot stand here"),
    "policy of names": (FULL, (*POD, "dnsPolicy"), "none", (), "cannot stand here"),
    "profile of a pod": (FULL, (*POD, "securityContext", "seccompProfile", "type"), "runtime/default", (), "cannot"),
    "policy of groups": (FULL, (*POD, "securityContext", "fsGroupChangePolicy"), "always", (), "cannot stand here"),
    "effect": (FULL, (*POD, "tolerations", 0, "effect"), "NoRun", (), "cannot stand here"),
    "spread": (FULL, (*POD, "topologySpreadConstraints", 0, "whenUnsatisfiable"), "Ignore", (), "cannot stand here"),
    "label of a spread": (
        FULL,
        (*POD, "topologySpreadConstraints", 0, "labelSelector", "matchLabels", "a"),
        "b c",
        (),
        "value of a label",
    ),
    "pull policy": (FULL, (*FIRST, "imagePullPolicy"), "IfAbsent", (), "cannot stand here"),
    "message policy": (FULL, (*FIRST, "terminationMessagePolicy"), "Log", (), "cannot stand here"),
    "protocol of a container": (FULL, (*FIRST, "ports", 0, "protocol"), "http", (), "cannot stand here"),
    "profile of a container": (
        FULL,
        (*FIRST, "securityContext"),
        {"seccompProfile": {"type": "Default"}},
        (*FIRST, "securityContext", "seccompProfile", "type"),
        "cannot stand here",
    ),
    "scheme of a probe": (FULL, (*FIRST, "startupProbe", "httpGet", "scheme"), "https", (), "cannot stand here"),
    "port of a probe": (FULL, (*FIRST, "startupProbe", "httpGet", "port"), "8080", (), "cannot stand here"),
    "resource": (FULL, (*FIRST, "resources", "limits", "disk"), 1, (), "is no resource"),
    "variables from nowhere": (FULL, (*FIRST, "envFrom", 0), {"prefix": "A_"}, (), "has no configMapRef or secretRef"),
    "variables without a name": (FULL, (*FIRST, "envFrom", 1, "secretRef"), {}, (), "has no name"),
    "variables from an odd name": (FULL, (*FIRST, "envFrom", 1, "secretRef", "name"), "B", (), "cannot stand here"),
    "secret without a name": (FULL, (*POD, "volumes", 2, "secret"), {}, (), "has no secretName"),
    "config without a name": (FULL, (*POD, "volumes", 3, "configMap"), {}, (), "has no name"),
    "strategy": (DEPLOYMENT, ("spec", "strategy", "type"), "Rolling", (), "cannot stand here"),
    "pod management": (STATEFUL_SET, ("spec", "podManagementPolicy"), "Ordered", (), "cannot stand here"),
    "concurrency": (CRON_JOB, ("spec", "concurrencyPolicy"), "Deny", (), "cannot stand here"),
    "time zone": (CRON_JOB, ("spec", "timeZone"), "Europe/Nowhere", (), "cannot stand here"),
    "type of a Service": (SERVICE, ("spec", "type"), "Headless", (), "cannot stand here"),
    "target port": (SERVICE, ("spec", "ports", 0, "targetPort"), "Http", (), "cannot stand here"),
    "protocol of a Service": (SERVICE, ("spec", "ports", 0, "protocol"), "tcp", (), "cannot stand here"),
    "affinity": (SERVICE, ("spec", "sessionAffinity"), "Client", (), "cannot stand here"),
    "access mode": (CLAIM, ("spec", "accessModes", 0), "ReadWrite", (), "cannot stand here"),
    "volume mode": (CLAIM, ("spec", "volumeMode"), "File", (), "cannot stand here"),
    "share of a budget": (BUDGET, ("spec", "minAvailable"), "half", (), "cannot stand here"),
    "eviction": (BUDGET, ("spec", "unhealthyPodEvictionPolicy"), "Always", (), "cannot stand here"),
    "no verb": (CLUSTER_ROLE, ("rules", 0, "verbs"), [], ("rules", 0), "has no verbs"),
    "no resource": (CLUSTER_ROLE, ("rules", 0, "resources"), GONE, ("rules", 0), "has no resources"),
    "no group": (CLUSTER_ROLE, ("rules", 0, "apiGroups"), [], ("rules", 0), "has no apiGroups"),
    "kind of a role": (BINDING, ("roleRef", "kind"), "Role", (), "cannot stand here"),
    "group of a role": (BINDING, ("roleRef", "apiGroup"), "v1", (), "cannot stand here"),
    "kind of a subject": (BINDING, ("subjects", 1, "kind"), "Team", (), "cannot stand here"),
    "account of no namespace": (BINDING, ("subjects", 0, "namespace"), GONE, ("subjects", 0), "has no namespace"),
    "odd account": (BINDING, ("subjects", 0, "name"), "A", (), "cannot stand here"),
    "no rules": (INGRESS, ("spec", "rules"), [], ("spec",), "has no rules or defaultBackend"),
    "ingress without spec": (INGRESS, ("spec",), GONE, ("kind",), "has no rules or defaultBackend"),
    "no paths": (INGRESS, (*HTTP, "paths"), [], HTTP, "has no paths"),
    "no backend": (INGRESS, (*HTTP, "paths", 0, "backend"), {}, (), "has no service or resource"),
    "no port of a backend": (INGRESS, (*BACK, "port"), GONE, BACK, "has no port"),
    "no name of a port": (INGRESS, (*BACK, "port"), {}, (), "has no name or number"),
    "backend": (INGRESS, (*BACK, "name"), "a.b", (), "cannot stand here"),
    "port of a backend": (INGRESS, (*BACK, "port", "name"), "Http", (), "cannot stand here"),
    "no path": (INGRESS, (*HTTP, "paths", 0, "path"), GONE, (*HTTP, "paths", 0), "has no path"),
    "path": (INGRESS, (*HTTP, "paths", 0, "path"), "a", (), "cannot stand here"),
    "type of a path": (INGRESS, (*HTTP, "paths", 0, "pathType"), "Regex", (), "cannot stand here"),
    "host": (INGRESS, ("spec", "rules", 0, "host"), "a_b", (), "cannot stand here"),
    "host of a certificate": (INGRESS, ("spec", "tls", 0, "hosts", 0), "a b", (), "cannot stand here"),
    "secret of a certificate": (INGRESS, ("spec", "tls", 0, "secretName"), "A", (), "cannot stand here"),
    "class": (INGRESS, ("spec", "ingressClassName"), "A", (), "cannot stand here"),
    "type of a policy": (FLOWS, ("spec", "policyTypes", 0), "ingress", (), "cannot stand here"),
    "protocol of a flow": (FLOWS, ("spec", "egress", 0, "ports", 0, "protocol"), "HTTP", (), "cannot stand here"),
    "port of a flow": (FLOWS, ("spec", "egress", 0, "ports", 0, "port"), "Http", (), "cannot stand here"),
    "nobody": (FLOWS, ("spec", "ingress", 0, "from", 0), {}, (), "has no podSelector"),
    "label of a flow": (FLOWS, ("spec", "podSelector", "matchLabels", "app"), "a b", (), "value of a label"),
    "label of a peer": (FLOWS, (*PEER, "matchLabels", "a b"), "c", (), "key of a label"),
    "provisioner": (STORAGE, ("provisioner",), "a b", (), "cannot stand here"),
    "reclaim policy": (STORAGE, ("reclaimPolicy",), "Keep", (), "cannot stand here"),
    "binding mode": (STORAGE, ("volumeBindingMode",), "Late", (), "cannot stand here"),
    "token of nobody": (TOKEN, ("metadata", "annotations"), {}, ("type",), "needs the annotation"),
    "certificate without a key": (TLS, ("data",), {"tls.crt": "eA=="}, ("type",), "needs the key 'tls.key'"),
}  # fmt: skip


def found(thing: Object) -> list[tuple[KeyPath, str]]:
    return [(one.path, one.message) for one in refusals(Manifest(thing, "n", "a", 0, everywhere(Place("f"))))]


@pytest.mark.parametrize("right", RIGHT.values(), ids=RIGHT)
def test_a_right_object_is_not_refused(right: Object) -> None:
    assert SCHEMAS.violations(right, "1.34") == []
    assert found(right) == []


def changed(right: Object, path: KeyPath, value: Any) -> Object:
    """A copy of `right` with `value` at `path`, or without what stands there."""
    wrong = copy.deepcopy(right)
    here: Any = wrong
    for key in path[:-1]:
        here = here[key]
    if value is GONE:
        del here[path[-1]]
    else:
        here[path[-1]] = value
    return wrong


@pytest.mark.parametrize(("right", "path", "value", "where", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_object_is_refused_where_it_is_wrong(
    right: Object, path: KeyPath, value: Any, where: KeyPath, says: str
) -> None:
    told = found(changed(right, path, value))

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
