"""What objects refer to, as `references.yaml` says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.addresses import parse_address, service_of
from medpattern.checks.wiring.mounts import Mount, mounts_of
from medpattern.checks.wiring.paths import Context, as_name, find, first
from medpattern.checks.wiring.provisions import applies
from medpattern.checks.wiring.tables import (
    ADDRESS,
    CONFIG_MAP,
    FILE,
    HOST,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    ReferenceRow,
    SelectorRow,
    Tables,
    Via,
)
from medpattern.checks.wiring.things import (
    Reference,
    Selection,
    Selector,
    Thing,
    Unmounted,
    kind_of,
    read_labels,
    read_selector,
)
from medpattern.findings import KeyPath

Lookup = Callable[[str, str, str], Manifest | None]
"""(kind, namespace, name) -> the object of that name."""


@dataclass
class Uses:
    """What one object refers to and selects."""

    references: list[Reference] = field(default_factory=list)
    selections: list[Selection] = field(default_factory=list)
    unmounted: list[Unmounted] = field(default_factory=list)


@dataclass(frozen=True)
class Reader:
    """Reads the references of objects; `lookup` finds other objects of the cluster, `namespaces` are its own."""

    tables: Tables
    lookup: Lookup
    namespaces: frozenset[str]

    def uses_of(self, manifest: Manifest) -> Uses:
        """Everything that one object refers to."""
        uses = Uses()
        kind = kind_of(manifest)
        self._rows(uses, manifest, kind, (), manifest.data)
        path = self.tables.embeds.get(kind)
        if path is not None:
            for at, pod in find(manifest.data, path):
                if kind != POD:
                    self._rows(uses, manifest, POD, at, pod)
                self._containers(uses, manifest, at, pod)
        if kind == CONFIG_MAP:
            self._config_map(uses, manifest)
        return uses

    def _rows(self, uses: Uses, manifest: Manifest, kind: str, base: KeyPath, data: Any) -> None:
        rows = self.tables.references.get(kind, ())
        found: list[tuple[ReferenceRow, Reference]] = []
        for row in rows:
            for at, here in find(data, row.at):
                context = Context(data, here)
                found += [(row, item) for item in self._references(row, manifest, (*base, *at), context)]
        for row, reference in found:
            below = (*base, *row.user.split(".")) if row.user else ()
            kept = (item for _, item in found)
            uses.references.append(_with_credentials(reference, kept, below) if below else reference)
        for selector in self.tables.selectors.get(kind, ()):
            uses.selections += self._selections(selector, manifest, base, data)

    def _references(
        self, row: ReferenceRow, manifest: Manifest, path: KeyPath, context: Context
    ) -> Iterator[Reference]:
        if not applies(row, context):
            return
        namespace = (row.namespace.value(context) if row.namespace else "") or manifest.namespace
        account = None
        if row.via is not None:
            namespace, account = self._via(row.via, manifest, context)
            if not namespace:
                return
        keys = tuple(key for text in row.keys for key in text.values(context))
        optional = bool(row.optional and first(context.here, row.optional) is True)
        port = row.port.value(context) if row.port else ""
        by = self._place(ADDRESS, "", row.by.value(context), 0, manifest) if row.by else None
        # Who is outside connects from outside.
        flow = row.flow and (row.by is None or (by is not None and by[0].kind == SERVICE))
        kinds = row.to.values(context)
        names = [name for text in row.name.values(context) for name in (text.split(row.split) if row.split else [text])]
        for name in map(str.strip, names):
            if not name or (row.skip and row.skip.match(name)):
                continue
            for kind in kinds:
                place = self._place(_plain_kind(kind), namespace, name, _default_port(port), manifest)
                if place is not None:
                    thing, asked, shown = place
                    yield Reference(
                        manifest, path, thing, row.role, keys, asked or (port if not shown else 0), optional,
                        row.ordered, bool(shown) and flow, row.fleetwide, (), account, row.needs, shown, row.chain,
                        by[0] if by else None,
                    )  # fmt: skip

    def _place(
        self, kind: str, namespace: str, name: str, port: int, manifest: Manifest
    ) -> tuple[Thing, int, str] | None:
        """What is named, and of an address its port and how it is written; None for what names nothing.

        An address becomes the Service or host that it names; what is no kind, or is in no namespace, loses it.
        """
        if kind != ADDRESS:
            is_kind = kind[:1].isupper() or "/" in kind
            has_none = not is_kind or kind in self.tables.in_no_namespace
            return Thing(kind, "" if has_none else namespace, name), port, ""
        address = parse_address(name, port)
        if address is None:
            return None
        service = service_of(address.host, manifest.namespace, self.namespaces)
        thing = Thing(SERVICE, service.namespace, service.name) if service else Thing(HOST, "", address.host)
        return thing, address.port, f"{address.host}:{address.port}" if address.port else address.host

    def _via(self, via: Via, manifest: Manifest, context: Context) -> tuple[str, Thing | None]:
        """The namespace that stands in another object, and the account in whose name that reads."""
        found = self.lookup(_plain_kind(via.kind.value(context)), manifest.namespace, via.name.value(context))
        if found is None:
            return "", None
        namespace, account = as_name(first(found.data, via.take)), first(found.data, via.account)
        if not isinstance(account, dict):
            return namespace, None
        home = as_name(account.get("namespace")) or found.namespace
        return namespace, Thing(SERVICE_ACCOUNT, home, as_name(account.get("name")))

    def _selections(self, row: SelectorRow, manifest: Manifest, base: KeyPath, data: Any) -> Iterator[Selection]:
        for at, here in find(data, row.at):
            if not isinstance(here, dict) or (row.form == "labels" and not here):
                continue
            selector = Selector(read_labels(here)) if row.form == "labels" else read_selector(here)
            if selector is None:
                continue
            ports = tuple(self._ports(row, base, data))
            spaces = _namespaces(row, manifest, data)
            yield Selection(manifest, (*base, *at), row.of, selector, row.role, spaces, ports, row.flow)

    def _ports(self, row: SelectorRow, base: KeyPath, data: Any) -> Iterator[tuple[KeyPath, int | str]]:
        for at, port in find(data, row.ports) if row.ports is not None else ():
            if isinstance(port, dict):
                # A Service's: where it leads to, by default the same number.
                word = "targetPort" if port.get("targetPort") else "port"
                at, port = (*at, word), port.get(word)
            if isinstance(port, int | str) and not isinstance(port, bool) and port:
                yield (*base, *at), port

    # ---- containers ----------------------------------------------------------------------------------------------

    def _containers(self, uses: Uses, manifest: Manifest, base: KeyPath, pod: Any) -> None:
        spec = pod.get("spec") if isinstance(pod, dict) else None
        if not isinstance(spec, dict):
            return
        for word in ("containers", "initContainers"):
            containers = spec.get(word)
            for index, container in enumerate(containers if isinstance(containers, list) else ()):
                if isinstance(container, dict):
                    path = (*base, "spec", word, index)
                    self._variables(uses, manifest, path, container, mounts_of(container, spec.get("volumes")))

    def _variables(
        self, uses: Uses, manifest: Manifest, base: KeyPath, container: dict[str, Any], mounts: list[Mount]
    ) -> None:
        env = container.get("env")
        entries = {
            item["name"]: ((*base, "env", index, "value"), item["value"])
            for index, item in enumerate(env if isinstance(env, list) else ())
            if isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("value"), str)
        }
        variables = {name: value for name, (_, value) in entries.items()}
        words = {word for key in ("command", "args") for word in _words(container.get(key))}
        found: list[tuple[ReferenceRow | None, Reference]] = []
        for name, (path, value) in entries.items():
            if not value:
                continue
            rows = self.tables.environment.get(name, ())
            context = Context(manifest.data, value, variables)
            for row in rows:
                if (row.command and not words & set(row.command)) or words & set(row.not_command):
                    continue
                if row.to.text == FILE:
                    if applies(row, context):
                        found += self._files(uses, manifest, path, name, value, mounts, row)
                else:
                    found += [(row, item) for item in self._references(row, manifest, path, context)]
            if value.startswith("/") and not any(row.to.text == FILE for row in rows):
                found += self._files(uses, manifest, path, name, value, mounts, None)
        kept = [item for _, item in found]
        for known, reference in found:
            below = entries[known.user[1:]][0] if known and known.user[1:] in entries else ()
            uses.references.append(_with_credentials(reference, kept, below) if below else reference)

    def _files(
        self, uses: Uses, manifest: Manifest, path: KeyPath, name: str, value: str, mounts: list[Mount],
        row: ReferenceRow | None,
    ) -> Iterator[tuple[ReferenceRow | None, Reference]]:  # fmt: skip
        """The key that a file is. Without a row a path may as well lie in the image."""
        mount = next((item for item in mounts if item.covers(value)), None)
        if mount is None:
            if row is not None:
                uses.unmounted.append(Unmounted(manifest, path, name, value))
            return
        if not mount.kind or not mount.name:
            return
        key = mount.key(value)
        keys = tuple(text for item in row.keys for text in item.values(Context({}, ""))) if row and not key else ()
        thing = Thing(mount.kind, manifest.namespace, mount.name)
        role = row.role if row else "reads"
        yield row, Reference(manifest, path, thing, role, (key,) if key else keys, optional=mount.optional)

    def _config_map(self, uses: Uses, manifest: Manifest) -> None:
        """Variables that containers take from a ConfigMap."""
        data = manifest.data.get("data")
        if not isinstance(data, dict):
            return
        variables = {key: value for key, value in data.items() if isinstance(key, str) and isinstance(value, str)}
        for name, value in variables.items():
            for row in self.tables.environment.get(name, ()):
                if row.to.text != FILE and not row.command and value:
                    context = Context(manifest.data, value, variables)
                    uses.references += self._references(row, manifest, ("data", name), context)


def _with_credentials(reference: Reference, others: Iterable[Reference], below: KeyPath) -> Reference:
    """`reference` with the Secrets that stand below a path, by which its user says who it is."""
    secrets = (item.thing for item in others if item.thing.kind == SECRET and item.path[: len(below)] == below)
    return replace(reference, credentials=tuple(dict.fromkeys(secrets)))


def _namespaces(row: SelectorRow, manifest: Manifest, data: Any) -> frozenset[str] | None:
    """Where a selection looks: its own namespace, those that a monitor names, or all."""
    own = frozenset({manifest.namespace})
    if not row.namespaces:
        return own
    found = first(data, tuple(row.namespaces.split(".")))
    if found is True or (isinstance(found, Mapping) and found.get("any") is True):
        return None
    named = found.get("matchNames") if isinstance(found, Mapping) else None
    return frozenset(_words(named)) if named else own


def _default_port(text: str) -> int:
    return int(text) if text.isdigit() else 0


@lru_cache(maxsize=1024)
def _plain_kind(text: str) -> str:
    """group/Kind of apiVersion/Kind.

    >>> _plain_kind("serving.knative.dev/v1/Service"), _plain_kind("v1/Service")
    ('serving.knative.dev/Service', 'Service')
    """
    words = text.split("/")
    if len(words) == 3:
        return f"{words[0]}/{words[2]}"
    if len(words) == 2 and ("." not in words[0]) and words[0][:1] == "v" and words[0][1:2].isdigit():
        return words[1]
    return text.lstrip("/")


def _words(data: Any) -> list[str]:
    return [item for item in data if isinstance(item, str)] if isinstance(data, list) else []
