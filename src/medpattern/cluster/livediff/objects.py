"""What a cluster has of some kinds: one list for each kind, where the login may list it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any

from medpattern.cluster.connection import Connection
from medpattern.cluster.resources import UnknownKindError
from medpattern.errors import RefusalError

THREADS = 8

Object = dict[str, Any]
Kind = tuple[str, str]  # apiVersion, kind
Rows = Mapping[tuple[str, str], Object]  # by namespace and name


@dataclass(frozen=True, slots=True)
class LiveObjects:
    """The objects of a cluster by kind, and then by (namespace, name).

    `absent` are kinds that the cluster does not know; `partly` those that were listed in single namespaces, since the
    login may not list them in all.
    """

    by_kind: Mapping[Kind, Rows]
    absent: frozenset[Kind] = frozenset()
    partly: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """One object; None if it is not there."""
        return self.by_kind.get(kind, {}).get((namespace, name))


class Lists:
    """The lists of one server, each asked for once. Safe for use by several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._lock = Lock()
        self._locks: dict[Kind, Lock] = {}
        self._listed: dict[Kind, tuple[Rows, bool]] = {}

    def of(self, kind: Kind, namespaces: tuple[str, ...]) -> tuple[Rows, bool]:
        """The objects of a kind by (namespace, name), and whether those of all namespaces.

        Args:
            kind: apiVersion and kind.
            namespaces: where to list one by one, should the login not be allowed to list in all.
        """
        with self._lock:
            lock = self._locks.setdefault(kind, Lock())
        with lock:
            if kind not in self._listed:
                self._listed[kind] = self._list(kind, namespaces)
            return self._listed[kind]

    def _list(self, kind: Kind, namespaces: tuple[str, ...]) -> tuple[Rows, bool]:
        try:
            return _by_name(self.connection.list(*kind)), True
        except UnknownKindError:
            return {}, True  # a well-known kind that is not there after all
        except RefusalError as error:
            is_namespaced = self.connection.resource(*kind).namespaced
            if error.status != HTTPStatus.FORBIDDEN or not namespaces or not is_namespaced:
                raise
            return _by_name(one for namespace in namespaces for one in self.connection.list(*kind, namespace)), False


def live_objects(lists: Lists, wanted: Mapping[Kind, Iterable[str]]) -> LiveObjects:
    """All objects of some kinds.

    Args:
        lists: of the cluster.
        wanted: the kinds, each with the namespaces to list in one by one should listing in all be refused.

    Raises:
        RemoteError: the login may list a kind nowhere, or the cluster does not answer.
    """
    known: dict[Kind, tuple[str, ...]] = {}
    absent = set()
    for kind, namespaces in wanted.items():
        try:
            lists.connection.resource(*kind)
            known[kind] = tuple(sorted(set(namespaces) - {""}))
        except UnknownKindError:
            absent.add(kind)
    with ThreadPoolExecutor(THREADS) as threads:
        listed = list(threads.map(lambda row: lists.of(*row), known.items()))
    rows = {kind: found for kind, (found, _) in zip(known, listed, strict=True)}
    partly = {kind: known[kind] for kind, (_, whole) in zip(known, listed, strict=True) if not whole}
    return LiveObjects(rows, frozenset(absent), partly)


def _by_name(items: Iterable[Object]) -> dict[tuple[str, str], Object]:
    return {(one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in items}
