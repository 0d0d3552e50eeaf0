"""Whether Argo CD is there, and what installs it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from medpattern.cluster.bootstrap import engine
from medpattern.cluster.bootstrap.engine import Presence
from medpattern.cluster.connection import Object
from medpattern.errors import UsageError
from tests.cluster.standin import ARGOCD, KINDS, StandIn, thing

PART = {"labels": {"app.kubernetes.io/part-of": "argocd"}}
DEFINITIONS = [thing("CustomResourceDefinition", name) for name in engine.DEFINITIONS]
SETTINGS = thing("ConfigMap", "argocd-cm", "argocd")
CONTROLLER = thing("StatefulSet", "argocd-application-controller", "argocd", metadata=PART)
WHOLE = [*DEFINITIONS, SETTINGS, CONTROLLER, thing("Namespace", "argocd")]


def test_an_argocd_is_whole_absent_or_there_in_part() -> None:
    assert engine.engine_state(StandIn(), "argocd").presence is Presence.ABSENT
    assert engine.engine_state(StandIn(WHOLE), "argocd").presence is Presence.PRESENT
    assert engine.engine_state(StandIn(WHOLE), "elsewhere").presence is Presence.PARTIAL
    for left_out in WHOLE[:-1]:
        state = engine.engine_state(StandIn([one for one in WHOLE if one is not left_out]), "argocd")
        assert state.presence is Presence.PARTIAL
        assert len(state.absent) == 1


@pytest.mark.parametrize(
    "controller",
    [
        thing("StatefulSet", "openshift-gitops-application-controller", "argocd", metadata=PART),
        thing("Deployment", "argo", "argocd",
              metadata={"labels": {**PART["labels"], "app.kubernetes.io/component": "application-controller"}}),
    ],
    ids=["OpenShift's operator", "the Helm chart, dynamic distribution"],
)  # fmt: skip
def test_a_controller_counts_whoever_installed_it(controller: Object) -> None:
    assert engine.engine_state(StandIn([*DEFINITIONS, SETTINGS, controller]), "argocd").presence is Presence.PRESENT


def test_what_is_being_deleted_and_what_is_unfinished_is_seen() -> None:
    ending = thing("Namespace", "argocd", metadata={"deletionTimestamp": "2026-11-21T12:00:00Z"})
    record = engine.record("argocd", "ab", engine.INSTALLING)

    assert engine.engine_state(StandIn([ending]), "argocd").ending == ("Namespace argocd",)
    state = engine.engine_state(StandIn([record]), "argocd")
    assert state.is_ours
    assert state.is_unfinished
    finished = engine.engine_state(StandIn([*WHOLE, engine.record("argocd", "ab", engine.INSTALLED)]), "argocd")
    assert not finished.is_unfinished


def manifest(folder: Path, *more: Object) -> Path:
    path = folder / "install.yaml"
    path.write_text(yaml.safe_dump_all([*DEFINITIONS, *more]), "utf-8")
    return path


def test_objects_get_their_namespace_and_their_order(tmp_path: Path) -> None:
    bound = thing("ClusterRoleBinding", "b", subjects=[{"kind": "ServiceAccount", "name": "s", "namespace": "argocd"}])
    file = manifest(tmp_path, thing("Deployment", "d"), bound, thing("ServiceAccount", "s"), thing("ClusterRole", "r"))

    made = engine.read_installation(str(file), "", "gitops").objects

    kinds = [one["kind"] for one in made]
    assert kinds[:5] == ["Namespace", *["CustomResourceDefinition"] * 3, "ServiceAccount"]
    assert kinds[-1] == "Deployment"
    by_kind = {one["kind"]: one for one in made}
    assert by_kind["Deployment"]["metadata"]["namespace"] == "gitops"
    assert by_kind["ClusterRoleBinding"]["subjects"][0]["namespace"] == "gitops"
    assert "namespace" not in by_kind["ClusterRole"]["metadata"]
    assert by_kind["Namespace"]["metadata"]["name"] == "gitops"
    turned = engine.Installation("a manifest", "", tuple(reversed(made)))
    assert turned.space == by_kind["Namespace"]
    assert turned.subscription is None


def test_a_manifest_with_another_digest_is_refused(tmp_path: Path) -> None:
    file = manifest(tmp_path)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    assert engine.read_installation(str(file), digest, "argocd").digest == digest
    with pytest.raises(UsageError, match=f"has the sha256 {digest}"):
        engine.read_installation(str(file), "0" * 64, "argocd")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n", "no installation manifest of Argo CD"),
        ("<html>", "something else than Kubernetes objects"),
        ("a: [", "something else than Kubernetes objects"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "install.yaml"
    file.write_text(text)

    with pytest.raises(UsageError, match=words):
        engine.read_installation(str(file), "", "argocd")


def test_a_missing_file_and_plain_http_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        engine.read_installation(str(tmp_path / "none.yaml"), "", "argocd")
    with pytest.raises(UsageError, match="only https"):
        engine.read_installation("http://example.org/install.yaml", "", "argocd")


# ---- OpenShift -----------------------------------------------------------------------------------------------------

HOME = "openshift-gitops-operator"
SPEC = {
    "name": HOME,
    "channel": "gitops-1.21",
    "source": "redhat-operators",
    "sourceNamespace": "openshift-marketplace",
}
SUBSCRIPTION = thing("Subscription", HOME, HOME, api_version="operators.coreos.com/v1alpha1", spec=SPEC)
GROUP = thing("OperatorGroup", "group", HOME, api_version="operators.coreos.com/v1", spec={})


def test_on_openshift_the_trees_own_subscription_installs_it() -> None:
    other = thing("Subscription", "kafka", "kafka", api_version="operators.coreos.com/v1alpha1", spec={"name": "amq"})

    found = engine.by_operator([other, SUBSCRIPTION, GROUP], "openshift-gitops")

    assert found is not None
    assert [one["kind"] for one in found.objects] == ["Namespace", "OperatorGroup", "Subscription"]
    assert found.space["metadata"]["name"] == HOME
    assert found.subscription == SUBSCRIPTION
    assert engine.by_operator([other], "openshift-gitops") is None


def test_the_operator_is_waited_for_step_by_step() -> None:
    from medpattern.cluster.resources import Resource

    olm = [
        Resource("operators.coreos.com", "v1alpha1", "Subscription", "subscriptions", True),
        Resource("operators.coreos.com", "v1alpha1", "ClusterServiceVersion", "clusterserviceversions", True),
    ]
    kinds = [*KINDS, ARGOCD, *olm]
    established = {"conditions": [{"type": "Established", "status": "True"}]}
    unresolved = {"conditions": [{"type": "ResolutionFailed", "status": "True", "message": "no such channel"}]}
    definitions = [{**one, "status": established} for one in DEFINITIONS]
    installed = {**SUBSCRIPTION, "status": {"installedCSV": "openshift-gitops-operator.v1.21.0"}}
    version = thing("ClusterServiceVersion", "openshift-gitops-operator.v1.21.0", HOME,
                    api_version="operators.coreos.com/v1alpha1", status={"phase": "Succeeded"})  # fmt: skip
    pending, available = (thing("ArgoCD", "openshift-gitops", "openshift-gitops", status={"phase": phase})
                          for phase in ("Pending", "Available"))  # fmt: skip

    def state(*objects: Object) -> str:
        return str(engine.operator_state(StandIn(objects, kinds), SUBSCRIPTION, "openshift-gitops") or "")

    assert "no such channel" in state({**SUBSCRIPTION, "status": unresolved})
    assert "has installed nothing yet" in state(SUBSCRIPTION)
    assert "has not brought Argo CD's kinds" in state(installed, version, *DEFINITIONS)
    assert "not made yet" in state(installed, version, *definitions)
    assert "Pending" in state(installed, version, *definitions, pending)
    assert state(installed, version, *definitions, available) == ""
