"""What a login must be allowed to do for an uninstallation: to see what there is, and to do what the plan says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from medpattern.cluster.bootstrap.olm import OPERATORS
from medpattern.cluster.connection import Connection
from medpattern.cluster.namespaces import listed_kinds
from medpattern.cluster.permissions import RBAC, Right
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.uninstall.looking import Place, looked_into
from medpattern.cluster.uninstall.plan import Plan, Ref, Step, Verb

ARGOCD = "argoproj.io"
# What is done to the object of a step; it is looked at first, and until it is gone.
_VERBS = {
    Verb.STOP: ("patch",),
    Verb.DELETE_ALL: ("patch", "delete"),
    Verb.TAKE_APART: ("patch", "delete"),
    Verb.LET_GO: ("patch", "delete"),
    Verb.TAKE_BACK: ("patch",),
}


def to_look(connection: Connection, place: Place) -> set[Right]:
    """The rights with which it can be told what a cluster has of ours, but for what is in its namespaces."""
    everywhere = [
        (ARGOCD, "applications"), (ARGOCD, "applicationsets"), (ARGOCD, "argocds"), (OPERATORS, "subscriptions"),
        (OPERATORS, "operatorgroups"), (RBAC, "clusterroles"), (RBAC, "clusterrolebindings"), ("", "namespaces"),
        ("", "secrets"), ("apiextensions.k8s.io", "customresourcedefinitions"),
    ]  # fmt: skip
    known = {(one.group, one.plural) for one in connection.resources.all}
    found = {Right(*kind, "list") for kind in everywhere if kind in known}
    found |= {
        Right("", "namespaces", "get"),
        *(Right("", kind, "get", place.argocd) for kind in ("configmaps", "secrets")),
    }
    return found | ({Right(ARGOCD, "appprojects", "list", place.argocd)} if (ARGOCD, "appprojects") in known else set())


def to_look_inside(connection: Connection, place: Place) -> set[Right]:
    """The rights to see all that is in the namespaces of the tree and in Argo CD's; asks which of them there are."""
    kinds = listed_kinds(connection)
    return {Right(one.group, one.plural, "list", name) for name in looked_into(connection, place) for one in kinds}


def to_carry_out(connection: Connection, plan: Plan) -> set[Right]:
    """The rights that the steps of a plan need beyond those of looking."""
    return {right for step in plan.steps for right in _of_step(connection, step)}


def _of_step(connection: Connection, step: Step) -> Iterator[Right]:
    yield from _of_ref(connection, step.thing, ("get", *_VERBS.get(step.verb, ("delete",))))
    for _, ref in step.objects:
        yield from _of_ref(connection, ref, ("get", "delete"))
    if step.verb is Verb.DELETE_DEFINITION:  # only if nothing is left of its kind, wherever that is
        yield Right(ARGOCD, step.thing.name.partition(".")[0], "list")


def _of_ref(connection: Connection, ref: Ref, verbs: Iterable[str]) -> Iterator[Right]:
    try:
        resource = connection.resource(ref.api_version, ref.kind)
    except UnknownKindError:  # gone with its kind
        return
    namespace = ref.namespace if resource.namespaced else ""
    yield from (Right(resource.group, resource.plural, verb, namespace) for verb in verbs)
