"""Complaints about volumes, buckets and what a bucket notifies."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.cluster.doctor.snapshot import (
    Check,
    Kind,
    Object,
    Said,
    Snapshot,
    condition,
    labels,
    named,
    spec,
    status,
    words,
)
from medpattern.cluster.preflight import DEFAULT_CLASS

VOLUME_CLAIM: Kind = ("", "PersistentVolumeClaim")
POD: Kind = ("", "Pod")
STORAGE_CLASS: Kind = ("storage.k8s.io", "StorageClass")
BUCKET_CLAIM: Kind = ("objectbucket.io", "ObjectBucketClaim")
CEPH = "ceph.rook.io"
TOPIC: Kind = (CEPH, "CephBucketTopic")
NOTIFICATION: Kind = (CEPH, "CephBucketNotification")
CLUSTER: Kind = (CEPH, "CephCluster")
STORE: Kind = (CEPH, "CephObjectStore")
USER: Kind = (CEPH, "CephObjectStoreUser")
STORAGE_CLUSTER: Kind = ("ocs.openshift.io", "StorageCluster")

# The label by which Rook puts a notification on a claim's bucket.
NOTIFIES = "bucket-notification-"
CLEARTEXT = "rgw_allow_notification_secrets_in_cleartext"
_LATE = "WaitForFirstConsumer"


def volume_claims(seen: Snapshot) -> Iterator[Said]:
    """Claims without a volume; one that waits for its first pod, as its class says, is well."""
    classes = {named(one)[1]: one for one in seen.of(STORAGE_CLASS)}
    default = [name for name, one in classes.items() if _is_default(one)]
    for claim in seen.of(VOLUME_CLAIM):
        phase = status(claim).get("phase")
        if phase == "Lost":
            yield claim, "its volume is gone", "restore the volume from a backup, and bind the claim anew"
        if phase != "Pending":
            continue
        name = str(spec(claim).get("storageClassName") or next(iter(default), ""))
        there = ", ".join(sorted(classes)) or "none"
        if not name:
            cure = f"mark a class by the annotation {DEFAULT_CLASS}: 'true', or name one in the values"
            yield claim, f"it names no StorageClass and the cluster has no default one (it has: {there})", cure
        elif name not in classes:
            cure = "name one that there is in the values, or install what makes it"
            yield claim, f"there is no StorageClass {name} (there is: {there})", cure
        elif classes[name].get("volumeBindingMode") != _LATE or _is_used(seen, claim):
            cure = f"see the pods of {classes[name].get('provisioner')}, and the free space and zones behind it"
            yield claim, f"the StorageClass {name} gives it no volume", cure


def _is_default(one: Object) -> bool:
    return (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"


def _is_used(seen: Snapshot, claim: Object) -> bool:
    namespace, name = named(claim)
    volumes = (one for pod in seen.of(POD) if named(pod)[0] == namespace for one in spec(pod).get("volumes") or ())
    return any((one.get("persistentVolumeClaim") or {}).get("claimName") == name for one in volumes)


def bucket_claims(seen: Snapshot) -> Iterator[Said]:
    """Claims without a bucket."""
    classes = {name for _, name in seen.names(STORAGE_CLASS)}
    for claim in seen.of(BUCKET_CLAIM):
        name = str(spec(claim).get("storageClassName") or "")
        if str(status(claim).get("phase") or "").lower() == "bound":
            continue
        if seen.has(STORAGE_CLASS) and name not in classes:
            cure = (
                "make the class; on AWS, Azure, GCP and IBM Cloud ODF has no RGW before 5.0: declare a CephObjectStore"
            )
            yield claim, f"there is no StorageClass {name or '(it names none)'} to make its bucket", cure
        else:
            cure = "see the log of Rook's operator, and whether the CephObjectStore behind the class is Ready"
            yield claim, f"its bucket is not made (phase {status(claim).get('phase') or 'none'})", cure


def unnotified(seen: Snapshot) -> Iterator[Said]:
    """Buckets whose events go nowhere: claim, notification and topic must be in one namespace."""
    notifications = {named(one): one for one in seen.of(NOTIFICATION)}
    topics = seen.names(TOPIC)
    for claim in seen.of(BUCKET_CLAIM):
        namespace, _ = named(claim)
        for name in sorted(value for key, value in labels(claim).items() if key.startswith(NOTIFIES)):
            cure = f"declare it in {namespace}: claim, notification and topic must be in one namespace"
            found = notifications.get((namespace, name))
            topic = str(spec(found).get("topic") or "") if found else ""
            if found is None:
                yield claim, f"its label names the CephBucketNotification {name}, and there is none", cure
            elif (namespace, topic) not in topics:
                yield found, f"it names the CephBucketTopic {topic}, and there is none in its namespace", cure


def multipart(seen: Snapshot) -> Iterator[Said]:
    """Notifications that large uploads slip through."""
    for one in seen.of(NOTIFICATION):
        events = set(spec(one).get("events") or ())
        if events and not events & {"s3:ObjectCreated:*", "s3:ObjectCreated:CompleteMultipartUpload"}:
            cure = "subscribe to s3:ObjectCreated:*"
            yield one, "uploads in parts, as clients make of files over 8 MB, notify nobody", cure


def lossy(seen: Snapshot) -> Iterator[Said]:
    """Topics that forget what they cannot deliver at once."""
    for one in seen.of(TOPIC):
        kafka = (spec(one).get("endpoint") or {}).get("kafka") or {}
        if not spec(one).get("persistent"):
            yield one, "it is not persistent: an event that Kafka does not take at once is lost", "set persistent: true"
        elif kafka.get("ackLevel") == "none":
            yield one, "ackLevel is none: an event that Kafka loses is not noticed", "set ackLevel: broker"


def cleartext(seen: Snapshot) -> Iterator[Said]:
    """Topics with a login that RGW refuses to take, since Rook speaks to it without TLS."""
    stores = {named(one): one for one in seen.of(STORE)}
    for one in seen.of(TOPIC):
        kafka = (spec(one).get("endpoint") or {}).get("kafka") or {}
        store = stores.get((str(spec(one).get("objectStoreNamespace")), str(spec(one).get("objectStoreName"))))
        if store is None or not (kafka.get("userSecretRef") or kafka.get("passwordSecretRef")):
            continue
        gateway = spec(store).get("gateway") or {}
        is_let = str((gateway.get("rgwConfig") or {}).get(CLEARTEXT, "")).lower() == "true"
        if not gateway.get("securePort") and not is_let:
            cure = f"set gateway.securePort of the CephObjectStore {named(store)[1]} (or rgwConfig {CLEARTEXT})"
            yield one, "it carries a login, and RGW takes logins over TLS alone, which this store does not speak", cure


def rook(seen: Snapshot) -> Iterator[Said]:
    """What Rook has not brought to Ready."""
    for one in seen.of(CLUSTER, STORE, USER, TOPIC, NOTIFICATION):
        phase = str(status(one).get("phase") or "")
        if phase and phase not in ("Ready", "Connected"):
            said = str(status(one).get("message") or words(condition(one, "Failure")))
            yield one, f"its phase is {phase}: {said}", "see the log of Rook's operator of this object"


def ceph_health(seen: Snapshot) -> Iterator[Said]:
    """Ceph clusters with troubles of their own, such as full disks: then uploads are refused."""
    for one in seen.of(CLUSTER):
        ceph = status(one).get("ceph") or {}
        details = {name: row for name, row in (ceph.get("details") or {}).items() if isinstance(row, dict)}
        full = [name for name in details if name.endswith("FULL")]
        if ceph.get("health") == "HEALTH_ERR" or full:
            said = "; ".join(f"{name}: {details[name].get('message', '')}" for name in sorted(full or details))
            cure = (
                "add or free disks: a full cluster takes no image"
                if full
                else "see 'ceph health detail' in the toolbox"
            )
            yield one, f"Ceph is {ceph.get('health')}: {said or 'no details'}", cure


def storage_clusters(seen: Snapshot) -> Iterator[Said]:
    """ODF that is not ready."""
    for one in seen.of(STORAGE_CLUSTER):
        phase = str(status(one).get("phase") or "")
        if phase and phase != "Ready":
            bad = [row for row in status(one).get("conditions") or () if _is_bad(row)]
            said = "; ".join(f"{row.get('type')}: {words(row)}" for row in bad) or "no condition says why"
            yield (
                one,
                f"its phase is {phase}: {said}",
                "see the log of ocs-operator; three nodes with free disks are needed",
            )


def _is_bad(row: Object) -> bool:
    good = {"Available": "True", "ReconcileComplete": "True", "Upgradeable": "True", "Degraded": "False"}
    return row.get("type") in good and row.get("status") != good[row["type"]]


CHECKS = (
    Check("storage-cluster-not-ready", (STORAGE_CLUSTER,), storage_clusters),
    Check("ceph-unhealthy", (CLUSTER,), ceph_health),
    Check("ceph-not-ready", (), rook, any_of=(CLUSTER, STORE, USER, TOPIC, NOTIFICATION)),
    Check("volume-missing", (VOLUME_CLAIM, STORAGE_CLASS), volume_claims),
    Check("bucket-missing", (BUCKET_CLAIM,), bucket_claims),
    Check("bucket-not-notifying", (BUCKET_CLAIM, NOTIFICATION, TOPIC), unnotified),
    Check("notification-misses-parts", (NOTIFICATION,), multipart),
    Check("topic-loses-events", (TOPIC,), lossy),
    Check("topic-login-in-clear", (TOPIC, STORE), cleartext),
)
