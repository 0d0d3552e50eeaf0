"""What an uninstallation needs the rights for."""

from __future__ import annotations

from medpattern.cluster.connection import Object
from medpattern.cluster.permissions import Right
from medpattern.cluster.uninstall.looking import Place, look
from medpattern.cluster.uninstall.plan import Plan, plan
from medpattern.cluster.uninstall.rights import to_carry_out, to_look, to_look_inside
from tests.cluster.standin import thing
from tests.cluster.uninstall.world import World, manager, of, west

PLACE = Place("west", "argocd", frozenset({"broker", "images", "gone"}), frozenset({"broker", "viewer"}))


def rights(*more: Object, keep_data: bool = False) -> set[str]:
    world = World(*west(*more))
    made: Plan = plan(look(world, PLACE), keep_data=keep_data, engine=False)
    return {str(one) for one in to_carry_out(world, made)}


def test_each_step_has_its_rights_and_no_more_is_asked_for() -> None:
    applications = {f"{verb} applications.argoproj.io in argocd" for verb in ("get", "patch", "delete")}
    projects = {f"{verb} appprojects.argoproj.io in argocd" for verb in ("get", "delete")}
    namespaces = {"get namespaces", "delete namespaces"}

    assert rights() == applications | projects | namespaces
    written = {"managedFields": [manager("medpattern", "Apply")]}
    secret = {"labels": {"app.kubernetes.io/managed-by": "medpattern"}, **written}
    assert rights(
        thing("ConfigMap", "argocd-cm", "argocd", metadata=written), thing("Secret", "login", "images", metadata=secret)
    ) - rights() == {
        "get configmaps in argocd",
        "patch configmaps in argocd",
        "get secrets in images",
        "delete secrets in images",
    }


def test_an_application_that_is_taken_apart_needs_rights_on_its_objects_but_not_on_its_data() -> None:
    found = rights(of("broker", "ConfigMap", "more", "images"), keep_data=True) - rights()

    assert found == {f"{verb} configmaps in {name}" for verb in ("get", "delete") for name in ("broker", "images")}


def test_every_namespace_that_is_there_must_be_seen_whole_and_one_that_is_gone_not() -> None:
    world = World(*west())

    inside = to_look_inside(world, PLACE)

    assert {one.namespace for one in inside} == {"broker", "images", "argocd"}
    assert {one.verb for one in inside} == {"list"}
    assert Right("kafka.strimzi.io", "kafkatopics", "list", "broker") in inside
    assert not any(one.resource == "namespaces" for one in inside)
    outside = {str(one) for one in to_look(world, PLACE)}
    assert {"list applications.argoproj.io", "list namespaces", "get configmaps in argocd", "list secrets"} <= outside
