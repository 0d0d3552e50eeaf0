"""What must be there although the schemas of Kubernetes' own kinds let it be left out, or be empty.

After pkg/apis/*/validation of Kubernetes 1.36; the real API server was asked about each row (tests/live).
"""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.api.words import RBAC, at
from medpattern.checks.manifests import Manifest, value_at
from medpattern.checks.policy.pods import POD_TEMPLATES, pod_of
from medpattern.checks.policy.reading import deepest, map_at
from medpattern.checks.rules import Breach
from medpattern.findings import KeyPath

# Where a map is, and the fields of which it needs at least one. A field that is an empty map is there.
Rows = tuple[tuple[str, tuple[str, ...]], ...]

_NATIVE = frozenset({"", "apps", "batch"})
POD: Rows = (
    ("volumes.*.secret", ("secretName",)),
    ("volumes.*.configMap", ("name",)),
)
CONTAINER: Rows = (
    ("envFrom.*", ("configMapRef", "secretRef")),
    ("envFrom.*.configMapRef", ("name",)),
    ("envFrom.*.secretRef", ("name",)),
)
_ROLE: Rows = (
    ("rules.*", ("verbs",)),
    ("rules.*", ("resources", "nonResourceURLs")),
    ("rules.*", ("apiGroups", "nonResourceURLs")),
)
_PEER = ("podSelector", "namespaceSelector", "ipBlock")
OBJECT: dict[tuple[str, str], Rows] = {
    (RBAC, "Role"): _ROLE,
    (RBAC, "ClusterRole"): _ROLE,
    ("networking.k8s.io", "NetworkPolicy"): (("spec.ingress.*.from.*", _PEER), ("spec.egress.*.to.*", _PEER)),
    ("networking.k8s.io", "Ingress"): (
        ("spec", ("rules", "defaultBackend")),
        ("spec.rules.*.http", ("paths",)),
        ("spec.rules.*.http.paths.*.backend", ("service", "resource")),
        ("spec.rules.*.http.paths.*.backend.service", ("port",)),
        ("spec.rules.*.http.paths.*.backend.service.port", ("name", "number")),
    ),
}
# The types of Secrets -> the annotation or the keys that they need.
_ACCOUNT = "kubernetes.io/service-account.name"
SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def missing_refusals(manifest: Manifest) -> Iterator[Breach]:
    """Fields that are missing or empty in an object and its pods."""
    kind = (manifest.group, manifest.kind)
    yield from _missing(manifest, (), OBJECT.get(kind, ()))
    match kind:
        case ("", "Secret"):
            yield from _of_secret(manifest)
        case ("networking.k8s.io", "Ingress"):
            yield from _of_ingress(manifest)
        case (found, "ClusterRoleBinding") if found == RBAC:
            yield from _of_binding(manifest)
    yield from _of_pod(manifest)


def _of_ingress(manifest: Manifest) -> Iterator[Breach]:
    if "spec" not in manifest.data:
        yield Breach(("kind",), "has no rules or defaultBackend", "add 'spec:' with one of them")
    for path, rule in at(manifest.data, "spec.rules.*.http.paths.*"):
        if isinstance(rule, dict) and not rule.get("path") and rule.get("pathType") in ("Exact", "Prefix"):
            yield Breach(path, f"has no path, and its pathType is {rule['pathType']}", "add 'path: /'")


def _of_binding(manifest: Manifest) -> Iterator[Breach]:
    for path, subject in at(manifest.data, "subjects.*"):
        if isinstance(subject, dict) and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            yield Breach(path, "has no namespace", "add 'namespace:', of the ServiceAccount")


def _of_pod(manifest: Manifest) -> Iterator[Breach]:
    template = POD_TEMPLATES.get((manifest.group, manifest.kind))
    if template is not None and manifest.group in _NATIVE:
        path: KeyPath = (*template, "spec", "containers")
        if value_at(manifest.data, path) in (None, []):
            yield Breach(deepest(manifest.data, path), "has no container", "add 'containers:'")
    pod = pod_of(manifest)
    if pod is None:
        return
    yield from _missing(manifest, pod.path, POD)
    for container in pod.all_containers:
        yield from _missing(manifest, container.path, CONTAINER)


def _missing(manifest: Manifest, base: KeyPath, rows: Rows) -> Iterator[Breach]:
    here = value_at(manifest.data, base)
    for place, names in rows:
        for path, found in at(here, place):
            if isinstance(found, dict) and all(found.get(name) in (None, [], "") for name in names):
                yield Breach((*base, *path), f"has no {' or '.join(names)}", f"add '{names[0]}:'")


def _of_secret(manifest: Manifest) -> Iterator[Breach]:
    of = manifest.data.get("type")
    if of == "kubernetes.io/service-account-token" and not map_at(manifest.data, "metadata", "annotations").get(
        _ACCOUNT
    ):
        yield Breach(("type",), f"needs the annotation '{_ACCOUNT}'", "add it, with the name of the ServiceAccount")
    there = {**map_at(manifest.data, "data"), **map_at(manifest.data, "stringData")}
    for key in SECRET_KEYS.get(of, ()) if isinstance(of, str) else ():
        if key not in there:
            yield Breach(("type",), f"{of} needs the key '{key}'", "add it, or take the type out")
