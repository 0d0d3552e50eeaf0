"""Complaints about the cluster itself: nodes, APIs, namespaces, the operators of OLM, what clusters a hub has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from medpattern.cluster.doctor.snapshot import Check, Kind, Said, Snapshot, age, condition, named, spec, status, words
from medpattern.cluster.status.causes import cure_of

NODE: Kind = ("", "Node")
NAMESPACE: Kind = ("", "Namespace")
API_SERVICE: Kind = ("apiregistration.k8s.io", "APIService")
SUBSCRIPTION: Kind = ("operators.coreos.com", "Subscription")
OPERATOR_GROUP: Kind = ("operators.coreos.com", "OperatorGroup")
SERVICE_VERSION: Kind = ("operators.coreos.com", "ClusterServiceVersion")
MANAGED_CLUSTER: Kind = ("cluster.open-cluster-management.io", "ManagedCluster")
PLACEMENT: Kind = ("cluster.open-cluster-management.io", "Placement")
SET_BINDING: Kind = ("cluster.open-cluster-management.io", "ManagedClusterSetBinding")

# How long something may take before it counts as stuck.
PATIENCE_SECONDS = 600
_PRESSURES = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")
_UNRESOLVED = ("ResolutionFailed", "CatalogSourcesUnhealthy")


def nodes(seen: Snapshot) -> Iterator[Said]:
    """Nodes that are not ready, or short of something."""
    for node in seen.of(NODE):
        ready = condition(node)
        if ready and ready.get("status") != "True":
            yield (
                node,
                f"the node is not ready: {words(ready)}",
                "see its kubelet, network and disk; its pods move away",
            )
        for name in _PRESSURES:
            if (one := condition(node, name)).get("status") == "True":
                yield node, f"{name}: {words(one)}", "free what is short on the node, or give it more; pods are evicted"


def api_services(seen: Snapshot) -> Iterator[Said]:
    """Parts of the API that another server answers for, and does not."""
    for one in seen.of(API_SERVICE):
        available = condition(one, "Available")
        if available.get("status") == "False":
            cure = "mend the Service that it names, or delete the APIService if its operator is gone: until then no "
            yield one, f"a part of the API does not answer: {words(available)}", cure + "namespace can be deleted"


def namespaces(seen: Snapshot) -> Iterator[Said]:
    """Namespaces that do not go away."""
    for one in seen.of(NAMESPACE):
        if "deletionTimestamp" in one["metadata"] and age(one, seen.now, key="deletionTimestamp") > PATIENCE_SECONDS:
            left = [row for row in status(one).get("conditions") or () if row.get("status") == "True"]
            why = "; ".join(str(row.get("message") or row.get("type")) for row in left) or "nobody says why"
            cure = "delete the objects that are left while the operator that takes off their finalizers still runs"
            yield one, f"the namespace has been going away for long: {why}", cure


def unresolved(seen: Snapshot) -> Iterator[Said]:
    """Subscriptions that find nothing to install."""
    for one in seen.of(SUBSCRIPTION):
        for name in _UNRESOLVED:
            if (found := condition(one, name)).get("status") == "True":
                wanted = spec(one)
                which = f"{wanted.get('name')} of {wanted.get('source')}, channel {wanted.get('channel') or 'default'}"
                cure = "compare source and channel with 'kubectl get packagemanifests', and correct the subscription"
                yield one, f"OLM finds no {which}: {words(found)}", cure + " in the values"


def unapproved(seen: Snapshot) -> Iterator[Said]:
    """Subscriptions whose installation waits for a person."""
    for one in seen.of(SUBSCRIPTION):
        waits = condition(one, "InstallPlanPending")
        if waits.get("status") == "True" and waits.get("reason") == "RequiresApproval":
            plan = (status(one).get("installPlanRef") or {}).get("name") or "its InstallPlan"
            cure = f"approve {plan} (spec.approved: true), or say 'installPlanApproval: Automatic' in the values"
            yield one, "the operator is not installed before somebody approves it", cure


def uninstalled(seen: Snapshot) -> Iterator[Said]:
    """Operators whose installation failed."""
    for one in seen.of(SUBSCRIPTION):
        if (found := condition(one, "InstallPlanFailed")).get("status") == "True":
            cure = "mend what the message names, delete the InstallPlan, and OLM makes a new one"
            yield one, f"the operator could not be installed: {words(found)}", cure_of(words(found)) or cure


def operator_groups(seen: Snapshot) -> Iterator[Said]:
    """Namespaces with Subscriptions where OLM does nothing, since they do not have exactly one OperatorGroup."""
    groups = Counter(namespace for namespace, _ in seen.names(OPERATOR_GROUP))
    for one in seen.of(SUBSCRIPTION):
        namespace, _ = named(one)
        if (count := groups[namespace]) != 1:
            many = f"{count} OperatorGroups" if count else "no OperatorGroup"
            cure = "keep the one that the tree has, and delete the others" if count else "declare one for the namespace"
            yield one, f"its namespace has {many}, so OLM installs nothing there", cure


def operators(seen: Snapshot) -> Iterator[Said]:
    """Operators that OLM has installed and that do not run."""
    for one in seen.of(SERVICE_VERSION):
        if status(one).get("phase") == "Failed":
            cure = "see its Deployment's pods in this namespace; delete the ClusterServiceVersion to have it made anew"
            yield one, f"the operator does not run: {words(status(one))}", cure_of(words(status(one))) or cure


def managed_clusters(seen: Snapshot) -> Iterator[Said]:
    """Clusters that their hub cannot reach, or has not accepted."""
    for one in seen.of(MANAGED_CLUSTER):
        accepted = condition(one, "HubAcceptedManagedCluster")
        available = condition(one, "ManagedClusterConditionAvailable")
        if spec(one).get("hubAcceptsClient") is False or accepted.get("status") == "False":
            yield one, "the hub has not accepted the cluster", "set spec.hubAcceptsClient: true, if it is to join"
        elif available and available.get("status") != "True":
            cure = "see whether the agents in open-cluster-management-agent run there and reach the hub's API server"
            yield one, f"the hub hears nothing of the cluster: {words(available)}", cure


def placements(seen: Snapshot) -> Iterator[Said]:
    """Placements that select nothing, since no set of clusters is bound to their namespace."""
    bound = {namespace for namespace, _ in seen.names(SET_BINDING)}
    for one in seen.of(PLACEMENT):
        if named(one)[0] not in bound:
            cure = "declare a ManagedClusterSetBinding there; its name must be that of the set"
            yield one, "no ManagedClusterSet is bound to its namespace, so it selects no cluster", cure


CHECKS = (
    Check("node-not-ready", (NODE,), nodes),
    Check("api-service-away", (API_SERVICE,), api_services),
    Check("namespace-stuck", (NAMESPACE,), namespaces),
    Check("operator-not-found", (SUBSCRIPTION,), unresolved),
    Check("operator-group-count", (SUBSCRIPTION, OPERATOR_GROUP), operator_groups),
    Check("operator-unapproved", (SUBSCRIPTION,), unapproved),
    Check("operator-not-installed", (SUBSCRIPTION,), uninstalled),
    Check("operator-failed", (SERVICE_VERSION,), operators),
    Check("cluster-away", (MANAGED_CLUSTER,), managed_clusters),
    Check("placement-unbound", (PLACEMENT, SET_BINDING), placements),
)
