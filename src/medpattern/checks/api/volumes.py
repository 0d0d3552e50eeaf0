"""Volumes and claims: names, sources, mounts and sizes that the API server refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.checks.api.containers import quantity_refusals
from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import Container, pod_of
from medpattern.checks.policy.reading import items_at, map_at, word
from medpattern.checks.rules import Breach


def volume_refusals(manifest: Manifest) -> Iterator[Breach]:
    """What is wrong with the volumes of a pod, or with what claims ask for."""
    yield from _claims(manifest)
    pod = pod_of(manifest)
    if pod is None:
        return
    names = _claimed(manifest)
    for path, volume in items_at(pod.spec, "volumes"):
        name = word(volume.get("name"))
        if name in names:
            yield Breach((*pod.path, *path, "name"), f"two volumes are named '{name}'", "give each its own name")
        names.add(name)
        sources = [key for key, value in volume.items() if key != "name" and value is not None]
        if not sources:
            message = f"volume '{name}' has no source, and so is an empty folder"
            yield Breach((*pod.path, *path), message, "name its source, or write emptyDir: {}")
        elif len(sources) > 1:
            yield Breach((*pod.path, *path), f"volume '{name}' has {' and '.join(sources)}", "give it one source")
        size = map_at(volume, "emptyDir")
        yield from quantity_refusals(
            (*pod.path, *path, "emptyDir"), {key: size[key] for key in ("sizeLimit",) if key in size}
        )
    for container in pod.all_containers:
        yield from _mounts(container, names)


def _mounts(container: Container, names: set[str]) -> Iterator[Breach]:
    mounted: set[Any] = set()
    for path, mount in items_at(container.spec, "volumeMounts"):
        name, where = word(mount.get("name")), word(mount.get("mountPath"))
        if name and name not in names:
            message = f"there is no volume '{name}'"
            yield Breach((*container.path, *path, "name"), message, f"known: {', '.join(sorted(names)) or 'none'}")
        if where in mounted:
            message = f"two volumes are mounted at {where}"
            yield Breach((*container.path, *path, "mountPath"), message, "mount one of them elsewhere")
        mounted.add(where)


def _claimed(manifest: Manifest) -> set[str]:
    """The volumes that a StatefulSet makes of its claim templates."""
    templates = items_at(manifest.data, "spec", "volumeClaimTemplates")
    return {word(map_at(template, "metadata").get("name")) for _, template in templates}


def _claims(manifest: Manifest) -> Iterator[Breach]:
    if (manifest.group, manifest.kind) == ("", "PersistentVolumeClaim"):
        paths: list[tuple[str | int, ...]] = [()]
    elif (manifest.group, manifest.kind) == ("apps", "StatefulSet"):
        paths = [path for path, _ in items_at(manifest.data, "spec", "volumeClaimTemplates")]
    else:
        return
    for path in paths:
        requests = map_at(manifest.data, *path, "spec", "resources", "requests")
        where = (*path, "spec", "resources", "requests")
        yield from quantity_refusals(where, requests)
        if "storage" not in requests:
            yield Breach((*path, "spec"), "asks for no storage", "add resources.requests.storage")
        if not map_at(manifest.data, *path, "spec").get("accessModes"):
            yield Breach((*path, "spec"), "names no access mode", "add accessModes: [ReadWriteOnce]")
