"""`medpattern bootstrap` and `uninstall` the way of OpenShift, whose lifecycle manager and operators are played.

Real are the API server with the definitions of the kinds, the controllers and Argo CD; see docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from medpattern.cluster.bootstrap.engine import by_operator
from medpattern.cluster.bootstrap.intent import read_wanted
from medpattern.cluster.bootstrap.preflight import rights
from medpattern.cluster.connection import Connection
from medpattern.cluster.permissions import RBAC, missing
from medpattern.rendering.selection import Selection
from tests.fleet.small import Result, process
from tests.live.servers.api import STRICT, Object
from tests.live.servers.definitions import definition_files
from tests.live.servers.gitops import MERGE, GitOps
from tests.live.servers.openshift import GitOpsOperator, Olm, definitions
from tests.live.servers.template import install
from tests.live.ward import FACTS, WEST, Ward
from tests.real.servers.processes import Process, until

NAMESPACE, HOME = "openshift-gitops", "openshift-gitops-operator"
GITOPS, STRIMZI = "openshift-gitops-operator.v1.21.0", "strimzi-cluster-operator.v1.2.0"
PACKAGE = "strimzi-kafka-operator"
APPLICATIONS = ("west-root", "broker", "legend", "viewer")
TOPICS = "/apis/kafka.strimzi.io/v1/namespaces/broker/kafkatopics"
READY = {"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}}
ROUTE = "/apis/route.openshift.io/v1/namespaces/images/routes/viewer"
ADMITTED = {"status": {"ingress": [{"host": "viewer", "conditions": [{"type": "Admitted", "status": "True"}]}]}}
VIEWER = "charts/viewer/templates/viewer.yaml"
RUN_SECONDS = 600
# The operator of OpenShift GitOps, as the tree of an OpenShift subscribes to it.
SUBSCRIBED = """\
clusterGroup:
  namespaces:
    openshift-gitops-operator: {operatorGroup: true, targetNamespaces: []}
  subscriptions:
    gitops:
      name: openshift-gitops-operator
      namespace: openshift-gitops-operator
      channel: gitops-1.21
"""


@dataclass(frozen=True)
class Place:
    """An OpenShift with its lifecycle manager, and the repository of which it is to get its part."""

    gitops: GitOps
    ward: Ward
    olm: Olm
    operator: GitOpsOperator

    def words(self, command: str, *more: str, user: str = "admin") -> list[str]:
        """The command line of a bootstrap or an uninstallation with somebody's login."""
        words = [command, "--cluster", "west", "--root", str(self.ward.root), "--yes"]
        return [*words, "--kubeconfig", str(self.gitops.cluster.kubeconfig(user)), *more]

    def run(self, command: str, *more: str) -> Result:
        """One from beginning to end."""
        return process(*self.words(command, *more))

    def begin(self, log: Path, *more: str, user: str = "admin") -> Process:
        """A bootstrap in the background."""
        return self.gitops.begin(log, *self.words("bootstrap", *more, user=user))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    gitops = GitOps(tmp_path / "servers", definitions=definitions(), namespace=NAMESPACE)
    try:
        gitops.start()
        api = gitops.api
        ingress: Object = {"apiVersion": "config.openshift.io/v1", "kind": "Ingress", "metadata": {"name": "cluster"}}
        ingress["spec"] = {"domain": "apps.west.example.org"}
        api.must(api.apply(api.resource("config.openshift.io/v1", "Ingress"), "", ingress, STRICT))
        ward = Ward(tmp_path, gitops.git)
        uid = gitops.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        for old, new in (
            ("hub: hub", f"hub: hub\nserver: {gitops.cluster.url}\nclusterId: {uid}"),
            ("distribution: kubernetes", "distribution: openshift"),
            ("platform: None", "platform: VSphere"),
            ('"1.36"', '"4.20"'),
            ("{model: pull, namespace: argocd}", "{model: pull}"),
        ):
            ward.edit(FACTS, old, new)
        ward.edit(WEST, "clusterGroup:\n", SUBSCRIBED)
        ward.edit(VIEWER, "{kind: Service, name: viewer}", "{kind: Service, name: viewer}\n  tls: {termination: edge}")
        ward.edit("values/values-global.yaml", "a test}", "a test, Service/images/viewer: a test}")
        ward.publish("the cluster as it is")
        yield Place(gitops, ward, Olm(api), GitOpsOperator(api, NAMESPACE))
    finally:
        gitops.discard()


def test_from_an_empty_openshift_to_healthy_and_back(place: Place, tmp_path: Path) -> None:
    what_the_lifecycle_manager_waits_for_is_named(place, tmp_path)
    a_further_run_finishes(place, tmp_path)
    before = everything(place.gitops)
    again = place.run("bootstrap")
    assert again.code == 0, again.err
    assert "nothing to do" in again.err
    assert everything(place.gitops) == before
    uninstall_leaves_the_operator_of_argo_cd(place)


def what_the_lifecycle_manager_waits_for_is_named(place: Place, tmp_path: Path) -> None:
    """Each state within the wait, with its cure; the run that waits is killed, and one without patience ends with 3."""
    olm, run = place.olm, place.begin(tmp_path / "first.log")
    said(run, f"waits  the Subscription {HOME} has installed nothing yet")

    olm.say(HOME, HOME, {"type": "ResolutionFailed", "message": "no operators found in channel gitops-1.21"})
    said(run, "cannot be resolved: no operators found in channel gitops-1.21")
    said(run, f"-> see whether the package {HOME} has the channel gitops-1.21")

    plan = olm.plan(HOME, HOME, GITOPS)
    said(run, f"the InstallPlan {plan} in {HOME} waits for a person's approval")
    said(run, f'oc -n {HOME} patch installplan {plan} --type merge --patch \'{{"spec":{{"approved":true}}}}\'')
    approve(place.gitops, HOME, plan)
    assert olm.is_approved(HOME, plan)

    olm.install(HOME, HOME, GITOPS, phase="Failed", reason="UnsupportedOperatorGroup", message="AllNamespaces only")
    said(run, f"the ClusterServiceVersion {GITOPS} in {HOME} is Failed: UnsupportedOperatorGroup: AllNamespaces only")
    said(run, f"oc -n {HOME} get operatorgroups")
    run.kill()

    ended = place.run("bootstrap", "--timeout", "1s")
    assert ended.code == 3, ended.err
    assert f"{GITOPS} in {HOME} is Failed" in ended.err.splitlines()[-1]
    assert f"oc -n {HOME} get operatorgroups" in ended.err.splitlines()[-1]


def a_further_run_finishes(place: Place, tmp_path: Path) -> None:
    """The operator has begun: its kinds and a part of Argo CD are there. It writes the health check late."""
    gitops, olm, operator = place.gitops, place.olm, place.operator
    olm.install(HOME, HOME, GITOPS)
    run = place.begin(tmp_path / "second.log", "--timeout", "20m")
    said(run, "the operator has not brought Argo CD's kinds yet")
    operator.bring_kinds()
    gitops.argocd.install()
    said(run, f"the ArgoCD in {NAMESPACE} is not made yet")
    run.kill()

    give_rights(place)
    run = place.begin(tmp_path / "third.log", "--timeout", "20m", user="operator")
    said(run, "its installation was begun and is finished")
    operator.make_instance("Pending")
    said(run, f"the ArgoCD in {NAMESPACE} is Pending")
    operator.make_controller()
    operator.reconcile()
    operator.make_instance("Available")
    said(run, "has not written the health check")
    assert not gitops.application("west-root")
    operator.reconcile()
    gitops.argocd.start()
    until(lambda: has_ended(place, run), "bootstrap to end", seconds=RUN_SECONDS, every=0.3)

    assert run.exit_code == 0, run.tail()
    assert "all 4 Applications of 'west' are Healthy" in run.text()
    live = operator.instance()
    assert [one["kind"] for one in live["spec"]["resourceHealthChecks"]] == ["Application"]


def give_rights(place: Place) -> None:
    """Those that bootstrap asks for on OpenShift, in all namespaces: most of these are not there yet."""
    gitops, root = place.gitops, place.ward.root
    wanted = read_wanted(Selection(root, clusters=("west",)), root / "rendered")
    admin, operator = (Connection.open(gitops.cluster.kubeconfig(user)) for user in ("admin", "operator"))
    needed = rights(wanted, admin, by_operator(wanted.of_root, NAMESPACE))
    rules = [{"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]} for one in sorted(needed)]
    role: Object = {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "tests"}}
    subjects = [{"kind": "Group", "apiGroup": RBAC, "name": "operators"}]
    bound = {"subjects": subjects, "roleRef": {"kind": "ClusterRole", "apiGroup": RBAC, "name": "tests"}}
    for thing in ({**role, "rules": rules}, {**role, "kind": "ClusterRoleBinding", **bound}):
        gitops.api.must(gitops.api.apply(gitops.api.resource(f"{RBAC}/v1", thing["kind"]), "", thing, STRICT))
    until(lambda: missing(operator, needed) == (), "the rights to be given", seconds=60)


def uninstall_leaves_the_operator_of_argo_cd(place: Place) -> None:
    gitops, olm = place.gitops, place.olm
    olm.copy(GITOPS, HOME, "broker", "images")  # its OperatorGroup serves all namespaces

    ended = place.run("uninstall")

    assert ended.code == 0, ended.err
    assert not any(gitops.application(name) for name in APPLICATIONS)
    for name in ("broker", "images"):
        assert not gitops.get(f"/api/v1/namespaces/{name}"), ended.err
    operators = "/apis/operators.coreos.com"
    for path in (f"{operators}/v1alpha1/subscriptions", f"{operators}/v1alpha1/clusterserviceversions",
                 f"{operators}/v1alpha1/installplans", f"{operators}/v1/operatorgroups"):  # fmt: skip
        left = [one["metadata"]["namespace"] for one in gitops.get(path)["items"]]
        assert left == [HOME], path
    assert f"delete: Subscription {PACKAGE} in broker" in ended.err
    assert f"delete: ClusterServiceVersion {STRIMZI} in broker" in ended.err
    assert place.operator.instance()["status"]["phase"] == "Available"
    assert f"ArgoCD {NAMESPACE} in {NAMESPACE}: the list of its health checks" in ended.err
    again = place.run("uninstall")
    assert again.code == 0
    assert "nothing of 'west' is on" in again.err


def said(run: Process, words: str) -> None:
    """Wait for what a run says."""
    until(lambda: words in run.text() or not run.alive, f"'{words}'", seconds=RUN_SECONDS, every=0.2)
    assert words in run.text(), run.tail()


def approve(gitops: GitOps, namespace: str, plan: str) -> None:
    """What a person does."""
    path = f"/apis/operators.coreos.com/v1alpha1/namespaces/{namespace}/installplans/{plan}"
    gitops.api.must(gitops.api.ask("PATCH", path, {"spec": {"approved": True}}, content_type=MERGE))


def has_ended(place: Place, run: Process) -> bool:
    """Whether a run is over; meanwhile Strimzi is installed, topics become ready and the route is admitted."""
    gitops, olm = place.gitops, place.olm
    live = olm.subscription("broker", PACKAGE)
    if live and not live.get("status"):
        plan = olm.plan("broker", PACKAGE, STRIMZI)
        gitops.wait(lambda: gitops.health("west-root") == "Progressing", "Argo CD to wait for the approval")
        approve(gitops, "broker", plan)
        install(gitops.api, definition_files("openshift", ["kafka.strimzi.io"]))
        olm.install("broker", PACKAGE, STRIMZI)
    listed = gitops.api.ask("GET", TOPICS)
    for topic in listed.body["items"] if listed.status == 200 else ():  # a kind that is new is not ready at once
        if not topic.get("status"):
            path = f"{TOPICS}/{topic['metadata']['name']}/status"
            gitops.api.must(gitops.api.ask("PATCH", path, READY, content_type=MERGE))
    route = gitops.get(ROUTE)
    if route and not route.get("status"):
        gitops.api.must(gitops.api.ask("PATCH", f"{ROUTE}/status", ADMITTED, content_type=MERGE))
    return not run.alive


def everything(gitops: GitOps) -> dict[str, Object]:
    """What bootstrap applies."""
    return gitops.contents(
        f"/api/v1/namespaces/{NAMESPACE}/configmaps",
        f"/apis/argoproj.io/v1beta1/namespaces/{NAMESPACE}/argocds",
        f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications",
        f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/appprojects",
        "/apis/operators.coreos.com/v1alpha1/subscriptions",
        "/apis/operators.coreos.com/v1/operatorgroups",
        "/api/v1/namespaces",
    )
