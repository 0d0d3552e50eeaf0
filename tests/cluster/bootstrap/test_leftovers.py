"""What an upgrade of Argo CD removes, and whether one is to be had."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from medpattern.cluster.bootstrap import engine
from medpattern.cluster.bootstrap.engine import Installation
from medpattern.cluster.bootstrap.intent import Wanted, read_wanted
from medpattern.cluster.bootstrap.leftovers import leftovers
from medpattern.cluster.bootstrap.preflight import preflight, rights
from medpattern.cluster.bootstrap.steps import INSTALLER, Applied, Patience, all_removed, carry_out
from medpattern.cluster.connection import MANAGER, Object
from medpattern.cluster.permissions import Right
from medpattern.cluster.preflight import Check, Verdict
from medpattern.cluster.resources import Resource, Resources
from medpattern.errors import RemoteError
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


def written(kind: str, name: str, owned: Object, manager: str = "kubectl-edit") -> Object:
    """An object of the installation with fields that somebody has written by an update."""
    made = applied(kind, name, INSTALLER)
    made["metadata"]["managedFields"].append({"manager": manager, "operation": "Update", "fieldsV1": owned})
    return made


def test_what_others_have_written_into_stays_and_is_told(wanted: Wanted, tmp_path: Path) -> None:
    key: Object = {".": {}, "f:email-password": {}}
    stays = (
        written("ConfigMap", "templates", {"f:data": key}, "kubectl-patch"),
        written("ConfigMap", "pictures", {"f:binaryData": key}),
        written("Secret", "argocd-notifications-secret", {"f:data": key}),
    )
    goes = (
        written("ConfigMap", "labelled", {"f:metadata": {"f:labels": {"f:team": {}}}}),
        written("ConfigMap", "emptied", {"f:data": {".": {}}}),
        written("Secret", "own", {"f:data": key}, INSTALLER),
        written("Service", "argocd-old", {"f:spec": {"f:ports": {}}}),
    )
    record = engine.record("argocd", "a" * 64, engine.INSTALLED)
    server = there(*stays, *goes, record)
    server.__dict__["resources"] = Resources([*KINDS, Resource("", "v1", "Service", "services", True)])
    asked = replace(wanted, manifest=manifest(tmp_path, "new"), upgrades=True)

    found = preflight(asked, server)

    told = [(one.verdict, one.cure) for one in found.checks if "others have written into it" in one.message]
    assert told == [
        (Verdict.WARNING, f"if nothing needs it any more: kubectl --namespace argocd delete {kind} {name}")
        for kind, name in (("configmap", "templates"), ("configmap", "pictures"),
                           ("secret", "argocd-notifications-secret"))
    ]  # fmt: skip
    removed = [one["metadata"]["name"] for one in all_removed(asked, server, found.installation)]
    assert {one["metadata"]["name"] for one in goes} <= set(removed)
    assert not {one["metadata"]["name"] for one in stays} & set(removed)


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

    assert removal in rights(wanted, there(), replace(installation, is_upgrade=True))
    assert not [one for one in rights(wanted, there(), installation) if one.verb == "delete"]


def test_on_openshift_the_operator_upgrades(wanted: Wanted) -> None:
    facts = replace(wanted.facts, distribution="openshift")
    found = judged(replace(wanted, facts=facts, upgrades=True), there())

    assert (found.verdict, "operator" in found.message, "channel" in found.cure) == (Verdict.PROBLEM, True, True)


# ---- stopped runs ------------------------------------------------------------------------------------------------


class Server(StandIn):
    """Keeps what is applied and forgets what is deleted; goes away when something named `stops_at` is applied."""

    stops_at = ""

    def apply(
        self, thing: Object, *, dry_run: bool = False, force: bool = False, field_manager: str = MANAGER
    ) -> Object:
        """Keeps an object, and who has applied it."""
        metadata = thing["metadata"]
        if metadata["name"] == self.stops_at:
            raise RemoteError("the server does not answer")
        made = deepcopy(thing)
        made["metadata"]["managedFields"] = [{"manager": field_manager, "operation": "Apply"}]
        self.delete(thing["apiVersion"], thing["kind"], metadata["name"], metadata.get("namespace", ""))
        self.objects.append(made)
        return made

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, propagation: str = "Background"
    ) -> bool:
        """Forgets an object."""
        found = self.get(api_version, kind, name, namespace)
        self.objects = [one for one in self.objects if one is not found]
        return found is not None

    def forget_kinds(self) -> None:
        """The kinds stay what they are."""

    @property
    def deployments(self) -> set[str]:
        """The names of the Deployments."""
        return {one["metadata"]["name"] for one in self.list("apps/v1", "Deployment")}

    @property
    def record(self) -> dict[str, str]:
        """What bootstrap notes of the installation."""
        return dict((self.get("v1", "ConfigMap", engine.RECORD, "argocd") or {}).get("data", {}))


def manifest(folder: Path, deployment: str) -> str:
    """A manifest with one Deployment, and a ConfigMap called "last", the last that is applied."""
    established = {"conditions": [{"type": "Established", "status": "True"}]}
    names = {"plural": "any", "kind": "Any"}
    spec = {"group": "argoproj.io", "names": names, "scope": "Namespaced"}
    things = [
        thing("CustomResourceDefinition", name, api_version="apiextensions.k8s.io/v1", spec=spec, status=established)
        for name in engine.DEFINITIONS
    ]
    controller = thing("StatefulSet", "argocd-application-controller", api_version="apps/v1", metadata={"labels": PART})
    things += [thing("ConfigMap", engine.SETTINGS), thing("Deployment", deployment, api_version="apps/v1"), controller]
    things.append(thing("StatefulSet", "last", api_version="apps/v1"))
    path = folder / f"{deployment}.yaml"
    path.write_text(yaml.safe_dump_all(things), "utf-8")
    return str(path)


Run = Callable[..., Check]


@pytest.fixture
def run(wanted: Wanted) -> Run:
    def run(server: Server, manifest: str, *, upgrades: bool = False, stops_at: str = "") -> Check:
        """A run, up to the object at which the server goes away; what its preflight says of Argo CD."""
        asked = replace(wanted, manifest=manifest, upgrades=upgrades)
        found = preflight(asked, server)
        (check,) = [one for one in found.checks if one.name == "argocd"]
        if check.verdict is Verdict.PROBLEM:
            return check
        server.stops_at = stops_at
        told: list[Applied] = []
        try:
            carry_out(asked, server, found.installation, told.append, Patience(0, lambda _: None))
        except RemoteError:
            assert stops_at
        server.stops_at = ""
        return check

    return run


def test_a_stopped_upgrade_is_finished_by_the_same_manifest_leftovers_and_all(run: Run, tmp_path: Path) -> None:
    server, old, new = Server(), manifest(tmp_path, "old"), manifest(tmp_path, "new")
    run(server, old)
    run(server, new, upgrades=True, stops_at="last")
    assert server.deployments == {"old", "new"}

    finished = run(server, new)

    assert (finished.verdict, "its upgrade was begun and is finished" in finished.message) == (Verdict.OK, True)
    assert server.deployments == {"new"}
    assert server.record["state"] == engine.INSTALLED
    assert run(server, new).message.endswith("it is left as it is")


def test_a_stopped_upgrade_goes_to_another_manifest_only_by_an_upgrade(run: Run, tmp_path: Path) -> None:
    server, old, new = Server(), manifest(tmp_path, "old"), manifest(tmp_path, "new")
    run(server, old)
    run(server, new, upgrades=True, stops_at="last")
    begun = server.record

    back = run(server, old)

    assert (back.verdict, begun["manifestSha256"] in back.message) == (Verdict.PROBLEM, True)
    assert "--upgrade-argocd" in back.cure
    assert server.record == begun
    assert run(server, old, upgrades=True).verdict is Verdict.OK
    assert server.deployments == {"old"}


def test_a_stopped_upgrade_needs_the_right_to_delete_without_the_flag_too(
    run: Run, wanted: Wanted, tmp_path: Path
) -> None:
    server, new = Server(), manifest(tmp_path, "new")
    run(server, manifest(tmp_path, "old"))
    run(server, new, upgrades=True, stops_at="last")
    server.rights = ()

    told = [one.message for one in preflight(replace(wanted, manifest=new), server).checks]

    assert "the login may not delete deployments.apps in argocd" in told


def test_a_stopped_installation_goes_on_with_its_manifest_and_with_no_other(run: Run, tmp_path: Path) -> None:
    server, mine, other = Server(), manifest(tmp_path, "mine"), manifest(tmp_path, "other")
    run(server, mine, stops_at="last")

    assert run(server, other).verdict is Verdict.PROBLEM
    assert server.deployments == {"mine"}
    assert "its installation was begun and is finished" in run(server, mine).message
    assert server.record["state"] == engine.INSTALLED
