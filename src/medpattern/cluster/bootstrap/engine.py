"""Argo CD itself: whether it is there, and its installation by a manifest or by OpenShift's operator."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from medpattern.cluster.bootstrap import olm
from medpattern.cluster.bootstrap.olm import Pending
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.resources import UnknownKindError
from medpattern.errors import RefusalError, RemoteError, UsageError

CRD_VERSION, CRD = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
DEFINITIONS = ("applications.argoproj.io", "applicationsets.argoproj.io", "appprojects.argoproj.io")
SETTINGS = "argocd-cm"
CONTROLLER = "application-controller"
# In which order objects of an installation are applied; what is not here comes last.
_ORDER = (
    "Namespace", CRD, "ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap",
    "Secret", "Service", "NetworkPolicy",
)  # fmt: skip
# Says which manifest medpattern has installed, and whether it was done with it.
RECORD = "medpattern-bootstrap"
MADE = {"app.kubernetes.io/managed-by": "medpattern"}
INSTALLING, UPGRADING, INSTALLED = "installing", "upgrading", "installed"
PACKAGE = "openshift-gitops-operator"
FETCH_SECONDS = 60


class Presence(StrEnum):
    """How much of an Argo CD a cluster has."""

    ABSENT = "absent"
    PRESENT = "present"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class EngineState:
    """What there is of Argo CD.

    Attributes:
        presence: all of it, nothing, or a part.
        there: what was found, in words.
        absent: what was looked for and is not there.
        ending: what is being deleted, and so can neither be used nor made anew.
        record: the content of our own record; {} where somebody else installed it.
    """

    presence: Presence
    there: tuple[str, ...]
    absent: tuple[str, ...]
    ending: tuple[str, ...]
    record: dict[str, str]

    @property
    def is_ours(self) -> bool:
        """Whether medpattern installs it or did."""
        return bool(self.record)

    @property
    def is_unfinished(self) -> bool:
        """Whether medpattern began to install or upgrade it and was stopped."""
        return self.record.get("state") in (INSTALLING, UPGRADING)

    @property
    def is_upgrading(self) -> bool:
        """Whether medpattern began to upgrade it and was stopped."""
        return self.record.get("state") == UPGRADING


@dataclass(frozen=True, slots=True)
class Installation:
    """What installs Argo CD.

    Attributes:
        source: the manifest or the operator, in words.
        digest: the manifest's sha256; "" of the operator's way.
        objects: in their order.
        is_upgrade: whether it takes the place of another, of which what it does not have itself is removed.
    """

    source: str
    digest: str
    objects: tuple[Object, ...]
    is_upgrade: bool = False

    @property
    def definitions(self) -> tuple[Object, ...]:
        """The CustomResourceDefinitions among them."""
        return tuple(one for one in self.objects if one["kind"] == CRD)

    @property
    def space(self) -> Object:
        """The Namespace among them, of Argo CD or of its operator."""
        return next(one for one in self.objects if one["kind"] == "Namespace")

    @property
    def subscription(self) -> Object | None:
        """The Subscription among them, to Argo CD's operator; None of a manifest."""
        return next((one for one in self.objects if one["kind"] == "Subscription"), None)


def engine_state(connection: Connection, namespace: str) -> EngineState:
    """Looks for Argo CD in a namespace.

    Raises:
        RemoteError: the server does not answer, or refuses to show it.
    """
    found = {f"{CRD} {name}": connection.get(CRD_VERSION, CRD, name) for name in DEFINITIONS}
    found[f"ConfigMap {SETTINGS} in {namespace}"] = connection.get("v1", "ConfigMap", SETTINGS, namespace)
    found[f"{CONTROLLER} in {namespace}"] = _controller(connection, namespace)
    space = connection.get("v1", "Namespace", namespace)
    there = tuple(what for what, thing in found.items() if thing)
    every = {**found, f"Namespace {namespace}": space}
    ending = tuple(what for what, one in every.items() if one and "deletionTimestamp" in one["metadata"])
    presence = Presence.ABSENT if not there else Presence.PRESENT if len(there) == len(found) else Presence.PARTIAL
    record = connection.get("v1", "ConfigMap", RECORD, namespace) or {}
    absent = tuple(what for what, thing in found.items() if not thing)
    return EngineState(presence, there, absent, ending, dict(record.get("data") or {}))


def _controller(connection: Connection, namespace: str) -> Object | None:
    """What runs the application controller, whoever installed it: upstream's manifest, its Helm chart, an operator."""
    for kind in ("StatefulSet", "Deployment"):
        for one in connection.list("apps/v1", kind, namespace, "app.kubernetes.io/part-of=argocd"):
            labels = one["metadata"].get("labels") or {}
            if labels.get("app.kubernetes.io/component") == CONTROLLER or one["metadata"]["name"].endswith(CONTROLLER):
                return one
    return None


def read_installation(source: str, sha256: str, namespace: str) -> Installation:
    """Reads upstream's installation manifest.

    Args:
        source: a file, or an https:// URL.
        sha256: what the content must hash to; "" where nobody says.
        namespace: of Argo CD.

    Raises:
        UsageError: there is no such file, it has another digest, or holds no Argo CD.
        RemoteError: the URL does not answer.
    """
    content = _fetch(source) if "://" in source else _read(source)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256.removeprefix("sha256:").lower():
        raise UsageError(
            f"{source} has the sha256 {digest}, and medpattern.argocd.sha256 in the values says {sha256}; "
            "it was changed, or is another version: compare them before you change the value"
        )
    things = list(_objects(source, content))
    kinds = {(one["kind"], one["metadata"]["name"]) for one in things}
    if not {(CRD, name) for name in DEFINITIONS} <= kinds:
        raise UsageError(
            f"{source} is no installation manifest of Argo CD: it lacks {', '.join(DEFINITIONS)}; "
            "upstream's is manifests/install.yaml of a release"
        )
    return Installation(source, digest, placed(things, namespace))


def placed(things: Iterable[Object], namespace: str) -> tuple[Object, ...]:
    """The objects in their order and in a namespace; upstream's name none, and bind accounts of one called argocd."""
    made: list[Object] = [space(namespace)]
    for one in things:
        if one["kind"] in (CRD, "ClusterRole", "Namespace"):
            made += [one] if one["kind"] != "Namespace" else []
        elif one["kind"] == "ClusterRoleBinding":
            subjects = [{**subject, "namespace": namespace} for subject in one.get("subjects") or ()]
            made.append({**one, "subjects": subjects})
        else:
            made.append({**one, "metadata": {**one["metadata"], "namespace": namespace}})
    rank = {kind: number for number, kind in enumerate(_ORDER)}
    return tuple(sorted(made, key=lambda one: rank.get(one["kind"], len(_ORDER))))


def _read(source: str) -> bytes:
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise UsageError(f"--argocd-manifest {source}: {error.strerror}") from error


def _fetch(url: str) -> bytes:
    import urllib3

    if not url.startswith("https://"):
        raise UsageError(f"--argocd-manifest {url}: only https:// URLs are fetched; or name a file")
    try:
        answer = urllib3.PoolManager(timeout=FETCH_SECONDS).request("GET", url, retries=2)
    except urllib3.exceptions.HTTPError as error:
        raise RemoteError(f"{url} does not answer: {error}; in a place without access name a file") from error
    if answer.status != 200:
        raise RemoteError(f"{url} answers {answer.status}; name another by --argocd-manifest, or a file")
    return bytes(answer.data)


def _objects(source: str, content: bytes) -> Iterator[Object]:
    import yaml

    try:
        for one in yaml.load_all(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if one is not None:
                one["apiVersion"], one["kind"], one["metadata"]["name"]
                yield one
    except (yaml.YAMLError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} holds something else than Kubernetes objects") from error


def by_operator(cluster_objects: Iterable[Object], namespace: str) -> Installation | None:
    """OpenShift's way: the Subscription of the tree to the operator of OpenShift GitOps, with what it needs.

    Args:
        cluster_objects: what the tree's cluster/ holds.
        namespace: of Argo CD, which the operator makes.

    Returns:
        None if the tree subscribes to no such operator.
    """
    things = list(cluster_objects)
    wanted = [one for one in things if one["kind"] == "Subscription" and one["spec"].get("name") == PACKAGE]
    if not wanted:
        return None
    home = wanted[0]["metadata"]["namespace"]
    groups = [one for one in things if one["kind"] == "OperatorGroup" and one["metadata"]["namespace"] == home]
    return Installation(f"the operator {PACKAGE}", "", (space(home), *groups, wanted[0]))


def space(name: str) -> Object:
    """A namespace that medpattern makes. By the label, and by who owns it, it is told from one of somebody else's."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": MADE}}


def record(namespace: str, digest: str, state: str) -> Object:
    """The ConfigMap that says how far an installation by medpattern has come."""
    metadata = {"name": RECORD, "namespace": namespace, "labels": MADE}
    data = {"manifestSha256": digest, "state": state}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def established(connection: Connection) -> bool:
    """Whether the server serves Argo CD's kinds."""
    for name in DEFINITIONS:
        found = connection.get(CRD_VERSION, CRD, name) or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        if not any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return False
    return True


def operator_state(connection: Connection, subscription: Object, namespace: str) -> Pending | None:
    """What OpenShift's operator still has to do, and what a person can; None when Argo CD is Available."""
    has_kinds = established(connection)
    instances = _instances(connection, namespace) if has_kinds else []
    phases = [str((one.get("status") or {}).get("phase") or "Pending") for one in instances]
    if "Available" in phases:
        return None
    if found := olm.pending(connection, subscription):
        return found
    if not has_kinds:
        return Pending("the operator has not brought Argo CD's kinds yet")
    words = f"the ArgoCD in {namespace} is {', '.join(phases) or 'not made yet'}"
    return Pending(words, f"oc -n {namespace} get pods,events says why" if "Failed" in phases else "")


def _instances(connection: Connection, namespace: str) -> list[Object]:
    try:
        return connection.list("argoproj.io/v1beta1", "ArgoCD", namespace)
    except UnknownKindError:
        connection.forget_kinds()  # it comes with the operator, after the kinds were asked for
        return []


def is_begun(connection: Connection, installation: Installation | None) -> bool:
    """Whether the Subscription is there that is to install Argo CD, so that its operator is at work on it."""
    wanted = installation.subscription if installation else None
    if wanted is None:
        return False
    metadata = wanted["metadata"]
    try:
        return connection.get(wanted["apiVersion"], wanted["kind"], metadata["name"], metadata["namespace"]) is not None
    except (UnknownKindError, RefusalError):
        return False
