"""Complaints about pods, jobs, what they need to start, and what is shown of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from medpattern.cluster.doctor.snapshot import (
    Check,
    Kind,
    Object,
    Said,
    Snapshot,
    condition,
    named,
    spec,
    status,
    words,
)
from medpattern.cluster.doctor.storage import POD
from medpattern.cluster.doctor.streaming import SECRET
from medpattern.cluster.status.causes import complaints, cure_of

DEPLOYMENT: Kind = ("apps", "Deployment")
JOB: Kind = ("batch", "Job")
EXTERNAL_SECRET: Kind = ("external-secrets.io", "ExternalSecret")
SECRET_STORE: Kind = ("external-secrets.io", "SecretStore")
CLUSTER_STORE: Kind = ("external-secrets.io", "ClusterSecretStore")
DATABASE: Kind = ("postgresql.cnpg.io", "Cluster")
CERTIFICATE: Kind = ("cert-manager.io", "Certificate")
GRAFANA: Kind = ("grafana.integreatly.org", "Grafana")
DASHBOARD: Kind = ("grafana.integreatly.org", "GrafanaDashboard")
DATASOURCE: Kind = ("grafana.integreatly.org", "GrafanaDatasource")
FOLDER: Kind = ("grafana.integreatly.org", "GrafanaFolder")
CONFIG_MAP: Kind = ("", "ConfigMap")
POD_MONITOR: Kind = ("monitoring.coreos.com", "PodMonitor")
ROUTE: Kind = ("route.openshift.io", "Route")

MONITORING = ("openshift-monitoring", "cluster-monitoring-config")
_IMAGE = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_CRASH = ("CrashLoopBackOff",)

Speaks = Callable[[str], bool]


def _pods(seen: Snapshot, speaks: Speaks, otherwise: str) -> Iterator[Said]:
    """The pods with a complaint that is meant; the cure is that of its message, or `otherwise`."""
    for pod in seen.of(POD):
        for said in complaints(pod):
            if speaks(said):
                yield pod, " ".join(said.split()), cure_of(said) or otherwise


def _of(reasons: Iterable[str]) -> Speaks:
    return lambda said: any(f": {reason}" in said for reason in reasons)


def unscheduled(seen: Snapshot) -> Iterator[Said]:
    """Pods that found no node."""
    return _pods(seen, lambda said: not said.startswith("container "), "the message says what no node has")


def unpulled(seen: Snapshot) -> Iterator[Said]:
    """Pods whose image does not come."""
    return _pods(seen, _of(_IMAGE), "check the image's name, digest, mirror and pull secret")


def misconfigured(seen: Snapshot) -> Iterator[Said]:
    """Pods whose containers cannot be made, most often for a Secret or a key that is not there."""
    return _pods(seen, _of(_CONFIG), "make what the message names: see 'medpattern secrets check' for Secrets")


def crashing(seen: Snapshot) -> Iterator[Said]:
    """Pods whose containers end again and again."""
    for pod in seen.of(POD):
        for said in complaints(pod):
            if not _of(_CRASH)(said):
                continue
            reason = _ended(pod, said)
            cure = "give it more memory in the values" if reason == "OOMKilled" else cure_of(said)
            ended = f" (its last end: {reason})" if reason else ""
            yield pod, " ".join(said.split()) + ended, cure


def _ended(pod: Object, said: str) -> str:
    """Why the container that a complaint is about ended the last time."""
    for one in (*(status(pod).get("initContainerStatuses") or ()), *(status(pod).get("containerStatuses") or ())):
        if said.startswith(f"container {one.get('name')}:"):
            last = (one.get("lastState") or {}).get("terminated") or {}
            code = f", exit code {last['exitCode']}" if last.get("exitCode") and last.get("reason") == "Error" else ""
            return f"{last.get('reason') or ''}{code}"
    return ""


def without_secret(seen: Snapshot) -> Iterator[Said]:
    """Pods that wait for a volume of a Secret that is not there."""
    there = seen.names(SECRET)
    for pod in seen.of(POD):
        if status(pod).get("phase") != "Pending":
            continue
        for volume in spec(pod).get("volumes") or ():
            secret = volume.get("secret") or {}
            name = str(secret.get("secretName") or "")
            if name and not secret.get("optional") and (named(pod)[0], name) not in there:
                cure = "see the ExternalSecret of that name, or 'medpattern secrets check'"
                yield pod, f"it waits for the Secret {name}, which is not there", cure


def refused(seen: Snapshot) -> Iterator[Said]:
    """Deployments whose pods the API server refuses: quota, Pod Security, security context constraints."""
    for one in seen.of(DEPLOYMENT):
        if (found := condition(one, "ReplicaFailure")).get("status") == "True":
            cure = cure_of(words(found)) or "the message says which rule refuses the pod"
            yield one, f"its pods are refused: {words(found)}", cure


def jobs(seen: Snapshot) -> Iterator[Said]:
    """Jobs that gave up."""
    for one in seen.of(JOB):
        if (found := condition(one, "Failed")).get("status") == "True":
            cure = "read the log of its last pod (kubectl logs job/NAME), mend the cause, delete the Job and sync again"
            yield one, f"it gave up: {words(found)}", cure


def stores(seen: Snapshot) -> Iterator[Said]:
    """Stores that secrets cannot be read from."""
    for one in seen.of(SECRET_STORE, CLUSTER_STORE):
        if (found := condition(one)).get("status") == "False":
            yield one, f"no secret can be read from it: {words(found)}", _store_cure(words(found))


def _store_cure(said: str) -> str:
    text = said.lower()
    if "sealed" in text:
        return "unseal the store with its keys; until then no secret is renewed"
    if "permission denied" in text or "403" in text:
        return "its role or policy does not let the ServiceAccount in; 'medpattern secrets load --to vault' writes both"
    if "x509" in text or "certificate" in text:
        return "its caProvider must name the CA that signed the store's certificate"
    return cure_of(said) or "see whether the store runs, is unsealed, and answers at that address"


def unwritten(seen: Snapshot) -> Iterator[Said]:
    """Secrets that External Secrets does not write."""
    broken = {(one["kind"], *named(one)) for one, _, _ in stores(seen)}
    for one in seen.of(EXTERNAL_SECRET):
        found = condition(one)
        reference = spec(one).get("secretStoreRef") or {}
        namespace = "" if reference.get("kind") == "ClusterSecretStore" else named(one)[0]
        store = (reference.get("kind") or "SecretStore", namespace, str(reference.get("name")))
        if found.get("status") == "False":
            cure = "see 'medpattern secrets check': the store has no such path or key, or does not let it be read"
            cure = f"mend its store {store[2]} first" if store in broken else cure
            yield one, f"its Secret is not written: {words(found)}", cure


def databases(seen: Snapshot) -> Iterator[Said]:
    """Databases that are not ready."""
    for one in seen.of(DATABASE):
        if (found := condition(one)).get("status") == "False":
            said = str(status(one).get("phase") or "")
            cure = "see its pods and volumes in this namespace, and the log of CloudNativePG's operator"
            yield one, f"the database is not ready: {said}; {words(found)}", cure


def certificates(seen: Snapshot) -> Iterator[Said]:
    """Certificates that were not issued, or have run out."""
    for one in seen.of(CERTIFICATE):
        if (found := condition(one)).get("status") == "False":
            cure = "see its CertificateRequest, and whether the issuer that it names is Ready"
            yield one, f"there is no valid certificate: {words(found)}", cure


def unshown(seen: Snapshot) -> Iterator[Said]:
    """Dashboards and data sources that no Grafana takes."""
    for one in seen.of(DASHBOARD, DATASOURCE, FOLDER):
        if status(one).get("NoMatchingInstances") is True:
            cure = (
                "its instanceSelector must match labels of the Grafana resource; of one in another namespace only with "
            )
            yield one, "no Grafana takes it", cure + "allowCrossNamespaceImport: true"


def unmonitored(seen: Snapshot) -> Iterator[Said]:
    """Monitors that nobody reads, since OpenShift watches its own namespaces alone unless told otherwise."""
    if not seen.has(ROUTE):
        return
    config = next((one for one in seen.of(CONFIG_MAP) if named(one) == MONITORING), None)
    text = str(((config or {}).get("data") or {}).get("config.yaml") or "")
    if any("enableUserWorkload" in line and "true" in line.lower() for line in text.splitlines()):
        return
    for one in seen.of(POD_MONITOR):
        if not named(one)[0].startswith("openshift-"):
            cure = "set enableUserWorkload: true in config.yaml of the ConfigMap cluster-monitoring-config in "
            yield one, "user workload monitoring is off, so nothing reads it", cure + MONITORING[0]


CHECKS = (
    Check("secret-store-away", (), stores, any_of=(SECRET_STORE, CLUSTER_STORE)),
    Check("secret-not-written", (EXTERNAL_SECRET,), unwritten),
    Check("certificate-not-issued", (CERTIFICATE,), certificates),
    Check("database-not-ready", (DATABASE,), databases),
    Check("pods-refused", (DEPLOYMENT,), refused),
    Check("pod-not-scheduled", (POD,), unscheduled),
    Check("image-not-pulled", (POD,), unpulled),
    Check("pod-secret-missing", (POD, SECRET), without_secret),
    Check("container-not-made", (POD,), misconfigured),
    Check("container-crashes", (POD,), crashing),
    Check("job-failed", (JOB,), jobs),
    Check("dashboard-not-shown", (), unshown, any_of=(DASHBOARD, DATASOURCE, FOLDER)),
    Check("monitoring-off", (POD_MONITOR, ROUTE, CONFIG_MAP), unmonitored),
)
