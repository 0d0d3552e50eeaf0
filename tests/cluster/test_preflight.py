"""What the preflight says of a cluster: each finding with its cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from medpattern.checks.manifests import Inventory, Manifest, everywhere
from medpattern.cluster import preflight
from medpattern.cluster.preflight import DEFAULT_CLASS, Check, Verdict
from medpattern.findings import Place
from medpattern.fleet.facts import Facts
from tests.cluster.standin import KINDS, OPENSHIFT, URL, StandIn, thing

UID = "11111111-2222-4333-8444-555555555555"
SYSTEM = thing("Namespace", "kube-system", metadata={"uid": UID})
FACTS = Facts(
    "west", "ward", kubernetes_version="1.34", apps_domain="apps.west.example.org", cluster_id=UID, server=URL
)


def inventory(*things: dict[str, Any], app: str = "broker") -> Inventory:
    manifests = [Manifest(one, "broker", app, 0, everywhere(Place("a.yaml"))) for one in things]
    return Inventory("west", "kubernetes", "1.34", tuple(manifests), {})


def verdicts(checks: Any) -> list[tuple[str, Verdict]]:
    return [(one.name, one.verdict) for one in checks]


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (FACTS, Verdict.OK, "is the clusterId"),
        (replace(FACTS, server="https://tunnel.example.org"), Verdict.OK, "is the clusterId"),
        (replace(FACTS, cluster_id="another"), Verdict.PROBLEM, f"has the uid {UID}"),
        (replace(FACTS, cluster_id=""), Verdict.WARNING, "by its URL alone"),
        (replace(FACTS, cluster_id="", server=URL + "/"), Verdict.WARNING, "by its URL alone"),
        (replace(FACTS, cluster_id="", server="https://api.east:6443"), Verdict.PROBLEM, f"leads to {URL}"),
        (replace(FACTS, cluster_id="", server=""), Verdict.PROBLEM, "neither server nor clusterId"),
    ],
)
def test_nobody_bootstraps_another_cluster(facts: Facts, verdict: Verdict, words: str) -> None:
    (check,) = preflight.identity(StandIn([SYSTEM]), facts)

    assert check.verdict is verdict
    assert words in check.message
    assert bool(check.cure) is (verdict is not Verdict.OK)


def test_an_identity_that_may_not_be_read_is_no_identity() -> None:
    (check,) = preflight.identity(StandIn([SYSTEM], refused=["namespaces"]), FACTS)

    assert check.verdict is Verdict.PROBLEM


def test_the_distribution_is_what_the_facts_say() -> None:
    openshift = StandIn(kinds=[*KINDS, OPENSHIFT])

    assert list(preflight.distribution(StandIn(), FACTS)) == []
    assert list(preflight.distribution(openshift, replace(FACTS, distribution="openshift"))) == []
    assert verdicts(preflight.distribution(openshift, FACTS)) == [("distribution", Verdict.PROBLEM)]
    assert (
        "is no OpenShift" in next(preflight.distribution(StandIn(), replace(FACTS, distribution="openshift"))).message
    )


@pytest.mark.parametrize(("minor", "told"), [("34", 0), ("34+", 0), ("36", 1)])
def test_another_version_than_the_charts_were_rendered_for_is_told(minor: str, told: int) -> None:
    assert len(list(preflight.versions({"major": "1", "minor": minor}, FACTS))) == told
    assert list(preflight.versions({"major": "1", "minor": minor}, replace(FACTS, kubernetes_version=""))) == []


@pytest.mark.parametrize(("seconds", "told"), [(0, 0), (59, 0), (-59, 0), (61, 1), (-3600, 1)])
def test_clocks_that_differ_are_told(seconds: int, told: int) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert len(list(preflight.clock(now + timedelta(seconds=seconds), now))) == told
    assert list(preflight.clock(None, now)) == []


def test_kinds_that_nobody_brings_are_a_problem_told_once_for_their_version() -> None:
    topics = [thing("KafkaTopic", name, api_version="kafka.strimzi.io/v1") for name in ("images", "results")]
    broker = thing("Kafka", "broker", api_version="kafka.strimzi.io/v1")
    (check,) = preflight.kinds(StandIn(), inventory(*topics, broker), brought=())

    assert check.verdict is Verdict.PROBLEM
    assert "Kafka, KafkaTopic of kafka.strimzi.io/v1; needed by broker" in check.message


def test_a_kind_that_the_tree_or_a_remote_chart_brings_is_none() -> None:
    topic = thing("KafkaTopic", "images", api_version="kafka.strimzi.io/v1")
    spec = {"group": "kafka.strimzi.io", "names": {"kind": "KafkaTopic"}}
    definition = thing("CustomResourceDefinition", "k", api_version="apiextensions.k8s.io/v1", spec=spec)
    remote = replace(inventory(topic), unseen={"strimzi": object()})  # type: ignore[dict-item]

    assert list(preflight.kinds(StandIn(), inventory(topic, definition), brought=())) == []
    assert list(preflight.kinds(StandIn(), inventory(topic), brought=("kafka.strimzi.io",))) == []
    assert verdicts(preflight.kinds(StandIn(), remote, brought=())) == [("kinds", Verdict.WARNING)]


def claim(storage_class: str | None) -> dict[str, Any]:
    return thing("PersistentVolumeClaim", "data", spec={"storageClassName": storage_class} if storage_class else {})


DEFAULT = thing("StorageClass", "disks", metadata={"annotations": {DEFAULT_CLASS: "true"}})
PLAIN = thing("StorageClass", "disks")


@pytest.mark.parametrize(
    ("classes", "wanted", "words"),
    [
        ([DEFAULT], claim(None), ""),
        ([PLAIN], claim("disks"), ""),
        ([PLAIN], claim(None), "claims storage of the default StorageClass, and the cluster has none"),
        ([PLAIN], claim("fast"), "the StorageClass fast, and the cluster has disks"),
        (
            [],
            thing("StatefulSet", "db", api_version="apps/v1", spec={"volumeClaimTemplates": [{"spec": {}}]}),
            "broker claims storage of the default StorageClass",
        ),
        ([], thing("Deployment", "web", api_version="apps/v1", spec={}), ""),
    ],
)
def test_storage_that_the_cluster_does_not_have_is_told(classes: Any, wanted: Any, words: str) -> None:
    told = [one.message for one in preflight.storage(StandIn(classes), inventory(wanted))]

    assert len(told) == bool(words)
    assert all(words in one for one in told)


def test_the_routers_domain_is_that_of_the_facts() -> None:
    def checks(domain: str) -> list[Check]:
        router = thing("Ingress", "cluster", spec={"domain": domain})
        return list(preflight.domain(StandIn([router], [*KINDS, OPENSHIFT]), FACTS))

    assert checks("apps.west.example.org") == []
    assert "write 'appsDomain: apps.east.example.org'" in checks("apps.east.example.org")[0].cure
    assert list(preflight.domain(StandIn(), FACTS)) == []


def test_a_problem_that_a_person_accepts_stops_nothing() -> None:
    found = [preflight.problem("storage", "a", "b"), preflight.problem("kinds", "c", "d"), preflight.ok("clock", "e")]

    left = preflight.accepted(found, {"storage", "clock"})

    assert [one.name for one in preflight.problems(left)] == ["kinds"]
    assert verdicts(left)[0] == ("storage", Verdict.WARNING)
    assert verdicts(left)[2] == ("clock", Verdict.OK)
