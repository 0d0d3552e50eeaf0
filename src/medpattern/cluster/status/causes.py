"""Why an Application does not get well, and what to do: read from what Argo CD says, and from pods and claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.status.applications import LiveApplication
from medpattern.errors import RefusalError

# (pattern in a message, likely cure); the first that fits counts.
CURES: tuple[tuple[str, str], ...] = (
    (
        r"ImagePullBackOff|ErrImagePull|ErrImageNeverPull|InvalidImageName|pull access denied|manifest unknown",
        "the nodes cannot pull the image: check its name and digest, the mirror (global.mirrors) and the pull secret",
    ),
    (
        r"unbound immediate PersistentVolumeClaim|PersistentVolumeClaim .*(Pending|not found)|no persistent volumes",
        "a claim gets no volume: check its StorageClass, the provisioner, and the free space behind it",
    ),
    (
        r"no matches for kind|resource mapping not found|could not find the requested resource|the server could not "
        r"find",
        "the kind is not there: the operator that brings its CustomResourceDefinition is not installed yet",
    ),
    (
        r"failed calling webhook|failed to call webhook",
        "an admission webhook does not answer: see whether the pods of its operator run, and its certificate",
    ),
    (
        r"admission webhook .* denied|denied the request|violates PodSecurity|ValidatingAdmissionPolicy",
        "admission refuses the object: the message says which rule; change the value that breaks it",
    ),
    (
        r"exceeded quota|insufficient quota|LimitRange|maximum .* usage per",
        "a quota of the namespace is used up: raise it, or ask for less in the values of the application",
    ),
    (
        r"Insufficient (cpu|memory|ephemeral-storage|nvidia)|nodes? (is|are) available|FailedScheduling|Unschedulable",
        "no node has room for the pod: add nodes, or ask for less in the values of the application",
    ),
    (
        r"(is )?not permitted (in|to use) project|is not allowed in project",
        "the AppProject does not permit it: render and push the tree that has both, or add to 'kinds'",
    ),
    (
        r"referencing project .* which does not exist",
        "the AppProject is not there: it lies beside the Application in argocd/ of the tree",
    ),
    (
        r"authentication required|Authentication failed|could not read Username|Permission denied \(publickey|"
        r"invalid credentials|authorization failed",
        "Argo CD may not read the repository: check the Secret with its login (label argocd.argoproj.io/secret-type)",
    ),
    (
        r"failed to get cluster info|failed to get (cluster|server) version|failed to discover server resources|"
        r"failed to load initial state|failed to sync cluster",
        "Argo CD does not reach the cluster's API server: see whether it runs, the network from Argo CD to it, and "
        "the login ('medpattern cluster rotate')",
    ),
    (
        r"connection refused|no such host|i/o timeout|Client\.Timeout|context deadline exceeded|unable to resolve|"
        r"failed to list refs|repository not found|Repository not found",
        "Argo CD does not reach the repository: check main.git.repoURL, network policies, and the proxy it uses",
    ),
    (
        r"forbidden|cannot (get|list|watch|create|patch|update|delete) resource",
        "Argo CD's service account lacks a right on this cluster: the message names it",
    ),
    (
        r"app path does not exist|no such file or directory",
        "the revision has no such folder: render, commit and push the tree",
    ),
    (
        r"values don't meet the specifications of the schema|helm template|Helm",
        "the chart cannot be rendered there: compare with 'medpattern render --check' and the Helm of this Argo CD",
    ),
    (
        r"CrashLoopBackOff|OOMKilled|Error: |exit code",
        "a container ends by itself: read its log with kubectl logs --previous",
    ),
    (
        r"is Progressing: Waiting for|Waiting for Kafka|to be reconciled",
        "its operator has not acted on it yet: see whether the operator runs, and what its log says of the object",
    ),
    (
        r"is invalid|unknown field|field is immutable|Invalid value",
        "the API server refuses the object: 'medpattern validate --from-cluster' names the value",
    ),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """What holds an Application up: an object in words ("" for the Application itself), its message, a likely cure."""

    thing: str
    message: str
    cure: str


def cure_of(message: str) -> str:
    """The likely cure of what a message tells; "" where none is known."""
    return next((cure for pattern, cure in CURES if re.search(pattern, message, re.IGNORECASE)), "")


def causes(application: LiveApplication | None, connection: Connection) -> list[Cause]:
    """What holds up an Application that is not well, pods and claims of its namespaces included.

    Raises:
        RemoteError: the server does not answer.
    """
    if application is None:
        return [Cause("", "the Application is not there", "its root has not applied it: see what holds up the root")]
    said = list(application.problems)
    if application.phase_message and (application.has_failed or application.phase == "Running"):
        said.append(application.phase_message)
    found = [Cause("", " ".join(text.split()), cure_of(text)) for text in dict.fromkeys(said)]
    for namespace in sorted({one.namespace for one in application.objects if one.namespace}):
        found += _of_pods(connection, namespace)
        found += _of_claims(connection, namespace)
    return found or [Cause("", _nothing_said(application), "")]


def _nothing_said(application: LiveApplication) -> str:
    if not application.reconciled:
        return "Argo CD has not looked at it: see whether the pods of its own namespace run"
    return f"it is {application.sync} and {application.health}, and Argo CD does not say why"


def _of_pods(connection: Connection, namespace: str) -> Iterator[Cause]:
    for pod in _listed(connection, "v1", "Pod", namespace):
        for message in complaints(pod):
            yield Cause(f"Pod {pod['metadata']['name']} in {namespace}", message, cure_of(message))


def complaints(pod: Object) -> Iterable[str]:
    """What a pod says of itself that is no ordinary start: that it found no node, and why containers wait."""
    status: dict[str, Any] = pod.get("status") or {}
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            yield f"{one.get('reason', '')}: {one.get('message', '')}"
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (one.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            yield f"container {one.get('name')}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")


def _of_claims(connection: Connection, namespace: str) -> Iterator[Cause]:
    for claim in _listed(connection, "v1", "PersistentVolumeClaim", namespace):
        if (claim.get("status") or {}).get("phase") == "Pending":
            name = (claim.get("spec") or {}).get("storageClassName") or "the default"
            message = f"PersistentVolumeClaim Pending, StorageClass {name}"
            yield Cause(f"PersistentVolumeClaim {claim['metadata']['name']} in {namespace}", message, cure_of(message))


def _listed(connection: Connection, api_version: str, kind: str, namespace: str) -> list[Object]:
    try:
        return connection.list(api_version, kind, namespace)
    except RefusalError:
        return []  # what a login may not see does not hide what Argo CD says
