"""What Knative's webhook refuses with its default flags, although the schema of its kinds takes it.

After `ValidatePodSpec` of knative.dev/serving, and tried against the real webhook: of 22 Services,
each with one of these, it refused all but those with an emptyDir or a misspelt annotation (autoscaling.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.autoscaling import scale_limits
from medpattern.checks.policy.pods import KNATIVE, Container, Pod, pod_of
from medpattern.checks.policy.reading import items_at, map_at, sequence, word
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

_KINDS = frozenset({(KNATIVE, "Service"), (KNATIVE, "Configuration")})
_FLAG = "take it out, or switch its flag on in the ConfigMap config-features of knative-serving, and waive this"
# Fields of a pod behind a flag that is off, and those that there is no flag for.
FLAGGED = (
    "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "hostAliases", "runtimeClassName",
    "dnsPolicy", "dnsConfig", "securityContext", "priorityClassName", "schedulerName", "initContainers",
    "hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace",
)  # fmt: skip
REFUSED = (
    "restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds", "nodeName", "hostname", "subdomain",
    "priority", "readinessGates",
)  # fmt: skip
VOLUMES = frozenset({"secret", "configMap", "projected", "emptyDir"})
PORT_NAMES = frozenset({"", "http1", "h2c"})
# The ports of the queue-proxy beside the program: requests, its administration, metrics, profiles.
RESERVED_PORTS = frozenset({8008, 8012, 8013, 8022, 9090, 9091})
RESERVED_NAMES = frozenset({"PORT", "K_SERVICE", "K_CONFIGURATION", "K_REVISION"})
# max-revision-timeout-seconds and container-concurrency-max-limit of config-defaults, as they come.
MAX_TIMEOUT = 600
MAX_CONCURRENCY = 1000

Refusals = Iterator[tuple[KeyPath, str, str]]


def refused_fields(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Fields of Knative Services and Configurations at which a sync would fail."""
    pod = pod_of(manifest)
    if pod is None:
        return
    for path, message, cure in (*_of_pod(pod), *_of_limits(pod), *_of_traffic(manifest), *scale_limits(manifest)):
        yield Breach(path, f"{message}: Knative's webhook refuses it", cure)


def _of_pod(pod: Pod) -> Refusals:
    for name in (*FLAGGED, *REFUSED):
        if pod.spec.get(name) not in (None, False, "", [], {}):
            yield (*pod.path, name), f"{name} of the pod", _FLAG if name in FLAGGED else "take it out"
    for path, volume in items_at(pod.spec, "volumes"):
        for kind in volume.keys() - VOLUMES - {"name"}:
            yield (*pod.path, *path, kind), f"a volume of the kind {kind}", _FLAG
    containers = list(pod.containers)
    ports = [(*container.path, "ports") for container in containers for _ in items_at(container.spec, "ports")]
    if len(ports) > 1:
        yield ports[1], "more than one port", "keep the one that takes requests"
    for container in pod.all_containers:
        yield from _of_container(container)


def _of_container(container: Container) -> Refusals:
    for path, port in items_at(container.spec, "ports"):
        yield from _of_port((*container.path, *path), port)
    for path, env in items_at(container.spec, "env"):
        if not container.is_init and env.get("name") in RESERVED_NAMES:
            yield (*container.path, *path, "name"), f"the environment '{env['name']}'", "Knative sets it itself"
        for source in ("fieldRef", "resourceFieldRef"):
            if source in map_at(env, "valueFrom"):
                yield (*container.path, *path, "valueFrom", source), f"{source} in the environment", _FLAG
    context = map_at(container.spec, "securityContext")
    base: KeyPath = (*container.path, "securityContext")
    if context.get("privileged") is True:
        yield (*base, "privileged"), "a privileged container", "take it out"
    if map_at(context, "capabilities").get("add"):
        yield (*base, "capabilities", "add"), "added capabilities", _FLAG
    for path, mount in items_at(container.spec, "volumeMounts"):
        if mount.get("mountPropagation"):
            yield (*container.path, *path, "mountPropagation"), "mountPropagation", _FLAG
    if container.spec.get("name") == "queue-proxy":
        yield (*container.path, "name"), "the name 'queue-proxy'", "it is Knative's own"


def _of_port(path: KeyPath, port: dict[str, Any]) -> Refusals:
    if word(port.get("name")) not in PORT_NAMES:
        yield (*path, "name"), f"a port named '{port['name']}'", "http1 or h2c; gRPC is h2c"
    if isinstance(port.get("containerPort"), int) and port["containerPort"] in RESERVED_PORTS:
        yield (*path, "containerPort"), f"port {port['containerPort']}, which the queue-proxy has", "use another"
    if port.get("protocol") not in (None, "", "TCP"):
        yield (*path, "protocol"), f"the protocol {port['protocol']}", "TCP is the only one"
    for name in ("hostPort", "hostIP"):
        if port.get(name):
            yield (*path, name), f"{name}", "take it out"


def _of_limits(pod: Pod) -> Refusals:
    timeout, concurrency = pod.spec.get("timeoutSeconds"), pod.spec.get("containerConcurrency")
    if _is_number(timeout) and not 0 <= timeout <= MAX_TIMEOUT:
        cure = "raise max-revision-timeout-seconds in config-defaults first, or stay below it"
        yield (*pod.path, "timeoutSeconds"), f"timeoutSeconds {timeout}, beyond {MAX_TIMEOUT}", cure
    if _is_number(concurrency) and not 0 <= concurrency <= MAX_CONCURRENCY:
        told = f"containerConcurrency {concurrency}, beyond {MAX_CONCURRENCY}"
        yield (*pod.path, "containerConcurrency"), told, "0 is no limit; pods are added by the autoscaler"
    longest = timeout if _is_number(timeout) and timeout else 300
    for name in ("responseStartTimeoutSeconds", "idleTimeoutSeconds"):
        value = pod.spec.get(name)
        if _is_number(value) and value > longest:
            yield (*pod.path, name), f"{name} {value}, longer than timeoutSeconds {longest}", "make it no longer"


def _of_traffic(manifest: Manifest) -> Refusals:
    traffic = sequence(map_at(manifest.data, "spec").get("traffic"))
    targets = [target for target in traffic if isinstance(target, dict)]
    shares = [target.get("percent") or 0 for target in targets]
    if targets and all(_is_number(share) for share in shares) and sum(shares) != 100:
        yield ("spec", "traffic"), f"traffic of {sum(shares)} percent", "the shares add up to 100"
    for path, target in items_at(manifest.data, "spec", "traffic"):
        if bool(target.get("revisionName")) == (target.get("latestRevision") is True):
            yield path, "a target that names no revision, or two", "revisionName, or latestRevision: true"


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


RULES = (Rule("knative-refused", refused_fields, _KINDS),)
