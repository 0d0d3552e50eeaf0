"""For each complaint of the doctor objects in that state, and the same objects well.

The statuses are those that the operators write. The live tests hand the same objects to a real API server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]
Make = Callable[[str], list[Object]]

NOW = datetime.now(UTC).replace(microsecond=0)
SECRET = "v1/Secret"


@dataclass(frozen=True)
class Case:
    """One complaint.

    `sick` and `well` make the objects in a namespace; `name` is of the object that is found, and `says` stands in what
    is said of it. `live` is False where an API server lets nobody write that state, or all of a cluster is in it.
    """

    sick: Make
    well: Make
    name: str
    says: str
    live: bool = True


def thing(kind: str, name: str, namespace: str = "", **parts: Any) -> Object:
    """An object, such as `thing("apps/v1/Deployment", "web", "images", spec={})`."""
    api_version, _, kind = kind.rpartition("/")
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= {key: parts.pop(key) for key in ("labels", "annotations", "deletionTimestamp", "creationTimestamp")
                 if key in parts}  # fmt: skip
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def conditions(*rows: Object, **more: Any) -> Object:
    """A status with conditions."""
    return {"conditions": list(rows), **more}


def row(kind: str, status: str, reason: str = "", message: str = "", **more: Any) -> Object:
    """A condition."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-11-01T00:00:00Z",
        **more,
    }


READY = row("Ready", "True")


def stamp(ago: timedelta) -> str:
    """A time as Kubernetes writes it."""
    return (NOW - ago).strftime("%Y-%m-%dT%H:%M:%SZ")


HOUR = timedelta(hours=1)

# ---- the platform ----------------------------------------------------------------------------------------------


def node(name: str, ready: str, message: str) -> Object:
    return thing("v1/Node", name, status=conditions(row("Ready", ready, "KubeletReady", message)))


def api_service(name: str, available: str) -> Object:
    group = f"{name}.example.org"
    wanted = {"group": group, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
              "service": {"name": "adapter", "namespace": "adapters"}, "insecureSkipTLSVerify": True}  # fmt: skip
    status = conditions(
        row("Available", available, "MissingEndpoints", "endpoints for service/adapter have no addresses")
    )
    return thing("apiregistration.k8s.io/v1/APIService", f"v1.{group}", spec=wanted, status=status)


def subscription(namespace: str, *rows: Object, state: str = "") -> list[Object]:
    wanted = {"name": "amq-streams", "source": "redhat-operators", "sourceNamespace": "openshift-marketplace",
              "channel": "stable"}  # fmt: skip
    status = {**conditions(*rows), "lastUpdated": "2026-11-01T00:00:00Z", "state": state or "AtLatestKnown"}
    group = thing("operators.coreos.com/v1/OperatorGroup", "group", namespace, spec={})
    return [
        thing("operators.coreos.com/v1alpha1/Subscription", "streams", namespace, spec=wanted, status=status),
        group,
    ]


def managed(name: str, available: str) -> Object:
    status = conditions(row("ManagedClusterConditionAvailable", available, "ManagedClusterLeaseUpdateStopped", ""),
                        row("HubAcceptedManagedCluster", "True", "Accepted"))  # fmt: skip
    spec = {"hubAcceptsClient": True}
    return thing("cluster.open-cluster-management.io/v1/ManagedCluster", name, spec=spec, status=status)


def placement(namespace: str, *, bound: bool) -> list[Object]:
    group = "cluster.open-cluster-management.io"
    binding = thing(f"{group}/v1beta2/ManagedClusterSetBinding", "wards", namespace, spec={"clusterSet": "wards"})
    made = thing(f"{group}/v1beta1/Placement", "wards", namespace, spec={"clusterSets": ["wards"]})
    return [made, *([binding] if bound else [])]


def service_version(namespace: str, phase: str) -> Object:
    status = {"phase": phase, "reason": "InstallCheckFailed", "message": "install timeout"}
    return thing("operators.coreos.com/v1alpha1/ClusterServiceVersion", "amq.v3", namespace, status=status)


PLATFORM = {
    "node-not-ready": Case(
        lambda ns: [node(f"{ns}-node", "Unknown", "Kubelet stopped posting node status.")],
        lambda ns: [node(f"{ns}-node", "True", "")],
        "sick-node-not-ready-node", "Kubelet stopped posting",
    ),
    "api-service-away": Case(
        lambda ns: [api_service(ns, "False")],
        lambda ns: [api_service(ns, "True")],
        "v1.sick-api-service-away.example.org", "have no addresses", live=False,  # the server's own controller judges
    ),
    "namespace-stuck": Case(
        lambda ns: [thing("v1/Namespace", ns, deletionTimestamp=stamp(HOUR),
                          status=conditions(row("NamespaceFinalizersRemaining", "True", "", "strimzi.io/topic")))],
        lambda ns: [thing("v1/Namespace", ns, deletionTimestamp=stamp(timedelta(seconds=5)))],
        "sick-namespace-stuck", "strimzi.io/topic", live=False,  # no one sets a time of deletion
    ),
    "operator-not-found": Case(
        lambda ns: subscription(ns, row("ResolutionFailed", "True", "ConstraintsNotSatisfiable", "no operators found")),
        lambda ns: subscription(ns, row("CatalogSourcesUnhealthy", "False", "AllCatalogSourcesHealthy")),
        "streams", "amq-streams of redhat-operators, channel stable: ConstraintsNotSatisfiable: no operators found",
    ),
    "operator-group-count": Case(
        lambda ns: [*subscription(ns), thing("operators.coreos.com/v1/OperatorGroup", "second", ns, spec={})],
        subscription,
        "streams", "2 OperatorGroups",
    ),
    "operator-unapproved": Case(
        lambda ns: subscription(ns, row("InstallPlanPending", "True", "RequiresApproval"), state="UpgradePending"),
        lambda ns: subscription(ns, row("InstallPlanPending", "True", "Installing"), state="UpgradePending"),
        "streams", "before somebody approves",
    ),
    "operator-not-installed": Case(
        lambda ns: subscription(ns, row("InstallPlanFailed", "True", "Failed", "exceeded quota: small")),
        lambda ns: subscription(ns, row("InstallPlanFailed", "False")),
        "streams", "exceeded quota: small",
    ),
    "operator-failed": Case(
        lambda ns: [service_version(ns, "Failed")],
        lambda ns: [service_version(ns, "Succeeded")],
        "amq.v3", "install timeout", live=False,  # its definition is not among those of the tests
    ),
    "cluster-away": Case(
        lambda ns: [managed(f"{ns}-1", "Unknown")],
        lambda ns: [managed(f"{ns}-1", "True")],
        "sick-cluster-away-1", "ManagedClusterLeaseUpdateStopped", live=False,  # no cluster of the tests is such a hub
    ),
    "placement-unbound": Case(
        lambda ns: placement(ns, bound=False), lambda ns: placement(ns, bound=True), "wards", "no ManagedClusterSet",
        live=False,
    ),
}  # fmt: skip

# ---- storage ---------------------------------------------------------------------------------------------------

ROOK = "ceph.rook.io/v1"


def storage_class(name: str, **more: Any) -> Object:
    return thing("storage.k8s.io/v1/StorageClass", name, provisioner="disks.example.org", **more)


def volume_claim(namespace: str, name: str, phase: str) -> Object:
    spec = {"storageClassName": name, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return thing("v1/PersistentVolumeClaim", "films", namespace, spec=spec, status={"phase": phase})


def bucket(namespace: str, phase: str = "Bound", name: str = "") -> Object:
    labels = {"bucket-notification-images": "images"}
    spec = {"storageClassName": name or f"{namespace}-buckets", "generateBucketName": "xrays"}
    return thing("objectbucket.io/v1alpha1/ObjectBucketClaim", "xrays", namespace, labels=labels, spec=spec,
                 status={"phase": phase})  # fmt: skip


def notification(namespace: str, events: str = "s3:ObjectCreated:*") -> Object:
    spec = {"topic": "images", "events": [events]}
    return thing(f"{ROOK}/CephBucketNotification", "images", namespace, spec=spec, status={"phase": "Ready"})


def topic(namespace: str, *, persistent: bool = True, phase: str = "Ready", login: bool = False) -> Object:
    kafka: Object = {"uri": "kafka://kafka:9093"}
    if login:
        kafka["userSecretRef"] = {"name": "rgw", "key": "user"}
    spec = {"objectStoreName": "store", "objectStoreNamespace": namespace, "persistent": persistent,
            "endpoint": {"kafka": kafka}}  # fmt: skip
    return thing(f"{ROOK}/CephBucketTopic", "images", namespace, spec=spec, status={"phase": phase})


def bucket_chain(namespace: str) -> list[Object]:
    """A bucket with its class, notification and topic."""
    return [storage_class(f"{namespace}-buckets"), bucket(namespace), notification(namespace), topic(namespace)]


def store(namespace: str, **gateway: Any) -> Object:
    return thing(f"{ROOK}/CephObjectStore", "store", namespace, spec={"gateway": gateway}, status={"phase": "Ready"})


def ceph(namespace: str, health: str, **details: str) -> Object:
    rows = {name: {"severity": "HEALTH_WARN", "message": said} for name, said in details.items()}
    status = {"phase": "Ready", "ceph": {"health": health, "details": rows}}
    return thing(f"{ROOK}/CephCluster", "ceph", namespace, spec={"dataDirHostPath": "/var/lib/rook"}, status=status)


def storage_cluster(namespace: str, phase: str, available: str) -> Object:
    status = conditions(row("Available", available, "Reconcile", "no node has a free disk"), phase=phase)
    return thing("ocs.openshift.io/v1/StorageCluster", "odf", namespace, spec={}, status=status)


STORAGE = {
    "storage-cluster-not-ready": Case(
        lambda ns: [storage_cluster(ns, "Error", "False")],
        lambda ns: [storage_cluster(ns, "Ready", "True")],
        "odf", "no node has a free disk",
    ),
    "ceph-unhealthy": Case(
        lambda ns: [ceph(ns, "HEALTH_WARN", OSD_NEARFULL="2 nearfull osd(s)")],
        lambda ns: [ceph(ns, "HEALTH_WARN", TOO_FEW_PGS="few")],
        "ceph", "OSD_NEARFULL: 2 nearfull osd(s)",
    ),
    "ceph-not-ready": Case(
        lambda ns: [topic(ns, phase="ReconcileFailed")], lambda ns: [topic(ns)], "images", "ReconcileFailed",
    ),
    "volume-missing": Case(
        lambda ns: [volume_claim(ns, "gold", "Pending")],
        lambda ns: [volume_claim(ns, f"{ns}-late", "Pending"),
                    storage_class(f"{ns}-late", volumeBindingMode="WaitForFirstConsumer")],
        "films", "there is no StorageClass gold",
    ),
    "bucket-missing": Case(
        lambda ns: [*bucket_chain(ns)[2:], bucket(ns, "Pending", "ocs-storagecluster-ceph-rgw")],
        bucket_chain,
        "xrays", "there is no StorageClass ocs-storagecluster-ceph-rgw",
    ),
    "bucket-not-notifying": Case(
        lambda ns: [*bucket_chain(ns)[:2], topic(ns)],
        bucket_chain,
        "xrays", "names the CephBucketNotification images, and there is none",
    ),
    "notification-misses-parts": Case(
        lambda ns: [notification(ns, "s3:ObjectCreated:Put")],
        lambda ns: [notification(ns)],
        "images", "over 8 MB",
    ),
    "topic-loses-events": Case(
        lambda ns: [topic(ns, persistent=False)], lambda ns: [topic(ns)], "images", "not persistent",
    ),
    "topic-login-in-clear": Case(
        lambda ns: [topic(ns, login=True), store(ns, port=80)],
        lambda ns: [topic(ns, login=True), store(ns, securePort=443)],
        "images", "over TLS alone",
    ),
}  # fmt: skip

# ---- Kafka and Knative -----------------------------------------------------------------------------------------

STRIMZI = "kafka.strimzi.io/v1"
OWNED = {"strimzi.io/cluster": "kafka"}
RULES = {"authorization": {"type": "simple", "acls": [{"resource": {"type": "topic", "name": "images"},
                                                       "operations": ["Read"]}]}}  # fmt: skip


def kafka(namespace: str, *rows: Object, **more: Any) -> list[Object]:
    """A Kafka with its nodes."""
    listener = {"name": "tls", "port": 9093, "type": "internal", "tls": True}
    volumes = {"type": "jbod", "volumes": [{"id": 0, "type": "ephemeral", "kraftMetadata": "shared"}]}
    pool = {"replicas": 3, "roles": ["controller", "broker"], "storage": volumes}
    return [
        thing(f"{STRIMZI}/Kafka", "kafka", namespace, spec={"kafka": {"listeners": [listener], **more}},
              status=conditions(*(rows or (READY,)))),
        thing(f"{STRIMZI}/KafkaNodePool", "nodes", namespace, labels=OWNED, spec=pool, status=conditions(READY)),
    ]  # fmt: skip


def kafka_topic(namespace: str, **more: Any) -> Object:
    parts = {"labels": OWNED, "status": conditions(READY), **more}
    return thing(f"{STRIMZI}/KafkaTopic", "images", namespace, spec={"partitions": 3, "replicas": 3}, **parts)


def kafka_user(namespace: str) -> Object:
    return thing(f"{STRIMZI}/KafkaUser", "reader", namespace, labels=OWNED, spec=RULES, status=conditions(READY))


def source(namespace: str, *rows: Object, delivery: Object | None = None, **more: Any) -> Object:
    sink = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "risk"}}
    spec = {"bootstrapServers": ["kafka:9093"], "topics": ["images"], "consumerGroup": "risk", "sink": sink,
            "initialOffset": "earliest",
            "delivery": {"retry": 5, "deadLetterSink": sink} if delivery is None else delivery, **more}  # fmt: skip
    return thing("sources.knative.dev/v1/KafkaSource", "images", namespace, spec=spec,
                 status=conditions(*(rows or (READY,))))  # fmt: skip


def login(name: str) -> Object:
    return {"sasl": {"enable": True, "user": {"secretKeyRef": {"name": name, "key": "username"}}}}


def knative_kafka(namespace: str, *, enabled: bool) -> Object:
    off = {"enabled": False}
    spec = {"source": {"enabled": enabled}, "channel": off, "broker": off, "sink": off}
    return thing("operator.serverless.openshift.io/v1alpha1/KnativeKafka", "knative-kafka", namespace, spec=spec,
                 status=conditions(READY))  # fmt: skip


def serving(namespace: str) -> Object:
    return thing("operator.knative.dev/v1beta1/KnativeServing", "serving", namespace, spec={}, status=conditions(READY))


def service(namespace: str, *rows: Object) -> Object:
    spec = {"template": {"spec": {"containers": [{"image": "risk@sha256:" + "0" * 64}]}}}
    return thing("serving.knative.dev/v1/Service", "risk", namespace, spec=spec, status=conditions(*rows))


STREAMING = {
    "kafka-without-nodes": Case(lambda ns: kafka(ns)[:1], kafka, "kafka", "no KafkaNodePool"),
    "kafka-object-ignored": Case(
        lambda ns: [kafka_topic(ns)], lambda ns: [*kafka(ns), kafka_topic(ns)], "images", "no such Kafka",
    ),
    "kafka-not-ready": Case(
        lambda ns: kafka(ns, row("NotReady", "True", "FatalProblem", "no nodes are ready")),
        kafka,
        "kafka", "FatalProblem: no nodes are ready",
    ),
    "kafka-unseen": Case(
        lambda ns: [*kafka(ns), kafka_topic(ns, status={}, creationTimestamp=stamp(HOUR))],
        lambda ns: [*kafka(ns), kafka_topic(ns, status={}, creationTimestamp=stamp(timedelta(seconds=20)))],
        "images", "no operator has looked", live=False,  # nothing is old there
    ),
    "kafka-rules-ignored": Case(
        lambda ns: [*kafka(ns), kafka_user(ns)],
        lambda ns: [*kafka(ns, authorization={"type": "simple"}), kafka_user(ns)],
        "reader", "no authorization",
    ),
    "serving-misplaced": Case(
        lambda ns: [serving(ns)], lambda ns: [serving("knative-serving")], "serving", "one namespace",
    ),
    "kafka-source-off": Case(
        lambda ns: [knative_kafka(ns, enabled=False), source(ns)],
        lambda ns: [knative_kafka(ns, enabled=True), source(ns)],
        "knative-kafka", "nothing runs them",
    ),
    "source-login-missing": Case(
        lambda ns: [source(ns, net=login("reader"))],
        lambda ns: [source(ns, net=login("reader")), thing(SECRET, "reader", ns)],
        "images", "the Secret reader",
    ),
    "knative-not-ready": Case(
        lambda ns: [service(ns, row("ConfigurationsReady", "False", "RevisionFailed", "Revision risk-00001 failed"),
                            row("Ready", "False", "RevisionFailed", "Revision risk-00001 failed"))],
        lambda ns: [service(ns, READY)],
        "risk", "ConfigurationsReady is False: RevisionFailed: Revision risk-00001 failed",
    ),
    "source-drops-events": Case(
        lambda ns: [source(ns, delivery={"retry": 5})], lambda ns: [source(ns)], "images", "no dead letter sink",
    ),
    "source-without-retries": Case(
        lambda ns: [source(ns, delivery={"deadLetterSink": {"uri": "http://dead.example.org"}})],
        lambda ns: [source(ns)],
        "images", "none at all",
    ),
    "source-begins-late": Case(
        lambda ns: [source(ns, initialOffset="latest")], lambda ns: [source(ns)], "images", "never read",
    ),
}  # fmt: skip

# ---- workloads -------------------------------------------------------------------------------------------------


def pod(
    namespace: str,
    waiting: Object | None = None,
    *rows: Object,
    phase: str = "Pending",
    last: Object | None = None,
    secret: str = "",
) -> Object:
    container = {"name": "app", "image": "app:1"}
    volumes = [{"name": "login", "secret": {"secretName": secret}}] if secret else []
    state = {"waiting": waiting} if waiting else {"running": {"startedAt": stamp(HOUR)}}
    one = {"name": "app", "image": "app:1", "imageID": "", "ready": waiting is None, "restartCount": 0, "state": state}
    one |= {"lastState": {"terminated": last}} if last else {}
    status = {"phase": phase, "containerStatuses": [one], "conditions": list(rows)}
    return thing("v1/Pod", "app", namespace, spec={"containers": [container], "volumes": volumes}, status=status)


def running(namespace: str) -> list[Object]:
    return [pod(namespace, phase="Running")]


def deployment(namespace: str, *rows: Object) -> Object:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return thing("apps/v1/Deployment", "web", namespace, spec=spec, status=conditions(*rows))


def job(namespace: str, *rows: Object) -> Object:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "web", "image": "web:1"}]}}
    return thing("batch/v1/Job", "prepare", namespace, spec={"template": template},
                 status=conditions(*rows, startTime=stamp(HOUR)))  # fmt: skip


def secret_store(namespace: str, ready: str, message: str = "") -> Object:
    vault = {"server": "https://vault.example.org", "version": "v2", "path": "secret",
             "auth": {"kubernetes": {"mountPath": "kubernetes", "role": "reader"}}}  # fmt: skip
    return thing("external-secrets.io/v1/SecretStore", "vault", namespace, spec={"provider": {"vault": vault}},
                 status=conditions(row("Ready", ready, "InvalidProviderConfig", message)))  # fmt: skip


def external_secret(namespace: str, ready: str) -> Object:
    data = [{"secretKey": "password", "remoteRef": {"key": "hub/db", "property": "password"}}]
    spec = {"secretStoreRef": {"name": "vault"}, "data": data, "target": {"name": "db"}}
    said = row("Ready", ready, "SecretSyncedError", "could not get secret data from provider")
    return thing("external-secrets.io/v1/ExternalSecret", "db", namespace, spec=spec, status=conditions(said))


def database(namespace: str, ready: str) -> Object:
    spec = {"instances": 1, "storage": {"size": "1Gi"}}
    status = conditions(row("Ready", ready, "ClusterIsNotReady", "Cluster Is Not Ready"), phase="Not enough disk space")
    return thing("postgresql.cnpg.io/v1/Cluster", "results", namespace, spec=spec, status=status)


def certificate(namespace: str, ready: str) -> Object:
    spec = {"secretName": "tls", "issuerRef": {"name": "hospital"}, "dnsNames": ["results.example.org"]}
    status = conditions(row("Ready", ready, "DoesNotExist", "Issuing certificate as Secret does not exist"))
    return thing("cert-manager.io/v1/Certificate", "results", namespace, spec=spec, status=status)


def dashboard(namespace: str, *, matched: bool) -> Object:
    spec = {"instanceSelector": {"matchLabels": {"dashboards": "grafana"}}, "json": "{}"}
    status = {"NoMatchingInstances": not matched}
    return thing("grafana.integreatly.org/v1beta1/GrafanaDashboard", "films", namespace, spec=spec, status=status)


def monitor(namespace: str, *, on: bool) -> list[Object]:
    spec = {"selector": {}, "podMetricsEndpoints": [{"port": "metrics"}]}
    data = {"config.yaml": f"enableUserWorkload: {str(on).lower()}\n"}
    return [
        thing("monitoring.coreos.com/v1/PodMonitor", "risk", namespace, spec=spec),
        thing("v1/ConfigMap", "cluster-monitoring-config", "openshift-monitoring", data=data),
    ]


WORKLOADS = {
    "secret-store-away": Case(
        lambda ns: [secret_store(ns, "False", "unable to log in: Vault is sealed")],
        lambda ns: [secret_store(ns, "True")],
        "vault", "Vault is sealed",
    ),
    "secret-not-written": Case(
        lambda ns: [external_secret(ns, "False")],
        lambda ns: [external_secret(ns, "True")],
        "db", "SecretSyncedError: could not get secret data from provider",
    ),
    "certificate-not-issued": Case(
        lambda ns: [certificate(ns, "False")], lambda ns: [certificate(ns, "True")], "results", "DoesNotExist",
    ),
    "database-not-ready": Case(
        lambda ns: [database(ns, "False")], lambda ns: [database(ns, "True")], "results", "Not enough disk space",
    ),
    "pods-refused": Case(
        lambda ns: [deployment(ns, row("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small"))],
        lambda ns: [deployment(ns, row("Available", "True", "MinimumReplicasAvailable"))],
        "web", "exceeded quota",
    ),
    "pod-not-scheduled": Case(
        lambda ns: [pod(ns, None, row("PodScheduled", "False", "Unschedulable", "0/3 nodes are available"))],
        running,
        "app", "0/3 nodes are available",
    ),
    "image-not-pulled": Case(
        lambda ns: [pod(ns, {"reason": "ImagePullBackOff", "message": "Back-off pulling image"})],
        running,
        "app", "ImagePullBackOff: Back-off pulling image",
    ),
    "pod-secret-missing": Case(
        lambda ns: [pod(ns, {"reason": "ContainerCreating"}, secret="db")],
        lambda ns: [pod(ns, {"reason": "ContainerCreating"}, secret="db"), thing(SECRET, "db", ns)],
        "app", "waits for the Secret db",
    ),
    "container-not-made": Case(
        lambda ns: [pod(ns, {"reason": "CreateContainerConfigError", "message": 'secret "db" not found'})],
        running,
        "app", 'secret "db" not found',
    ),
    "container-crashes": Case(
        lambda ns: [pod(ns, {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}, phase="Running",
                        last={"reason": "OOMKilled", "exitCode": 137})],
        running,
        "app", "its last end: OOMKilled",
    ),
    "job-failed": Case(
        lambda ns: [job(ns, row("FailureTarget", "True", "BackoffLimitExceeded", "Job has reached its limit"),
                        row("Failed", "True", "BackoffLimitExceeded", "Job has reached its limit"))],
        lambda ns: [job(ns)],
        "prepare", "BackoffLimitExceeded",
    ),
    "dashboard-not-shown": Case(
        lambda ns: [dashboard(ns, matched=False)], lambda ns: [dashboard(ns, matched=True)], "films", "no Grafana",
    ),
    "monitoring-off": Case(
        lambda ns: monitor(ns, on=False), lambda ns: monitor(ns, on=True), "risk", "is off",
        live=False,  # one setting for the whole cluster
    ),
}  # fmt: skip

# ---- Argo CD ---------------------------------------------------------------------------------------------------

UNCHECKED = {"resource.customizations.health.kafka.strimzi.io_KafkaNodePool": "return {status = 'Healthy'}"}


def application(namespace: str, name: str = "broker", **status: Any) -> Object:
    """An Application of `namespace`, Synced and Healthy unless told otherwise."""
    metadata = {"deletionTimestamp": status.pop("deletionTimestamp")} if "deletionTimestamp" in status else {}
    where = {"server": "https://kubernetes.default.svc", "namespace": namespace}
    source = {"repoURL": "https://git.example.org/ward.git", "path": "rendered"}
    spec = {"project": "ward", "destination": where, "source": source}
    well = {"sync": {"status": "Synced", "comparedTo": {"source": source, "destination": where}},
            "health": {"status": "Healthy"}, "reconciledAt": stamp(timedelta(seconds=30)), "resources": []}  # fmt: skip
    return thing("argoproj.io/v1alpha1/Application", name, namespace, spec=spec, status=well | status, **metadata)


def operation(phase: str, message: str, *results: Object, started: timedelta = HOUR) -> Object:
    done = {"sync": {"revision": "4f5e6d7"}}
    source = {"repoURL": "https://git.example.org/ward.git", "path": "rendered"}
    result = {"syncResult": {"revision": "4f5e6d7", "source": source, "resources": list(results)}} if results else {}
    return {
        "operationState": {"operation": done, "phase": phase, "message": message, "startedAt": stamp(started), **result}
    }


def refused(message: str) -> Object:
    return {"group": "", "version": "v1", "kind": "Service", "namespace": "web", "name": "web", "status": "SyncFailed",
            "message": message}  # fmt: skip


def settings(namespace: str, data: dict[str, str]) -> Object:
    labels = {"app.kubernetes.io/part-of": "argocd"}
    return thing("v1/ConfigMap", "argocd-cm", namespace, labels=labels, data=data)


def has_pool(namespace: str) -> Object:
    one = {"group": "kafka.strimzi.io", "version": "v1", "kind": "KafkaNodePool", "name": "nodes", "status": "Synced"}
    return application(namespace, resources=[{**one, "namespace": namespace}])


def marked(namespace: str, mark: str) -> list[Object]:
    annotations = {"argocd.argoproj.io/tracking-id": mark}
    return [thing(SECRET, "copy", namespace, annotations=annotations), settings(namespace, UNCHECKED)]


def hooked(namespace: str, labels: dict[str, str], *keys: str) -> list[Object]:
    """argocd-secret as bootstrap leaves it, and a Secret with these labels and, by its metadata, these keys."""
    made = thing(SECRET, "argocd-secret", namespace, labels={"app.kubernetes.io/part-of": "argocd"})
    fields = {"f:data": {".": {}, "f:webhook.github.secret": {}}}
    made["metadata"]["managedFields"] = [{"manager": "medpattern-webhook", "operation": "Apply", "fieldsV1": fields}]
    secret = thing(SECRET, "medpattern-webhook", namespace, labels=labels)
    owned = {"f:data": {".": {}, **{f"f:{key}": {} for key in keys}}}
    if keys:
        secret["metadata"]["managedFields"] = [{"manager": "kubectl", "operation": "Update", "fieldsV1": owned}]
    return [application(namespace), made, secret]


DELIVERY = {
    "argo-cd-silent": Case(
        lambda ns: [application(ns, reconciledAt=stamp(2 * HOUR))],
        lambda ns: [application(ns)],
        "broker", "for 120 min", live=False,  # one that was looked at is enough
    ),
    "application-error": Case(
        lambda ns: [application(ns, conditions=[row("ComparisonError", "", "", "app path does not exist")])],
        lambda ns: [application(ns, conditions=[])],
        "broker", "ComparisonError: app path does not exist",
    ),
    "sync-failed": Case(
        lambda ns: [application(ns, **operation("Failed", "tasks failed", refused("exceeded quota")))],
        lambda ns: [application(ns, **operation("Succeeded", "successfully synced"))],
        "broker", "Service/web: exceeded quota",
    ),
    "sync-waits": Case(
        lambda ns: [application(ns, **operation("Running", "waiting for healthy state of Kafka/kafka"))],
        lambda ns: [application(ns, **operation("Running", "waiting", started=timedelta(seconds=20)))],
        "broker", "waiting for healthy state of Kafka/kafka",
    ),
    "object-shared": Case(
        lambda ns: [application(ns, conditions=[row("SharedResourceWarning", "", "", "ConfigMap/x of a and b")])],
        lambda ns: [application(ns)],
        "broker", "ConfigMap/x of a and b",
    ),
    "application-stuck": Case(
        lambda ns: [application(ns, deletionTimestamp=stamp(HOUR))],
        lambda ns: [application(ns, deletionTimestamp=stamp(timedelta(seconds=3)))],
        "broker", "going away", live=False,  # no one sets a time of deletion
    ),
    "object-degraded": Case(
        lambda ns: [application(ns, resources=[{"kind": "Ingress", "group": "networking.k8s.io", "name": "web",
                                                "health": {"status": "Degraded", "message": "no address"}}])],
        lambda ns: [application(ns, resources=[{"kind": "Ingress", "group": "networking.k8s.io", "name": "web",
                                                "health": {"status": "Healthy"}}])],
        "broker", "Ingress/web is Degraded: no address",
    ),
    "health-check-missing": Case(
        lambda ns: [has_pool(ns), settings(ns, {})],
        lambda ns: [has_pool(ns), settings(ns, UNCHECKED)],
        "argocd-cm", "no health check for KafkaNodePool",
    ),
    "mark-copied": Case(
        lambda ns: marked(ns, f"broker:/Secret:{ns}/original"),
        lambda ns: marked(ns, f"broker:/Secret:{ns}/copy"),
        "copy", "mark of another object",
    ),
    "webhook-open": Case(
        lambda ns: hooked(ns, {"app.kubernetes.io/part-of": "something-else"}),
        lambda ns: hooked(ns, {"app.kubernetes.io/part-of": "argocd"}, "secret", "old"),
        "argocd-secret", "lacks the label", live=False,  # the server alone writes who owns which field
    ),
}  # fmt: skip

CASES: dict[str, Case] = {**PLATFORM, **STORAGE, **STREAMING, **WORKLOADS, **DELIVERY}
