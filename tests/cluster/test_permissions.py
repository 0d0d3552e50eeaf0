"""Rights, worked out from objects and asked of the server."""

from __future__ import annotations

from medpattern.cluster.permissions import Right, lacking, missing, plurals, to_apply
from medpattern.cluster.preflight import Verdict
from medpattern.cluster.resources import Resources
from tests.cluster.standin import KINDS, StandIn, thing

KNOWN = plurals(Resources(KINDS))


def test_an_object_needs_get_create_and_patch_where_it_lives() -> None:
    found = to_apply([thing("ConfigMap", "a", "argocd"), thing("Namespace", "b")], KNOWN)

    verbs = ("get", "create", "patch")
    assert found == {
        *(Right("", "configmaps", verb, "argocd") for verb in verbs),
        *(Right("", "namespaces", verb) for verb in verbs),
    }


def test_who_gives_rights_must_be_allowed_to_give_them() -> None:
    version = "rbac.authorization.k8s.io/v1"
    role = thing("ClusterRole", "r", api_version=version)
    binding = thing("ClusterRoleBinding", "b", api_version=version, roleRef={"kind": "ClusterRole", "name": "r"})

    found = to_apply([role, binding], KNOWN)

    assert Right("rbac.authorization.k8s.io", "clusterroles", "escalate") in found
    assert Right("rbac.authorization.k8s.io", "clusterroles", "bind") in found


def test_kinds_that_come_with_the_run_are_known_by_their_definitions() -> None:
    spec = {"group": "example.org", "scope": "Namespaced", "names": {"kind": "Film", "plural": "films"}}
    film = thing("Film", "a", "ward", api_version="example.org/v1")

    assert to_apply([film], KNOWN) == set()
    found = to_apply([film], plurals(Resources(KINDS), [thing("CustomResourceDefinition", "f", spec=spec)]))
    assert Right("example.org", "films", "create", "ward") in found


def test_rights_that_are_missing_are_named_and_an_administrator_is_asked_once() -> None:
    wanted = [Right("", "configmaps", "patch", "argocd"), Right("apps", "deployments", "create", "argocd")]
    administrator = StandIn()
    somebody = StandIn(rights={("patch", "configmaps")})

    assert missing(administrator, wanted) == ()
    assert len(administrator.reviews) == 1
    assert [str(one) for one in missing(somebody, wanted)] == ["create deployments.apps in argocd"]


def test_what_is_wanted_in_several_namespaces_is_asked_for_all_of_them_first() -> None:
    wanted = [Right("", kind, "list", space) for kind in ("configmaps", "secrets") for space in ("a", "b", "c")]
    somebody = StandIn(rights={("list", "configmaps")})

    lacking = missing(somebody, wanted)

    assert [str(one) for one in lacking] == ["list secrets in a", "list secrets in b", "list secrets in c"]
    asked = [(kind, space) for _, _, kind, space in somebody.reviews[1:]]
    assert sorted(asked) == [("configmaps", ""), ("secrets", ""), *(("secrets", space) for space in "abc")]


def test_each_right_that_is_missing_is_a_problem_of_the_check_that_asks() -> None:
    wanted = [Right("", "secrets", "get", "clinic"), Right("", "pods", "list")]
    reader = StandIn(rights={("list", "pods")})

    (found,) = lacking(reader, wanted, "hub permissions")

    assert (found.name, found.verdict) == ("hub permissions", Verdict.PROBLEM)
    assert found.message == "the login may not get secrets in clinic"
    assert list(lacking(StandIn(), wanted, "hub permissions")) == []
