"""What must be true before the hub's Argo CD is given a spoke: all findings of both sides; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from medpattern.cluster.connection import Connection
from medpattern.cluster.permissions import RBAC, Right, lacking, plurals, to_apply
from medpattern.cluster.preflight import Check, clock, distribution, identity, ok, problem, versions, warning
from medpattern.cluster.spokes import account, registration
from medpattern.cluster.spokes.reach import Way
from medpattern.cluster.spokes.rights import Rights, rights
from medpattern.cluster.spokes.tree import Spoke
from medpattern.errors import RemoteError
from medpattern.fleet.facts import Facts

HUB, SPOKE = "hub", "spoke"
_ROLES = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")


@dataclass(frozen=True, slots=True)
class Both:
    """Connections to both sides, and the spoke's way for others."""

    spoke: Connection
    hub: Connection
    way: Way


@dataclass(frozen=True, slots=True)
class Found:
    """What the preflight found.

    Attributes:
        checks: what was looked at.
        rights: those that the account is to have.
        absent: namespaces that the spoke does not have yet.
        added_as: the cluster's name that an account on the spoke is of; "" without one.
    """

    checks: tuple[Check, ...]
    rights: Rights = field(default_factory=lambda: Rights((), {}))
    absent: tuple[str, ...] = ()
    added_as: str = ""


def preflight(spoke: Spoke, both: Both) -> Found:
    """Looks at everything on both sides, changes nothing."""
    checks = list(spoke.checks)
    found = Found(())
    try:
        checks += _side(SPOKE, both.spoke, spoke.facts)
        found = _found(spoke, both)
        checks += _spoke_checks(spoke, both, found)
    except RemoteError as error:
        checks.append(_unheard(SPOKE, error))
    try:
        checks += _side(HUB, both.hub, spoke.hub)
        checks += _hub_checks(spoke, both)
    except RemoteError as error:
        checks.append(_unheard(HUB, error))
    return replace(found, checks=tuple(checks))


def side_checks(where: str, connection: Connection, facts: Facts) -> tuple[Check, ...]:
    """Whether one side is the cluster that its facts name; where it does not answer, that."""
    try:
        return tuple(_side(where, connection, facts))
    except RemoteError as error:
        return (_unheard(where, error),)


def rotation_rights(both: Both, namespace: str) -> Iterator[Check]:
    """Whether both logins may give a new token and end the old ones: a token that nobody may delete has no end.

    Args:
        both: connections.
        namespace: of the hub's Argo CD.
    """
    verbs = ("get", "list", "create", "patch", "delete")
    yield from _lacking(SPOKE, both.spoke, {Right("", "secrets", verb, account.NAMESPACE) for verb in verbs})
    yield from _lacking(HUB, both.hub, {Right("", "secrets", verb, namespace) for verb in ("get", "patch")})


def _unheard(where: str, error: RemoteError) -> Check:
    cure = "see whether the API server runs, and whether the context and its login are the right ones"
    return problem(f"{where} server", str(error), cure)


def _side(where: str, connection: Connection, facts: Facts) -> Iterator[Check]:
    version = connection.ask("GET", "/version").json()
    release = str(version.get("gitVersion", "")).lstrip("v")
    looked: list[Check] = [ok("server", f"{connection.server} answers, Kubernetes {release}")]
    looked += identity(connection, facts)
    looked += distribution(connection, facts)
    looked += versions(version, facts)
    looked += clock(connection.server_time, datetime.now(UTC))
    yield from (replace(one, name=f"{where} {one.name}") for one in looked)


def _found(spoke: Spoke, both: Both) -> Found:
    known = plurals(both.spoke.resources, spoke.definitions)
    needed = rights(spoke.parts, known, spoke.namespaces, both.spoke.resources.all)
    there = {one["metadata"]["name"]: one for one in both.spoke.list("v1", "Namespace")}
    absent = sorted(set(needed.spaces) - set(there))
    return Found((), needed, tuple(absent), account.cluster_of(there.get(account.NAMESPACE)))


def _spoke_checks(spoke: Spoke, both: Both, found: Found) -> Iterator[Check]:
    if not spoke.facts.server:
        cure = (
            f"write 'server: https://...' into clusters/{spoke.facts.name}.yaml; medpattern cluster inspect prints it"
        )
        yield problem("spoke server", "nobody says by which URL the hub reaches the spoke", cure)
    if both.spoke.server == both.hub.server:
        cure = "name the contexts by --context (the spoke's) and --hub-context"
        yield problem("spoke identity", f"both contexts lead to one API server, {both.hub.server}", cure)
    if found.added_as not in ("", spoke.facts.name):
        cure = (
            f"name the context of '{spoke.facts.name}' by --context; if it is the same cluster with a new name, run "
            f"first: medpattern cluster remove {found.added_as} --hub {spoke.hub.name} --context {both.spoke.context}"
        )
        yield problem("spoke identity", f"{both.spoke.server} was added as '{found.added_as}'", cure)
    if both.way.is_unchecked:
        cure = "give the context a certificate-authority, and take insecure-skip-tls-verify out"
        yield problem("spoke server", "the context does not check the server, so Argo CD could not either", cure)
    if found.rights.guessed:
        yield warning(
            "spoke kinds",
            f"the spoke does not know yet: {', '.join(found.rights.guessed)}",
            "run this again when their operators have brought them: Argo CD then looks anew, and names are certain",
        )
    for name in found.rights.aggregated:
        cure = "let an administrator make it, or leave it out: only one with every right may make a role that gathers"
        yield warning("spoke charts", f"the ClusterRole {name} has an aggregationRule", cure)
    things = [*account.objects(spoke.facts.name, found.rights, found.absent), account.token_secret()]
    needed = to_apply(things, plurals(both.spoke.resources)) | {
        Right(RBAC, resource, verb) for resource in _ROLES for verb in ("list", "delete")
    }
    needed |= {Right("", "secrets", verb, account.NAMESPACE) for verb in ("list", "delete")}
    yield from _lacking(SPOKE, both.spoke, needed)


def _hub_checks(spoke: Spoke, both: Both) -> Iterator[Check]:
    namespace = spoke.argocd_namespace
    kind = ("argoproj.io", "argocds") if spoke.hub.is_openshift else ("", "configmaps")
    needed = {Right("", "secrets", verb, namespace) for verb in ("list", "get", "create", "patch", "delete")}
    needed |= {Right(*kind, verb, namespace) for verb in ("get", "list", "patch")}
    found = tuple(_lacking(HUB, both.hub, needed))
    yield from found
    if any(one.cure for one in found):
        return
    if registration.settings(both.hub, namespace, is_openshift=spoke.hub.is_openshift) is None:
        cure = f"run first: medpattern bootstrap --cluster {spoke.hub.name}"
        yield problem("hub argocd", f"there is no Argo CD in {namespace}", cure)
    for other in registration.others(both.hub, namespace, spoke.facts.name, spoke.facts.server):
        cure = f"remove it, so that one Secret has the cluster: kubectl --namespace {namespace} delete secret {other}"
        yield problem("hub argocd", f"Argo CD knows this cluster, or its name, by the Secret {other} already", cure)


def _lacking(where: str, connection: Connection, needed: set[Right]) -> Iterator[Check]:
    name = f"{where} permissions"
    yield from tuple(lacking(connection, needed, name)) or (ok(name, "the login may do all that is needed"),)
