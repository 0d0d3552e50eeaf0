"""What operators would write that do not run here: for each kind the status of an object that is well.

The table has every kind of the demo cluster's tree that Argo CD judges by what somebody else writes into it. Whatever
an operator would make itself (pods of brokers, Secrets, buckets) is not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.live.servers.api import Api, Object
from tests.live.servers.template import install
from tests.real.servers.programs import FailedError

MERGE = "application/merge-patch+json"
# (API group, kind)
Kind = tuple[str, str]
Status = Callable[[Object], Object]


def conditions(*kinds: str) -> Status:
    """Conditions that are True, of the generation that was seen."""
    return lambda thing: {
        "observedGeneration": thing["metadata"]["generation"],
        "conditions": [{"type": kind, "status": "True"} for kind in kinds],
    }


def unseen(*kinds: str) -> Status:
    """Conditions that are True, in a status without a generation."""
    return lambda _thing: {"conditions": [{"type": kind, "status": "True"} for kind in kinds]}


def always(**status: object) -> Status:
    """The same for every object."""
    return lambda _thing: status


def _pool(thing: Object) -> Object:
    """Strimzi names the nodes of a pool."""
    nodes = list(range(thing["spec"]["replicas"]))
    return {"clusterId": "stand-in", "nodeIds": nodes, "observedGeneration": thing["metadata"]["generation"]}


KNATIVE_SERVING = ("DependenciesInstalled", "DeploymentsAvailable", "InstallSucceeded", "Ready")
# Of each kind where its objects are listed, and what they are told.
TABLE: dict[Kind, tuple[str, Status]] = {
    ("ceph.rook.io", "CephBucketNotification"): ("v1/cephbucketnotifications", always(phase="Ready")),
    ("ceph.rook.io", "CephBucketTopic"): ("v1/cephbuckettopics", always(phase="Ready")),
    ("ceph.rook.io", "CephCluster"): ("v1/cephclusters", always(state="Created", ceph={"health": "HEALTH_OK"})),
    ("ceph.rook.io", "CephObjectStore"): ("v1/cephobjectstores", always(phase="Ready")),
    ("ceph.rook.io", "CephObjectStoreUser"): ("v1/cephobjectstoreusers", always(phase="Ready")),
    ("external-secrets.io", "ClusterSecretStore"): ("v1/clustersecretstores", unseen("Ready")),
    ("external-secrets.io", "ExternalSecret"): ("v1/externalsecrets", unseen("Ready")),
    ("external-secrets.io", "SecretStore"): ("v1/secretstores", unseen("Ready")),
    ("kafka.strimzi.io", "Kafka"): ("v1/kafkas", conditions("Ready")),
    ("kafka.strimzi.io", "KafkaNodePool"): ("v1/kafkanodepools", _pool),
    ("kafka.strimzi.io", "KafkaTopic"): ("v1/kafkatopics", conditions("Ready")),
    ("kafka.strimzi.io", "KafkaUser"): ("v1/kafkausers", conditions("Ready")),
    ("networking.k8s.io", "Ingress"): ("v1/ingresses", always(loadBalancer={"ingress": [{"ip": "192.0.2.1"}]})),
    ("objectbucket.io", "ObjectBucketClaim"): ("v1alpha1/objectbucketclaims", always(phase="Bound")),
    ("operator.knative.dev", "KnativeEventing"): (
        "v1beta1/knativeeventings",
        conditions("InstallSucceeded", "Ready"),
    ),
    ("operator.knative.dev", "KnativeServing"): ("v1beta1/knativeservings", conditions(*KNATIVE_SERVING)),
    ("postgresql.cnpg.io", "Cluster"): ("v1/clusters", always(phase="Cluster in healthy state")),
    ("serving.knative.dev", "Service"): (
        "v1/services",
        conditions("ConfigurationsReady", "Ready", "RoutesReady"),
    ),
    ("sources.knative.dev", "KafkaSource"): ("v1/kafkasources", conditions("Ready")),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A status that was written: of which object, and when."""

    kind: Kind
    namespace: str
    name: str
    at: datetime


@dataclass
class Operators:
    """Acts when it is asked to. `brings` are definitions that an operator adds for a first object, as Knative does."""

    api: Api
    brings: dict[Kind, Sequence[Path]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    def act(self) -> None:
        """Write the status of every object that has none, or one of an earlier generation."""
        for kind, (path, status) in TABLE.items():
            answer = self.api.ask("GET", f"/apis/{kind[0]}/{path}")
            if answer.status in (404, 429):  # nobody has brought the kind yet, or just now
                continue
            for thing in self.api.must(answer)["items"]:
                self._act(kind, thing, status(thing))

    def _act(self, kind: Kind, thing: Object, status: Object) -> None:
        live = thing.get("status") or {}
        if all(live.get(key) == value for key, value in status.items()):
            return
        install(self.api, self.brings.pop(kind, ()))
        metadata = thing["metadata"]
        version, plural = TABLE[kind][0].split("/")
        space = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        path = f"/apis/{kind[0]}/{version}{space}/{plural}/{metadata['name']}/status"
        answer = self.api.ask("PATCH", path, {"status": status}, {"fieldValidation": "Strict"}, MERGE)
        if answer.status in (404, 409):  # it was deleted or changed meanwhile
            return
        self.api.must(answer)
        self.told.append(Told(kind, metadata.get("namespace", ""), metadata["name"], datetime.now(UTC)))


def refuse_unplayed(applications: Iterable[Object]) -> None:
    """`FailedError` for each custom kind that Argo CD waits for and that the table lacks: it would wait for ever.

    Args:
        applications: with the health of their objects, which Argo CD writes with --persist-resource-health.
    """
    waiting = {
        (one.get("group", ""), one["kind"])
        for application in applications
        for one in (application.get("status") or {}).get("resources") or ()
        if (one.get("health") or {}).get("status") == "Progressing"
    }
    lacking = sorted(kind for kind in waiting - TABLE.keys() if kind not in PLAYED_ELSEWHERE)
    if lacking:
        names = ", ".join(f"{kind} of {group or 'v1'}" for group, kind in lacking)
        raise FailedError(f"Argo CD waits for {names}, whose status nobody writes; add it to {__name__}.TABLE")


# kube-controller-manager, kwok and Argo CD see to these.
PLAYED_ELSEWHERE = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("argoproj.io", "Application"),
    ("batch", "CronJob"),
    ("batch", "Job"),
    ("policy", "PodDisruptionBudget"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
}
