"""What a namespace holds, told apart: what comes by itself, what is ours, what holds data, what others have made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from medpattern.checks.kinds import DATA_KINDS
from medpattern.cluster.bootstrap.steps import INSTALLER
from medpattern.cluster.connection import MANAGER, PAGE, SPOKES_MANAGER, WEBHOOK_MANAGER, Connection, Object
from medpattern.cluster.resources import Resource
from medpattern.cluster.tracking import Tracking
from medpattern.cluster.uninstall.plan import Ref
from medpattern.errors import RefusalError

THREADS = 8
METADATA_ALONE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
# Kinds that Kubernetes writes about others, and views of one kind under another name.
_NOTES = frozenset({"Event", "Endpoints", "EndpointSlice", "Lease"})
_VIEWS = frozenset({"authorization.openshift.io"})
# What Kubernetes and OpenShift put into every namespace.
_ALWAYS = {
    "ServiceAccount": frozenset({"default", "builder", "deployer", "pipeline"}),
    "ConfigMap": frozenset({"kube-root-ca.crt", "openshift-service-ca.crt", "config-trusted-cabundle",
                            "config-service-cabundle"}),
}  # fmt: skip
_ACCOUNT_NOTES = ("kubernetes.io/service-account.name", "openshift.io/internal-registry-auth-token.service-account",
                  "openshift.io/token-secret.name")  # fmt: skip
# What OLM copies, and what the operator of OpenShift GitOps makes where it may act.
_COPIED = "olm.copiedFrom"
_MAKERS = frozenset({MANAGER, "openshift-gitops"})
# Who namespaces and Subscriptions of ours are made by: bootstrap, and Argo CD for it.
_OURS = frozenset({MANAGER, INSTALLER, "argocd-controller"})
# Who owns keys of Argo CD's own settings: bootstrap and `secrets load`, `cluster add`, and bootstrap for the webhook.
SETTERS = frozenset({MANAGER, SPOKES_MANAGER, WEBHOOK_MANAGER})
_NAME_LABEL = "f:kubernetes.io/metadata.name"
DATA = DATA_KINDS - {("", "Namespace"), ("apiextensions.k8s.io", "CustomResourceDefinition")}


@dataclass(frozen=True, slots=True)
class Thing:
    """One object in a namespace, by its metadata alone."""

    ref: Ref
    metadata: Object = field(repr=False)

    @property
    def is_ending(self) -> bool:
        """Whether it is being deleted."""
        return "deletionTimestamp" in self.metadata

    @property
    def finalizers(self) -> tuple[str, ...]:
        """What has to be done before it is gone."""
        return tuple(self.metadata.get("finalizers") or ())

    @property
    def owners(self) -> tuple[tuple[str, str], ...]:
        """(kind, name) of what it goes with."""
        return tuple((one["kind"], one["name"]) for one in self.metadata.get("ownerReferences") or ())

    @property
    def holds_data(self) -> bool:
        """Whether its kind holds data."""
        return (self.ref.group, self.ref.kind) in DATA

    @property
    def is_installed(self) -> bool:
        """Whether it is of an installation of Argo CD by medpattern."""
        return INSTALLER in managers(self.metadata)

    def application(self, tracking: Tracking) -> str:
        """The Application that it belongs to; "" if none."""
        return tracking.owner({"apiVersion": self.ref.api_version, "kind": self.ref.kind, "metadata": self.metadata})


def things(connection: Connection, namespace: str) -> tuple[Thing, ...]:
    """Every object of a namespace that could be deleted.

    Raises:
        RemoteError: the server does not answer, or does not show a kind: what is not seen could be somebody's.
    """
    with ThreadPoolExecutor(THREADS) as threads:
        found = threads.map(lambda kind: tuple(_of_kind(connection, kind, namespace)), listed_kinds(connection))
        return tuple(thing for each in found for thing in each)


def listed_kinds(connection: Connection) -> tuple[Resource, ...]:
    """The kinds that are looked for in a namespace, each in the version that the server prefers."""
    kinds: dict[tuple[str, str], Resource] = {}
    for one in connection.resources.all:
        if one.namespaced and {"list", "delete"} <= one.verbs and one.kind not in _NOTES and one.group not in _VIEWS:
            kinds.setdefault((one.group, one.kind), one)
    return tuple(kinds.values())


def _of_kind(connection: Connection, kind: Resource, namespace: str) -> Iterator[Thing]:
    page = ""
    while True:
        query = {"limit": str(PAGE), **({"continue": page} if page else {})}
        try:
            answer = connection.ask("GET", kind.path(namespace), query, accept=METADATA_ALONE).json()
        except RefusalError as error:
            if error.status in (404, 405):  # the kind went meanwhile, or cannot be listed after all
                return
            raise
        for one in answer.get("items") or ():
            yield Thing(Ref(kind.api_version, kind.kind, one["metadata"]["name"], namespace), one["metadata"])
        page = (answer.get("metadata") or {}).get("continue") or ""
        if not page:
            return


def foreign(found: Iterable[Thing], applications: Collection[str], tracking: Tracking) -> tuple[Ref, ...]:
    """What is neither ours nor comes by itself; data are told of apart from it, and what ends counts no longer."""
    return tuple(
        one.ref
        for one in found
        if not (
            one.is_ending
            or one.owners
            or one.holds_data
            or comes_by_itself(one)
            or one.application(tracking) in applications
        )
    )


def comes_by_itself(one: Thing) -> bool:
    """Whether a cluster, its operators or medpattern have made it without anybody asking."""
    labels, notes = one.metadata.get("labels") or {}, one.metadata.get("annotations") or {}
    return (
        one.ref.name in _ALWAYS.get(one.ref.kind, ())
        or (one.ref.kind == "RoleBinding" and one.ref.name.startswith("system:"))
        or any(note in notes for note in _ACCOUNT_NOTES)
        or _COPIED in labels
        or labels.get(MANAGED_BY) in _MAKERS
    )


def foreign_to_engine(found: Iterable[Thing]) -> tuple[Ref, ...]:
    """What in Argo CD's own namespace is not Argo CD's: it makes some Secrets and its first project itself."""
    return tuple(
        one.ref
        for one in found
        if not (one.is_ending or one.owners or comes_by_itself(one) or one.is_installed or _is_of_engine(one))
    )


def _is_of_engine(one: Thing) -> bool:
    if one.ref.kind == "AppProject":
        return one.ref.name == "default"
    labels = one.metadata.get("labels") or {}
    is_named = one.ref.name.startswith("argocd-") and one.ref.kind in ("ConfigMap", "Secret")
    return is_named or labels.get(PART_OF) == "argocd"


def managers(metadata: Object) -> frozenset[str]:
    """Who owns fields of an object."""
    return frozenset(str(one.get("manager")) for one in metadata.get("managedFields") or ())


def is_ours(metadata: Object) -> bool:
    """Whether a namespace or a Subscription was made by bootstrap or by Argo CD, and nobody else applies it.

    Who makes an object by `kubectl create` or in a console owns the label with its name, or its spec, and so does the
    `before-first-apply` of one that was applied without any field; who applies one with fields is listed for that.
    Other changes, such as a label that somebody added, do not make it theirs.
    https://kubernetes.io/docs/reference/using-api/server-side-apply/
    """
    entries = metadata.get("managedFields") or ()
    others = [one for one in entries if one.get("manager") not in _OURS]
    return len(others) < len(entries) and all(_is_harmless(one) for one in others)


def _is_harmless(entry: Object) -> bool:
    fields = entry.get("fieldsV1") or {}
    has_name = _NAME_LABEL in ((fields.get("f:metadata") or {}).get("f:labels") or {})
    return entry.get("operation") != "Apply" and not has_name and "f:spec" not in fields
