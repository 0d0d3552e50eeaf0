"""How far OpenShift's lifecycle manager is with a Subscription, and where it needs a person.

Conditions, states, phases and reasons: github.com/operator-framework/api, pkg/operators/v1alpha1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from medpattern.cluster.connection import Connection, Object

OPERATORS = "operators.coreos.com"
VERSION = f"{OPERATORS}/v1alpha1"
SUCCEEDED = "Succeeded"
# One group to a namespace, with the namespaces that the operator can serve.
_GROUP_REASONS = ("NoOperatorGroup", "TooManyOperatorGroups", "UnsupportedOperatorGroup", "NoTargetNamespaces")


@dataclass(frozen=True, slots=True)
class Pending:
    """What is still to come, in words; `cure` is what a person has to do, "" where waiting is all."""

    words: str
    cure: str = ""

    def __str__(self) -> str:
        return f"{self.words}; {self.cure}" if self.cure else self.words


def pending(connection: Connection, subscription: Object) -> Pending | None:
    """What the lifecycle manager still has to do for a Subscription; None once its version is installed.

    Args:
        connection: to the cluster.
        subscription: as it was applied; the live one is asked for.

    Raises:
        RemoteError: the server does not answer, or refuses to show it.
    """
    metadata = subscription["metadata"]
    live = connection.get(VERSION, "Subscription", metadata["name"], metadata["namespace"]) or subscription
    return _trouble(live) or _of_version(connection, live)


def _trouble(live: Object) -> Pending | None:
    """The first condition that says that something is wrong, or that somebody is waited for."""
    status: dict[str, Any] = live.get("status") or {}
    found = {one.get("type"): one for one in status.get("conditions") or () if one.get("status") == "True"}
    for kind, tell in _CONDITIONS.items():
        told = tell(live, found[kind]) if kind in found else None
        if told:
            return told
    return None


def _of_version(connection: Connection, live: Object) -> Pending | None:
    """What the version is at that was chosen."""
    status: dict[str, Any] = live.get("status") or {}
    space = live["metadata"]["namespace"]
    name = str(status.get("installedCSV") or status.get("currentCSV") or "")
    version = connection.get(VERSION, "ClusterServiceVersion", name, space) if name else None
    if not version:
        state = status.get("state") or "not looked at yet"
        return Pending(f"the Subscription {live['metadata']['name']} has installed nothing yet ({state})")
    said: dict[str, Any] = version.get("status") or {}
    phase = said.get("phase") or "Pending"
    if phase == SUCCEEDED:
        return None
    why = ": ".join(text for text in (said.get("reason"), _line(said.get("message"))) if text)
    words = f"the ClusterServiceVersion {name} in {space} is {phase}" + (f": {why}" if why else "")
    return Pending(words, _cure_of_version(space, name, said) if phase in ("Failed", "Pending") and why else "")


def _cure_of_version(space: str, name: str, said: Object) -> str:
    if said.get("reason") in _GROUP_REASONS:
        return (
            f"a namespace has one OperatorGroup, with targets that the operator can serve: "
            f"oc -n {space} get operatorgroups -o yaml"
        )
    return f"oc -n {space} describe csv {name} and oc -n {space} get pods,events say what it lacks"


def _unresolved(live: Object, condition: Object) -> Pending:
    spec = live["spec"]
    cure = (
        f"see whether the package {spec['name']} has the channel {spec.get('channel', '')}: oc -n "
        f"{spec['sourceNamespace']} get packagemanifest {spec['name']} -o yaml; other Subscriptions in "
        f"{live['metadata']['namespace']} that cannot be resolved stop this one too. Correct the values, render, push"
    )
    return Pending(f"the Subscription {live['metadata']['name']} cannot be resolved: {_said(condition)}", cure)


def _unpacked(live: Object, condition: Object) -> Pending:
    where = live["spec"]["sourceNamespace"]
    cure = f"see whether its image can be pulled: oc -n {where} get jobs,pods"
    return Pending(f"the bundle of {live['spec']['name']} cannot be unpacked: {_said(condition)}", cure)


def _unhealthy(live: Object, condition: Object) -> Pending:
    where, source = live["spec"]["sourceNamespace"], live["spec"]["source"]
    cure = f"see whether {source} answers: oc -n {where} get catalogsource,pods"
    return Pending(f"a catalogue is not healthy: {_said(condition)}", cure)


def _failed(live: Object, condition: Object) -> Pending:
    plan, space = _plan(live), live["metadata"]["namespace"]
    cure = (
        f"oc -n {space} describe installplan {plan} says what it could not make; when the cause is gone, delete the "
        f"Subscription {live['metadata']['name']}, and run this again"
    )
    return Pending(f"the InstallPlan {plan} in {space} has failed: {_said(condition)}", cure)


def _unapproved(live: Object, condition: Object) -> Pending | None:
    """A later version may wait for its approval as long as it likes."""
    if condition.get("reason") != "RequiresApproval" or (live.get("status") or {}).get("installedCSV"):
        return None
    plan, space = _plan(live), live["metadata"]["namespace"]
    patch = '{"spec":{"approved":true}}'
    cure = f"look at it and approve it: oc -n {space} patch installplan {plan} --type merge --patch '{patch}'"
    return Pending(f"the InstallPlan {plan} in {space} waits for a person's approval", cure)


def _plan(live: Object) -> str:
    return str(((live.get("status") or {}).get("installPlanRef") or {}).get("name") or "of the Subscription")


def _said(condition: Object) -> str:
    return _line(condition.get("message")) or str(condition.get("reason") or "it does not say why")


def _line(text: Any) -> str:
    return " ".join(str(text or "").split())


# In the order in which one causes the next.
_CONDITIONS: dict[str, Callable[[Object, Object], Pending | None]] = {
    "CatalogSourcesUnhealthy": _unhealthy,
    "ResolutionFailed": _unresolved,
    "BundleUnpackFailed": _unpacked,
    "InstallPlanFailed": _failed,
    "InstallPlanPending": _unapproved,
}
