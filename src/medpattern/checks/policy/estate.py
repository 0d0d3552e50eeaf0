"""Rules that need more than one object of a cluster."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.kinds import DATA_KINDS
from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.policy.access import BINDINGS
from medpattern.checks.policy.hosts import host_access
from medpattern.checks.policy.pods import Pod, pod_of
from medpattern.checks.policy.reading import deepest, items_at, map_at, mapping, sequence, word, words_at
from medpattern.checks.policy.syncing import unguarded
from medpattern.checks.policy.workloads import restricted_gaps
from medpattern.checks.rules import Breach, Platform, finding
from medpattern.findings import Finding, KeyPath, Severity

_ENFORCE = "pod-security.kubernetes.io/enforce"


def estate_findings(inventory: Inventory) -> Iterator[Finding]:
    """Every finding of one cluster that no object shows alone.

    Workloads that no NetworkPolicy selects, tokens that nobody needs, pods that their namespace refuses, and
    namespaces with data in them that go without a question.
    """
    described = [(manifest, pod) for manifest in inventory.manifests if (pod := pod_of(manifest))]
    policies = _policies(inventory)
    bound = _bound_accounts(inventory)
    for manifest, pod in described:
        for breach in _open_directions(manifest, pod, policies.get(manifest.namespace, [])):
            yield finding("missing-network-policy", Severity.WARNING, inventory, manifest, breach)
        for breach in _idle_tokens(inventory, manifest, pod, bound):
            yield finding("idle-token", Severity.WARNING, inventory, manifest, breach)
        for breach in _refused_pods(inventory, manifest, pod):
            yield finding("pod-security", Severity.ERROR, inventory, manifest, breach)
    yield from _namespaces_with_data(inventory)


# NetworkPolicies -----------------------------------------------------------------------------------------


def _policies(inventory: Inventory) -> dict[str, list[Manifest]]:
    found: dict[str, list[Manifest]] = {}
    for policy in inventory.of_kind("networking.k8s.io", "NetworkPolicy"):
        found.setdefault(policy.namespace, []).append(policy)
    return found


def _open_directions(manifest: Manifest, pod: Pod, policies: list[Manifest]) -> Iterator[Breach]:
    """The directions, in or out, that no NetworkPolicy of the namespace confines for the pod."""
    closed = {
        direction
        for policy in policies
        if selects(map_at(policy.data, "spec", "podSelector"), pod.labels)
        for direction in _directions(policy)
    }
    missing = [direction.lower() for direction in ("Ingress", "Egress") if direction not in closed]
    if missing:
        message = (
            f"no NetworkPolicy confines its {' and its '.join(missing)}: it may talk to, or be reached by, anybody"
        )
        cure = f"add one that selects its labels in {manifest.namespace or 'its namespace'}, and a default deny"
        yield Breach(pod.path, message, cure)


def _directions(policy: Manifest) -> list[str]:
    """What a policy confines; Ingress always, and Egress if it speaks of it, where policyTypes are left out."""
    spec = map_at(policy.data, "spec")
    return words_at(spec, "policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") is not None else [])]


def selects(selector: dict[str, object], labels: dict[str, object]) -> bool:
    """Whether a label selector, as in NetworkPolicies, matches `labels`. An empty one matches all."""
    if any(labels.get(key) != value for key, value in mapping(selector.get("matchLabels")).items()):
        return False
    return all(_expression_holds(item, labels) for _, item in items_at(selector, "matchExpressions"))


def _expression_holds(expression: dict[str, object], labels: dict[str, object]) -> bool:
    key, values = word(expression.get("key")), sequence(expression.get("values"))
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


# ServiceAccounts -----------------------------------------------------------------------------------------


def _bound_accounts(inventory: Inventory) -> set[tuple[str, str]]:
    """(namespace, name) of the ServiceAccounts that some binding gives a right."""
    found = set()
    for group, kind in BINDINGS:
        for binding in inventory.of_kind(group, kind):
            for _, subject in items_at(binding.data, "subjects"):
                if subject.get("kind") == "ServiceAccount":
                    found.add((word(subject.get("namespace")) or binding.namespace, word(subject.get("name"))))
    return found


def _idle_tokens(inventory: Inventory, manifest: Manifest, pod: Pod, bound: set[tuple[str, str]]) -> Iterator[Breach]:
    """Tokens of the API server in pods whose account has no right to use it for."""
    path: KeyPath = (*pod.path, "automountServiceAccountToken")
    mounts = pod.spec.get("automountServiceAccountToken")
    if mounts is None:
        accounts = inventory.of_kind("", "ServiceAccount")
        own = (one for one in accounts if (one.namespace, one.name) == (manifest.namespace, pod.service_account))
        account = next(own, None)
        mounts = account.data.get("automountServiceAccountToken") if account else None
    if mounts is not False and (manifest.namespace, pod.service_account) not in bound:
        message = "gets a token of the API server that it has no right to use: who breaks in has it too"
        yield Breach(deepest(manifest.data, path), message, "set automountServiceAccountToken: false")


# Namespaces ----------------------------------------------------------------------------------------------


def _refused_pods(inventory: Inventory, manifest: Manifest, pod: Pod) -> Iterator[Breach]:
    """Pods that their namespace's Pod Security Standard keeps out."""
    level = _namespace_label(inventory, manifest.namespace, _ENFORCE)
    platform = Platform(inventory.distribution, inventory.kubernetes_version)
    reasons = [breach.message for breach in host_access(manifest, platform)] if level in _LEVELS else []
    if level == "restricted":
        reasons += [
            f"container '{container.name}' lacks {', '.join(gaps)}"
            for container in pod.all_containers
            if (gaps := restricted_gaps(pod, container))
        ]
    if reasons:
        message = f"its namespace enforces '{level}', which refuses its pods: {'; '.join(reasons)}"
        yield Breach(pod.path, message, "confine the pod, or run it in a namespace of its own")


_LEVELS = ("baseline", "restricted")


def _namespace_label(inventory: Inventory, namespace: str, label: str) -> str:
    found = next((one for one in inventory.of_kind("", "Namespace") if one.name == namespace), None)
    return word(found.labels().get(label)) if found else ""


def _namespaces_with_data(inventory: Inventory) -> Iterator[Finding]:
    """Namespaces whose deletion takes data along, and that Argo CD would delete without asking."""
    holding: dict[str, Manifest] = {}
    for manifest in inventory.manifests:
        if (manifest.group, manifest.kind) in DATA_KINDS and manifest.namespace:
            holding.setdefault(manifest.namespace, manifest)
    for namespace in inventory.of_kind("", "Namespace"):
        inside, missing = holding.get(namespace.name), unguarded(namespace)
        if inside and missing:
            message = f"holds {inside.kind}/{inside.name}, and goes without a question: no {' and no '.join(missing)}"
            cure = "set the annotation argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm"
            yield finding(
                "unconfirmed-deletion", Severity.ERROR, inventory, namespace, Breach(("metadata",), message, cure)
            )
