"""`medpattern status` and `diff --live` beside a real Argo CD: they say what it has done, and what it will do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.fleet.small import Result, git, medpattern
from tests.live.servers.api import STRICT
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.gitops import MERGE, GitOps
from tests.live.ward import WARD, Ward

TOPICS = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics"
TOPIC = f"{TOPICS}/images"
LEGEND = "/api/v1/namespaces/images/configmaps/legend"
NAMES = ("west-root", "broker", "legend", "viewer")
READY = {"status": {"observedGeneration": 99, "conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.fixture(scope="module")
def gitops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitOps]:
    """A cluster with a running Argo CD that has nothing to do yet."""
    made = GitOps(tmp_path_factory.mktemp("looking") / "servers")
    try:
        made.start()
        made.argocd.install()
        made.argocd.start()
        yield made
    finally:
        made.discard()


@pytest.fixture(scope="module")
def ward(gitops: GitOps, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """A repository of which Argo CD has applied everything."""
    ward = Ward(tmp_path_factory.mktemp("looking-ward"), gitops.git)
    for thing in yaml.safe_load_all((ward.root / "rendered/west/root.yaml").read_text("utf-8")):
        resource = gitops.api.resource(thing["apiVersion"], thing["kind"])
        gitops.api.must(gitops.api.apply(resource, NAMESPACE, thing, {**STRICT, "fieldManager": "medpattern"}))
    gitops.wait(lambda: all(gitops.sync(name) == "Synced" for name in NAMES), "all Applications to be Synced")
    return ward


def ask(gitops: GitOps, ward: Ward, *words: str) -> Result:
    """A command about the only cluster there is."""
    return medpattern(*words, "--cluster", "west", "--kubeconfig", gitops.cluster.kubeconfig(), root=ward.root)


def changes(gitops: GitOps, ward: Ward) -> dict[str, Any]:
    """What a sync would change, by object."""
    (found,) = json.loads(ask(gitops, ward, "diff", "--live", "--output", "json").out)
    return {one["object"]: one for one in found["objects"]}


def test_what_argo_cd_has_synced_is_no_difference_and_needs_no_dry_run(gitops: GitOps, ward: Ward) -> None:
    result = ask(gitops, ward, "diff", "--live")

    assert result.code == 0, result.out + result.err
    assert "nothing would change" in result.err
    assert "0 dry runs" in result.err


def test_status_says_what_argo_cd_says(gitops: GitOps, ward: Ward) -> None:
    revision = git(ward.root, "rev-parse", "HEAD").strip()
    gitops.wait(lambda: gitops.health("broker") == "Progressing", "topics without an operator to be waited for")
    waiting = ask(gitops, ward, "status")
    for name in ("images", "results"):
        answer = gitops.api.ask("PATCH", f"{TOPICS}/{name}/status", READY, content_type=MERGE)
        gitops.api.must(answer)
    gitops.wait(lambda: ask(gitops, ward, "status").code == 0, "everything to be well")
    rows = {line.split()[1]: line.split() for line in ask(gitops, ward, "status").out.splitlines()}

    assert waiting.code == 1
    assert "broker" in waiting.out
    assert set(rows) == set(NAMES)
    assert {(row[3], row[4], row[6]) for row in rows.values()} == {("Synced", "Healthy", revision[:7])}


def test_what_would_change_is_what_a_push_then_changes(gitops: GitOps, ward: Ward) -> None:
    ward.edit(WARD, "partitions: 3", "partitions: 5")
    ward.edit(WARD, "red: pneumonia", "blue: pneumonia")

    said = changes(gitops, ward)
    ward.publish("more partitions, another colour")
    gitops.wait(lambda: gitops.get(TOPIC)["spec"]["partitions"] == 5, "the topic to have 5 partitions")
    gitops.wait(lambda: "blue" in gitops.get(LEGEND)["data"], "the legend to have another colour")

    assert {name: one["change"] for name, one in said.items()} == {
        "KafkaTopic/images in broker": "update",
        "ConfigMap/legend in images": "update",
    }
    assert {line for line in said["ConfigMap/legend in images"]["diff"] if line[:1] in "+-"} == {
        "-  red: pneumonia",
        "+  blue: pneumonia",
    }
    assert gitops.get(LEGEND)["data"].keys() & {"red", "blue"} == {"blue"}
    gitops.wait(lambda: changes(gitops, ward) == {}, "nothing to be left")


def test_a_change_by_hand_is_drift_for_both(gitops: GitOps, ward: Ward) -> None:
    calm = {"spec": {"syncPolicy": {"automated": {"selfHeal": False, "enabled": False}}}}
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
    for name in ("west-root", "legend"):  # the root would heal its child
        gitops.api.must(gitops.api.ask("PATCH", f"{path}/{name}", calm, content_type=MERGE))
    gitops.api.must(gitops.api.ask("PATCH", LEGEND, {"data": {"size": "31"}}, content_type=MERGE))
    gitops.wait(lambda: gitops.sync("legend") == "OutOfSync", "Argo CD to see it")

    result = ask(gitops, ward, "status")
    said = changes(gitops, ward)

    assert result.code == 1
    assert "west/legend: ConfigMap/legend in images is not as git has it" in result.err
    assert '-  size: "31"' in said["ConfigMap/legend in images"]["diff"]
    assert {"Application/legend in argocd", "Application/west-root in argocd"} <= set(said)
