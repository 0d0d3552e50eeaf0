"""What a cluster has of some kinds: one list for each kind, where the login may list it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from medpattern.cluster.connection import Connection
from medpattern.cluster.resources import UnknownKindError
from medpattern.errors import RefusalError

THREADS = 8

Object = dict[str, Any]
Kind = tuple[str, str]  # apiVersion, kind


@dataclass(frozen=True, slots=True)
class LiveObjects:
    """The objects of a cluster by kind, and then by (namespace, name).

    `absent` are kinds that the cluster does not know; `partly` those that were listed in single namespaces, since the
    login may not list them in all.
    """

    by_kind: Mapping[Kind, Mapping[tuple[str, str], Object]]
    absent: frozenset[Kind] = frozenset()
    partly: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """One object; None if it is not there."""
        return self.by_kind.get(kind, {}).get((namespace, name))


def live_objects(connection: Connection, wanted: Mapping[Kind, Iterable[str]]) -> LiveObjects:
    """All objects of some kinds.

    Args:
        connection: to the cluster.
        wanted: the kinds, each with the namespaces to list in one by one should listing in all be refused.

    Raises:
        RemoteError: the login may list a kind nowhere, or the cluster does not answer.
    """
    known: dict[Kind, tuple[str, ...]] = {}
    absent = set()
    for kind, namespaces in wanted.items():
        try:
            connection.resource(*kind)
            known[kind] = tuple(sorted(set(namespaces) - {""}))
        except UnknownKindError:
            absent.add(kind)
    with ThreadPoolExecutor(THREADS) as threads:
        listed = list(threads.map(lambda row: _list(connection, *row), known.items()))
    rows = {kind: _by_name(items) for kind, (items, _) in zip(known, listed, strict=True)}
    partly = {kind: known[kind] for kind, (_, whole) in zip(known, listed, strict=True) if not whole}
    return LiveObjects(rows, frozenset(absent), partly)


def _list(connection: Connection, kind: Kind, namespaces: tuple[str, ...]) -> tuple[list[Object], bool]:
    """The objects of a kind, and whether of all namespaces."""
    try:
        return connection.list(*kind), True
    except UnknownKindError:
        return [], True  # a well-known kind that is not there after all
    except RefusalError as error:
        is_namespaced = connection.resource(*kind).namespaced
        if error.status != HTTPStatus.FORBIDDEN or not namespaces or not is_namespaced:
            raise
        return [one for namespace in namespaces for one in connection.list(*kind, namespace)], False


def _by_name(items: Iterable[Object]) -> dict[tuple[str, str], Object]:
    return {(one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in items}
