"""What each pod should have: requests and limits, probes, a security context, an account of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.checks.manifests import Manifest, value_at
from medpattern.checks.policy.pods import PODS, Container, Pod, pod_of
from medpattern.checks.policy.reading import deepest, map_at, sequence, words_at
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath, Severity


def missing_resources(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Containers without requests, or without a limit of memory.

    A limit of CPU is left to taste: CPU is shared out by the requests, while memory without one takes the node down.
    A limit stands for a request that is not there, as the API server has it.
    """
    pod = pod_of(manifest)
    for container in pod.all_containers if pod else ():
        limits = map_at(container.spec, "resources", "limits")
        requests = limits | map_at(container.spec, "resources", "requests")
        missing = [f"requests.{name}" for name in ("cpu", "memory") if requests.get(name) is None]
        missing += ["limits.memory"] if limits.get("memory") is None else []
        if missing:
            path = deepest(manifest.data, (*container.path, "resources"))
            message = f"container '{container.name}' has no {' and no '.join(missing)}"
            yield Breach(path, message, "set what it needs at least, and how much memory it may take at most")


def missing_probes(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Long-running containers that nobody asks how they are."""
    pod = pod_of(manifest)
    if pod is None or pod.is_transient:
        return
    for container in pod.containers:
        has_port = bool(sequence(container.spec.get("ports"))) or (pod.is_knative and len(list(pod.containers)) == 1)
        if pod.is_knative and not has_port:
            continue  # Knative probes the one container that has the port
        wanted = ["readinessProbe"] * has_port + ["livenessProbe"]
        missing = [name for name in wanted if not container.spec.get(name)]
        if missing:
            message = f"container '{container.name}' has no {' and no '.join(missing)}"
            cure = "without it a pod that hangs stays, and gets requests before it can answer"
            yield Breach(container.path, message, f"add it: {cure}")


def weak_security_contexts(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Containers that could do more than the Pod Security Standard 'restricted' grants, or write to their image."""
    pod = pod_of(manifest)
    for container in pod.all_containers if pod else ():
        missing = [told for told, is_kept in _confinements(pod, container) if not is_kept] if pod else []
        if missing:
            path = deepest(manifest.data, (*container.path, "securityContext"))
            cure = "set it in the container's securityContext"
            yield Breach(path, f"container '{container.name}' lacks {', '.join(missing)}", cure)


def restricted_gaps(pod: Pod, container: Container) -> list[str]:
    """What the Pod Security Standard 'restricted' would miss in a container, as its securityContext has it."""
    return [told for told, is_kept in _confinements(pod, container) if not is_kept and not told.startswith("readOnly")]


def _confinements(pod: Pod, container: Container) -> Iterator[tuple[str, bool]]:
    own, shared = map_at(container.spec, "securityContext"), map_at(pod.spec, "securityContext")

    def effective(*path: str) -> Any:
        found = value_at(own, path)
        return value_at(shared, path) if found is None else found

    yield "allowPrivilegeEscalation: false", own.get("allowPrivilegeEscalation") is False
    yield "capabilities: {drop: [ALL]}", "ALL" in words_at(own, "capabilities", "drop")
    yield "runAsNonRoot: true", effective("runAsNonRoot") is True
    seccomp = effective("seccompProfile", "type")
    yield "seccompProfile: {type: RuntimeDefault}", seccomp in ("RuntimeDefault", "Localhost")
    yield "readOnlyRootFilesystem: true", own.get("readOnlyRootFilesystem") is True


def default_accounts(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Pods that share the namespace's own ServiceAccount: a right that one of them gets, all get."""
    pod = pod_of(manifest)
    if pod and pod.service_account == "default":
        path: KeyPath = deepest(manifest.data, (*pod.path, "serviceAccountName"))
        yield Breach(path, "runs as the ServiceAccount 'default'", "give it a ServiceAccount of its own")


RULES = (
    Rule("missing-resources", missing_resources, PODS, Severity.WARNING),
    Rule("missing-probe", missing_probes, PODS, Severity.WARNING),
    Rule("weak-security-context", weak_security_contexts, PODS, Severity.WARNING),
    Rule("default-service-account", default_accounts, PODS, Severity.WARNING),
)
