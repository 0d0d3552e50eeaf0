"""Who writes and who reads each Secret of a cluster, and what of it the secrets file has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from medpattern.argocd import webhook
from medpattern.argocd.names import SECRET_TYPE
from medpattern.checks.manifests import Inventory, Manifest, value_at
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.tables import SECRET
from medpattern.checks.wiring.things import Provision, Reference, Thing, kind_of
from medpattern.fleet.cluster import Cluster
from medpattern.secretstore.asked import GROUP, Ask, asks
from medpattern.secretstore.format import Entry, SecretName, SecretsFile, VaultPath

ALL = "*"


class Writer(StrEnum):
    """Who writes a Secret."""

    STORE = "ExternalSecret"
    FILE = "secrets file"
    OPERATOR = "operator"
    CHART = "chart"
    SITE = "site"
    UNKNOWN = "unknown"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of a Secret, "*" for all: the entries it is made of, as MOUNT/PATH PROPERTY, and who reads it."""

    key: str
    sources: tuple[str, ...]
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One Secret: who writes it, `maker` as KIND NAME if that is an object, and its keys."""

    secret: SecretName
    writer: Writer
    maker: str
    keys: tuple[KeyRow, ...]

    @property
    def is_read(self) -> bool:
        """Whether anybody reads any of it."""
        return any(row.readers for row in self.keys)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A property of an entry in Vault that is asked for, "*" for all: by whom, and whether the secrets file has it."""

    path: VaultPath
    property: str
    readers: tuple[str, ...]
    is_there: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The secrets of one cluster.

    Attributes:
        cluster: its name.
        secrets: every Secret that is written or read.
        entries: every property of Vault that is asked for.
        unused: fields of the secrets file, as ENTRY.FIELD, that nobody on this cluster reads.
        unseen: applications whose objects are not known, so that they may read more.
    """

    cluster: str
    secrets: tuple[SecretRow, ...]
    entries: tuple[EntryRow, ...]
    unused: tuple[str, ...]
    unseen: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """What is read and nobody writes, in words."""
        entries = [f"{row.path} {row.property}" for row in self.entries if not row.is_there]
        secrets = [str(row.secret) for row in self.secrets if row.writer is Writer.NOBODY]
        return (*entries, *secrets)

    @property
    def unread(self) -> tuple[str, ...]:
        """Secrets that an ExternalSecret, the secrets file or a chart writes and nobody is known to read."""
        ours = (Writer.STORE, Writer.FILE, Writer.CHART)
        return tuple(str(row.secret) for row in self.secrets if row.writer in ours and not row.is_read)


# Who reads keys of Secrets without any rendered object that says so: by Secret and key, in words.
Outside = Mapping[SecretName, Mapping[str, str]]


def outside_of(cluster: Cluster) -> Outside:
    """What a cluster's Argo CD reads, and no object of the tree says so: the secret of its webhook."""
    provider = webhook.provider_of(cluster.values)
    if not provider or cluster.facts.is_pushed:
        return {}
    return {SecretName(cluster.facts.argocd_namespace, webhook.SECRET): webhook.readers(provider)}


def plan(inventory: Inventory, secrets: SecretsFile | None, outside: Outside | None = None) -> Plan:
    """The secrets of a cluster, by its rendered objects; without a secrets file nothing of Vault is there."""
    return _Planning(inventory, secrets, outside or {}).plan()


def _found_by_label(secrets: SecretsFile) -> Outside:
    """What Argo CD looks for by a label: its logins to repositories and clusters."""
    found = ((entry, entry.labels.get(SECRET_TYPE)) for entry in secrets.entries)
    return {
        name: {one.name: f"Argo CD, as {kind}" for one in entry.fields}
        for entry, kind in found
        if kind
        for name in secrets.kubernetes_secrets(entry)
    }


class _Planning:
    def __init__(self, inventory: Inventory, secrets: SecretsFile | None, outside: Outside) -> None:
        self.inventory = inventory
        by_label = _found_by_label(secrets) if secrets else {}
        self.outside = {Thing(SECRET, *name): readers for name, readers in {**by_label, **outside}.items()}
        self.file = secrets
        self.graph = Graph.of(inventory)
        self.asks = asks(inventory)
        self.by_object: dict[Manifest, list[Ask]] = {}
        for ask in self.asks:
            self.by_object.setdefault(ask.by, []).append(ask)
        self.references: dict[Thing, list[Reference]] = {}
        for reference in self.graph.references():
            if reference.thing.kind == SECRET:
                self.references.setdefault(reference.thing, []).append(reference)
        entries = secrets.entries if secrets else ()
        self.from_file = {name: one for one in entries for name in secrets.kubernetes_secrets(one)} if secrets else {}
        self.in_vault = {path: one for one in entries for path in secrets.vault_paths(one)} if secrets else {}

    def plan(self) -> Plan:
        written = {one.thing for one in self.graph.of_kind(SECRET)}
        read = {thing for thing, found in self.references.items() if not all(one.optional for one in found)}
        loaded = {Thing(SECRET, name.namespace, name.name) for name in self.from_file}
        here = {thing for thing in loaded if thing in read or thing.namespace in self.graph.namespaces}
        rows = (self._secret(thing) for thing in sorted(written | read | here | self.outside.keys()))
        return Plan(
            self.inventory.cluster,
            tuple(rows),
            tuple(self._entries()),
            tuple(self._unused()),
            tuple(sorted(self.inventory.unseen)),
        )

    # ---- Secrets -------------------------------------------------------------------------------------------------

    def _secret(self, thing: Thing) -> SecretRow:
        name = SecretName(thing.namespace, thing.name)
        provision = self.graph.find(thing)
        writer = self._writer(thing, provision)
        entry = self.from_file.get(name) if writer is Writer.FILE else None
        maker = provision.maker if provision and not entry else None
        known = [one.name for one in entry.fields] if entry else sorted((provision and provision.keys) or ())
        found = self.references.get(thing, ())
        others = self.outside.get(thing, {})
        keys = list(dict.fromkeys((*known, *(key for one in found for key in one.keys), *others))) or [ALL]
        rows = tuple(
            KeyRow(
                key,
                self._sources(maker, entry, key),
                (*_readers(found, key), *([others[key]] if key in others else ())),
            )
            for key in keys
        )
        return SecretRow(name, writer, f"{maker.kind} {maker.name}" if maker else "", rows)

    def _writer(self, thing: Thing, provision: Provision | None) -> Writer:
        if SecretName(thing.namespace, thing.name) in self.from_file:
            return Writer.FILE
        if provision is not None and provision.maker is not None:
            kind = kind_of(provision.maker)
            return {f"{GROUP}/ExternalSecret": Writer.STORE, SECRET: Writer.CHART}.get(kind, Writer.OPERATOR)
        if self.graph.is_given(thing):
            return Writer.SITE
        if thing in self.outside and provision is None:
            return Writer.NOBODY
        return Writer.UNKNOWN if provision is not None or self.graph.is_unknown(thing) else Writer.NOBODY

    def _sources(self, maker: Manifest | None, entry: Entry | None, key: str) -> tuple[str, ...]:
        if entry is not None:
            return (f"{entry.name}.{key}",)
        if maker is None:
            return ()
        template = value_at(maker.data, ("spec", "target", "template", "data"))
        used = _used(template, key) if isinstance(template, dict) else {key}
        of_key = [ask for ask in self.by_object.get(maker, ()) if not ask.secret_key or ask.secret_key in used]
        found = [f"{ask.path} {ask.property or ALL}" for ask in of_key]
        return tuple(dict.fromkeys((*found, *self._copied(maker, used))))

    def _copied(self, maker: Manifest, used: set[str]) -> Iterator[str]:
        """What a store of the provider kubernetes copies for some names of an ExternalSecret."""
        for reference in self.graph.uses[maker].references:
            if reference.thing.kind == SECRET and value_at(maker.data, (*reference.path, "secretKey")) in used:
                yield " ".join((str(reference.thing), *reference.keys))

    # ---- entries of Vault ----------------------------------------------------------------------------------------

    def _entries(self) -> Iterable[EntryRow]:
        by_name: dict[tuple[VaultPath, str], list[str]] = {}
        for ask in self.asks:
            row = by_name.setdefault((ask.path, ask.property or ALL), [])
            row.append(f"ExternalSecret {ask.by.name} in {ask.by.namespace}")
        patterns = {ask.path for ask in self.asks if ask.pattern}
        for (path, prop), readers in sorted(by_name.items()):
            entry = self.in_vault.get(path)
            is_there = path in patterns or (entry is not None and (prop == ALL or entry.field(prop) is not None))
            yield EntryRow(path, prop, tuple(dict.fromkeys(readers)), is_there)

    def _unused(self) -> Iterable[str]:
        if self.file is None:
            return
        for entry in self.file.entries:
            paths = self.file.vault_paths(entry)
            names = self.file.kubernetes_secrets(entry)
            if any(Thing(SECRET, *name) in self.references for name in names):
                continue
            others = {key for name in names for key in self.outside.get(Thing(SECRET, *name), ())}
            of_entry = [ask for ask in self.asks if any(ask.covers(path) for path in paths)]
            known = {ask.property for ask in of_entry} | others
            yield from (f"{entry.name}.{one.name}" for one in entry.fields if not {"", one.name} & known)


def _readers(found: Iterable[Reference], key: str) -> tuple[str, ...]:
    """Who reads a key; a volume or an envFrom reads them all."""
    wanted = (one for one in found if not one.keys or key in (*one.keys, ALL))
    return tuple(dict.fromkeys(f"{one.user.kind} {one.user.name} in {one.user.namespace}" for one in wanted))


def _used(template: dict[str, Any], key: str) -> set[str]:
    """The names that a template's key is made of."""
    return set(
        re.findall(r"\.([A-Za-z_][A-Za-z0-9_]*)", " ".join(re.findall(r"\{\{(.*?)\}\}", str(template.get(key, "")))))
    )
