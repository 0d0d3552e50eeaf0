"""What a namespace holds, told apart: what comes by itself, what is ours, what holds data, what others have made."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from medpattern.checks.kinds import DATA_KINDS
from medpattern.cluster.bootstrap.steps import INSTALLER
from medpattern.cluster.connection import MANAGER, SPOKES_MANAGER, WEBHOOK_MANAGER, Connection, Object
from medpattern.cluster.namespaces import comes_with_namespace, contents
from medpattern.cluster.tracking import Tracking
from medpattern.cluster.uninstall.plan import Ref

MANAGED_BY = "app.kubernetes.io/managed-by"
PART_OF = "app.kubernetes.io/part-of"
# What the operator of OpenShift GitOps makes where it may act.
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
    found = contents(connection, namespace)
    return tuple(Thing(Ref(kind.api_version, kind.kind, one["name"], namespace), one) for kind, one in found)


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
    labels = one.metadata.get("labels") or {}
    return comes_with_namespace(one.ref.kind, one.metadata) or labels.get(MANAGED_BY) in _MAKERS


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
