"""`medpattern diff --live` against a real API server, on which a test has applied the small fleet as Argo CD does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.cluster.connection import Connection
from medpattern.cluster.livediff.desired import desired
from medpattern.cluster.livediff.fieldsets import is_applied
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.selection import Selection
from tests.fleet.small import Result, copy_small, edit, medpattern, render
from tests.live import fleet as shipped
from tests.live.played import contexts
from tests.live.servers.cluster import Cluster
from tests.live.servers.definitions import definition_files
from tests.live.servers.template import template

MANAGER = "argocd-controller"
VALUES, OWN_VALUES = "values/values-ward.yaml", "values/values-west.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server of its own, since objects are stored here."""
    known = shipped.on("kubernetes")
    ready = template(definition_files("kubernetes", shipped.groups(known)))
    cluster = Cluster(tmp_path_factory.mktemp("diff") / "cluster", ready)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.discard()


@dataclass
class West:
    """The cluster `west` of the small fleet: everything that its root and its charts make is stored."""

    root: Path
    kubeconfig: Path
    connection: Connection

    def diff(self, *words: str | Path) -> Result:
        """The command as a user types it."""
        return medpattern(
            "diff", "--live", "--cluster", "west", "--kubeconfig", self.kubeconfig, *words, root=self.root
        )

    def changes(self, *words: str | Path) -> dict[str, dict[str, Any]]:
        """What it says of each object."""
        (found,) = json.loads(self.diff(*words, "--output", "json").out)
        return {one["object"]: one for one in found["objects"]}

    def patch(self, path: str, patch: Any) -> None:
        """A change by hand."""
        self.connection.ask("PATCH", path, {"fieldManager": "kubectl-edit"}, patch, "application/merge-patch+json")


@dataclass(frozen=True)
class Stored:
    """An object as it was applied and as it is since; and by whom it was."""

    thing: dict[str, Any]
    live: dict[str, Any]
    manager: str


def sync(connection: Connection, root: Path, cluster: str) -> list[Stored]:
    """Stores what a cluster should have, with Argo CD's marks."""
    selection = Selection(root)
    plan = desired(Renderer(selection.load()).cluster(cluster))
    applied = []
    for one in sorted(plan.objects, key=lambda one: one.thing["kind"] != "Namespace"):
        thing = json.loads(json.dumps(one.thing))
        resource = connection.resource(thing["apiVersion"], thing["kind"])
        namespace = thing["metadata"].get("namespace") or one.release
        if resource.namespaced:
            thing["metadata"]["namespace"] = namespace
        if one.application:
            mark = f"{one.application}:{resource.group}/{resource.kind}:{namespace}/{thing['metadata']['name']}"
            thing["metadata"].setdefault("annotations", {})["argocd.argoproj.io/tracking-id"] = mark
        live = connection.apply(thing, force=True, field_manager=one.manager)
        applied.append(Stored(thing, live, one.manager))
    return applied


def forget(connection: Connection, stored: list[Stored]) -> None:
    """Removes what was stored; a namespace stays, since nothing here would empty it."""
    for one in stored:
        kind, metadata = (one.thing["apiVersion"], one.thing["kind"]), one.thing["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace", "")
        if kind[1] == "Application" and connection.get(*kind, name, namespace):
            path = f"{connection.resource(*kind).path(namespace)}/{name}"
            connection.ask("PATCH", path, {}, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        if kind[1] != "Namespace":
            connection.delete(*kind, name, namespace)


@pytest.fixture
def west(server: Cluster, tmp_path: Path) -> Iterator[West]:
    root = copy_small(tmp_path)
    render(root)
    server.api.make_namespaces(["argocd"])
    kubeconfig = contexts(server, tmp_path, "west")
    connection = Connection.open(kubeconfig, "west")
    stored = sync(connection, root, "west")
    yield West(root, kubeconfig, connection)
    forget(connection, stored)


def test_nothing_differs_after_a_sync_and_no_dry_run_is_needed(west: West) -> None:
    result = west.diff()

    assert result.code == 0, result.out + result.err
    assert result.out == ""
    assert "nothing would change" in result.err
    assert "0 dry runs" in result.err
    assert "reports: its chart lies in another repository" in result.err


def test_a_changed_value_shows_as_the_one_field_that_a_sync_would_change(west: West) -> None:
    edit(west.root, OWN_VALUES, "replicas: 1", "replicas: 4")

    result = west.diff()

    assert result.code == 1
    assert "--- viewer: Deployment/viewer in images would change (west)" in result.out
    assert [line for line in result.out.splitlines() if line[:1] in "+-" and line[:3] != "---"] == [
        "-  replicas: 1",
        "+  replicas: 4",
    ]


def test_a_field_that_is_no_longer_applied_shows_as_removed(west: West) -> None:
    edit(west.root, VALUES, "labels: {team: radiology}", "labels: {}")

    change = west.changes()["Namespace/images"]

    assert "-    team: radiology" in change["diff"]


def test_a_change_by_hand_shows_and_what_others_set_besides_does_not(west: West) -> None:
    deployment = "/apis/apps/v1/namespaces/images/deployments/viewer"
    west.patch(deployment, {"metadata": {"annotations": {"example.org/theirs": "kept"}},
                            "spec": {"revisionHistoryLimit": 3}})  # fmt: skip
    assert west.diff().code == 0

    west.patch(deployment, {"spec": {"replicas": 7}})
    assert "-  replicas: 7" in west.changes()["Deployment/viewer in images"]["diff"]


def test_ignored_differences_are_left_alone(west: West) -> None:
    rules = ("      ignoreDifferences:\n"
             "        - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}\n"
             "        - {group: apps, kind: '*', jqPathExpressions: ['.spec.template.spec.containers[].env']}\n"
             "        - {group: apps, kind: Deployment, managedFieldsManagers: [kubectl-edit]}\n")  # fmt: skip
    edit(west.root, VALUES, "      path: charts/viewer\n", f"      path: charts/viewer\n{rules}")
    edit(west.root, OWN_VALUES, "replicas: 1", "replicas: 4")
    edit(west.root, VALUES, "logLevel: INFO", "logLevel: WARN")
    deployment = "/apis/apps/v1/namespaces/images/deployments/viewer"
    west.patch(deployment, {"metadata": {"annotations": {"example.org/title": "By hand"}}})

    found = west.changes()

    assert list(found) == ["Application/viewer in argocd"]  # it has the rules, which are new


def test_rules_of_argocd_cm_count_for_every_application(west: West) -> None:
    rule = yaml.safe_dump({"jsonPointers": ["/data/size"]})
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"},
                "data": {"resource.customizations.ignoreDifferences.ConfigMap": rule}}  # fmt: skip
    legend = "/api/v1/namespaces/images/configmaps/legend"
    west.patch(legend, {"data": {"size": "by hand"}})
    assert "ConfigMap/legend in images" in west.changes()

    west.connection.apply(settings)
    try:
        assert west.changes() == {}
    finally:
        west.connection.delete("v1", "ConfigMap", "argocd-cm", "argocd")


def test_what_would_be_pruned_is_named_and_what_would_not_is_told_why(west: West) -> None:
    text = (west.root / VALUES).read_text()
    start, end = text.index("    legend:"), text.index("    reports:")
    (west.root / VALUES).write_text(text[:start] + text[end:])
    old = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic",
           "metadata": {"name": "old", "namespace": "broker", "annotations": {
               "argocd.argoproj.io/tracking-id": "broker:kafka.strimzi.io/KafkaTopic:broker/old",
               "argocd.argoproj.io/sync-options": "Prune=confirm,Delete=confirm"}},
           "spec": {"partitions": 1, "replicas": 1}}  # fmt: skip
    copied = {**old, "metadata": {**old["metadata"], "name": "copied"}}  # the mark is another object's
    for thing in (old, copied):
        west.connection.apply(thing, field_manager=MANAGER)
    try:
        found = west.changes()
    finally:
        for thing in (old, copied):
            west.connection.delete("kafka.strimzi.io/v1", "KafkaTopic", thing["metadata"]["name"], "broker")

    assert found["Application/legend in argocd"]["change"] == "prune"
    assert (found["KafkaTopic/old in broker"]["change"], found["KafkaTopic/old in broker"]["note"]) == (
        "prune",
        "stays until it is confirmed: Prune=confirm",
    )
    assert "KafkaTopic/copied in broker" not in found


def test_only_one_application_is_compared_if_one_is_named(west: West) -> None:
    edit(west.root, OWN_VALUES, "replicas: 1", "replicas: 4")
    edit(west.root, VALUES, "labels: {team: radiology}", "labels: {}")

    assert list(west.changes("--app", "viewer")) == ["Deployment/viewer in images"]
    assert west.diff("--app", "legend").code == 0
    assert west.diff("--app", "lengend").code == 2


def test_what_is_not_there_is_created_also_in_a_namespace_that_is_not_there(west: West) -> None:
    west.connection.delete("v1", "ConfigMap", "legend", "images")
    edit(west.root, VALUES, "    broker: {operatorGroup: false}\n",
         "    broker: {operatorGroup: false}\n    annex: {operatorGroup: false}\n")  # fmt: skip
    edit(west.root, VALUES, "      namespace: broker\n", "      namespace: annex\n")

    found = west.changes()

    assert found["ConfigMap/legend in images"]["change"] == "create"
    assert found["Namespace/annex"]["change"] == "create"
    assert found["KafkaTopic/images in annex"]["note"] == "its namespace is not there yet"
    assert found["KafkaTopic/images in broker"]["change"] == "prune"


def test_what_the_server_would_refuse_says_so(west: West) -> None:
    edit(west.root, "charts/viewer/templates/viewer.yaml", "matchLabels: {app: viewer}", "matchLabels: {app: other}")

    change = west.changes()["Deployment/viewer in images"]

    assert change["change"] == "refused"
    assert "`selector` does not match template `labels`" in change["note"]


def test_values_of_secrets_are_hidden(west: West) -> None:
    secret = west.root / "charts" / "legend" / "templates" / "secret.yaml"
    secret.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {key: planted-in-git, same: s}\n"
    )
    there = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "images"},
             "stringData": {"key": "planted-in-cluster", "same": "s"}}  # fmt: skip
    west.connection.apply(there, field_manager=MANAGER)
    try:
        changed = west.diff("--app", "legend")
        west.connection.delete("v1", "Secret", "key", "images")
        created = west.diff("--app", "legend")
    finally:
        west.connection.delete("v1", "Secret", "key", "images")

    assert '+  key: "(hidden, another value)"' in changed.out
    assert '+  key: "(hidden)"' in created.out
    assert not any(word in one.out + one.err for one in (changed, created)
                   for word in ("planted", "cGxhbnRlZ", "cw=="))  # fmt: skip


def test_a_login_that_may_read_and_not_apply_is_told_what_it_lacks(west: West, server: Cluster, tmp_path: Path) -> None:
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": rules,
    }
    binding = {**role, "kind": "ClusterRoleBinding", "subjects": [{"kind": "User", "name": "nobody",
               "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
               "kind": "ClusterRole", "name": "reader"}}  # fmt: skip
    del binding["rules"]
    edit(west.root, OWN_VALUES, "replicas: 1", "replicas: 4")
    west.kubeconfig = server.kubeconfig("nobody")
    refused = west.diff()
    for thing in (role, binding):
        west.connection.apply(thing)
    try:
        asked = west.diff("--app", "viewer")
    finally:
        for thing in (binding, role):
            west.connection.delete(thing["apiVersion"], thing["kind"], "reader")

    assert (refused.code, asked.code) == (3, 3)
    assert "cannot list resource" in refused.err
    assert "Deployment/viewer in images could not be compared" in asked.out
    assert 'cannot patch resource "deployments"' in asked.out


def test_a_server_that_does_not_answer_is_told_of(west: West, server: Cluster, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    west.kubeconfig = contexts(server, tmp_path / "gone", west="https://127.0.0.1:9")

    result = west.diff()

    assert result.code == 3
    assert "west: https://127.0.0.1:9 does not answer" in result.err


def test_objects_that_are_not_asked_about_would_not_have_changed(server: Cluster, tmp_path: Path) -> None:
    """Of every object of a shipped cluster that the record settles, the server's own dry run changes nothing."""
    connection = Connection.open(contexts(server, tmp_path, "hospital-2"), "hospital-2")
    server.api.make_namespaces(shipped.namespaces(shipped.on("kubernetes")))
    stored = sync(connection, shipped.CHECKOUT, "hospital-2")
    settled = [one for one in stored if is_applied(one.thing, one.live, one.manager)]

    def again(one: Stored) -> dict[str, Any]:
        return connection.apply(one.thing, dry_run=True, force=True, field_manager=one.manager)

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(again, settled))
    forget(connection, stored)

    changed = [one.thing["metadata"]["name"] for one, live in zip(settled, made, strict=True) if live != one.live]
    assert changed == []
    assert len(settled) > 0.9 * len(stored), f"{len(settled)} of {len(stored)}"
