"""Knative's autoscaling annotations: which there are, where they belong, and what fits together."""

from __future__ import annotations

import re
from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import KNATIVE
from medpattern.checks.policy.reading import map_at, named
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath, Severity, did_you_mean

PREFIX = "autoscaling.knative.dev/"
# Of Knative Serving 1.17 to 1.23.
KNOWN = named(
    "activation-scale class initial-scale max-scale metric metric-aggregation-algorithm min-scale"
    " panic-threshold-percentage panic-window-percentage scale-down-delay scale-to-zero-pod-retention-period target"
    " target-burst-capacity target-utilization-percentage window"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OLD = frozenset(re.sub(r"-([a-z])", lambda match: match[1].upper(), name) for name in KNOWN) - KNOWN
# Breaches name the map and not the key in it: the line of a wrong key is the template's, that of its value a value's.
_TEMPLATE: KeyPath = ("spec", "template", "metadata", "annotations")
_OWN: KeyPath = ("metadata", "annotations")
_KINDS = frozenset({(KNATIVE, "Service"), (KNATIVE, "Configuration")})
_NEAR = re.compile(r"^[\w.-]*(autoscal|knative)[\w.-]*/", re.IGNORECASE)


def misspelt_annotations(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Annotations that no part of Knative reads; its webhook lets them pass, and the defaults hold."""
    for key in map_at(manifest.data, *_TEMPLATE):
        told = _misspelt(str(key))
        if told:
            yield Breach(_TEMPLATE, f"'{key}' is no annotation of Knative's, and does nothing", told)
    for key in map_at(manifest.data, *_OWN):
        if str(key).startswith(PREFIX):
            message = f"'{key}' does nothing here: the autoscaler reads the revision's annotations"
            yield Breach(_OWN, message, "put it under spec.template.metadata.annotations")


def old_annotations(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Spellings in camel case, which are deprecated."""
    for key in map_at(manifest.data, *_TEMPLATE):
        prefix, _, name = str(key).rpartition("/")
        if f"{prefix}/" == PREFIX and name in _OLD:
            yield Breach(_TEMPLATE, f"the spelling '{name}' is deprecated", f"write '{_dashed(name)}'")


def scale_limits(manifest: Manifest) -> Iterator[tuple[KeyPath, str, str]]:
    """(path, what, cure) of limits that contradict each other, which the webhook refuses."""
    found = {str(key).removeprefix(PREFIX): (key, text) for key, text in map_at(manifest.data, *_TEMPLATE).items()}
    low = _number(found.get("min-scale", found.get("minScale", ("", ""))))
    high = _number(found.get("max-scale", found.get("maxScale", ("", ""))))
    if low is not None and high is not None and 0 < high < low:
        key = found.get("max-scale", found.get("maxScale", ("", "")))[0]
        yield (*_TEMPLATE, key), f"max-scale {high} below min-scale {low}", "make it no smaller, or 0 for no limit"
    for name in ("min-scale", "max-scale"):
        if name in found and _number(found[name]) is None:
            yield (*_TEMPLATE, found[name][0]), f"{name} '{found[name][1]}'", "a whole number from 0 on, in quotes"


def _number(annotation: tuple[str, object]) -> int | None:
    text = str(annotation[1])
    return int(text) if text.isascii() and text.isdigit() else None


def _misspelt(key: str) -> str:
    """The cure for an annotation that is nearly one of the autoscaler's; "" for one that is, or is something else."""
    prefix, _, name = key.rpartition("/")
    if f"{prefix}/" == PREFIX:
        return "" if name in KNOWN | _OLD else did_you_mean(name, KNOWN)
    is_near = bool(_NEAR.match(key)) and "eventing" not in prefix and prefix.endswith(("knative.dev", "knative.io"))
    return f"did you mean '{PREFIX}{_dashed(name)}'?" if is_near and _dashed(name) in KNOWN else ""


def _dashed(name: str) -> str:
    return _CAMEL.sub("-", name).lower()


RULES = (
    Rule("autoscaling-annotation", misspelt_annotations, _KINDS),
    Rule("deprecated-api", old_annotations, _KINDS, Severity.WARNING),
)
