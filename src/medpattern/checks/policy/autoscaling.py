"""Knative's autoscaling annotations: which there are, where they belong, and what they take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

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
# Spellings that are deprecated, and still read.
OLD = named(
    "initialScale maxScale metricAggregationAlgorithm minScale panicThresholdPercentage panicWindowPercentage"
    " scaleDownDelay scaleToZeroPodRetentionPeriod targetBurstCapacity targetUtilizationPercentage"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Breaches name the map and not the key in it: the line of a wrong key is the template's, that of its value a value's.
_TEMPLATE: KeyPath = ("spec", "template", "metadata", "annotations")
_OWN: KeyPath = ("metadata", "annotations")
_KINDS = frozenset({(KNATIVE, "Service"), (KNATIVE, "Configuration")})
_NEAR = re.compile(r"^[\w.-]*(autoscal|knative)[\w.-]*/", re.IGNORECASE)
_KPA, _HPA = "kpa.autoscaling.knative.dev", "hpa.autoscaling.knative.dev"
_DURATION = re.compile(r"\d+(?:\.\d+)?(?:ms|[smh])")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def misspelt_annotations(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Annotations that no part of Knative reads: its webhook lets them pass, and the defaults hold."""
    for key in map_at(manifest.data, *_TEMPLATE):
        told = _misspelt(str(key))
        if told:
            yield Breach(_TEMPLATE, f"'{key}' is no annotation of Knative's, and does nothing", told)
    for key in map_at(manifest.data, *_OWN):
        if str(key).startswith(PREFIX):
            message = f"'{key}' belongs to the revision: at the Service it is refused, or does nothing"
            yield Breach(_OWN, message, "put it under spec.template.metadata.annotations")


def old_annotations(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Spellings in camel case, which are deprecated."""
    for key in map_at(manifest.data, *_TEMPLATE):
        if str(key).startswith(PREFIX) and str(key).removeprefix(PREFIX) in OLD:
            name = str(key).removeprefix(PREFIX)
            yield Breach(_TEMPLATE, f"the spelling '{name}' is deprecated", f"write '{_dashed(name)}'")


def _misspelt(key: str) -> str:
    """The cure for an annotation that is nearly one of the autoscaler's; "" for one that is, or is something else."""
    prefix, _, name = key.rpartition("/")
    if f"{prefix}/" == PREFIX:
        return "" if name in KNOWN | OLD else did_you_mean(_dashed(name), KNOWN)
    is_near = bool(_NEAR.match(key)) and "eventing" not in prefix and prefix.endswith(("knative.dev", "knative.io"))
    return f"did you mean '{PREFIX}{_dashed(name)}'?" if is_near and _dashed(name) in KNOWN else ""


def _dashed(name: str) -> str:
    return _CAMEL.sub("-", name).lower()


# What each annotation takes ------------------------------------------------------------------------------


def _whole(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,9}", text) else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _capacity(text: str) -> float | None:
    value = _number(text)
    return None if value is not None and -1 < value < 0 else value


def _whole_seconds(text: str) -> float | None:
    value = _seconds(text)
    return None if value is not None and value != int(value) else value


def _seconds(text: str) -> float | None:
    """A duration as Go writes it, in seconds: `90s`, `1m30s`."""
    parts = _DURATION.findall(text)
    if "".join(parts) != text:
        return 0.0 if text == "0" else None
    return sum(float(part.rstrip("msh")) * _SECONDS[part.lstrip("0123456789.")] for part in parts)


_Reader = Callable[[str], float | None]
# name -> how its text is read, the least, the most, and what to write.
_TAKES: dict[str, tuple[_Reader, float, float, str]] = {
    "min-scale": (_whole, 0, 2**31, "a whole number from 0 on"),
    "max-scale": (_whole, 0, 2**31, "a whole number from 0 on"),
    "initial-scale": (_whole, 1, 2**31, "a whole number from 1 on"),
    "activation-scale": (_whole, 2, 2**31, "a whole number from 2 on"),
    "target": (_number, 0.01, float("inf"), "a number from 0.01 on"),
    "target-utilization-percentage": (_number, 1, 100, "1 to 100"),
    "target-burst-capacity": (_capacity, -1, float("inf"), "-1, or 0 and more"),
    "panic-window-percentage": (_number, 1, 100, "1 to 100"),
    "panic-threshold-percentage": (_number, 110, 1000, "110 to 1000"),
    "window": (_whole_seconds, 6, 3600, "6s to 1h, in whole seconds"),
    "scale-down-delay": (_whole_seconds, 0, 3600, "0s to 1h, in whole seconds"),
    "scale-to-zero-pod-retention-period": (_seconds, 0, 3600, "0s to 1h"),
}


def refused_annotations(manifest: Manifest) -> Iterator[tuple[KeyPath, str, str]]:
    """(path, what, cure) of annotations whose values the webhook refuses, alone or beside each other."""
    yield from _refused_words(manifest)
    read: dict[str, float] = {}
    keys: dict[str, str] = {}
    for key, text in map_at(manifest.data, *_TEMPLATE).items():
        name = _dashed(str(key).removeprefix(PREFIX))
        if not str(key).startswith(PREFIX) or name not in _TAKES or not isinstance(text, str):
            continue
        reader, least, most, cure = _TAKES[name]
        value = reader(text)
        if value is None or not least <= value <= most:
            yield (*_TEMPLATE, key), f"{name} '{text}'", cure
        else:
            read[name], keys[name] = value, key
    for low, high in (("min-scale", "max-scale"), ("min-scale", "activation-scale"), ("activation-scale", "max-scale")):
        if low in read and high in read and 0 < read[high] < read[low]:
            what = f"{high} {read[high]:.0f} below {low} {read[low]:.0f}"
            yield (*_TEMPLATE, keys[high]), what, "make it no smaller; a max-scale of 0 is no limit"


def _refused_words(manifest: Manifest) -> Iterator[tuple[KeyPath, str, str]]:
    annotations = map_at(manifest.data, *_TEMPLATE)
    scaler, metric = annotations.get(f"{PREFIX}class", _KPA), annotations.get(f"{PREFIX}metric")
    if isinstance(scaler, str) and scaler.endswith(_KPA[3:]) and scaler not in (_KPA, _HPA):
        yield (*_TEMPLATE, f"{PREFIX}class"), f"class '{scaler}'", f"{_KPA} or {_HPA}"
    if metric is not None and scaler == _KPA and metric not in ("concurrency", "rps"):
        cure = f"concurrency or rps; cpu and memory need the class {_HPA}"
        yield (*_TEMPLATE, f"{PREFIX}metric"), f"metric '{metric}'", cure


RULES = (
    Rule("autoscaling-annotation", misspelt_annotations, _KINDS),
    Rule("deprecated-api", old_annotations, _KINDS, Severity.WARNING),
)
