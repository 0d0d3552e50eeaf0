"""Entries of a secrets file as Secrets of a cluster: compared with what is there, then applied by the server."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from medpattern.errors import RefusalError, RemoteError
from medpattern.secretstore.format import Entry, SecretName, SecretsFile
from medpattern.secretstore.hidden import Hidden
from medpattern.secretstore.values import Values

MANAGED = {"app.kubernetes.io/managed-by": "medpattern"}

Object = dict[str, Any]


class Cluster(Protocol):
    """What is asked of a cluster; `medpattern.cluster.connection.Connection` is one."""

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """One object; None if there is none."""

    def apply(self, thing: Object, *, dry_run: bool = False, force: bool = False) -> Object:
        """Server-side apply of one object; the object that the server makes of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A Secret that is to be made or changed; `keys` are those that differ. `content` has every key that is ours."""

    secret: SecretName
    entry: Entry
    keys: tuple[str, ...]
    is_new: bool
    content: dict[str, Hidden] = field(repr=False)

    @property
    def is_needed(self) -> bool:
        """Whether anything differs."""
        return self.is_new or bool(self.keys)

    def thing(self) -> Object:
        """The object to apply."""
        metadata = {"name": self.secret.name, "namespace": self.secret.namespace}
        labels = {**MANAGED, **self.entry.labels}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "labels": labels, "annotations": dict(self.entry.annotations)},
            "type": self.entry.type,
            "data": {key: base64.b64encode(value.reveal()).decode() for key, value in self.content.items()},
        }


def changes(
    cluster: Cluster, secrets: SecretsFile, values: Values, only: Iterable[SecretName] | None = None
) -> list[Change]:
    """Compares what a secrets file says with the cluster; nothing is written.

    Args:
        cluster: that is asked.
        secrets: the file; its values have been read (`Values.read`), or are read now.
        values: that read them.
        only: these Secrets; all by default.

    Raises:
        InputError: a value cannot be had.
        RemoteError: the cluster does not answer, or has not all of the namespaces.
    """
    wanted = [(name, entry) for entry in secrets.entries for name in secrets.kubernetes_secrets(entry)]
    if only is not None:
        chosen = set(only)
        wanted = [(name, entry) for name, entry in wanted if name in chosen]
    values.read(secrets, tuple({entry.name: entry for _, entry in wanted}.values()))
    spaces = sorted({name.namespace for name, _ in wanted})
    absent = [space for space in spaces if cluster.get("v1", "Namespace", space) is None]
    if absent:
        raise RemoteError(
            f"the cluster has no namespace {', '.join(absent)}; nothing was written; 'medpattern bootstrap' makes them"
        )
    return [_change(cluster, name, entry, values) for name, entry in wanted]


def _change(cluster: Cluster, name: SecretName, entry: Entry, values: Values) -> Change:
    there = cluster.get("v1", "Secret", name.name, name.namespace)
    found = dict(_content(there or {}))
    content = {one.name: values.final(entry, one, found.get(one.name)) for one in entry.fields}
    differing = tuple(key for key, value in content.items() if found.get(key) != value)
    change = Change(name, entry, differing, there is None, content)
    if not change.is_needed and not _has_words(there or {}, change.thing()):
        return Change(name, entry, ("labels",), False, content)
    return change


def _content(thing: Object) -> Iterator[tuple[str, Hidden]]:
    for key, text in (thing.get("data") or {}).items():
        yield key, Hidden(base64.b64decode(text))


def _has_words(there: Object, wanted: Object) -> bool:
    """Whether the labels and annotations that are wanted are there."""
    return all(
        (there.get("metadata", {}).get(part) or {}).get(key) == value
        for part in ("labels", "annotations")
        for key, value in wanted["metadata"][part].items()
    )


def write(cluster: Cluster, found: Iterable[Change]) -> list[Change]:
    """Applies what is needed of some changes, after the server has taken all of them in a dry run.

    Returns:
        What was written.

    Raises:
        RemoteError: the server refuses one, and then none is written; or it goes away, and those before are.
    """
    needed = [change for change in found if change.is_needed]
    for change in needed:
        _apply(cluster, change, dry_run=True)
    written: list[Change] = []
    for change in needed:
        try:
            _apply(cluster, change, dry_run=False)
        except RemoteError as error:
            done = ", ".join(str(one.secret) for one in written) or "nothing"
            raise RemoteError(f"{error}; written before: {done}; the same command goes on") from None
        written.append(change)
    return written


def _apply(cluster: Cluster, change: Change, *, dry_run: bool) -> None:
    try:
        cluster.apply(change.thing(), dry_run=dry_run)
    except RefusalError as error:
        cure = {
            403: "the login needs get, create and patch on secrets there",
            409: "somebody else writes these keys (kubectl get secret --show-managed-fields); decide who does",
            422: "a Secret keeps its type: delete it first if the type should change",
        }.get(error.status, "")
        what = f"{change.secret}: {error}" + (f"; {cure}" if cure else "")
        raise RemoteError(f"{what}; nothing was written" if dry_run else what) from None
