"""Workloads: what of their selectors, strategies, schedules and restart policies the API server refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from medpattern.checks.api.names import label_refusals
from medpattern.checks.manifests import Manifest
from medpattern.checks.policy.pods import POD_TEMPLATES
from medpattern.checks.policy.reading import map_at, mapping, sequence, word
from medpattern.checks.rules import Breach

_SELECTING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
_ALWAYS = frozenset(("apps", kind) for kind in _SELECTING) | {("", "ReplicationController")}
_FIELD = r"[\d*?/,\-A-Za-z#]+"
_SCHEDULE = re.compile(
    rf"{_FIELD}(?: +{_FIELD}){{4}}|@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \S+"
)


def workload_refusals(manifest: Manifest) -> Iterator[Breach]:
    """What is wrong with a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob."""
    kind = (manifest.group, manifest.kind)
    if kind[0] == "apps" and kind[1] in _SELECTING:
        yield from _selector(manifest)
    if kind == ("apps", "Deployment"):
        yield from _strategy(manifest)
    if kind == ("batch", "CronJob"):
        yield from _schedule(manifest)
    yield from _restart_policy(manifest)


def _selector(manifest: Manifest) -> Iterator[Breach]:
    selector = map_at(manifest.data, "spec", "selector")
    labels = map_at(manifest.data, "spec", "template", "metadata", "labels")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield Breach(("spec", "selector"), "selects nothing", "add matchLabels with labels of the template")
    wanted = mapping(selector.get("matchLabels"))
    yield from label_refusals(("spec", "selector", "matchLabels"), wanted)
    for key, value in wanted.items():
        if labels.get(key) != value:
            message = f"the pod template has not the label {key}={value}"
            yield Breach(("spec", "selector", "matchLabels", key), message, "give both the same labels")
    for index, rule in enumerate(sequence(selector.get("matchExpressions"))):
        if isinstance(rule, dict) and not _selects(rule, labels):
            path = ("spec", "selector", "matchExpressions", index)
            yield Breach(path, "the pod template's labels do not fulfil it", "give both the same labels")


def _selects(rule: dict[str, Any], labels: dict[str, Any]) -> bool:
    found, values = labels.get(word(rule.get("key"))), sequence(rule.get("values"))
    answers = {
        "In": found in values,
        "NotIn": found not in values,
        "Exists": found is not None,
        "DoesNotExist": found is None,
    }
    return answers.get(word(rule.get("operator")), True)


def _strategy(manifest: Manifest) -> Iterator[Breach]:
    strategy = map_at(manifest.data, "spec", "strategy")
    rolling = mapping(strategy.get("rollingUpdate"))
    if strategy.get("type") == "Recreate" and isinstance(strategy.get("rollingUpdate"), dict):
        message = "cannot stand beside type Recreate"
        yield Breach(("spec", "strategy", "rollingUpdate"), message, "take it out")
    if [str(rolling.get(key)) in ("0", "0%") for key in ("maxSurge", "maxUnavailable")] == [True, True]:
        message = "maxSurge and maxUnavailable are both 0: no pod could ever be replaced"
        yield Breach(("spec", "strategy", "rollingUpdate"), message, "let one of them be 1")


def _schedule(manifest: Manifest) -> Iterator[Breach]:
    schedule = map_at(manifest.data, "spec").get("schedule")
    if isinstance(schedule, str) and not _SCHEDULE.fullmatch(schedule.strip()):
        message = f"'{schedule[:80]}' is no schedule"
        yield Breach(("spec", "schedule"), message, "write five fields: minute hour day month weekday")


def _restart_policy(manifest: Manifest) -> Iterator[Breach]:
    kind = (manifest.group, manifest.kind)
    allowed = ("Always",) if kind in _ALWAYS else ("OnFailure", "Never") if kind[0] == "batch" else ()
    template = POD_TEMPLATES.get(kind)
    if not allowed or template is None:
        return
    spec = map_at(manifest.data, *template, "spec")
    policy = word(spec.get("restartPolicy")) or "Always"
    if spec and policy not in allowed:
        path = (*template, "spec", *(("restartPolicy",) if "restartPolicy" in spec else ()))
        yield Breach(path, f"restartPolicy {policy} is not for a {kind[1]}", f"write {' or '.join(allowed)}")
