"""An uninstallation carried out: what is asked of the server, what is never touched, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from medpattern.cluster.connection import Answer, Object
from medpattern.cluster.uninstall import running
from medpattern.cluster.uninstall.held import Held, held
from medpattern.cluster.uninstall.looking import Place, look
from medpattern.cluster.uninstall.plan import plan
from medpattern.cluster.uninstall.running import APPROVED, Ended, carry_out
from medpattern.errors import RefusalError
from tests.cluster.standin import thing
from tests.cluster.uninstall.world import ENDED, World, application, manager, of, west

PLACE = Place("west", "argocd", frozenset({"broker", "images"}), frozenset({"broker", "viewer"}))
FINALIZER = "resources-finalizer.argocd.argoproj.io"


class ArgoCd(World):
    """Does what Argo CD's controller does, whenever somebody looks at an Application."""

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        live = super().get(api_version, kind, name, namespace)
        if live is not None and kind == "Application":
            self.reconcile(live)
        return super().get(api_version, kind, name, namespace)

    def reconcile(self, live: Object) -> None:
        state = live["status"].get("operationState", {})
        if state.get("phase") == "Terminating":
            state["phase"] = "Failed"
        metadata = live["metadata"]
        is_cascading = "deletionTimestamp" in metadata and FINALIZER in metadata["finalizers"]
        if is_cascading and metadata["annotations"].get(APPROVED, "") >= ENDED:
            made = {(row["kind"], row["name"]) for row in live["status"]["resources"]}
            self.objects = [one for one in self.objects if (one["kind"], one["metadata"]["name"]) not in made]
            metadata["finalizers"].remove(FINALIZER)
            self._sweep(live)


class Vanishing(ArgoCd):
    """What is to be patched is gone already, or refused with another status."""

    def __init__(self, *objects: Object, status: int = 404) -> None:
        super().__init__(*objects)
        self.status = status
        self.vanished: set[str] = set()

    def ask(self, method: str, path: str, query: Any = None, body: Any = None, *_: Any, **__: Any) -> Answer:
        if method != "PATCH":
            return super().ask(method, path, query, body)
        live = self._at(path)
        self.vanished.add(f"{live['kind']} {live['metadata']['name']}")
        self.objects.remove(live)
        raise RefusalError(f"refused PATCH {path}: {self.status}", self.status, "")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "EVERY_SECONDS", 0)


def run(world: World, *, keep_data: bool = False, seconds: float = 60) -> tuple[Ended, list[str]]:
    told: list[str] = []
    found = plan(look(world, PLACE), keep_data=keep_data, engine=False)
    return carry_out(world, found, "argocd", seconds, told.append), told


def test_everything_goes_in_the_order_of_the_plan_and_a_further_run_has_nothing_to_do() -> None:
    world = ArgoCd(*west())

    ended, told = run(world)

    assert ended == Ended((), ())
    assert world.deleted == [
        "Application viewer", "Application broker", "Application west-root", "AppProject platform", "Namespace broker",
        "Namespace images",
    ]  # fmt: skip
    assert told[0] == "stopped  Application west-root"
    assert "gone  Application viewer in argocd" in told
    assert plan(look(world, PLACE), keep_data=False, engine=False).steps == ()


def test_a_sync_of_the_root_is_ended_before_anything_is_deleted() -> None:
    """Otherwise it would make anew what goes."""
    world = ArgoCd(*west())
    root = next(one for one in world.objects if one["metadata"]["name"] == "west-root")
    root |= {"operation": {"sync": {}}, "status": {"resources": [], "operationState": {"phase": "Running"}}}

    run(world)

    of_root = [change for name, change in world.patched if name == "west-root"]
    assert of_root[:2] == [
        {"spec": {"syncPolicy": {"automated": None}}},
        {"status": {"operationState": {"phase": "Terminating"}}},
    ]


@pytest.mark.parametrize("keep_data", [False, True])
def test_an_application_that_goes_between_the_look_and_the_change_is_gone(keep_data: bool) -> None:
    """The root's Application is patched first to stop it, others get an approval or lose a finalizer."""
    world = Vanishing(*west())

    ended, told = run(world, keep_data=keep_data)

    assert ended.left == ()
    assert {name for name in world.vanished if "Application" in name} >= {"Application west-root", "Application broker"}
    assert "gone  Application west-root in argocd" in told


@pytest.mark.parametrize("status", [403, 409])
def test_other_refusals_of_a_change_end_the_run(status: int) -> None:
    with pytest.raises(RefusalError):
        run(Vanishing(*west(), status=status))


def test_an_application_whose_finalizer_was_taken_off_gets_it_back_and_takes_its_objects_along() -> None:
    world = ArgoCd(*west())
    viewer = next(one for one in world.objects if one["metadata"]["name"] == "viewer" and one["kind"] == "Application")
    viewer["metadata"]["finalizers"] = []

    run(world)

    assert "Deployment viewer" not in world.names()


def test_kept_data_are_never_asked_to_go_and_their_application_is() -> None:
    world = ArgoCd(*west(thing("PersistentVolumeClaim", "journal", "broker")))

    ended, _ = run(world, keep_data=True)

    assert ended.left == ()
    assert {"KafkaTopic images", "PersistentVolumeClaim journal", "Namespace broker"} <= world.names()
    assert "Application broker" not in world.names()
    assert "ConfigMap settings" not in world.names()
    assert not [one for one in world.deleted if one.split()[0] in ("KafkaTopic", "PersistentVolumeClaim")]


@pytest.mark.parametrize(
    ("kind", "name", "owners"),
    [
        ("ConfigMap", "argocd-cm", ["medpattern"]),
        ("ConfigMap", "argocd-cm", ["medpattern", "medpattern-cluster-add"]),
        ("Secret", "argocd-secret", ["medpattern-webhook"]),
        ("Secret", "argocd-secret", ["medpattern", "medpattern-webhook"]),
    ],
)
def test_of_argo_cds_settings_our_keys_are_taken_back_by_each_manager_that_has_some(
    kind: str, name: str, owners: list[str]
) -> None:
    """argocd-secret with an entry of the secrets file has our label, and holds Argo CD's own keys too."""
    rows = [manager(one, "Apply") for one in ("argocd-server", "medpattern-install", *owners)]
    metadata = {"managedFields": rows, "labels": {"app.kubernetes.io/managed-by": "medpattern"}}
    world = ArgoCd(*west(thing(kind, name, "argocd", metadata=metadata)))

    run(world)

    bare = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "argocd"}}
    assert world.applied == [(bare, one) for one in owners]
    assert f"{kind} {name}" in world.names()


def test_what_another_application_has_taken_over_is_left_to_it() -> None:
    world = ArgoCd(*west())
    found = plan(look(world, PLACE), keep_data=True, engine=False)
    world.objects = [one for one in world.objects if one["metadata"]["name"] != "settings"]
    world.objects.append(of("others", "ConfigMap", "settings", "broker"))

    carry_out(world, found, "argocd", 60, lambda _: None)

    assert "ConfigMap settings" in world.names()


def test_what_somebody_makes_while_it_runs_keeps_the_namespace() -> None:
    world = ArgoCd(*west())
    found = plan(look(world, PLACE), keep_data=False, engine=False)
    world.objects.append(thing("ConfigMap", "notes", "images"))

    ended = carry_out(world, found, "argocd", 60, lambda _: None)

    assert [one.thing for one in ended.stays] == ["Namespace images"]
    assert "ConfigMap notes" in ended.stays[0].why
    assert "Namespace images" in world.names()


# ---- what holds it -----------------------------------------------------------------------------------------------


def left(world: World, **options: Any) -> tuple[Held, ...]:
    ended, _ = run(world, seconds=0, **options)
    assert ended.left
    return held(world, ended.left)


def test_an_argo_cd_that_does_not_run_is_named_as_what_holds_an_application() -> None:
    world = World(*west())

    (found,) = left(world)

    assert found.thing == "Application viewer in argocd"
    assert FINALIZER in found.why
    assert "application controller" in found.cure


def test_an_object_that_holds_its_application_is_named_with_its_finalizer_which_stays() -> None:
    world = World(*west())
    viewer = next(one for one in world.objects if one["metadata"]["name"] == "viewer" and one["kind"] == "Deployment")
    viewer["metadata"] |= {"deletionTimestamp": ENDED, "finalizers": ["example.org/drain"]}

    (found,) = left(world)

    assert (found.thing, found.why) == ("Deployment viewer in images", "held by its finalizer example.org/drain")
    assert "kubectl -n images edit deployments.apps viewer" in found.cure
    assert viewer["metadata"]["finalizers"] == ["example.org/drain"]


def test_finalizers_of_others_stay_on_an_application_that_is_let_go() -> None:
    world = ArgoCd(application("west-root", metadata={"finalizers": [FINALIZER, "example.org/audit"]}))

    (found,) = left(world)

    assert found.why == "held by its finalizer example.org/audit"


def test_what_the_namespace_controller_says_is_told() -> None:
    """As it writes it while an aggregated API does not answer."""
    says = {"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": "metrics.k8s.io/v1beta1: stale"}
    metadata = {"finalizers": ["kubernetes"], "deletionTimestamp": ENDED, "managedFields": [manager("medpattern")]}
    space = thing("Namespace", "images", metadata=metadata)
    world = World(space | {"status": {"conditions": [says]}})

    (found,) = left(world)

    assert found.thing == "Namespace images"
    assert "metrics.k8s.io/v1beta1: stale" in found.why
    assert "kubectl get apiservices" in found.cure
