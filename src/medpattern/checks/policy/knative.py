"""What Knative's webhook refuses with its default flags, although the schema of its kinds takes it.

After `Service.Validate` of knative.dev/serving v0.50.0. The objects of its fixture were put before that function, and
each was refused, or let pass, as there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, TypeGuard

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.autoscaling import refused_annotations
from medpattern.checks.policy.images import REFERENCE
from medpattern.checks.policy.pods import KNATIVE, Container, Pod, pod_of
from medpattern.checks.policy.reading import deepest, items_at, map_at, mapping, named, sequence, word
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

_KINDS = frozenset({(KNATIVE, "Service"), (KNATIVE, "Configuration")})
_OUT = "take it out"
_FLAG = "take it out, or switch its flag on in the ConfigMap config-features of knative-serving, and waive this"
# Fields of a pod behind a flag that is off, and those that there is no flag for.
_FLAGGED = named(
    "affinity dnsConfig dnsPolicy hostAliases hostIPC hostNetwork hostPID initContainers nodeSelector priorityClassName"
    " runtimeClassName schedulerName securityContext shareProcessNamespace tolerations topologySpreadConstraints"
)
_POD = named(
    "activeDeadlineSeconds ephemeralContainers hostUsers hostname nodeName os overhead preemptionPolicy priority"
    " readinessGates resourceClaims resources restartPolicy schedulingGates serviceAccount setHostnameAsFQDN subdomain"
    " terminationGracePeriodSeconds"
)
_CONTAINER = named("lifecycle resizePolicy restartPolicy stdin stdinOnce tty volumeDevices")
_CONTEXT = named("appArmorProfile procMount seLinuxOptions windowsOptions")
_METADATA: KeyPath = ("spec", "template", "metadata")
_OBJECT_META = named(
    "annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName generation"
    " labels managedFields name namespace ownerReferences resourceVersion selfLink uid"
)
_PROBES = named("httpGet tcpSocket exec grpc")
_MOUNT = named("recursiveReadOnly subPathExpr")
_VOLUMES = named("secret configMap projected emptyDir")
_SOURCES = named("secret configMap serviceAccountToken downwardAPI")
_PORT_NAMES = frozenset({"", "http1", "h2c"})
# The ports of the queue-proxy beside the program: requests, its administration, metrics, profiles.
_RESERVED_PORTS = frozenset({8008, 8012, 8013, 8022, 9090, 9091})
_RESERVED_NAMES = frozenset({"K_SERVICE", "K_CONFIGURATION", "K_REVISION"})
_RESERVED_FOLDERS = frozenset({"/", "/dev", "/dev/log"})
# max-revision-timeout-seconds and container-concurrency-max-limit of config-defaults, as they come.
_LIMITS = (("timeoutSeconds", 600, "timeout"), ("containerConcurrency", 1000, "concurrency"))

Refusals = Iterator[tuple[KeyPath, str, str]]


def refused_fields(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Fields of Knative Services and Configurations at which a sync would fail."""
    pod = pod_of(manifest)
    if pod is None or not list(pod.containers):
        path = deepest(manifest.data, ("spec", "template", "spec", "containers"))
        yield Breach(path, "no containers: Knative's webhook refuses it", "name the one that takes requests")
        return
    found = (
        *_of_metadata(manifest),
        *_of_pod(pod),
        *_of_volumes(pod),
        *_of_limits(pod),
        *_of_traffic(manifest),
        *refused_annotations(manifest),
    )
    for path, message, cure in found:
        yield Breach(path, f"{message}: Knative's webhook refuses it", cure)


def _of_metadata(manifest: Manifest) -> Refusals:
    """Its fields are read by name, though the schema leaves them open."""
    for name in map_at(manifest.data, *_METADATA).keys() - _OBJECT_META:
        yield (*_METADATA, name), f"the unknown field '{name}'", _OUT


def _of_pod(pod: Pod) -> Refusals:
    for name in sorted(_set_of(pod.spec, _FLAGGED | _POD)):
        yield (*pod.path, name), f"{name} of the pod", _FLAG if name in _FLAGGED else _OUT
    if pod.spec.get("automountServiceAccountToken") is True:
        yield (*pod.path, "automountServiceAccountToken"), "automountServiceAccountToken: true", "leave it out"
    containers = list(pod.containers)
    ports = [(*container.path, "ports") for container in containers for _ in items_at(container.spec, "ports")]
    if len(ports) > 1:
        yield ports[1], "more than one port", "keep the one that takes requests"
    if len(containers) > 1 and not ports:
        yield (*pod.path, "containers"), "several containers and no port", "give the one that takes requests its port"
    for container in containers:
        is_sidecar = len(containers) > 1 and not sequence(container.spec.get("ports"))
        yield from _of_container(container, is_sidecar)


def _of_image(container: Container) -> Refusals:
    image = word(container.spec.get("image"))
    if not REFERENCE.fullmatch(image):
        path: KeyPath = (*container.path, "image") if "image" in container.spec else container.path
        yield path, f"the image '{image}'" if image else "a container without an image", "registry/repository:tag"


def _set_of(found: dict[str, Any], names: frozenset[str]) -> frozenset[str]:
    """Which of `names` are set to more than their type's zero; an empty map or list counts as set."""
    return frozenset(
        name for name in names & found.keys() if found[name] not in (None, False, "") or name == "hostUsers"
    )


def _of_container(container: Container, is_sidecar: bool) -> Refusals:
    for name in sorted(_set_of(container.spec, _CONTAINER)):
        yield (*container.path, name), f"{name} of a container", _OUT
    yield from _of_image(container)
    yield from _of_probes(container, is_sidecar)
    if container.spec.get("name") == "queue-proxy":
        yield (*container.path, "name"), "the name 'queue-proxy'", "it is Knative's own"
    for path, port in items_at(container.spec, "ports"):
        yield from _of_port((*container.path, *path), port)
    yield from _of_environment(container, _RESERVED_NAMES if is_sidecar else _RESERVED_NAMES | {"PORT"})
    yield from _of_context(container)
    yield from _of_mounts(container)


def _of_port(path: KeyPath, port: dict[str, Any]) -> Refusals:
    if word(port.get("name")) not in _PORT_NAMES:
        yield (*path, "name"), f"a port named '{port['name']}'", "http1 or h2c; gRPC is h2c"
    if _is_number(port.get("containerPort")) and port["containerPort"] in _RESERVED_PORTS:
        yield (*path, "containerPort"), f"port {port['containerPort']}, which the queue-proxy has", "use another"
    if port.get("protocol") not in (None, "", "TCP"):
        yield (*path, "protocol"), f"the protocol {port['protocol']}", "TCP is the only one"
    for name in ("hostPort", "hostIP"):
        if port.get(name):
            yield (*path, name), f"{name}", _OUT


def _of_probes(container: Container, is_sidecar: bool) -> Refusals:
    ports = [word(port.get("name")) or "http" for _, port in items_at(container.spec, "ports")] or ["http"]
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe, path = map_at(container.spec, name), (*container.path, name)
        if not probe:
            continue
        if is_sidecar and name != "startupProbe":
            yield path, f"{name} of a container without the port", _OUT
        elif len(_PROBES & probe.keys()) != 1:
            yield path, f"{name} that asks in no way, or in two", "one of httpGet, tcpSocket, exec, grpc"
        for handler in ("httpGet", "tcpSocket"):
            port = map_at(probe, handler).get("port")
            if isinstance(port, str) and port not in ("", ports[0]):
                yield (*path, handler, "port"), f"{name} at port '{port}'", "leave the port out"
        if name == "readinessProbe" and not probe.get("periodSeconds"):
            for limit in ("failureThreshold", "timeoutSeconds"):
                if probe.get(limit):
                    yield (*path, limit), f"{limit} of a readinessProbe without periodSeconds", "set periodSeconds"


def _of_environment(container: Container, reserved: frozenset[str]) -> Refusals:
    for path, env in items_at(container.spec, "env"):
        if word(env.get("name")) in reserved:
            yield (*container.path, *path, "name"), f"the environment '{env['name']}'", "Knative sets it itself"
        for source in ("fieldRef", "resourceFieldRef"):
            if source in map_at(env, "valueFrom"):
                yield (*container.path, *path, "valueFrom", source), f"{source} in the environment", _FLAG


def _of_context(container: Container) -> Refusals:
    base: KeyPath = (*container.path, "securityContext")
    context = map_at(container.spec, "securityContext")
    if context.get("privileged") is True:
        yield (*base, "privileged"), "a privileged container", _OUT
    if map_at(context, "capabilities").get("add"):
        yield (*base, "capabilities", "add"), "added capabilities", _FLAG
    for name in sorted(_set_of(context, _CONTEXT)):
        yield (*base, name), f"{name} of a container", _OUT


def _of_mounts(container: Container) -> Refusals:
    taken: set[str] = set()
    for path, mount in items_at(container.spec, "volumeMounts"):
        if mount.get("mountPropagation"):
            yield (*container.path, *path, "mountPropagation"), "mountPropagation", _FLAG
        for name in sorted(_set_of(mount, _MOUNT)):
            yield (*container.path, *path, name), name, _OUT
        folder = posixpath.normpath(word(mount.get("mountPath")) or ".")
        if folder in _RESERVED_FOLDERS or folder in taken or not folder.startswith("/"):
            yield (*container.path, *path, "mountPath"), f"a mount at '{mount.get('mountPath')}'", "mount it elsewhere"
        taken.add(folder)


def _of_volumes(pod: Pod) -> Refusals:
    mounted = {mount.get("name") for one in pod.all_containers for _, mount in items_at(one.spec, "volumeMounts")}
    for path, volume in items_at(pod.spec, "volumes"):
        others = sorted(volume.keys() - _VOLUMES - {"name"})
        for name in map_at(volume, "emptyDir").keys() - {"medium", "sizeLimit"}:
            yield (*pod.path, *path, "emptyDir", name), f"the unknown field '{name}'", _OUT
        for kind in others:
            yield (*pod.path, *path, kind), f"a volume of the kind {kind}", _FLAG
        for at, source in items_at(volume, "projected", "sources"):
            if not _SOURCES & source.keys():
                yield (*pod.path, *path, *at), f"{', '.join(source) or 'nothing'} in a projected volume", _OUT
        if volume.get("name") not in mounted and not others:
            told = f"the volume '{volume.get('name')}' that no container mounts"
            yield (*pod.path, *path), told, "mount it, or take it out"


def _of_limits(pod: Pod) -> Refusals:
    for name, limit, what in _LIMITS:
        value = pod.spec.get(name)
        if _is_number(value) and not 0 <= value <= limit:
            cure = f"0 to {limit}, or raise the limit of the {what} in config-defaults first, and waive this"
            yield (*pod.path, name), f"{name} {value}", cure


def _of_traffic(manifest: Manifest) -> Refusals:
    traffic = [mapping(target) for target in sequence(map_at(manifest.data, "spec").get("traffic"))]
    shares = [target.get("percent") or 0 for target in traffic]
    if traffic and all(_is_number(share) for share in shares) and sum(shares) != 100:
        yield ("spec", "traffic"), f"traffic of {sum(shares)} percent", "the shares add up to 100"
    for path, target in items_at(manifest.data, "spec", "traffic"):
        latest, is_named = target.get("latestRevision"), bool(target.get("revisionName"))
        if (latest is True and is_named) or (latest is False and not is_named):
            yield path, "a target that names no revision, or two", "revisionName, or latestRevision: true"


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


RULES = (Rule("knative-refused", refused_fields, _KINDS),)
