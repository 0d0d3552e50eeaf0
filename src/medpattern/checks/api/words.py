"""Words that must be one of a few, or have a form: the schemas of Kubernetes' own kinds only say that they are text.

After pkg/apis/*/validation of Kubernetes 1.36; the real API server was asked about each row (tests/live).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from medpattern.checks.api.names import is_qualified, label_refusals
from medpattern.checks.manifests import Manifest, value_at
from medpattern.checks.metadata import DNS_LABEL, DNS_NAME
from medpattern.checks.policy.pods import pod_of
from medpattern.checks.policy.reading import map_at
from medpattern.checks.rules import Breach
from medpattern.findings import KeyPath, did_you_mean

RBAC = "rbac.authorization.k8s.io"
_NETWORK = "networking.k8s.io"
_STANDARD = re.compile(r"cpu|memory|ephemeral-storage|storage|hugepages-.+")
_PORT = re.compile(r"(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Form:
    """What fits at a place; `wanted` tells a person what that is."""

    fits: Callable[[str], object]
    wanted: str
    words: tuple[str, ...] = ()


def _one_of(*words: str) -> Form:
    return Form(frozenset(words).__contains__, " or ".join(words), words)


def _zone(text: str) -> bool:
    """Whether a time zone is known; every one is where the system has no list of them."""
    zones = _zones()
    return text in zones or not zones


@cache
def _zones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


_NAME = Form(re.compile(DNS_NAME).fullmatch, "a name: small letters, digits, '-' and '.'")
_LABEL = Form(re.compile(DNS_LABEL).fullmatch, "a name: small letters, digits and '-'")
_PORT_NAME = Form(_PORT.fullmatch, "a number, or the name of a port: at most 15 small letters, digits, '-'")
_HOST = Form(re.compile(rf"(\*\.)?{DNS_NAME.removeprefix('^')}").fullmatch, "the name of a host")
_PROTOCOL = _one_of("TCP", "UDP", "SCTP")
_SECCOMP = _one_of("RuntimeDefault", "Localhost", "Unconfined")
_SCHEME = _one_of("HTTP", "HTTPS")
_SUBJECT = _one_of("ServiceAccount", "User", "Group")

Rows = tuple[tuple[str, Form], ...]

# Below the spec of a pod; "*" is each item of a list.
POD: Rows = (
    ("serviceAccountName", _NAME),
    ("priorityClassName", _NAME),
    ("dnsPolicy", _one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")),
    ("securityContext.seccompProfile.type", _SECCOMP),
    ("securityContext.fsGroupChangePolicy", _one_of("OnRootMismatch", "Always")),
    ("tolerations.*.effect", _one_of("NoSchedule", "PreferNoSchedule", "NoExecute")),
    ("topologySpreadConstraints.*.whenUnsatisfiable", _one_of("DoNotSchedule", "ScheduleAnyway")),
    ("volumes.*.name", _LABEL),
)
CONTAINER: Rows = (
    ("name", _LABEL),
    ("imagePullPolicy", _one_of("Always", "IfNotPresent", "Never")),
    ("terminationMessagePolicy", _one_of("File", "FallbackToLogsOnError")),
    ("ports.*.protocol", _PROTOCOL),
    ("securityContext.seccompProfile.type", _SECCOMP),
    ("envFrom.*.configMapRef.name", _NAME),
    ("envFrom.*.secretRef.name", _NAME),
    *((f"{probe}.httpGet.scheme", _SCHEME) for probe in ("livenessProbe", "readinessProbe", "startupProbe")),
    *((f"{probe}.httpGet.port", _PORT_NAME) for probe in ("livenessProbe", "readinessProbe", "startupProbe")),
)
_BINDING: Rows = (
    ("roleRef.apiGroup", _one_of(RBAC)),
    ("subjects.*.kind", _SUBJECT),
)
_RULES = tuple(
    (f"spec.{direction}.*.{part}", form)
    for direction in ("ingress", "egress")
    for part, form in (("ports.*.protocol", _PROTOCOL), ("ports.*.port", _PORT_NAME))
)
OBJECT: dict[tuple[str, str], Rows] = {
    ("", "Service"): (
        ("spec.ports.*.protocol", _PROTOCOL),
        ("spec.ports.*.targetPort", _PORT_NAME),
        ("spec.type", _one_of("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")),
        ("spec.sessionAffinity", _one_of("None", "ClientIP")),
    ),
    ("", "PersistentVolumeClaim"): (
        ("spec.accessModes.*", _one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
        ("spec.volumeMode", _one_of("Filesystem", "Block")),
    ),
    ("apps", "Deployment"): (("spec.strategy.type", _one_of("RollingUpdate", "Recreate")),),
    ("apps", "StatefulSet"): (
        ("spec.podManagementPolicy", _one_of("OrderedReady", "Parallel")),
        ("spec.updateStrategy.type", _one_of("RollingUpdate", "OnDelete")),
    ),
    ("batch", "CronJob"): (
        ("spec.concurrencyPolicy", _one_of("Allow", "Forbid", "Replace")),
        ("spec.timeZone", Form(_zone, "a time zone, such as Etc/UTC")),
    ),
    (_NETWORK, "Ingress"): (
        ("spec.ingressClassName", _NAME),
        ("spec.rules.*.host", _HOST),
        ("spec.rules.*.http.paths.*.path", Form(lambda text: text.startswith("/"), "a path that begins with '/'")),
        ("spec.rules.*.http.paths.*.pathType", _one_of("Exact", "Prefix", "ImplementationSpecific")),
        ("spec.rules.*.http.paths.*.backend.service.name", _LABEL),
        ("spec.rules.*.http.paths.*.backend.service.port.name", _PORT_NAME),
        ("spec.tls.*.hosts.*", _HOST),
        ("spec.tls.*.secretName", _NAME),
    ),
    (_NETWORK, "NetworkPolicy"): (("spec.policyTypes.*", _one_of("Ingress", "Egress")), *_RULES),
    ("policy", "PodDisruptionBudget"): (
        ("spec.unhealthyPodEvictionPolicy", _one_of("IfHealthyBudget", "AlwaysAllow")),
        ("spec.minAvailable", Form(re.compile(r"\d+%").fullmatch, "a number, or a share such as 50%")),
        ("spec.maxUnavailable", Form(re.compile(r"\d+%").fullmatch, "a number, or a share such as 50%")),
    ),
    (RBAC, "RoleBinding"): (("roleRef.kind", _one_of("Role", "ClusterRole")), *_BINDING),
    (RBAC, "ClusterRoleBinding"): (("roleRef.kind", _one_of("ClusterRole")), *_BINDING),
    ("storage.k8s.io", "StorageClass"): (
        ("provisioner", Form(lambda text: is_qualified(text.lower()), "a name, such as rook-ceph.ceph.rook.io/bucket")),
        ("reclaimPolicy", _one_of("Delete", "Retain")),
        ("volumeBindingMode", _one_of("Immediate", "WaitForFirstConsumer")),
    ),
}
# Labels to select by.
_PEERS = tuple(
    f"{direction}.*.{selector}"
    for direction in ("ingress.*.from", "egress.*.to")
    for selector in ("podSelector", "namespaceSelector")
)
SELECTORS = {
    (_NETWORK, "NetworkPolicy"): tuple(f"spec.{where}.matchLabels" for where in ("podSelector", *_PEERS)),
}


def word_refusals(manifest: Manifest) -> Iterator[Breach]:
    """Words that cannot stand where they do, in an object and its pods."""
    kind = (manifest.group, manifest.kind)
    yield from _misfits(manifest.data, (), OBJECT.get(kind, ()))
    for place in SELECTORS.get(kind, ()):
        for path, labels in at(manifest.data, place):
            if isinstance(labels, dict):
                yield from label_refusals(path, labels)
    if manifest.group == RBAC:
        for path, subject in at(manifest.data, "subjects.*"):
            if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount":
                yield from _misfits(manifest.data, path, (("name", _NAME),))
    pod = pod_of(manifest)
    if pod is None:
        return
    yield from _misfits(manifest.data, pod.path, POD)
    for path, labels in at(manifest.data, "topologySpreadConstraints.*.labelSelector.matchLabels", pod.path):
        if isinstance(labels, dict):
            yield from label_refusals(path, labels)
    for container in pod.all_containers:
        yield from _misfits(manifest.data, container.path, CONTAINER)
        for part in ("limits", "requests"):
            for name in map_at(container.spec, "resources", part):
                if not (_STANDARD.fullmatch(str(name)) or ("/" in str(name) and is_qualified(str(name)))):
                    path = (*container.path, "resources", part, name)
                    yield Breach(path, f"'{str(name)[:80]}' is no resource", "such as cpu, memory, nvidia.com/gpu")


def _misfits(data: dict[str, Any], base: KeyPath, rows: Rows) -> Iterator[Breach]:
    here = value_at(data, base)
    for place, form in rows:
        if not isinstance(here, dict) or _keys_of((), place)[0] not in here:
            continue
        for path, text in at(here, place):
            if isinstance(text, str) and text and not form.fits(text):
                cure = did_you_mean(text, form.words) if form.words else f"write {form.wanted}"
                yield Breach((*base, *path), f"'{text[:80]}' cannot stand here", cure)


def at(data: Any, place: str, base: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """(path, value) of everything that stands at a place below `base`, such as "rules.*.host"."""
    keys = _keys_of(base, place)
    known = 0
    for key in keys:  # most places are keys alone, or begin with them, and most hold nothing
        if key == "*" or not isinstance(data, dict | list):
            break
        below = next(_below((), data, key), None)
        if below is None:
            return iter(())
        data = below[1]
        known += 1
    found: list[tuple[KeyPath, Any]] = [(keys[:known], data)]
    for key in keys[known:]:
        found = [one for path, value in found for one in _below(path, value, key)]
    return iter(found)


@lru_cache(maxsize=4096)
def _keys_of(base: KeyPath, place: str) -> KeyPath:
    return (*base, *place.split("."))


def _below(path: KeyPath, value: Any, key: str | int) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, list):
        yield from (((*path, index), item) for index, item in enumerate(value) if key in ("*", index))
    elif isinstance(value, dict) and key in value:
        yield (*path, key), value[key]
