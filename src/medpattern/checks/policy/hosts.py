"""Pods that reach out of their container into the node."""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import PODS, Container, Pod, pod_of
from medpattern.checks.policy.reading import items_at, map_at, words_at
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

_CURE = "take it out: who breaks into the pod has the node, and with it the secrets of all pods there"
# Added by the Pod Security Standard 'restricted' as well.
_HARMLESS = frozenset({"NET_BIND_SERVICE"})


def host_access(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Namespaces, folders and ports of the node, privileged containers, added capabilities."""
    pod = pod_of(manifest)
    for path, message in _of_pod(pod) if pod else ():
        yield Breach(path, message, _CURE)


def _of_pod(pod: Pod) -> Iterator[tuple[KeyPath, str]]:
    for name, what in (("hostNetwork", "network"), ("hostPID", "processes"), ("hostIPC", "shared memory")):
        if pod.spec.get(name) is True:
            yield (*pod.path, name), f"{name}: the pod sees the {what} of its node"
    for path, volume in items_at(pod.spec, "volumes"):
        if "hostPath" in volume:
            folder = map_at(volume, "hostPath").get("path")
            yield (*pod.path, *path, "hostPath"), f"the pod mounts {folder or 'a folder'} of its node"
    for container in pod.all_containers:
        yield from _of_container(container)


def _of_container(container: Container) -> Iterator[tuple[KeyPath, str]]:
    base: KeyPath = (*container.path, "securityContext")
    context = map_at(container.spec, "securityContext")
    if context.get("privileged") is True:
        yield (*base, "privileged"), f"container '{container.name}' is privileged: it is root on its node"
    added = [name for name in words_at(context, "capabilities", "add") if name not in _HARMLESS]
    if added:
        told = f"container '{container.name}' gets the capabilities {', '.join(added)}"
        yield (*base, "capabilities", "add"), told
    for path, port in items_at(container.spec, "ports"):
        if port.get("hostPort"):
            told = f"container '{container.name}' takes port {port['hostPort']} of its node"
            yield (*container.path, *path, "hostPort"), told


RULES = (Rule("host-access", host_access, PODS),)
