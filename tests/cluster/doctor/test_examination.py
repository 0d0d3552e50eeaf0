"""What the doctor finds in a snapshot: each complaint where it is, and nothing where all is well."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from medpattern.cluster.doctor.examination import CHECKS, CODES, examine
from medpattern.cluster.doctor.reading import ours
from medpattern.cluster.doctor.snapshot import APPLICATION, Kind, Object, Snapshot
from tests.cluster.doctor.complaints import (
    CASES,
    HOUR,
    NOW,
    application,
    external_secret,
    hooked,
    kafka,
    kafka_topic,
    operation,
    pod,
    row,
    secret_store,
    service,
    source,
    stamp,
    storage_class,
    subscription,
    thing,
    topic,
    volume_claim,
)

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
KINDS = {kind for check in CHECKS for kind in (*check.kinds, *check.any_of)}


def seen(things: Iterable[Object], without: Iterable[Kind] = ()) -> Snapshot:
    """A snapshot of a cluster that has these objects, and all kinds but some."""
    found: dict[Kind, tuple[Object, ...]] = {kind: () for kind in KINDS if kind not in set(without)}
    for one in things:
        kind = one["apiVersion"].rpartition("/")[0], one["kind"]
        found[kind] = (*found.get(kind, ()), one)
    return Snapshot(found, NOW, absent=frozenset(without))


def found(*things: Object) -> list[tuple[str, str]]:
    """Code and name of what is wrong."""
    return [(one.code, one.name) for one in examine(seen(things)).troubles]


def said(*things: Object) -> str:
    """All that is said."""
    return "\n".join(map(str, examine(seen(things)).troubles))


@pytest.mark.parametrize("code", CASES)
def test_what_is_wrong_is_found_with_its_cause_and_a_cure(code: str) -> None:
    case = CASES[code]

    troubles = [one for one in examine(seen(case.sick(f"sick-{code}"))).troubles if one.code == code]

    assert [one.name for one in troubles] == [case.name]
    assert case.says in troubles[0].cause
    assert troubles[0].cure


@pytest.mark.parametrize("code", CASES)
def test_what_is_well_is_not_complained_of(code: str) -> None:
    assert examine(seen(CASES[code].well(f"well-{code}"))).troubles == ()


def test_a_webhooks_secret_without_the_key_is_found_by_its_metadata_alone() -> None:
    labels = {"app.kubernetes.io/part-of": "argocd"}

    (trouble,) = examine(seen(hooked("argocd", labels, "token"))).troubles

    assert (trouble.code, trouble.name) == ("webhook-open", "argocd-secret")
    assert "medpattern-webhook, which has no secret, is taken for" in trouble.cause
    assert examine(seen(hooked("argocd", labels))).troubles == (), "without managedFields nobody can tell"


def test_every_check_has_a_case() -> None:
    assert set(CASES) == {check.code for check in CHECKS}
    assert len(CODES) == len(set(CODES))


@pytest.mark.parametrize("code", CASES)
def test_every_kind_that_a_check_looks_at_is_listed_for_it_or_for_another(code: str) -> None:
    things = [*CASES[code].sick("ns"), *CASES[code].well("ns")]

    assert {(one["apiVersion"].rpartition("/")[0], one["kind"]) for one in things} <= KINDS


def test_every_code_is_described_and_nothing_else() -> None:
    described = re.findall(r"^### `([a-z-]+)`$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert sorted(described) == sorted(CODES)
    assert described == list(CODES)  # in the order in which they are looked for


def test_a_kind_that_the_cluster_does_not_have_is_not_guessed_about() -> None:
    strimzi = ("kafka.strimzi.io", "Kafka")
    looked = examine(seen([kafka_topic("images")], without=[strimzi]))

    assert looked.troubles == ()
    assert {one.code for one in looked.unlooked if strimzi in one.kinds} == {
        "kafka-without-nodes", "kafka-object-ignored", "kafka-rules-ignored",
    }  # fmt: skip


def test_one_of_several_kinds_is_enough_where_they_are_looked_at_alike() -> None:
    absent = [("ceph.rook.io", kind) for kind in ("CephCluster", "CephObjectStore", "CephObjectStoreUser")]
    things = [topic("images", phase="Failure")]

    assert ("ceph-not-ready", "images") in [(one.code, one.name) for one in examine(seen(things, absent)).troubles]


def test_without_argo_cd_that_is_the_finding() -> None:
    (only,) = examine(Snapshot({}, NOW, absent=frozenset({APPLICATION}), cluster="west")).troubles

    assert (only.code, only.name) == ("no-argo-cd", "west")
    assert only.cure == "run: medpattern bootstrap --cluster west"


def test_causes_stand_before_their_effects() -> None:
    things = [external_secret("ns", "False"), secret_store("ns", "False", "permission denied"),
              application("ns", **operation("Running", "waiting for healthy state of ExternalSecret/db"))]  # fmt: skip

    assert found(*things) == [("secret-store-away", "vault"), ("secret-not-written", "db"), ("sync-waits", "broker")]
    assert "mend its store vault first" in said(*things)


def test_logins_do_not_stand_in_what_is_said() -> None:
    words = "failed to list refs of https://ann:hunter2@git.example.org/ward.git"
    told = said(application("ns", conditions=[row("ComparisonError", "", "", words)]))

    assert "hunter2" not in told
    assert "https://git.example.org/ward.git" in told


# ---- storage ---------------------------------------------------------------------------------------------------


def test_a_claim_without_a_class_is_well_where_there_is_a_default_one_that_gives_it_a_volume() -> None:
    claim = volume_claim("ns", "", "Bound")

    assert found(claim) == []


def test_a_claim_without_a_class_says_that_there_is_no_default() -> None:
    told = said(volume_claim("ns", "", "Pending"), storage_class("gold"))

    assert "has no default one (it has: gold)" in told
    assert "storageclass.kubernetes.io/is-default-class" in told


def test_a_claim_that_waits_for_its_first_pod_is_well_until_there_is_one() -> None:
    claim, late = volume_claim("ns", "late", "Pending"), storage_class("late", volumeBindingMode="WaitForFirstConsumer")
    user = pod("ns", phase="Running")
    user["spec"]["volumes"] = [{"name": "films", "persistentVolumeClaim": {"claimName": "films"}}]
    elsewhere = {**user, "metadata": {**user["metadata"], "namespace": "other"}}

    assert found(claim, late, elsewhere) == []
    assert found(claim, late, user) == [("volume-missing", "films")]


def test_a_volume_that_is_gone_is_told() -> None:
    assert "its volume is gone" in said(volume_claim("ns", "late", "Lost"), storage_class("late"))


# ---- Kafka and Knative -----------------------------------------------------------------------------------------


def test_a_topic_without_the_label_of_its_kafka_is_ignored() -> None:
    assert "it has no label strimzi.io/cluster" in said(*kafka("ns"), kafka_topic("ns", labels={}))


def test_a_topic_in_another_namespace_than_its_kafka_is_ignored() -> None:
    assert found(*kafka("kafka"), kafka_topic("images")) == [("kafka-object-ignored", "images")]


def test_a_paused_topic_without_a_status_is_left_alone() -> None:
    paused = {"strimzi.io/pause-reconciliation": "true"}
    one = kafka_topic("ns", status={}, creationTimestamp=stamp(HOUR), annotations=paused)

    assert found(*kafka("ns"), one) == []


def test_the_deepest_condition_of_knative_is_the_one_that_is_told() -> None:
    rows = (row("Ready", "False", "SinkMissing", "sink"), row("SinkProvided", "False", "NotFound", "no risk"))

    told = said(source("ns", *rows))

    assert "SinkProvided is False: NotFound: no risk" in told
    assert "the sink's Service must be there" in told


def test_a_part_of_knative_that_only_informs_is_no_fault() -> None:
    assert found(service("ns", row("Ready", "True"), row("Idle", "False", severity="Info"))) == []


# ---- workloads and Argo CD -------------------------------------------------------------------------------------


def test_a_pod_that_runs_out_of_memory_gets_another_cure_than_one_that_fails() -> None:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off"}

    assert "more memory" in said(pod("ns", waiting, last={"reason": "OOMKilled", "exitCode": 137}))
    assert "its last end: Error, exit code 3" in said(pod("ns", waiting, last={"reason": "Error", "exitCode": 3}))


def test_an_optional_secret_keeps_no_pod_waiting() -> None:
    one = pod("ns", {"reason": "ContainerCreating"}, secret="db")
    one["spec"]["volumes"][0]["secret"]["optional"] = True

    assert found(one) == []


def test_a_sync_that_waits_for_a_confirmation_says_what_to_look_at_first() -> None:
    told = said(application("ns", **operation("Running", "waiting for pruning confirmation of Kafka/kafka")))

    assert "back its data up, and confirm" in told


def test_an_argo_cd_that_looked_at_one_application_a_moment_ago_is_awake() -> None:
    assert found(application("ns", reconciledAt=stamp(2 * HOUR)), application("ns", "other")) == []


def test_two_operator_groups_and_none_both_stop_olm() -> None:
    made, group = subscription("ns")

    assert "no OperatorGroup" in said(made)
    assert found(made, group) == []


# ---- what is ours ----------------------------------------------------------------------------------------------


def test_of_crowded_kinds_only_those_of_our_namespaces_are_looked_at() -> None:
    mine, foreign = pod("images"), pod("payroll")
    rows = {("", "Pod"): (mine, foreign), APPLICATION: (application("images"),)}

    assert ours(rows)[("", "Pod")] == (mine,)


def test_namespaces_that_an_application_reaches_are_ours_too() -> None:
    reached = application("argocd", resources=[{"kind": "Secret", "namespace": "images", "name": "x"},
                                               {"kind": "Namespace", "name": "kafka"}])  # fmt: skip
    rows = {("", "Pod"): (pod("images"), pod("kafka"), pod("payroll")), APPLICATION: (reached,)}

    assert [one["metadata"]["namespace"] for one in ours(rows)[("", "Pod")]] == ["images", "kafka"]


def test_before_there_is_an_application_all_namespaces_but_the_systems_are_looked_at() -> None:
    rows = {("", "Pod"): (pod("kube-system"), pod("openshift-monitoring"), pod("images"))}

    assert [one["metadata"]["namespace"] for one in ours(rows)[("", "Pod")]] == ["images"]


def test_a_namespace_that_has_just_begun_to_go_is_left_to_it() -> None:
    assert found(thing("v1/Namespace", "ns", deletionTimestamp=stamp(timedelta(minutes=1)))) == []
