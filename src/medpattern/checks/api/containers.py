"""Containers: what of their names, ports, variables, probes and resources the API server refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.checks.api.quantities import CURE, quantity
from medpattern.checks.api.services import PORT_NAME
from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import Container, pod_of
from medpattern.checks.policy.reading import items_at, map_at, mapping, word
from medpattern.checks.rules import Breach
from medpattern.findings import KeyPath

_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def container_refusals(manifest: Manifest) -> Iterator[Breach]:
    """What is wrong with the containers of an object that describes a pod."""
    pod = pod_of(manifest)
    if pod is None:
        return
    names: set[str] = set()
    for container in pod.all_containers:
        name = word(container.spec.get("name"))
        if name and name in names:
            yield Breach((*container.path, "name"), f"two containers are named '{name}'", "give each its own name")
        names.add(name)
        if not word(container.spec.get("image")) and "image" not in container.spec:
            yield Breach(container.path, "has no image", "add 'image:'")
        yield from _ports(container)
        yield from _environment(container)
        if not pod.is_knative:  # Knative gives a probe its handler
            yield from _probes(container)
        yield from _resources((*container.path, "resources"), map_at(container.spec, "resources"))


def _ports(container: Container) -> Iterator[Breach]:
    names: set[str] = set()
    numbers: set[tuple[str, str]] = set()
    for path, port in items_at(container.spec, "ports"):
        name = word(port.get("name"))
        if name and not PORT_NAME.fullmatch(name):
            message = f"'{name[:80]}' cannot be the name of a container's port"
            yield Breach((*container.path, *path, "name"), message, "use at most 15 small letters, digits, '-'")
        if name and name in names:
            yield Breach((*container.path, *path, "name"), f"two ports are named '{name}'", "give each its own name")
        key = (str(port.get("containerPort")), word(port.get("protocol")) or "TCP")
        if key in numbers:
            message = f"two ports are {key[1]} {key[0]}, which server-side apply refuses"
            yield Breach((*container.path, *path, "containerPort"), message, "take one of them out")
        names.add(name)
        numbers.add(key)


def _environment(container: Container) -> Iterator[Breach]:
    names: set[str] = set()
    for path, item in items_at(container.spec, "env"):
        name = word(item.get("name"))
        if name in names:
            message = f"{name} stands twice, which server-side apply refuses"
            yield Breach((*container.path, *path, "name"), message, "take one of them out")
        if item.get("value") and item.get("valueFrom"):
            message = f"{name} has a value and a valueFrom"
            yield Breach((*container.path, *path, "valueFrom"), message, "take one of them out")
        sources = mapping(item.get("valueFrom"))
        if "valueFrom" in item and len([source for source in sources.values() if source is not None]) != 1:
            message = f"{name} comes from {len(sources)} places"
            yield Breach((*container.path, *path, "valueFrom"), message, "name exactly one")
        names.add(name)


def _probes(container: Container) -> Iterator[Breach]:
    for which in _PROBES:
        probe = container.spec.get(which)
        if not isinstance(probe, dict):
            continue
        path = (*container.path, which)
        handlers = [handler for handler in _HANDLERS if probe.get(handler) is not None]
        if len(handlers) != 1:
            yield Breach(path, f"has {len(handlers)} handlers", f"give it one of {', '.join(_HANDLERS)}")
        if which != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            yield Breach((*path, "successThreshold"), "must be 1 here", "take it out")


def _resources(path: KeyPath, resources: dict[str, Any]) -> Iterator[Breach]:
    limits, requests = mapping(resources.get("limits")), mapping(resources.get("requests"))
    for part, amounts in (("limits", limits), ("requests", requests)):
        yield from quantity_refusals((*path, part), amounts)
    for name, request in requests.items():
        least, most = quantity(request), quantity(limits.get(name))
        if least is not None and most is not None and least > most:
            message = f"is more than the limit, {limits[name]}"
            yield Breach((*path, "requests", name), message, "lower it, or raise the limit")


def quantity_refusals(path: KeyPath, amounts: dict[str, Any]) -> Iterator[Breach]:
    """What in a map of amounts is no quantity, or is negative."""
    for name, amount in amounts.items():
        number = quantity(amount)
        if amount is not None and number is None:
            yield Breach((*path, name), f"'{str(amount)[:80]}' is no quantity", CURE)
        elif number is not None and number < 0:
            yield Breach((*path, name), "is negative", CURE)
