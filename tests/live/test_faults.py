"""Two clusters that pull from one repository, each with a real Argo CD of its own, and what goes wrong with those."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.bootstrap import waiting
from tests.fleet.small import Result, git, medpattern
from tests.live.handbook import Typist, commands
from tests.live.servers.api import Object
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.gitops import MERGE, GitOps
from tests.live.test_bootstrap import operators_have_acted
from tests.live.ward import WARD, WEST, Ward
from tests.real.servers.processes import until

LEGEND = "/api/v1/namespaces/images/configmaps/legend"
TOPIC = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics/images"
VIEWER = "/apis/apps/v1/namespaces/images/deployments/viewer"
SYSTEM = "/api/v1/namespaces/kube-system"
FACTS = {"group": "ward", "distribution": "kubernetes", "platform": "None", "version": "1.36"}
# How long the application controller keeps to itself that the repo-server cannot read the repository; else 3 minutes.
GRACE = {"ARGOCD_REPO_ERROR_GRACE_PERIOD_SECONDS": "3s"}
DRIFT = "legend: ConfigMap/legend in images is not as git has it"


class Twins:
    """The clusters west and east of the small fleet, a repository for both, and somebody with both logins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Of other kinds each: two servers of one template would have the same identity.
        self.west = GitOps(folder / "west", ("kafka.strimzi.io",))
        self.east = GitOps(folder / "east", ("kafka.strimzi.io", "objectbucket.io"))
        self.git = self.west.git
        self.kubeconfig = folder / "both.kubeconfig"
        for one in (self.west, self.east):
            one.argocd.controller.environment.update(GRACE)

    @property
    def both(self) -> dict[str, GitOps]:
        """Each cluster by its name."""
        return {"west": self.west, "east": self.east}

    def start(self) -> Twins:
        """Both clusters handed over to Argo CDs that run, and nothing waited for."""
        for one in self.both.values():
            one.start()
        self.ward = Ward(self.folder, self.git)
        shutil.rmtree(self.ward.root / "rendered")
        for name in ("hub", "east"):
            (self.ward.root / f"values/clusters/{name}.yaml").unlink()
        for name in self.both:
            self.write_facts(name, domain=f"{name}.example.org", argocd={"model": "pull", "namespace": "argocd"})
        self.ward.edit(WARD, "replicas: 2", "replicas: 0")
        self.ward.publish("two clusters that pull")
        git(self.ward.root, "push", "--quiet", "--set-upstream", "origin", "main")
        self._write_kubeconfig()
        for name, one in self.both.items():
            result = self.bootstrap(name, "--no-wait")
            assert result.code == 0, result.err
            one.argocd.make_key()
            one.argocd.start()
        return self

    def discard(self) -> None:
        """End all at once."""
        self.east.discard()
        self.west.discard()

    def write_facts(self, name: str, **more: Any) -> None:
        """The file of a cluster."""
        one = self.both[name]
        known = {**FACTS, "server": one.cluster.url, "clusterId": one.get(SYSTEM)["metadata"]["uid"], **more}
        (self.ward.root / f"values/clusters/{name}.yaml").write_text(json.dumps(known), "utf-8")

    def _write_kubeconfig(self) -> None:
        config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
        for name, one in self.both.items():
            own = json.loads(one.cluster.kubeconfig().read_text())
            config["clusters"].append({**own["clusters"][0], "name": name})
            config["users"].append({**own["users"][0], "name": name})
            config["contexts"].append({"name": f"{name}-admin", "context": {"cluster": name, "user": name}})
        config["contexts"].append({"name": "hub-admin", "context": {"cluster": "west", "user": "west"}})
        self.kubeconfig.touch(0o600)
        self.kubeconfig.write_text(json.dumps(config))

    def run(self, *words: str | Path) -> Result:
        """A command as a user types it."""
        return medpattern(*words, "--kubeconfig", self.kubeconfig, root=self.ward.root)

    def bootstrap(self, name: str, *words: str) -> Result:
        """`medpattern bootstrap`, agreed to."""
        manifest = built(CONTROL_PLANE, "argocd-install.yaml")
        return self.run("bootstrap", "--cluster", name, "--argocd-manifest", manifest, "--yes", *words)

    def all_well(self) -> bool:
        """Whether `status` calls both clusters well, after operators have acted."""
        for one in self.both.values():
            operators_have_acted(one)
        return self.run("status").code == 0


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    made = Twins(tmp_path_factory.mktemp("twins"))
    try:
        yield made.start()
    finally:
        made.discard()


@pytest.fixture
def ready(twins: Twins) -> Twins:
    """With everything Synced and Healthy on both."""
    twins.west.wait(twins.all_well, "both clusters to be well")
    return twins


def message(application: Object) -> str:
    """What an Application says of the sync that goes on."""
    return str(application.get("status", {}).get("operationState", {}).get("message"))


# ---- Argo CD itself ---------------------------------------------------------------------------------------------


def test_argo_cd_killed_during_a_sync_finishes_it_when_it_is_back(
    twins: Twins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First of all: the root waits in the middle of its first sync, until somebody says that the topics are ready."""
    west = twins.west
    west.wait(lambda: message(west.application("west-root")).endswith("argoproj.io/Application/broker"),
              "the root to wait for the broker")  # fmt: skip
    for process in reversed(west.argocd.processes):
        process.kill()
    operators_have_acted(west)
    monkeypatch.setattr(waiting, "ANSWER_SECONDS", 5.0)

    waited = twins.bootstrap("west", "--timeout", "1s")
    status = twins.run("status", "--cluster", "west")

    assert waited.code == 3
    assert "west-root: Argo CD was asked 5 s ago to look at it and has not; what it says may be old" in waited.err
    assert "application controller and repo-server run in 'argocd'" in waited.err
    assert status.code == 1
    assert "viewer     1     Missing" in status.out
    assert "west: Argo CD on 'west' looked last" in status.err

    west.argocd.start()
    west.wait(lambda: twins.run("status", "--cluster", "west").code == 0, "the sync to be finished")
    assert message(west.application("west-root")) == "successfully synced (all tasks run)"
    again = twins.bootstrap("west")
    assert again.code == 0, again.err
    assert "all 4 Applications of 'west' are Healthy" in again.err


def test_what_somebody_changes_by_hand_is_named_while_it_lasts(ready: Twins) -> None:
    west = ready.west
    before = west.get(LEGEND)["data"]
    west.argocd.controller.kill()
    change_legend(west)

    diff = ready.run("diff", "--live", "--cluster", "west")

    assert diff.code == 1
    assert "ConfigMap/legend in images would change (west)" in diff.out
    assert '-  size: "31"' in diff.out
    west.argocd.start_controller()
    west.wait(lambda: west.get(LEGEND)["data"] == before, "the legend to be as in git")

    # Each further time it takes Argo CD longer to heal the same revision: then status sees it.
    until(lambda: change_legend(west) and told_of_drift(ready), "status to tell of the drift", seconds=120, every=0.2)
    west.wait(lambda: west.get(LEGEND)["data"] == before, "the legend to be as in git again")


def change_legend(gitops: GitOps) -> bool:
    gitops.api.must(gitops.api.ask("PATCH", LEGEND, {"data": {"size": "31"}}, content_type=MERGE))
    return True


def told_of_drift(twins: Twins) -> bool:
    status = twins.run("status", "--cluster", "west")
    return status.code == 1 and DRIFT in status.err


def test_a_repository_that_is_gone_is_told_and_what_runs_goes_on(ready: Twins) -> None:
    ready.git.stop()
    try:
        for name in ready.both:
            ready.west.wait(lambda name=name: misses(ready, name), "each Argo CD to miss the repository")  # type: ignore[misc]
        status = ready.run("status")
        doctor = ready.run("doctor", "--cluster", "west")
        live = {name: [one.get(path) for path in (LEGEND, TOPIC, VIEWER)] for name, one in ready.both.items()}
    finally:
        ready.git.start()

    assert status.code == 1
    assert "connection refused" in status.out
    assert "0 of 2 clusters are well; not: east, west" in status.err
    assert doctor.code == 1
    assert "[application-error] ComparisonError" in doctor.out
    assert "Argo CD does not reach the repository" in doctor.out
    assert all(live["west"]), live
    assert all(live["east"]), live

    ready.ward.edit(WARD, "title: Ward", "title: Back")
    ready.ward.publish("the repository is back")
    ready.west.wait(lambda: title(ready.east) == "Back" and ready.all_well(), "Argo CD to go on")
    ready.ward.revert()


def misses(twins: Twins, cluster: str) -> bool:
    status = twins.run("status", "--cluster", cluster)
    return status.code == 1 and status.out.count("ComparisonError") == 4


# ---- two that pull ----------------------------------------------------------------------------------------------


def test_a_layer_of_one_cluster_changes_that_one_and_a_shared_layer_both(ready: Twins) -> None:
    assert "all 2 clusters are well" in ready.run("status").err
    ready.ward.edit(WEST, "replicas: 0", "replicas: 0\n        title: West")
    ready.ward.edit(WARD, "partitions: 3", "partitions: 5")

    revision = ready.ward.publish("a title for west, more partitions for all")

    ready.west.wait(lambda: title(ready.west) == "West", "west to have its title")
    for one in ready.both.values():
        one.wait(lambda one=one: one.get(TOPIC)["spec"]["partitions"] == 5, "the topic to have 5 partitions")  # type: ignore[misc]
    ready.west.wait(lambda: revisions(ready) == {"east": {revision}, "west": {revision}}, "status to tell the commit")
    assert title(ready.east) != "West"


def title(gitops: GitOps) -> str:
    return str(gitops.get(VIEWER)["metadata"]["annotations"]["example.org/title"])


def revisions(twins: Twins) -> dict[str, set[str]]:
    """What status tells of each cluster, by one command for both Argo CDs."""
    found = json.loads(twins.run("status", "--output", "json").out)
    return {one["cluster"]: {app["revision"] for app in one["applications"]} for one in found}


# ---- from one model to the other --------------------------------------------------------------------------------


def test_a_cluster_goes_from_pull_to_push_and_back_as_the_page_says_and_keeps_everything(ready: Twins) -> None:
    """West becomes the hub of east. All commands are those of docs/operations.md."""
    east = ready.east
    before = uids(east)
    names = {"hospital-2": "east", "hub-root": "west-root", "--hub hub": "--hub west"}
    typist = Typist(ready.folder / "typed", ready.ward.root, ready.kubeconfig, names, lambda: None)

    for model, heading in (("push", "From pull to push"), ("pull", "From push to pull")):
        forget, change = steps(heading)
        for command in forget:
            typist.type(command)
        argocd = east if model == "push" else ready.west
        assert not [name for name in applications(argocd) if argocd is east or name.startswith("east")]
        ready.write_facts("east", domain="east.example.org", hub="west", argocd={"model": model, "namespace": "argocd"})
        for command in change:
            typist.type(command.replace("bootstrap", "bootstrap --no-wait"))
        ready.west.wait(ready.all_well, "both clusters to be well")
        assert uids(east) == before
        assert ("east-broker" in applications(ready.west)) is (model == "push")
        assert ("broker" in applications(east)) is (model == "pull")


def steps(heading: str) -> tuple[list[str], list[str]]:
    """The commands of a section: before the facts are changed, and after."""
    found = commands(heading)
    first = next(i for i, command in enumerate(found) if command.startswith("rm -r"))
    return found[:first], found[first:]


def applications(gitops: GitOps) -> list[str]:
    return [one["metadata"]["name"] for one in gitops.get(gitops.applications)["items"]]


def uids(gitops: GitOps) -> dict[str, str]:
    return {path: gitops.get(path)["metadata"]["uid"] for path in (LEGEND, TOPIC, VIEWER, "/api/v1/namespaces/broker")}
