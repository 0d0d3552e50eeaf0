"""A spoke leaves: what `medpattern cluster add` has made on it and on the hub is taken back, data apart.

The hub's Secret goes last, since it says which cluster the spoke is, so a run that was stopped is finished by a further
one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from medpattern.argocd.names import API_VERSION
from medpattern.cluster.bootstrap.steps import apply, words_of
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.namespaces import comes_with_namespace, contents, listed_kinds
from medpattern.cluster.permissions import RBAC, Right, lacking
from medpattern.cluster.preflight import Check, ok, problem
from medpattern.cluster.spokes import account, registration
from medpattern.cluster.spokes.registration import MANAGER
from medpattern.errors import RemoteError
from medpattern.findings import some

Tell = Callable[[str], None]

ENDED_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Leaving:
    """A spoke that is to leave: its name, the namespace of the hub's Argo CD, and connections.

    `spoke` is None where it is gone for good. `live` is its Secret on the hub; None if that is gone. `cluster_id` is
    what its facts say; "" if they are gone, or do not.
    """

    name: str
    namespace: str
    is_openshift: bool
    hub: Connection
    spoke: Connection | None
    live: Object | None
    cluster_id: str = ""


def hub_rights(hub: Connection, namespace: str, *, is_openshift: bool) -> Iterator[Check]:
    """What the login may not do on the hub; asked before anything is read there."""
    settings = ("argoproj.io", "argocds") if is_openshift else ("", "configmaps")
    needed = {Right("", "secrets", verb, namespace) for verb in ("get", "list", "delete")}
    needed |= {Right(*settings, verb, namespace) for verb in ("get", "list", "patch")}
    yield from lacking(hub, needed | {Right("argoproj.io", "applications", "list", namespace)}, "hub permissions")


def removal_checks(leaving: Leaving) -> Iterator[Check]:
    """Whether it may leave now: no Application applies to it, it is the one that was added, and the rights there do."""
    try:
        yield from _hub_checks(leaving)
        if leaving.spoke is not None:
            yield from _spoke_checks(leaving, leaving.spoke)
    except RemoteError as error:
        cure = "see whether it runs; of a spoke that is gone for good say so by --lost"
        yield problem("server", str(error), cure)


def _hub_checks(leaving: Leaving) -> Iterator[Check]:
    server = registration.field(leaving.live, "server")
    pushed = [
        str(one["metadata"]["name"])
        for one in leaving.hub.list(API_VERSION, "Application", leaving.namespace)
        if _is_to(one, leaving.name, server)
    ]
    if pushed and leaving.spoke is not None:
        yield problem(
            "applications",
            f"{len(pushed)} Applications of the hub still apply to it: {some(pushed)}",
            f"delete clusters/{leaving.name}.yaml, render, push, and wait until Argo CD has removed them; "
            "without its login it could not",
        )
    elif not pushed:
        yield ok("applications", f"no Application of the hub applies to '{leaving.name}'")


def _is_to(application: Object, name: str, server: str) -> bool:
    to = (application.get("spec") or {}).get("destination") or {}
    return to.get("name") == name or (bool(server) and str(to.get("server", "")).rstrip("/") == server.rstrip("/"))


def _spoke_checks(leaving: Leaving, spoke: Connection) -> Iterator[Check]:
    roles = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    needed = {Right(RBAC, resource, verb) for resource in roles for verb in ("list", "delete")}
    needed |= {Right("", "namespaces", verb) for verb in ("get", "list", "delete")}
    refused = tuple(lacking(spoke, needed, "spoke permissions"))
    if refused:  # what follows could not be read
        yield from refused
        return
    yield from _identity(leaving, spoke)
    looks = {Right(one.group, one.plural, "list", space) for space in _made(spoke) for one in listed_kinds(spoke)}
    yield from lacking(spoke, looks, "spoke permissions")


def _identity(leaving: Leaving, spoke: Connection) -> Iterator[Check]:
    """Whether it is the cluster that was added, by all that says so: the hub's Secret, the spoke itself, the facts."""
    system = spoke.get("v1", "Namespace", "kube-system") or {}
    uid = str((system.get("metadata") or {}).get("uid") or "")
    notes = ((leaving.live or {}).get("metadata") or {}).get("annotations") or {}
    said = (
        ("uid", uid, str(notes.get(registration.IDENTITY) or ""), "the hub's Secret"),
        ("uid", uid, leaving.cluster_id, f"clusters/{leaving.name}.yaml"),
        ("name", leaving.name, account.cluster_of(spoke.get("v1", "Namespace", account.NAMESPACE)),
         f"its namespace {account.NAMESPACE}"),
    )  # fmt: skip
    known = [(what, found, other, who) for what, found, other, who in said if other]
    cure = f"name the context of '{leaving.name}' by --context, and the cluster by the name that it was added with"
    for what, found, other, who in known:
        if found != other:
            text = f"{spoke.server} is another cluster than '{leaving.name}': {what} {found}, and {who} says {other}"
            yield problem("identity", text, cure)
    if known:
        if all(found == other for _, found, other, _ in known):
            yield ok("identity", f"it is '{leaving.name}' by {' and by '.join(row[3] for row in known)}")
    elif any(account.roles(spoke)) or _made(spoke):
        text = f"neither the hub, nor facts, nor {spoke.server} itself says whether that is '{leaving.name}'"
        cure = f"if it is, write 'clusterId: {uid}' into clusters/{leaving.name}.yaml until it has left"
        yield problem("identity", text, cure)
    else:
        yield ok("identity", f"{spoke.server} has nothing of 'cluster add'")


def remove(leaving: Leaving, tell: Tell) -> int:
    """Takes everything back; how many objects went. Namespaces with something in them stay, and are told.

    Raises:
        RemoteError: a server went away or refuses; a further run goes on.
    """
    count = _of_spoke(leaving.spoke, tell) if leaving.spoke is not None else 0
    return count + _of_hub(leaving, tell)


def _of_spoke(spoke: Connection, tell: Tell) -> int:
    count = 0
    for thing in account.roles(spoke):
        kind, namespace, name = account.key(thing)
        if spoke.delete(thing["apiVersion"], kind, name, namespace):
            count += 1
            tell(f"removed  {words_of(thing)}")
    going = []
    for space in _made(spoke):
        rest = remains(spoke, space)
        if rest:
            tell(f"stays    Namespace {space}: it has {some(rest)}")
        else:
            going.append(space)
    count += _end(spoke, going, tell)
    return count + _end(spoke, [account.NAMESPACE], tell)  # last, since it names the cluster


def _end(spoke: Connection, namespaces: list[str], tell: Tell) -> int:
    """Deletes namespaces and waits until they are gone; how many there were."""
    count = 0
    for space in namespaces:
        if spoke.delete("v1", "Namespace", space):
            count += 1
            tell(f"removed  Namespace {space}")
    _await_ended(spoke, namespaces)
    return count


def _of_hub(leaving: Leaving, tell: Tell) -> int:
    count = 0
    without = _without_respect(leaving)
    if without:
        apply(leaving.hub, without, MANAGER)
        tell(f"changed  {words_of(without)}: it was the last spoke, so {registration.RESPECT_KEY} is not ours")
        count += 1
    name = registration.secret_name(leaving.name)
    if leaving.hub.delete("v1", "Secret", name, leaving.namespace):
        tell(f"removed  Secret {name} in {leaving.namespace}")
        count += 1
    return count


def _without_respect(leaving: Leaving) -> Object | None:
    """The settings of Argo CD without ours; None while there are other spokes, or where they are not ours."""
    if set(registration.spokes(leaving.hub, leaving.namespace)) - {leaving.name}:
        return None
    settings = registration.settings(leaving.hub, leaving.namespace, is_openshift=leaving.is_openshift)
    return registration.respect_no_more(settings) if settings else None


def _made(spoke: Connection) -> list[str]:
    """The namespaces that were made for the account's rights."""
    return [
        str(one["metadata"]["name"])
        for one in spoke.list("v1", "Namespace")
        if account.MADE in (one["metadata"].get("annotations") or {})
    ]


def remains(connection: Connection, namespace: str) -> list[str]:
    """What is in a namespace besides what every namespace has, in words."""
    return [
        f"{kind.kind} {one['name']}"
        for kind, one in contents(connection, namespace)
        if not comes_with_namespace(kind.kind, one)
    ]


def _await_ended(spoke: Connection, namespaces: list[str]) -> None:
    deadline = time.monotonic() + ENDED_SECONDS
    while left := [one for one in namespaces if spoke.get("v1", "Namespace", one) is not None]:
        if time.monotonic() > deadline:
            raise RemoteError(
                f"still being deleted after {ENDED_SECONDS} s: Namespace {', '.join(left)}; "
                "what holds it stands in its status.conditions"
            )
        time.sleep(0.3)
