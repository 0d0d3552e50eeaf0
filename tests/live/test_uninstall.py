"""`medpattern uninstall` beside a real Argo CD and the real namespace controller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.cluster.bootstrap.engine import MADE
from medpattern.cluster.connection import Connection
from medpattern.cluster.permissions import RBAC, Right, missing
from medpattern.cluster.uninstall import looking
from medpattern.cluster.uninstall.plan import plan
from medpattern.cluster.uninstall.rights import to_carry_out, to_look, to_look_inside
from tests.fleet.small import Result, process
from tests.live.servers.api import STRICT, Object
from tests.live.servers.argocd import NAMESPACE
from tests.live.servers.built import CONTROL_PLANE, built
from tests.live.servers.gitops import MERGE, GitOps
from tests.live.ward import FACTS, Ward
from tests.real.servers.processes import until

APPLICATIONS = ("west-root", "broker", "legend", "viewer")
TOPICS = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics"
SETTINGS = "/api/v1/namespaces/broker/configmaps/settings"
VIEWER = "/apis/apps/v1/namespaces/images/deployments/viewer"
IMAGES = "/api/v1/namespaces/images"
NOTES = "/api/v1/namespaces/images/configmaps/notes"
CLAIM = "/api/v1/namespaces/broker/persistentvolumeclaims/journal"
HOLD = "example.org/hold"
READY = {"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}}
RUN_SECONDS = 600
# Kubernetes writes these about others whenever it likes.
NOTES_OF_KUBERNETES = {"Event", "Endpoints", "EndpointSlice", "Lease", "APIService"}


@dataclass(frozen=True)
class Place:
    """A cluster, and the repository of which it gets its part."""

    gitops: GitOps
    ward: Ward

    def words(self, *more: str, user: str = "admin") -> list[str]:
        """The command line of an uninstallation with somebody's login."""
        words = ["uninstall", "--cluster", "west", "--root", str(self.ward.root)]
        return [*words, "--kubeconfig", str(self.gitops.cluster.kubeconfig(user)), *more]

    def uninstall(self, *more: str, user: str = "admin") -> Result:
        """An uninstallation from beginning to end."""
        return process(*self.words(*more, user=user))

    def hold(self, path: str, *finalizers: str) -> None:
        """What an operator does that has something to do before its object may go."""
        change = {"metadata": {"finalizers": list(finalizers)}}
        self.gitops.api.must(self.gitops.api.ask("PATCH", path, change, content_type=MERGE))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    """Makes the place, with the API groups that its cluster begins with."""
    made: list[GitOps] = []

    def place(*groups: str) -> Place:
        gitops = GitOps(tmp_path / "servers", groups=groups)
        made.append(gitops)
        gitops.start()
        ward = Ward(tmp_path, gitops.git)
        uid = gitops.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        ward.edit(FACTS, "hub: hub", f"hub: hub\nserver: {gitops.cluster.url}\nclusterId: {uid}")
        ward.publish("the cluster as it is")
        return Place(gitops, ward)

    yield place
    for one in made:
        one.discard()


def test_nothing_of_ours_is_left_even_if_a_run_is_killed_in_the_middle(make: Any, tmp_path: Path) -> None:
    place = make("kafka.strimzi.io")
    gitops: GitOps = place.gitops
    before = snapshot(gitops)
    manifest = str(built(CONTROL_PLANE, "argocd-install.yaml"))
    words = ["bootstrap", *place.words()[1:], "--argocd-manifest", manifest, "--yes", "--no-wait"]
    bootstrap = process(*words)
    assert bootstrap.code == 0, bootstrap.err
    gitops.argocd.make_key()
    gitops.argocd.start()
    gitops.wait(lambda: all_synced(gitops), "all Applications to be Synced")
    # What git does not say of a namespace is no drift.
    assert gitops.get(IMAGES)["metadata"]["labels"].items() >= {"team": "radiology", **MADE}.items()

    roles = each_right_that_is_missing_is_named(place)
    place.hold(SETTINGS, HOLD)
    killed = gitops.begin(tmp_path / "uninstall.log", *place.words("--yes", "--engine", user="operator"))
    until(lambda: "gone  Application viewer" in killed.text() or not killed.alive, "a first Application to be gone",
          seconds=RUN_SECONDS)  # fmt: skip
    assert killed.alive, killed.tail()
    killed.kill()
    assert gitops.application("west-root")
    place.hold(SETTINGS)

    last = place.uninstall("--yes", "--engine", user="operator")

    assert last.code == 0, last.err
    roles.remove()
    until(lambda: snapshot(gitops) == before, "the cluster to be as it was", seconds=60, every=1)

    # A namespace of the tree's that somebody else makes is not taken for ours, however he makes it.
    api = gitops.api
    stranger = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "images"}}
    api.must(api.apply(api.resource("v1", "Namespace"), "", stranger, STRICT))
    again = place.uninstall("--yes", "--engine")
    assert again.code == 0
    assert "nothing of 'west' is on" in again.err
    assert gitops.get(IMAGES)["status"]["phase"] == "Active"


# ---- rights ------------------------------------------------------------------------------------------------------


def each_right_that_is_missing_is_named(place: Place) -> Roles:
    """Takes each right away that the operator needs, and leaves him with all of them."""
    gitops = place.gitops
    admin, operator = (Connection.open(gitops.cluster.kubeconfig(user)) for user in ("admin", "operator"))
    west = looking.Place("west", NAMESPACE, frozenset({"broker", "images"}), frozenset(APPLICATIONS[1:]))
    made = plan(looking.look(admin, west), keep_data=False, engine=True)
    needed = to_look(admin, west) | to_look_inside(admin, west) | to_carry_out(admin, made)
    # What is had in all namespaces is had in each.
    needed -= {one for one in needed if one.namespace and replace(one, namespace="") in needed}
    roles = Roles(gitops, needed)
    until(lambda: missing(operator, needed) == (), "the rights to be given", seconds=60)

    # Each is missing once, a fourth of them at a time.
    for number in range(4):
        gone = set(sorted(needed)[number::4])
        roles.give_all(without=gone)
        until(lambda gone=gone: set(missing(operator, needed)) == gone, f"{len(gone)} rights to be named",  # type: ignore[misc]
              seconds=60)  # fmt: skip
    roles.give_all()

    lacking = {Right("", "namespaces", "delete"), Right("argoproj.io", "applications", "patch", NAMESPACE)}
    before = snapshot(gitops)
    roles.give_all(without=lacking)
    until(lambda: set(missing(operator, needed)) == lacking, "the rights to be gone", seconds=60)
    refused = place.uninstall("--yes", "--engine", user="operator")
    assert refused.code == 1, refused.err
    assert "the login may not delete namespaces\n" in refused.err
    assert f"the login may not patch applications.argoproj.io in {NAMESPACE}" in refused.err
    assert refused.err.count("the login may not") == len(lacking)
    roles.give_all()
    assert snapshot(gitops) == before
    until(lambda: missing(operator, needed) == (), "the rights to be given", seconds=60)
    return roles


class Roles:
    """The operator's rights: a Role where they are for one namespace, a ClusterRole for the others."""

    def __init__(self, gitops: GitOps, rights: set[Right]) -> None:
        self._gitops = gitops
        self._rights = rights
        for space in {one.namespace for one in rights}:
            self.give(space)
            kind = "Role" if space else "ClusterRole"
            subject = {"kind": "Group", "apiGroup": RBAC, "name": "operators"}
            reference = {"kind": kind, "apiGroup": RBAC, "name": "tests"}
            self._replace(space, {"kind": f"{kind}Binding", "subjects": [subject], "roleRef": reference})

    def give_all(self, without: AbstractSet[Right] = frozenset()) -> None:
        """All of the rights but some."""
        for space in {one.namespace for one in self._rights}:
            self.give(space, without)

    def give(self, space: str, without: AbstractSet[Right] = frozenset()) -> None:
        """All of the rights in a namespace but some."""
        given = sorted(one for one in self._rights - without if one.namespace == space)
        rules = [{"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]} for one in given]
        self._replace(space, {"kind": "Role" if space else "ClusterRole", "rules": rules})

    def remove(self) -> None:
        """What lives in no namespace; the others went with theirs."""
        for kind in ("clusterrolebindings", "clusterroles"):
            self._gitops.api.must(self._gitops.api.ask("DELETE", f"/apis/{RBAC}/v1/{kind}/tests"))

    def _replace(self, space: str, thing: Object) -> None:
        # As a Role of ours it keeps no namespace.
        metadata = {"name": "tests", "labels": {"app.kubernetes.io/managed-by": "medpattern"}}
        resource = self._gitops.api.resource(f"{RBAC}/v1", thing["kind"])
        made = {"apiVersion": f"{RBAC}/v1", "metadata": metadata, **thing}
        self._gitops.api.must(self._gitops.api.apply(resource, space, made, {"fieldManager": "tests"}))


# ---- data --------------------------------------------------------------------------------------------------------


def test_data_and_what_others_have_made_stay_and_what_holds_the_rest_is_named(make: Any) -> None:
    place = make("argoproj.io", "kafka.strimzi.io")
    gitops: GitOps = place.gitops
    gitops.argocd.install()
    gitops.argocd.start()
    for thing in yaml.safe_load_all((place.ward.root / "rendered/west/root.yaml").read_text("utf-8")):
        resource = gitops.api.resource(thing["apiVersion"], thing["kind"])
        gitops.api.must(gitops.api.apply(resource, NAMESPACE, thing, STRICT))
    gitops.wait(lambda: all_synced(gitops), "all Applications to be Synced")
    make_others_things(gitops)

    # A dry run tells it all and changes nothing.
    before = snapshot(gitops)
    dry = place.uninstall("--dry-run", "--output", "json")
    assert dry.code == 0, dry.err
    plan = json.loads(dry.out)
    assert [one["object"] for one in plan["steps"] if one["stage"] == "applications"] == [
        f"Application {name} in argocd" for name in ("viewer", "broker", "legend")
    ]
    assert plan["data"] == [f"KafkaTopic {name} in broker" for name in ("images", "results")] + [
        "PersistentVolumeClaim journal in broker"
    ]
    assert snapshot(gitops) == before

    # Nothing is asked of nobody, and nothing is held against a finalizer.
    assert place.uninstall().code == 2
    assert snapshot(gitops) == before
    place.hold(SETTINGS, HOLD)
    held = place.uninstall("--yes", "--keep-data", "--timeout", "45s")
    assert held.code == 3, held.err
    assert f"ConfigMap settings in broker: held by its finalizer {HOLD}" in held.err
    assert "kubectl -n broker edit configmaps settings" in held.err
    assert gitops.get(SETTINGS)["metadata"]["finalizers"] == [HOLD]

    place.hold(SETTINGS)
    kept = place.uninstall("--yes", "--keep-data")
    assert kept.code == 0, kept.err
    assert {one["metadata"]["name"] for one in gitops.get(TOPICS)["items"]} == {"images", "results"}
    assert not [one for one in gitops.get(TOPICS)["items"] if "deletionTimestamp" in one["metadata"]]
    assert gitops.get(CLAIM)["metadata"].get("deletionTimestamp") is None
    assert gitops.get(NOTES)
    assert not any(gitops.application(name) for name in APPLICATIONS)
    assert not gitops.get(SETTINGS)
    assert not gitops.get(VIEWER)
    assert "Namespace images: it holds what others have made: ConfigMap notes in images" in kept.err

    # The data go when that is said; a namespace that cannot end is explained.
    gitops.api.must(gitops.api.ask("DELETE", NOTES))
    place.hold(f"{TOPICS}/images", HOLD)
    stuck = place.uninstall("--yes", "--timeout", "45s")
    assert stuck.code == 3, stuck.err
    assert f"KafkaTopic images in broker: held by its finalizer {HOLD}" in stuck.err
    assert "kubectl -n broker edit kafkatopics.kafka.strimzi.io images" in stuck.err
    assert gitops.get(f"{TOPICS}/images")["metadata"]["finalizers"] == [HOLD]
    place.hold(f"{TOPICS}/images")
    last = place.uninstall("--yes")
    assert last.code == 0, last.err
    assert not gitops.get("/api/v1/namespaces/broker")
    assert not gitops.get("/api/v1/namespaces/images")


def all_synced(gitops: GitOps) -> bool:
    """Whether all is applied; Strimzi's part, to say of each topic that it is ready, is played."""
    for topic in gitops.get(TOPICS).get("items", []):
        if not topic.get("status"):
            path = f"{TOPICS}/{topic['metadata']['name']}/status"
            gitops.api.must(gitops.api.ask("PATCH", path, READY, content_type=MERGE))
    return all(gitops.sync(name) == "Synced" for name in APPLICATIONS)


def make_others_things(gitops: GitOps) -> None:
    """Notes of somebody beside ours, and a claim as a broker's StatefulSet leaves it."""
    notes = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}, "data": {"a": "b"}}
    gitops.api.must(gitops.api.ask("POST", NOTES.rpartition("/")[0], notes))
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "journal"}, "spec": spec}
    gitops.api.must(gitops.api.ask("POST", CLAIM.rpartition("/")[0], claim))


def snapshot(gitops: GitOps) -> dict[str, Object]:
    """Every object that the server has, without its status and what the server keeps for itself."""
    connection = Connection.open(gitops.cluster.kubeconfig())
    found: dict[str, Object] = {}
    for kind in connection.resources.all:
        if "list" not in kind.verbs or kind.kind in NOTES_OF_KUBERNETES:
            continue
        for one in connection.list(kind.api_version, kind.kind):
            metadata = one["metadata"]
            content = {key: value for key, value in one.items() if key not in ("status", "metadata")}
            kept = {key: metadata.get(key) for key in ("uid", "labels", "annotations", "finalizers")}
            found[f"{kind.api_version} {kind.kind} {metadata.get('namespace', '')}/{metadata['name']}"] = {
                **content,
                "metadata": kept,
            }
    return found
