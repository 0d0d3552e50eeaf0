"""A spoke leaves: what `medpattern cluster add` has made on it and on the hub is taken back, data apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from medpattern.argocd.names import API_VERSION
from medpattern.cluster.bootstrap.steps import apply, words_of
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.permissions import RBAC, Right, missing
from medpattern.cluster.preflight import Check, ok, problem
from medpattern.cluster.resources import Resource
from medpattern.cluster.spokes import account, registration
from medpattern.cluster.spokes.registration import MANAGER
from medpattern.errors import RemoteError
from medpattern.findings import some

Tell = Callable[[str], None]

THREADS, ENDED_SECONDS = 8, 120
# What every namespace gets, and what its controllers keep there for themselves.
_DEFAULT = {
    "ServiceAccount": ("default", "builder", "deployer"),
    "ConfigMap": ("kube-root-ca.crt", "openshift-service-ca.crt"),
    "RoleBinding": ("system:deployers", "system:image-builders", "system:image-pullers"),
}
_PASSING = ("Event", "Lease", "PackageManifest")
_IMAGE_LOGINS = ("kubernetes.io/dockercfg", account.TOKEN_TYPE)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A spoke that is to leave: its name, the namespace of the hub's Argo CD, and connections.

    `spoke` is None where it is gone for good. `live` is its Secret on the hub; None if that is gone.
    """

    name: str
    namespace: str
    is_openshift: bool
    hub: Connection
    spoke: Connection | None
    live: Object | None


def removal_checks(leaving: Leaving) -> Iterator[Check]:
    """Whether it may leave now: no Application applies to it, it is the one that was added, and rights are there."""
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
    needed = {Right("", "secrets", verb, leaving.namespace) for verb in ("list", "delete")}
    yield from _lacking("hub permissions", leaving.hub, needed)


def _is_to(application: Object, name: str, server: str) -> bool:
    to = (application.get("spec") or {}).get("destination") or {}
    return to.get("name") == name or (bool(server) and str(to.get("server", "")).rstrip("/") == server.rstrip("/"))


def _spoke_checks(leaving: Leaving, spoke: Connection) -> Iterator[Check]:
    added = ((leaving.live or {}).get("metadata", {}).get("annotations") or {}).get(registration.IDENTITY)
    system = spoke.get("v1", "Namespace", "kube-system") or {}
    found = (system.get("metadata") or {}).get("uid")
    if added and found != added:
        cure = f"name the context of '{leaving.name}' by --context"
        yield problem(
            "identity", f"{spoke.server} is another cluster than was added: uid {found} and not {added}", cure
        )
    elif added:
        yield ok("identity", "the uid of the spoke's kube-system is that of the cluster that was added")
    roles = ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
    needed = {Right(RBAC, resource, verb) for resource in roles for verb in ("list", "delete")}
    yield from _lacking("spoke permissions", spoke, needed | {Right("", "namespaces", "delete")})


def _lacking(name: str, connection: Connection, needed: set[Right]) -> Iterator[Check]:
    for right in missing(connection, needed):
        yield problem(name, f"the login may not {right}", "let an administrator grant it, or log in as one")


def remove(leaving: Leaving, tell: Tell) -> int:
    """Takes everything back; how many objects went. Namespaces with something in them stay, and are told.

    Raises:
        RemoteError: a server went away or refuses; a further run goes on.
    """
    count = _of_hub(leaving, tell)
    return count + (_of_spoke(leaving.spoke, tell) if leaving.spoke is not None else 0)


def _of_hub(leaving: Leaving, tell: Tell) -> int:
    name = registration.secret_name(leaving.name)
    count = int(leaving.hub.delete("v1", "Secret", name, leaving.namespace))
    if count:
        tell(f"removed  Secret {name} in {leaving.namespace}")
    if registration.spokes(leaving.hub, leaving.namespace):
        return count
    settings = registration.settings(leaving.hub, leaving.namespace, is_openshift=leaving.is_openshift)
    without = registration.respect_no_more(settings) if settings else None
    if without:
        apply(leaving.hub, without, MANAGER)
        tell(f"changed  {words_of(without)}: it was the last spoke, so {registration.RESPECT_KEY} is not ours")
        count += 1
    return count


def _of_spoke(spoke: Connection, tell: Tell) -> int:
    count = 0
    for thing in account.roles(spoke):
        kind, namespace, name = account.key(thing)
        if spoke.delete(thing["apiVersion"], kind, name, namespace):
            count += 1
            tell(f"removed  {words_of(thing)}")
    going = [account.NAMESPACE] if spoke.get("v1", "Namespace", account.NAMESPACE) else []
    for space in _made(spoke):
        rest = remains(spoke, space)
        if rest:
            tell(f"stays    Namespace {space}: it has {some(rest)}")
        else:
            going.append(space)
    for space in going:
        if spoke.delete("v1", "Namespace", space):
            count += 1
            tell(f"removed  Namespace {space}")
    _await_ended(spoke, going)
    return count


def _made(spoke: Connection) -> list[str]:
    """The namespaces that were made for the account's rights."""
    return [
        str(one["metadata"]["name"])
        for one in spoke.list("v1", "Namespace")
        if account.MADE in (one["metadata"].get("annotations") or {})
    ]


def remains(connection: Connection, namespace: str) -> list[str]:
    """What is in a namespace besides what every namespace has, in words."""
    kinds: dict[tuple[str, str], Resource] = {}
    for one in connection.resources.all:
        if one.namespaced and "list" in one.verbs and one.kind not in _PASSING:
            kinds.setdefault((one.group, one.plural), one)

    def look(one: Resource) -> list[str]:
        found = connection.list(one.api_version, one.kind, namespace)
        return [f"{one.kind} {each['metadata']['name']}" for each in found if not _is_default(each)]

    with ThreadPoolExecutor(THREADS) as threads:
        return [words for found in threads.map(look, kinds.values()) for words in found]


def _is_default(thing: Object) -> bool:
    if thing["kind"] == "Secret":
        return thing.get("type") in _IMAGE_LOGINS
    return thing["metadata"]["name"] in _DEFAULT.get(thing["kind"], ())


def _await_ended(spoke: Connection, namespaces: list[str]) -> None:
    deadline = time.monotonic() + ENDED_SECONDS
    while left := [one for one in namespaces if spoke.get("v1", "Namespace", one) is not None]:
        if time.monotonic() > deadline:
            raise RemoteError(
                f"still being deleted after {ENDED_SECONDS} s: Namespace {', '.join(left)}; "
                "what holds it stands in its status.conditions"
            )
        time.sleep(0.3)
