"""What the lifecycle manager waits for, in the words of its own conditions and phases."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.cluster.bootstrap.olm import VERSION, Pending, pending
from medpattern.cluster.connection import Object
from medpattern.cluster.resources import Resource
from tests.cluster.standin import KINDS, StandIn, thing

ALL = [
    *KINDS,
    Resource("operators.coreos.com", "v1alpha1", "Subscription", "subscriptions", True),
    Resource("operators.coreos.com", "v1alpha1", "ClusterServiceVersion", "clusterserviceversions", True),
]
SPEC = {"name": "amq-streams", "channel": "stable", "source": "redhat-operators", "sourceNamespace": "marketplace"}
APPLIED = thing("Subscription", "kafka", "broker", api_version=VERSION, spec=SPEC)


def told(version: Object | None = None, **status: Any) -> Pending:
    live = {**APPLIED, "status": status}
    found = pending(StandIn([live, *([version] if version else [])], ALL), APPLIED)
    assert found is not None
    return found


def at(phase: str, **status: str) -> Object:
    return thing("ClusterServiceVersion", "amq.v3", "broker", api_version=VERSION, status={"phase": phase, **status})


@pytest.mark.parametrize(
    ("kind", "words", "cure"),
    [
        ("CatalogSourcesUnhealthy", "a catalogue is not healthy: so it is", "oc -n marketplace get catalogsource,pods"),
        ("ResolutionFailed", "kafka cannot be resolved: so it is", "packagemanifest amq-streams"),
        ("BundleUnpackFailed", "amq-streams cannot be unpacked: so it is", "oc -n marketplace get jobs,pods"),
        ("InstallPlanFailed", "the InstallPlan plan-1 in broker has failed: so it is", "describe installplan plan-1"),
    ],
)
def test_each_condition_has_words_and_a_cure(kind: str, words: str, cure: str) -> None:
    condition = {"type": kind, "status": "True", "message": "so\n  it is"}

    found = told(conditions=[condition], installPlanRef={"name": "plan-1"})

    assert words in found.words
    assert cure in found.cure
    assert "installed nothing yet" in told(conditions=[{**condition, "status": "False"}]).words


def test_a_first_version_waits_for_its_approval_and_a_later_one_stops_nothing() -> None:
    waits = {"type": "InstallPlanPending", "status": "True", "reason": "RequiresApproval"}
    status = {"conditions": [waits], "state": "UpgradePending", "installPlanRef": {"name": "plan-1"}}

    first = told(**status)

    assert first.words == "the InstallPlan plan-1 in broker waits for a person's approval"
    assert """oc -n broker patch installplan plan-1 --type merge --patch '{"spec":{"approved":true}}'""" in first.cure
    live = {**APPLIED, "status": {**status, "installedCSV": "amq.v3"}}
    assert pending(StandIn([live, at("Succeeded")], ALL), APPLIED) is None
    assert (
        "installed nothing yet (UpgradePending)"
        in told(**{**status, "conditions": [{**waits, "reason": "Installing"}]}).words
    )


@pytest.mark.parametrize(
    ("version", "words", "cure"),
    [
        (at("Installing", reason="InstallWaiting"), "amq.v3 in broker is Installing: InstallWaiting", ""),
        (at("Pending", reason="RequirementsNotMet", message="one\nCRD"), "is Pending: RequirementsNotMet: one CRD",
         "oc -n broker describe csv amq.v3"),
        (at("Failed", reason="InstallCheckFailed"), "is Failed: InstallCheckFailed", "get pods,events"),
        (at("Failed", reason="TooManyOperatorGroups"), "is Failed", "oc -n broker get operatorgroups"),
    ],
    ids=["at work", "lacks something", "failed", "operator groups"],
)  # fmt: skip
def test_a_version_that_is_not_installed_says_why(version: Object, words: str, cure: str) -> None:
    found = told(version, currentCSV="amq.v3")

    assert words in found.words
    assert cure in found.cure
    assert bool(cure) == bool(found.cure)


def test_what_was_applied_and_not_looked_at_yet_is_waited_for() -> None:
    found = pending(StandIn([], ALL), APPLIED)

    assert str(found) == "the Subscription kafka has installed nothing yet (not looked at yet)"
