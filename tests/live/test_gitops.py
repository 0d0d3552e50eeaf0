"""From git to the cluster by a real Argo CD: what it makes of the rendered tree, and what it does with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from medpattern.checks.manifests import Manifest
from tests.fleet.small import commit, git, medpattern
from tests.live import fleet
from tests.live.servers.api import STRICT, Api, Object
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.gitops import APPLICATIONS, MERGE, GitOps
from tests.live.ward import WARD, Ward
from tests.real.servers.processes import until

TRACKING = "argocd.argoproj.io/tracking-id"
TOPIC = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics/images"
LEGEND = "/api/v1/namespaces/images/configmaps/legend"
SETTINGS = "/api/v1/namespaces/broker/configmaps/settings"


@pytest.fixture(scope="module")
def gitops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitOps]:
    """A cluster with a running Argo CD that has nothing to do yet."""
    made = GitOps(tmp_path_factory.mktemp("gitops") / "servers")
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
    ward = Ward(tmp_path_factory.mktemp("ward"), gitops.git)
    for thing in yaml.safe_load_all((ward.root / "rendered/west/root.yaml").read_text("utf-8")):
        resource = gitops.api.resource(thing["apiVersion"], thing["kind"])
        gitops.api.must(gitops.api.apply(resource, NAMESPACE, thing, STRICT))
    names = ("west-root", "broker", "legend", "viewer")
    gitops.wait(lambda: all(gitops.sync(name) == "Synced" for name in names), "all Applications to be Synced")
    return ward


# ---- what Argo CD makes of the tree -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def argocd_api(gitops: GitOps) -> Iterator[Api]:
    """Argo CD's own API."""
    yield gitops.argocd.start_api()
    gitops.argocd.server.stop()


@pytest.fixture(scope="module")
def shipped(gitops: GitOps, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a repository with the tree of the shipped fleet."""
    url = gitops.git.make("shipped")
    root = tmp_path_factory.mktemp("shipped")
    result = medpattern("render", "--out", root / "rendered", root=fleet.CHECKOUT)
    assert result.code == 0, result.err
    commit(root, "the shipped fleet")
    git(root, "push", "--quiet", url, "HEAD:main")
    return url


@pytest.mark.parametrize("name", sorted(fleet.inventories()))
def test_argocd_makes_of_every_application_the_objects_that_were_validated(
    gitops: GitOps, argocd_api: Api, shipped: str, name: str
) -> None:
    known = fleet.inventories()[name]
    applications = [one.data for one in known.manifests if not one.app and one.kind == "Application"]
    mine = {one["metadata"]["name"]: one for one in applications if "/charts/" in one["spec"]["source"].get("path", "")}
    validated: dict[str, list[Object]] = {}
    for manifest in known.manifests:
        validated.setdefault(manifest.app, []).append(expected(manifest))

    differing = {}
    for application, thing in mine.items():
        app = thing["spec"]["source"]["path"].rpartition("/")[2]
        made = made_by_argocd(gitops, argocd_api, shipped, application, thing)
        if in_order(made) != in_order(validated.pop(app)):
            differing[app] = made
    del validated[""]

    assert differing == {}
    assert validated == {}, "every application with objects is one that Argo CD renders"


def expected(manifest: Manifest) -> Object:
    return json.loads(json.dumps(manifest.data))  # type: ignore[no-any-return]


def in_order(things: list[Object]) -> list[str]:
    return sorted(json.dumps(thing, sort_keys=True) for thing in things)


def made_by_argocd(gitops: GitOps, api: Api, url: str, name: str, thing: Object) -> list[Object]:
    """The answer of the repo-server for the source of an Application; nobody acts on that Application."""
    source = {**thing["spec"]["source"], "repoURL": url, "targetRevision": "main"}
    destination = {"server": "https://kubernetes.default.svc", "namespace": thing["spec"]["destination"]["namespace"]}
    asked = {
        "apiVersion": thing["apiVersion"],
        "kind": "Application",
        "metadata": {"name": f"asked-{name}", "annotations": {"argocd.argoproj.io/skip-reconcile": "true"}},
        "spec": {"project": "default", "source": source, "destination": destination},
    }
    gitops.api.must(gitops.api.ask("POST", APPLICATIONS, asked))
    try:
        path = f"/api/v1/applications/asked-{name}/manifests"
        until(lambda: api.ask("GET", path).status != 403, "Argo CD to see the Application", seconds=60, every=0.1)
        texts = api.must(api.ask("GET", path))["manifests"]
    finally:
        gitops.api.ask("DELETE", f"{APPLICATIONS}/asked-{name}")
    return [without_tracking(json.loads(text)) for text in texts]


def without_tracking(thing: Object) -> Object:
    """The object as the chart has it: Argo CD writes into each one to whom it belongs."""
    metadata: dict[str, Any] = thing["metadata"]
    assert metadata["annotations"].pop(TRACKING)
    if not metadata["annotations"]:
        del metadata["annotations"]
    return thing


# ---- what Argo CD does with it ----------------------------------------------------------------------------------


def test_a_pushed_value_reaches_the_cluster(gitops: GitOps, ward: Ward) -> None:
    ward.edit(WARD, "partitions: 3", "partitions: 5")
    ward.publish("more partitions")
    gitops.wait(lambda: gitops.get(TOPIC)["spec"]["partitions"] == 5, "the topic to have 5 partitions")

    ward.revert()
    gitops.wait(lambda: gitops.get(TOPIC)["spec"]["partitions"] == 3, "the topic to have 3 partitions again")


def test_a_disabled_application_is_pruned_and_comes_back_by_git_revert(gitops: GitOps, ward: Ward) -> None:
    before = gitops.get(LEGEND)["data"]
    ward.edit(WARD, "path: charts/legend", "path: charts/legend\n      disabled: true")
    ward.publish("no legend")
    gitops.wait(lambda: not gitops.get(LEGEND) and not gitops.application("legend"), "the legend to be gone")

    ward.revert()
    gitops.wait(lambda: gitops.sync("legend") == "Synced", "the legend to be back")
    assert gitops.get(LEGEND)["data"] == before


def test_what_somebody_changes_by_hand_is_set_right(gitops: GitOps, ward: Ward) -> None:
    before = gitops.get(LEGEND)["data"]
    changed = gitops.api.ask("PATCH", LEGEND, {"data": {"size": "31"}}, content_type=MERGE)
    assert gitops.api.must(changed)["data"] != before

    gitops.wait(lambda: gitops.get(LEGEND)["data"] == before, "the legend to be as in git")


def test_a_fix_is_picked_up_while_the_root_tries_again_what_fails(gitops: GitOps, ward: Ward) -> None:
    """Without `refresh` the root would try the commit that it began with, twenty times over."""
    file = ward.root / "rendered/west/cluster/namespace-images.yaml"
    file.write_text(file.read_text("utf-8").replace("team: radiology", 'team: "-"'), "utf-8")
    broken = commit(ward.root, "a label that the API server refuses")
    ward.push()
    gitops.wait(lambda: tries_again(gitops.application("west-root"), broken), "the root to try the broken commit again")

    ward.edit(WARD, "team: radiology", "team: cardiology")
    ward.publish("a label that it takes")
    gitops.wait(lambda: label_of_images(gitops) == "cardiology", "the namespace to have the label of the later commit")


def tries_again(root: Object, revision: str) -> bool:
    operation = root["status"].get("operationState", {})
    return bool(operation.get("retryCount")) and operation["operation"]["sync"]["revision"] == revision


def label_of_images(gitops: GitOps) -> str:
    return str(gitops.get("/api/v1/namespaces/images")["metadata"]["labels"].get("team"))


def test_data_stay_until_somebody_confirms(gitops: GitOps, ward: Ward) -> None:
    """An application that holds Kafka's topics leaves git: the topics stay, and so does all else that it made."""
    ward.edit(WARD, "path: charts/broker", "path: charts/broker\n      disabled: true")
    ward.edit(WARD, "dependsOn: [broker]", "dependsOn: []")
    topics = [f"{cluster}/KafkaTopic/{topic}" for cluster in ("west", "east") for topic in ("images", "results")]
    ward.publish("no broker", *topics)

    gitops.wait(lambda: "requires manual confirmation to delete" in gitops.argocd.controller.text(),
                "Argo CD to ask a person")  # fmt: skip
    assert "deletionTimestamp" in gitops.application("broker")["metadata"]
    assert "deletionTimestamp" not in gitops.get(TOPIC)["metadata"]
    assert "deletionTimestamp" not in gitops.get(SETTINGS)["metadata"]

    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    approved = {"metadata": {"annotations": {"argocd.argoproj.io/deletion-approved": now}}}
    gitops.api.must(gitops.api.ask("PATCH", f"{APPLICATIONS}/broker", approved, content_type=MERGE))
    gitops.wait(lambda: not gitops.get(TOPIC) and not gitops.application("broker"), "the topics to be gone")
