"""What Argo CD would change on a cluster: the rendered objects, applied by the server without being stored.

Server-side apply as a dry run fills in defaults and asks the webhooks, and owns fields as Argo CD does; so what differs
from the live object is what a sync would change, and nothing else. What another manager has set stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from medpattern.cluster.connection import Connection
from medpattern.cluster.livediff.desired import Desired
from medpattern.cluster.livediff.fieldsets import is_applied
from medpattern.cluster.livediff.ignoring import Ignored, without_ignored
from medpattern.cluster.livediff.objects import Kind, Lists, LiveObjects, live_objects
from medpattern.cluster.livediff.showing import unified
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.tracking import Tracking, why_kept
from medpattern.errors import RefusalError

THREADS = 8

Object = dict[str, Any]
Place = tuple[Kind, str, str]  # kind, namespace, name


class Change(StrEnum):
    """What would become of an object."""

    CREATE = "create"
    UPDATE = "update"
    PRUNE = "prune"
    REFUSED = "refused"  # the server would not take it
    NOT_ASKED = "not asked"  # the login may not apply it, not even as a dry run


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """What would change in one object: lines of a unified diff from the live object, and a `note` about it."""

    part: str
    label: str
    change: Change
    lines: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class LiveDiff:
    """What would change on one server. `compared` objects were looked at, `applied` of them by a dry run."""

    changes: tuple[ObjectChange, ...] = ()
    compared: int = 0
    applied: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """What is held against one server, and by which rules.

    Attributes:
        lists: of the server.
        objects: what it should have.
        owners: the Applications whose objects are known, so that what else is theirs would be pruned -> the
            application's name to show.
        tracking: how Argo CD marks objects.
        ignored: rules for objects of every Application.
        more_kinds: further kinds of which the owners may have objects, as Argo CD says.
    """

    lists: Lists
    objects: Sequence[Desired]
    owners: Mapping[str, str]
    tracking: Tracking = field(default_factory=Tracking)
    ignored: tuple[Ignored, ...] = ()
    more_kinds: frozenset[tuple[str, str]] = frozenset()

    @property
    def connection(self) -> Connection:
        """To the server."""
        return self.lists.connection


def live_diff(comparison: Comparison) -> LiveDiff:
    """Compares; one list for each kind, and one dry run for each object that may differ.

    Raises:
        RemoteError: the server does not answer, or refuses a list.
    """
    wanted = {_place(comparison.connection, one): one for one in comparison.objects}
    live = live_objects(comparison.lists, _kinds(comparison, wanted))
    pairs = [(one, live.get(*place)) for place, one in wanted.items()]
    doubtful = [(one, there) for one, there in pairs if not _is_settled(comparison, one, there)]
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(lambda pair: _change(comparison, live, *pair), doubtful))
    changes = [one for one in (*found, *_pruned(comparison, wanted, live)) if one is not None]
    return LiveDiff(tuple(changes), len(pairs), len(doubtful), tuple(_notes(live)))


def _place(connection: Connection, one: Desired) -> Place:
    kind = (str(one.thing.get("apiVersion", "")), str(one.thing.get("kind", "")))
    try:
        namespaced = connection.resource(*kind).namespaced
    except UnknownKindError:
        namespaced = True
    metadata = one.thing["metadata"]
    return kind, str(metadata.get("namespace") or one.release) if namespaced else "", str(metadata["name"])


def _kinds(comparison: Comparison, wanted: Iterable[Place]) -> dict[Kind, set[str]]:
    """The kinds to list, each with the namespaces that something of it is in."""
    kinds: dict[Kind, set[str]] = {}
    for kind, namespace, _ in wanted:
        kinds.setdefault(kind, set()).add(namespace)
    known = {(kind[0].rpartition("/")[0], kind[1]) for kind in kinds}
    for group, name in comparison.more_kinds - known:
        resource = comparison.connection.resources.preferred(group, name)
        if resource:
            kinds[resource.api_version, name] = set()
    return kinds


def _is_settled(comparison: Comparison, one: Desired, live: Object | None) -> bool:
    return live is not None and is_applied(_as_applied(comparison, one, live), live, one.manager)


def _as_applied(comparison: Comparison, one: Desired, live: Object | None) -> Object:
    """The object as Argo CD would send it."""
    metadata = one.thing["metadata"]
    thing = one.thing
    if live is not None and live["metadata"].get("namespace") and not metadata.get("namespace"):
        thing = {**thing, "metadata": {**metadata, "namespace": live["metadata"]["namespace"]}}
    return comparison.tracking.marked(thing, live, one.application) if live is not None else thing


def _change(comparison: Comparison, live: LiveObjects, one: Desired, there: Object | None) -> ObjectChange | None:
    """What a dry run says; None if nothing would change."""
    kind, namespace, name = _place(comparison.connection, one)
    label = _label(kind[1], namespace, name)
    thing = _as_applied(comparison, one, there)
    if namespace:
        thing = {**thing, "metadata": {**thing["metadata"], "namespace": namespace}}
    if kind in live.absent:
        lines = unified(None, thing)
        return ObjectChange(
            one.part, label, Change.CREATE, lines, f"the cluster does not know {kind[1]} of {kind[0]} yet"
        )
    try:
        made = comparison.connection.apply(thing, dry_run=True, force=True, field_manager=one.manager)
    except RefusalError as error:
        return _refused(error, one, label, thing, there)
    if there is None:
        return ObjectChange(one.part, label, Change.CREATE, unified(None, thing))
    rules = (*one.ignored, *comparison.ignored)
    lines = unified(without_ignored(there, there, rules), without_ignored(made, there, rules))
    return ObjectChange(one.part, label, Change.UPDATE, lines) if lines else None


def _refused(error: RefusalError, one: Desired, label: str, thing: Object, there: Object | None) -> ObjectChange:
    if error.status == HTTPStatus.FORBIDDEN:
        return ObjectChange(one.part, label, Change.NOT_ASKED, note=str(error))
    if error.status == HTTPStatus.NOT_FOUND and there is None:
        return ObjectChange(one.part, label, Change.CREATE, unified(None, thing), "its namespace is not there yet")
    return ObjectChange(one.part, label, Change.REFUSED, note=str(error))


def _pruned(comparison: Comparison, wanted: Iterable[Place], live: LiveObjects) -> Iterable[ObjectChange]:
    """Live objects of our Applications that nothing in the tree makes."""
    ours = {(kind[0].rpartition("/")[0], kind[1], namespace, name) for kind, namespace, name in wanted}
    for kind, rows in live.by_kind.items():
        group = kind[0].rpartition("/")[0]
        for (namespace, name), thing in rows.items():
            part = comparison.owners.get(comparison.tracking.owner(thing))
            if part is not None and (group, kind[1], namespace, name) not in ours:
                yield ObjectChange(part, _label(kind[1], namespace, name), Change.PRUNE, note=why_kept(thing))


def _label(kind: str, namespace: str, name: str) -> str:
    return f"{kind}/{name}" + (f" in {namespace}" if namespace else "")


def _notes(live: LiveObjects) -> Iterable[str]:
    for (_, kind), namespaces in sorted(live.partly.items()):
        where = ", ".join(namespaces)
        yield f"the login may not list {kind} in all namespaces: what would be pruned was looked for in {where} only"
