"""`medpattern bootstrap` on a real API server with upstream's own installation manifest and a real Argo CD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.bootstrap.engine import Installation, read_installation
from medpattern.cluster.bootstrap.intent import Wanted, read_wanted
from medpattern.cluster.bootstrap.preflight import rights
from medpattern.cluster.connection import Connection
from medpattern.cluster.permissions import Right, missing
from medpattern.rendering.selection import Selection
from tests.fleet.small import Result, process
from tests.live.servers.api import Object
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.gitops import MERGE, GitOps
from tests.live.ward import FACTS, Ward
from tests.real.servers.processes import Process, until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
TOPICS = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics"
READY = {"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}}
# A run on a loaded machine loads Kubernetes' client, renders, validates and asks some 300 questions.
RUN_SECONDS = 600


@dataclass(frozen=True)
class Place:
    """A cluster without Argo CD, and the repository of which it is to get its part."""

    gitops: GitOps
    ward: Ward
    manifest: Path

    def words(self, *more: str | Path, user: str = "admin") -> list[str]:
        """The command line of a bootstrap with somebody's login."""
        words: list[str | Path] = ["bootstrap", "--cluster", "west", "--root", self.ward.root]
        words += ["--kubeconfig", self.gitops.cluster.kubeconfig(user), "--argocd-manifest", self.manifest]
        return [str(word) for word in (*words, *more)]

    def bootstrap(self, *more: str | Path, user: str = "admin") -> Result:
        """A bootstrap from beginning to end."""
        return process(*self.words(*more, user=user))

    def begin(self, log: Path, *more: str) -> Process:
        """A bootstrap in the background."""
        return self.gitops.begin(log, *self.words("--yes", *more))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = GitOps(tmp_path / "servers", groups=("kafka.strimzi.io",))
    try:
        made.start()
        ward = Ward(tmp_path, made.git)
        uid = made.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        ward.edit(FACTS, "hub: hub", f"hub: hub\nserver: {made.cluster.url}\nclusterId: {uid}")
        ward.publish("the cluster as it is")
        yield Place(made, ward, built(CONTROL_PLANE, "argocd-install.yaml"))
    finally:
        made.discard()


def test_from_an_empty_cluster_to_everything_healthy(place: Place, tmp_path: Path) -> None:
    gitops = place.gitops
    run = place.begin(tmp_path / "bootstrap.log", "--timeout", "10m")

    until(lambda: running(run) and gitops.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/argocd-rbac-cm"),
          "Argo CD's settings", seconds=RUN_SECONDS, every=0.2)  # fmt: skip
    gitops.argocd.make_key()
    gitops.argocd.start()
    until(lambda: running(run) and "waits for broker" in run.text(),
          "the viewer's wave to wait until the topics are ready", seconds=RUN_SECONDS, every=0.3)  # fmt: skip
    until(lambda: operators_have_acted(gitops) and not run.alive, "bootstrap to end", seconds=RUN_SECONDS, every=0.3)

    assert run.exit_code == 0, run.tail()
    assert "all 4 Applications of 'west' are Healthy" in run.text()
    assert made_at(gitops, "viewer") > made_at(gitops, "broker")

    before = everything(gitops)
    again = place.bootstrap("--yes")
    assert again.code == 0, again.err
    assert "nothing to do" in again.err
    assert everything(gitops) == before


def running(run: Process) -> bool:
    assert run.alive, run.tail()
    return True


def operators_have_acted(gitops: GitOps) -> bool:
    """What Strimzi would do: say of each topic that it is ready."""
    for topic in gitops.get(TOPICS).get("items", []):
        if not topic.get("status"):
            path = f"{TOPICS}/{topic['metadata']['name']}/status"
            gitops.api.must(gitops.api.ask("PATCH", path, READY, content_type=MERGE))
    return True


def made_at(gitops: GitOps, name: str) -> str:
    return str(gitops.application(name)["metadata"]["creationTimestamp"])


def everything(gitops: GitOps) -> dict[str, Object]:
    """What bootstrap applies."""
    return gitops.contents(
        f"/api/v1/namespaces/{NAMESPACE}/configmaps",
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
        f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications",
        f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/appprojects",
        f"{RBAC}/clusterroles",
        "/api/v1/namespaces",
    )


def test_a_run_that_was_stopped_anywhere_is_finished_by_a_further_one(place: Place, tmp_path: Path) -> None:
    gitops = place.gitops
    for number, line in enumerate(("created  CustomResourceDefinition applications", "created  Service argocd-redis")):
        run = place.begin(tmp_path / f"{number}.log", "--no-wait")
        until(lambda run=run, line=line: running(run) and line in run.text(), line, seconds=RUN_SECONDS)  # type: ignore[misc]
        run.kill()

    run = place.begin(tmp_path / "server.log", "--no-wait")
    until(lambda: running(run) and "created  Deployment" in run.text(), "a Deployment", seconds=RUN_SECONDS)
    gitops.cluster.server.kill()
    assert run.wait(RUN_SECONDS) == 3
    assert f"{gitops.cluster.url} does not answer" in run.text()
    assert "Traceback" not in run.text()
    gitops.cluster.restart()

    last = place.bootstrap("--yes", "--no-wait")
    assert last.code == 0, last.err
    assert "its installation was begun and is finished" in last.err
    assert gitops.application("west-root")
    again = place.bootstrap("--yes", "--no-wait")
    assert again.code == 0
    assert "nothing to do" in again.err


def test_what_is_in_the_way_is_told_at_once_and_nothing_is_changed(place: Place) -> None:
    gitops = place.gitops
    uid = gitops.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    place.ward.edit(FACTS, uid, "00000000-0000-4000-8000-000000000000")
    gitops.git.stop()

    result = place.bootstrap("--yes", user="nobody")

    assert result.code == 1
    told = [line.split()[1].rstrip(":") for line in result.err.splitlines() if line.startswith("problem")]
    assert {"identity", "permissions", "repository"} <= set(told)
    assert "the login may not create customresourcedefinitions.apiextensions.k8s.io" in result.err
    assert "nothing was changed" in result.err
    gitops.git.start()
    result = place.bootstrap("--yes")
    assert result.code == 1
    assert f"its kube-system has the uid {uid}" in result.err
    assert "git push" in result.err or "commit and push" in result.err
    assert not gitops.get(f"/api/v1/namespaces/{NAMESPACE}")


# ---- rights ------------------------------------------------------------------------------------------------------


def test_each_right_that_is_missing_is_named_and_with_all_of_them_it_works(place: Place) -> None:
    connection, needed = what_is_needed(place)
    operator = Connection.open(place.gitops.cluster.kubeconfig("operator"))
    assert set(missing(operator, needed)) == needed

    for right in sorted(needed):
        near = {one for one in needed if (one.group, one.resource) == (right.group, right.resource)}
        grant(place.gitops, needed - {right})
        until(lambda near=near, right=right: missing(operator, near) == (right,), f"{right} to be named",  # type: ignore[misc]
              seconds=60)  # fmt: skip

    grant(place.gitops, needed)
    until(lambda: missing(operator, needed) == (), "the rights to be given", seconds=60)
    result = place.bootstrap("--yes", "--no-wait", user="operator")
    assert result.code == 0, result.err
    assert connection.get("argoproj.io/v1alpha1", "Application", "west-root", NAMESPACE)


def what_is_needed(place: Place) -> tuple[Connection, set[Right]]:
    wanted: Wanted = read_wanted(Selection(place.ward.root, clusters=("west",)), place.ward.root / "rendered")
    installation: Installation = read_installation(str(place.manifest), "", NAMESPACE)
    connection = Connection.open(place.gitops.cluster.kubeconfig())
    return connection, rights(wanted, connection, installation)


def grant(gitops: GitOps, given: Iterable[Right]) -> None:
    """Gives the operator these rights and no others: Roles where they are for one namespace, a ClusterRole else."""
    by_space: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(given):
        rule = {"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]}
        by_space.setdefault(one.namespace, []).append(rule)
    gitops.api.make_namespaces(space for space in by_space if space)
    for space, rules in by_space.items():
        kind = "Role" if space else "ClusterRole"
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "tests"}}
        subject = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "operators"}
        reference = {"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": "tests"}
        replace(gitops, space, {**role, "rules": rules})
        replace(gitops, space, {**role, "kind": f"{kind}Binding", "subjects": [subject], "roleRef": reference})


def replace(gitops: GitOps, namespace: str, thing: Object) -> None:
    resource = gitops.api.resource(thing["apiVersion"], thing["kind"])
    gitops.api.must(gitops.api.apply(resource, namespace, thing, {"fieldManager": "tests"}))


# ---- the repository's login ---------------------------------------------------------------------------------------


def test_the_login_to_the_repository_comes_from_the_secrets_file_and_is_never_told(
    place: Place, tmp_path: Path
) -> None:
    gitops, password = place.gitops, "correct-horse-battery"
    gitops.git.login = ("argocd", password)
    refused = place.bootstrap("--yes", "--no-wait")
    assert refused.code == 1
    assert "cannot be read with the login that Argo CD will use" in refused.err

    file = tmp_path / "values-secret.yaml"
    file.touch(0o600)
    file.write_text(SECRETS_FILE.format(url=place.ward.url, password=password), "utf-8")
    result = place.bootstrap("--yes", "--no-wait", "--secrets", file)

    assert result.code == 0, result.err
    assert password not in result.out + result.err
    secret = gitops.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/ward-repository")
    assert secret["metadata"]["labels"]["argocd.argoproj.io/secret-type"] == "repository"
    gitops.argocd.make_key()
    gitops.argocd.start()
    gitops.wait(lambda: gitops.sync("legend") == "Synced", "Argo CD to apply what only that login can read")


SECRETS_FILE = """\
version: "2.0"
backingStore: none
secrets:
  - name: ward-repository
    targetNamespaces: [argocd]
    labels: {{argocd.argoproj.io/secret-type: repository}}
    fields:
      - {{name: url, value: "{url}"}}
      - {{name: username, value: argocd}}
      - {{name: password, value: "{password}"}}
"""
