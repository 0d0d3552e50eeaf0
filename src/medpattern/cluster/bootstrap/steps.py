"""What bootstrap applies: in which order, and what became of each object.

Everything is server-side apply of the same objects, so a run that was killed anywhere is finished by a further one, and
a run with nothing to do changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from medpattern.cluster.bootstrap import engine, handover, leftovers, webhook
from medpattern.cluster.bootstrap.engine import Installation
from medpattern.cluster.bootstrap.intent import Wanted
from medpattern.cluster.bootstrap.olm import Pending
from medpattern.cluster.connection import MANAGER, WEBHOOK_MANAGER, Connection, Object
from medpattern.errors import RemoteError

# Of an installation's objects; apart from those of the handover, since both have fields in argocd-cm.
INSTALLER = "medpattern-install"
_KEPT_BY_SERVER = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation")


class Done(StrEnum):
    """What became of one object."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Applied:
    """One object that was applied, or would be: in words, and what became of it."""

    thing: str
    done: Done


Tell = Callable[[Applied], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each thing is waited for that the cluster brings itself; `tell` gets what is waited for."""

    seconds: float
    tell: Callable[[Pending], None]


def carry_out(
    wanted: Wanted, connection: Connection, installation: Installation | None, tell: Tell, patience: Patience
) -> None:
    """Installs Argo CD where it is not, and hands the cluster over to it.

    Args:
        wanted: what the cluster is to get.
        connection: to the cluster.
        installation: what installs Argo CD; None where it is there.
        tell: called with each object that was applied.
        patience: for what operators bring.

    Raises:
        RemoteError: the server went away, refuses, or Argo CD's kinds do not come; a further run goes on.
    """
    if installation:
        _install(wanted, connection, installation, tell, patience)
    is_openshift = wanted.facts.is_openshift
    check = handover.health_check(connection, wanted.namespace, is_openshift=is_openshift)
    if check:
        tell(apply(connection, check))
    if is_openshift:
        _await(lambda: handover.unwritten_health_check(connection, wanted.namespace), patience)
    for thing in handover.namespaces(wanted.of_root):
        tell(_make_space(connection, thing))
    _load_secrets(wanted, connection, tell)
    _set_up_webhook(wanted, connection, tell)
    for thing in handover.roots(wanted.of_root, wanted.root_application):
        tell(apply(connection, thing))


def _install(
    wanted: Wanted, connection: Connection, installation: Installation, tell: Tell, patience: Patience
) -> None:
    namespace = wanted.namespace
    tell(_make_space(connection, installation.space, INSTALLER))
    rest = [one for one in installation.objects if one is not installation.space]
    subscription = installation.subscription
    if subscription:
        for thing in rest:
            tell(apply(connection, thing, INSTALLER))
        _await(lambda: engine.operator_state(connection, subscription, namespace), patience)
        connection.forget_kinds()
        return
    # Before anything else of it, so that a run that was killed is known for one.
    begun = engine.UPGRADING if installation.is_upgrade else engine.INSTALLING
    apply(connection, engine.record(namespace, installation.digest, begun))
    for thing in rest:
        tell(apply(connection, thing, INSTALLER))
    kinds = Pending("Argo CD's kinds are not established")
    _await(lambda: None if engine.established(connection) else kinds, patience)
    connection.forget_kinds()
    if installation.is_upgrade:
        _remove_leftovers(connection, installation, namespace, tell)
    apply(connection, engine.record(namespace, installation.digest, engine.INSTALLED))


def _remove_leftovers(connection: Connection, installation: Installation, namespace: str, tell: Tell) -> None:
    for thing in list(leftovers.leftovers(connection, installation, namespace, INSTALLER)):
        name = thing["metadata"]["name"]
        connection.delete(thing["apiVersion"], thing["kind"], name, thing["metadata"].get("namespace", ""))
        tell(Applied(words_of(thing), Done.REMOVED))


def _await(pending: Callable[[], Pending | None], patience: Patience) -> None:
    """Returns once nothing is pending; what is, is told whenever it changes, and at the end of all patience."""
    deadline = time.monotonic() + patience.seconds
    told: Pending | None = None
    while found := pending():
        if found != told:
            patience.tell(found)
            told = found
        if time.monotonic() > deadline:
            raise RemoteError(f"not there after {patience.seconds:g} s: {found}; a further run goes on from there")
        time.sleep(1)


def _load_secrets(wanted: Wanted, connection: Connection, tell: Tell) -> None:
    """Secrets of the secrets file whose namespaces the tree has, or Argo CD's own; their contents are never told."""
    if wanted.secrets is None or wanted.values is None:
        return
    from medpattern.secretstore.kubernetes import changes, write

    spaces = {wanted.namespace, *(one["metadata"]["name"] for one in handover.namespaces(wanted.of_root))}
    names = [name for entry in wanted.secrets.entries for name in wanted.secrets.kubernetes_secrets(entry)]
    found = changes(connection, wanted.secrets, wanted.values, [name for name in names if name.namespace in spaces])
    written = {one.secret for one in write(connection, found)}
    for one in found:
        done = Done.UNCHANGED if one.secret not in written else Done.CREATED if one.is_new else Done.CHANGED
        tell(Applied(str(one.secret), done))


def _set_up_webhook(wanted: Wanted, connection: Connection, tell: Tell) -> None:
    """After the Secrets, since the reference may stand only where what it refers to is."""
    is_whole = bool(wanted.webhook) and not webhook.live_lacking(connection, wanted.namespace, wanted.webhook)
    change = webhook.change(connection, wanted.namespace, wanted.webhook, is_whole=is_whole)
    if change:
        tell(apply(connection, change, WEBHOOK_MANAGER))


def _without_spaces_there(connection: Connection, things: Iterable[Object]) -> Iterator[Object]:
    for one in things:
        if one["kind"] != "Namespace" or connection.get("v1", "Namespace", one["metadata"]["name"]) is None:
            yield one


def _make_space(connection: Connection, thing: Object, manager: str = MANAGER) -> Applied:
    """A namespace, unless it is there: somebody else's does not get the label that says that it is ours."""
    if connection.get("v1", "Namespace", thing["metadata"]["name"]) is not None:
        return Applied(words_of(thing), Done.UNCHANGED)
    return apply(connection, thing, manager)


def apply(connection: Connection, thing: Object, manager: str = MANAGER) -> Applied:
    """Server-side apply of one object, and what that changed.

    Fields that somebody else owns are taken over: they are those that git says, or that Argo CD needs.
    """
    metadata = thing["metadata"]
    namespace = str(metadata.get("namespace", ""))
    before = connection.get(thing["apiVersion"], thing["kind"], metadata["name"], namespace)
    after = connection.apply(thing, force=True, field_manager=manager)
    return Applied(words_of(thing), _done(before, after))


def _done(before: Object | None, after: Object) -> Done:
    if before is None:
        return Done.CREATED
    return Done.UNCHANGED if content_of(before) == content_of(after) else Done.CHANGED


def content_of(thing: Object) -> Object:
    """An object without its status and what the server keeps for itself, which change without anybody's wish."""
    metadata = {key: value for key, value in thing["metadata"].items() if key not in _KEPT_BY_SERVER}
    return {**{key: value for key, value in thing.items() if key != "status"}, "metadata": metadata}


def words_of(thing: Object) -> str:
    """An object in words: "ConfigMap argocd-cm in argocd"."""
    namespace = thing["metadata"].get("namespace")
    return f"{thing['kind']} {thing['metadata']['name']}" + (f" in {namespace}" if namespace else "")


def all_objects(
    wanted: Wanted, connection: Connection, installation: Installation | None
) -> Iterable[tuple[Object, str]]:
    """What a run would apply, in its order, and as which field manager; Secrets with values are left out."""
    for thing in _without_spaces_there(connection, installation.objects if installation else ()):
        yield thing, INSTALLER
    # The operator of OpenShift brings the kind that the health check is written into.
    if not (installation and wanted.facts.is_openshift):
        check = handover.health_check(connection, wanted.namespace, is_openshift=wanted.facts.is_openshift)
        yield from [(check, MANAGER)] if check else []
    is_whole = bool(wanted.webhook) and not webhook.lacking(connection, wanted)
    change = webhook.change(connection, wanted.namespace, wanted.webhook, is_whole=is_whole)
    for thing in _without_spaces_there(connection, handover.namespaces(wanted.of_root)):
        yield thing, MANAGER
    yield from [(change, WEBHOOK_MANAGER)] if change else []
    for thing in handover.roots(wanted.of_root, wanted.root_application):
        yield thing, MANAGER


def all_removed(wanted: Wanted, connection: Connection, installation: Installation | None) -> Iterable[Object]:
    """What a run would remove: objects of an earlier release of Argo CD."""
    if installation and installation.is_upgrade:
        yield from leftovers.leftovers(connection, installation, wanted.namespace, INSTALLER)
