"""New values for generated fields, and what has to take notice of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from medpattern.checks.manifests import Inventory, Manifest
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.tables import SECRET
from medpattern.checks.wiring.things import Thing, kind_of
from medpattern.errors import UsageError
from medpattern.findings import did_you_mean
from medpattern.secretstore.asked import asks
from medpattern.secretstore.format import Entry, SecretName, SecretsFile, Source, VaultPath
from medpattern.secretstore.plan import Outside

_RESTARTED = {"apps/Deployment": "deployment", "apps/StatefulSet": "statefulset", "apps/DaemonSet": "daemonset"}
_KNATIVE = "serving.knative.dev/Service"
_NEXT_RUN = ("batch/Job", "batch/CronJob")


@dataclass(frozen=True, slots=True)
class Rotation:
    """The entry and the names of its fields that get new values."""

    entry: Entry
    fields: tuple[str, ...]

    @property
    def renewed(self) -> frozenset[tuple[str, str]]:
        """As `values.Values` takes them."""
        return frozenset((self.entry.name, name) for name in self.fields)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that reads a rotated value: `who`, what happens by itself, and the command that hastens it, or ""."""

    who: str
    what: str
    command: str


def rotation(secrets: SecretsFile, name: str) -> Rotation:
    """Which fields NAME or NAME.FIELD means.

    Raises:
        UsageError: there is no such entry or field, or it is not generated.
    """
    entry, field = _find(secrets, name)
    chosen = [one for one in entry.fields if not field or one.name == field]
    if not chosen:
        known = did_you_mean(field, [one.name for one in entry.fields])
        raise UsageError(f"the secret '{entry.name}' has no field '{field}'; {known}")
    generated = tuple(one.name for one in chosen if one.source is Source.GENERATE)
    if not generated:
        raise UsageError(
            f"'{name}' is not generated (onMissingValue: generate): change the value where it stands, then "
            "'medpattern secrets load'"
        )
    return Rotation(entry, generated)


def _find(secrets: SecretsFile, name: str) -> tuple[Entry, str]:
    """The entry and the field, "" for all; names may have dots in them."""
    for entry in sorted(secrets.entries, key=lambda one: -len(one.name)):
        if name == entry.name or name.startswith(f"{entry.name}."):
            return entry, name[len(entry.name) + 1 :]
    known = did_you_mean(name.partition(".")[0], [entry.name for entry in secrets.entries])
    raise UsageError(f"the secrets file has no secret '{name}'; {known}")


def notices(
    inventory: Inventory,
    found: Rotation,
    paths: Iterable[VaultPath],
    names: Collection[SecretName],
    outside: Outside | None = None,
) -> list[Notice]:
    """Who has to take notice on a cluster: the ExternalSecrets that copy it, then whatever reads their Secrets."""
    graph = Graph.of(inventory)
    rotated = set(paths)
    copies = list(
        dict.fromkeys(
            ask.by
            for ask in asks(inventory)
            if ask.path in rotated and (not ask.property or ask.property in found.fields)
        )
    )
    written = {one.thing for one in graph.of_kind(SECRET) if one.maker in copies}
    written |= {Thing(SECRET, *name) for name in names}
    readers = {ref.user: None for ref in graph.references() if ref.thing in written}
    others = [
        _outside(who, name, key)
        for name in names
        for key, who in (outside or {}).get(name, {}).items()
        if key in found.fields
    ]
    return [*map(_copy, copies), *map(_reader, readers), *others]


def _outside(who: str, name: SecretName, field: str) -> Notice:
    command = f"kubectl -n {name.namespace} get secret {name.name} -o jsonpath='{{.data.{field}}}' | base64 -d"
    return Notice(who, "takes it by itself; the other side has to be given it too", command)


def _copy(manifest: Manifest) -> Notice:
    every = (manifest.data.get("spec") or {}).get("refreshInterval", "1h")
    command = (
        f"kubectl -n {manifest.namespace} annotate externalsecret {manifest.name} --overwrite force-sync=$(date +%s)"
    )
    return Notice(_name(manifest), f"takes it within {every}", command)


def _reader(manifest: Manifest) -> Notice:
    kind = kind_of(manifest)
    if kind in _RESTARTED:
        command = f"kubectl -n {manifest.namespace} rollout restart {_RESTARTED[kind]}/{manifest.name}"
        return Notice(_name(manifest), "reads it when it starts", command)
    if kind == _KNATIVE:
        label = f"serving.knative.dev/service={manifest.name}"
        return Notice(
            _name(manifest), "reads it when a pod starts", f"kubectl -n {manifest.namespace} delete pod -l {label}"
        )
    if kind in _NEXT_RUN:
        return Notice(_name(manifest), "reads it when it next runs", "")
    return Notice(_name(manifest), "its operator takes it", "")


def _name(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}" + (f" in {manifest.namespace}" if manifest.namespace else "")
