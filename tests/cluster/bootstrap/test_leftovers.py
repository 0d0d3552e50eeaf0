"""What an upgrade of Argo CD removes, and whether one is to be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medpattern.cluster.bootstrap import engine
from medpattern.cluster.bootstrap.engine import Installation
from medpattern.cluster.bootstrap.intent import Wanted, read_wanted
from medpattern.cluster.bootstrap.leftovers import leftovers
from medpattern.cluster.bootstrap.preflight import preflight, rights
from medpattern.cluster.bootstrap.steps import INSTALLER
from medpattern.cluster.connection import Object
from medpattern.cluster.permissions import Right
from medpattern.cluster.preflight import Check, Verdict
from medpattern.rendering.selection import Selection
from tests.cluster.standin import KINDS, StandIn, thing
from tests.fleet.small import copy_small

PART = {"app.kubernetes.io/part-of": "argocd"}
NEW = "b" * 64


def applied(kind: str, name: str, *managers: str, namespace: str = "argocd", **more: Any) -> Object:
    fields = [{"manager": one, "operation": "Apply"} for one in managers]
    fields.append({"manager": "kube-controller-manager", "operation": "Update"})
    return thing(kind, name, namespace, metadata={"managedFields": fields, "labels": PART}, **more)


def test_what_only_bootstrap_installed_and_the_new_release_has_not_goes_and_nothing_else() -> None:
    gone = (
        applied("Deployment", "argocd-redis", INSTALLER, api_version="apps/v1"),
        applied("ConfigMap", "argocd-old", INSTALLER),
        applied("ClusterRole", "argocd-old", INSTALLER, namespace="", api_version="rbac.authorization.k8s.io/v1"),
    )
    stays = (
        applied("ConfigMap", "argocd-cm", INSTALLER),
        applied("ConfigMap", "argocd-shared", INSTALLER, "argocd-controller"),
        applied("ConfigMap", "argocd-others", "helm"),
        applied("ConfigMap", "argocd-old", INSTALLER, namespace="elsewhere"),
        applied("CustomResourceDefinition", "old.argoproj.io", INSTALLER, namespace=""),
    )
    new = Installation("new", NEW, (thing("ConfigMap", "argocd-cm", "argocd"),))

    assert tuple(leftovers(StandIn([*stays, *gone], KINDS), new, "argocd", INSTALLER)) == gone


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    root = copy_small(tmp_path)
    return read_wanted(Selection(root, clusters=("west",)), root / "rendered")


def there(*more: Object) -> StandIn:
    """A cluster with an Argo CD."""
    definitions = [thing("CustomResourceDefinition", name) for name in engine.DEFINITIONS]
    controller = applied("StatefulSet", "argocd-application-controller", INSTALLER)
    return StandIn([*definitions, controller, thing("ConfigMap", "argocd-cm", "argocd"), *more])


def judged(wanted: Wanted, connection: StandIn) -> Check:
    (found,) = [one for one in preflight(wanted, connection).checks if one.name == "argocd"]
    return found


def test_another_manifest_in_the_values_is_told_and_changes_nothing_by_itself(wanted: Wanted) -> None:
    ours = there(engine.record("argocd", "a" * 64, engine.INSTALLED))

    other = judged(replace(wanted, manifest="https://example.org/install.yaml", sha256=NEW), ours)
    same = judged(replace(wanted, manifest="https://example.org/install.yaml", sha256="A" * 64), ours)

    assert (other.verdict, "--upgrade-argocd" in other.cure) == (Verdict.WARNING, True)
    assert same.verdict is Verdict.OK
    assert preflight(replace(wanted, sha256=NEW), ours).installation is None


def test_an_upgrade_is_refused_where_bootstrap_has_not_installed_it_or_nothing_says_to_what(wanted: Wanted) -> None:
    asked = replace(wanted, upgrades=True)

    of_others = judged(replace(asked, manifest="nowhere.yaml"), there())
    to_nothing = judged(asked, there(engine.record("argocd", "a" * 64, engine.INSTALLED)))

    assert (of_others.verdict, "not installed by bootstrap" in of_others.message) == (Verdict.PROBLEM, True)
    assert (to_nothing.verdict, "to which release" in to_nothing.message) == (Verdict.PROBLEM, True)


def test_only_an_upgrade_needs_the_right_to_delete(wanted: Wanted) -> None:
    installation = Installation("new", NEW, ())
    removal = Right("apps", "deployments", "delete", "argocd")

    assert removal in rights(replace(wanted, upgrades=True), there(), installation)
    assert not [one for one in rights(wanted, there(), installation) if one.verb == "delete"]


def test_on_openshift_the_operator_upgrades(wanted: Wanted) -> None:
    facts = replace(wanted.facts, distribution="openshift")
    found = judged(replace(wanted, facts=facts, upgrades=True), there())

    assert (found.verdict, "operator" in found.message, "channel" in found.cure) == (Verdict.PROBLEM, True, True)
