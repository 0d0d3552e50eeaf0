"""Services, disruption budgets and autoscalers: what of them the API server refuses although the schema allows it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medpattern.checks.api.names import label_refusals
from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.reading import items_at, map_at, mapping, word
from medpattern.checks.rules import Breach

PORT_NAME = re.compile(r"(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_SERVICE_PORT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def service_refusals(manifest: Manifest) -> Iterator[Breach]:
    """What is wrong with a Service, a PodDisruptionBudget or a HorizontalPodAutoscaler."""
    match (manifest.group, manifest.kind):
        case ("", "Service"):
            yield from _service(manifest)
        case ("policy", "PodDisruptionBudget"):
            yield from _budget(manifest)
        case ("autoscaling", "HorizontalPodAutoscaler"):
            yield from _autoscaler(manifest)


def _service(manifest: Manifest) -> Iterator[Breach]:
    spec = map_at(manifest.data, "spec")
    ports = list(items_at(manifest.data, "spec", "ports"))
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        yield Breach(("spec",), "has no port", "add ports: [{name: http, port: 80}], or clusterIP: None")
    names: set[str] = set()
    numbers: set[tuple[str, str]] = set()
    for path, port in ports:
        name, number = word(port.get("name")), (str(port.get("port")), word(port.get("protocol")) or "TCP")
        if not name and len(ports) > 1:
            yield Breach(path, "one of several ports has no name", "add 'name:'")
        if name and not _SERVICE_PORT_NAME.fullmatch(name):
            message = f"'{name[:80]}' cannot be the name of a port"
            yield Breach((*path, "name"), message, "use at most 63 small letters, digits, '-'")
        if name in names:
            yield Breach((*path, "name"), f"two ports are named '{name}'", "give each its own name")
        if number in numbers:
            yield Breach((*path, "port"), f"two ports are {number[1]} {number[0]}", "take one of them out")
        names |= {name} - {""}
        numbers.add(number)
    yield from label_refusals(("spec", "selector"), mapping(spec.get("selector")))
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        yield Breach(("spec", "type"), "an ExternalName needs the name", "add 'externalName:'")


def _budget(manifest: Manifest) -> Iterator[Breach]:
    spec = map_at(manifest.data, "spec")
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield Breach(("spec", "maxUnavailable"), "minAvailable is given too", "take one of them out")
    yield from label_refusals(("spec", "selector", "matchLabels"), map_at(spec, "selector", "matchLabels"))


def _autoscaler(manifest: Manifest) -> Iterator[Breach]:
    spec = map_at(manifest.data, "spec")
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Breach(("spec", "maxReplicas"), f"is less than minReplicas, {least}", "change one of them")
