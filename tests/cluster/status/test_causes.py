"""What holds an Application up, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.cluster.status.applications import live_application
from medpattern.cluster.status.causes import causes, cure_of
from tests.cluster.standin import StandIn, thing


def application(**status: Any) -> Any:
    row = thing("Application", "kafka", "argocd", spec={}, status=status)
    return live_application(row)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('Back-off pulling image "quay.io/a:1": ErrImagePull', "pull the image"),
        ("pod has unbound immediate PersistentVolumeClaims", "gets no volume"),
        ('no matches for kind "KafkaTopic" in version "kafka.strimzi.io/v1"', "operator that brings"),
        ('failed calling webhook "webhook.serving.knative.dev": connection refused', "webhook does not answer"),
        ('admission webhook "validation.webhook" denied the request: bad', "admission refuses"),
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest"', "admission refuses"),
        ('pods "a" is forbidden: exceeded quota: compute, requested: cpu=2', "quota"),
        ("0/3 nodes are available: 3 Insufficient memory.", "no node has room"),
        ("resource apps:Deployment is not permitted in project xray", "AppProject does not permit"),
        ("failed to list refs: authentication required", "may not read the repository"),
        ('Get "https://git.example.org/a/info/refs": dial tcp: lookup git.example.org: no such host', "does not reach"),
        ('failed to get cluster info for "https://a": dial tcp: connection refused', "the cluster's API server"),
        ("failed to discover server resources for apps/v1: connection refused", "the cluster's API server"),
        ('configmaps is forbidden: User "system:serviceaccount:argocd:a" cannot list resource', "lacks a right"),
        ("rendered/west/charts/a: app path does not exist", "no such folder"),
        ("container kafka: CrashLoopBackOff: back-off 5m0s", "ends by itself"),
        ('Namespace "a" is invalid: metadata.labels: Invalid value: "-"', "API server refuses"),
        ("KafkaTopic/images is Progressing: Waiting for Kafka Topic", "operator has not acted"),
        ("all is well", ""),
    ],
)
def test_a_message_has_a_likely_cure(message: str, words: str) -> None:
    assert words in cure_of(message)
    assert bool(cure_of(message)) is bool(words)


def test_what_argocd_says_and_what_pods_and_claims_say_are_told_together() -> None:
    waiting = {"name": "broker", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}}
    pods = [
        thing("Pod", "kafka-0", "kafka", status={"containerStatuses": [waiting]}),
        thing("Pod", "well", "kafka", status={"containerStatuses": [{"name": "a", "state": {"running": {}}}]}),
        thing("Pod", "elsewhere", "other", status={"containerStatuses": [waiting]}),
    ]
    claim = thing("PersistentVolumeClaim", "data-0", "kafka", spec={"storageClassName": "fast"},
                  status={"phase": "Pending"})  # fmt: skip
    condition = {"type": "ComparisonError", "message": "app path does not exist"}
    row = {"kind": "StatefulSet", "name": "kafka", "namespace": "kafka", "status": "Synced"}

    found = causes(application(conditions=[condition], resources=[row]), StandIn([*pods, claim]))

    assert [one.thing for one in found] == ["", "Pod kafka-0 in kafka", "PersistentVolumeClaim data-0 in kafka"]
    assert "app path does not exist" in found[0].message
    assert "StorageClass fast" in found[2].message
    assert all(one.cure for one in found)


def test_a_login_that_may_not_see_pods_hides_nothing_else() -> None:
    row = {"kind": "StatefulSet", "name": "kafka", "namespace": "kafka", "status": "Synced"}
    condition = {"type": "ComparisonError", "message": "app path does not exist"}
    server = StandIn(refused=["pods", "persistentvolumeclaims"])

    assert len(causes(application(conditions=[condition], resources=[row]), server)) == 1


def test_an_application_that_nobody_looks_at_or_that_is_not_there_says_so() -> None:
    assert "see whether the pods of its own namespace run" in causes(application(), StandIn())[0].message
    assert "not there" in causes(None, StandIn())[0].message
