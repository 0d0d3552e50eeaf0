"""What objects bring about: themselves, the pods they hold, and what `produces.yaml` says of their kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.paths import Context, find, first
from medpattern.checks.wiring.tables import CONFIG_MAP, POD, SECRET, SERVICE, ProducedRow, Tables
from medpattern.checks.wiring.things import Port, Provision, Thing, kind_of

POLICY = "networking.k8s.io/NetworkPolicy"


def provisions_of(manifest: Manifest, tables: Tables, distribution: str) -> Iterator[Provision]:
    """Everything that is there because of one object."""
    kind = kind_of(manifest)
    rows = tables.produced.get(kind, ())
    if kind not in (SECRET, CONFIG_MAP):
        yield _itself(manifest, kind)
    if kind in tables.embeds and not any(row.makes == POD for row in rows):
        yield from _pods(manifest, tables)
    for row in rows:
        yield from _made(manifest, row, distribution)


def always_there(tables: Tables, distribution: str) -> Iterator[Provision]:
    """What every cluster of a distribution has; its namespace may be "*", and its name a pattern."""
    nothing = Context({}, {})
    for row in tables.always:
        if row.distribution in ("", distribution):
            namespace = row.namespace.value(nothing) if row.namespace else ""
            yield _provision(row, None, Thing(row.makes, namespace, row.name.value(nothing)), nothing, ())


def _itself(manifest: Manifest, kind: str) -> Provision:
    thing = Thing(kind, manifest.namespace, manifest.name)
    if kind != SERVICE:
        return Provision(thing, manifest, labels=manifest.labels())
    spec = manifest.data.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    selector = spec.get("selector")
    ports = tuple(_service_port(item) for item in _dicts(spec.get("ports")))
    chosen = selector if isinstance(selector, dict) else None
    return Provision(thing, manifest, None, ports, manifest.labels(), chosen, path=("spec",))


def _service_port(item: dict[str, Any]) -> Port:
    number = _number(item.get("port"))
    target = item.get("targetPort")
    return Port(str(item.get("name", "")), number, target if isinstance(target, int | str) and target else number)


def _pods(manifest: Manifest, tables: Tables) -> Iterator[Provision]:
    for path, pod in find(manifest.data, tables.embeds[kind_of(manifest)]):
        if not isinstance(pod, dict):
            continue
        metadata = pod.get("metadata")
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        spec = pod.get("spec")
        containers = spec.get("containers") if isinstance(spec, dict) else None
        ports = tuple(
            Port(str(item.get("name", "")), _number(item.get("containerPort")))
            for container in _dicts(containers)
            for item in _dicts(container.get("ports"))
        )
        thing = Thing(POD, manifest.namespace, manifest.name)
        yield Provision(thing, manifest, None, ports, labels if isinstance(labels, dict) else {}, path=path)


def _made(manifest: Manifest, row: ProducedRow, distribution: str) -> Iterator[Provision]:
    if row.distribution not in ("", distribution):
        return
    for path, here in find(manifest.data, row.each):
        context = Context(manifest.data, here)
        if not applies(row, context):
            continue
        namespace = _namespace(row, manifest, context)
        for name in row.name.values(context):
            yield _provision(row, manifest, Thing(row.makes, namespace, name), context, path)


def applies(row: Any, context: Context) -> bool:
    """Whether the conditions of a row hold."""
    if not row.when and not row.unless:
        return True
    return all(found.holds(context) for found in row.when) and not any(found.holds(context) for found in row.unless)


def _namespace(row: ProducedRow, manifest: Manifest, context: Context) -> str:
    if row.namespace is not None:
        return row.namespace.value(context)
    # What is no kind of Kubernetes is in no namespace.
    return manifest.namespace if row.makes[:1].isupper() or "/" in row.makes else ""


def _provision(row: ProducedRow, maker: Manifest | None, thing: Thing, context: Context, path: Any) -> Provision:
    labels = {key: text.value(context) for key, text in row.labels}
    if row.labels_at is not None:
        found = first(context.here, row.labels_at)
        labels = {**found, **labels} if isinstance(found, dict) else labels
    selector: dict[str, Any] | None = {key: text.value(context) for key, text in row.selects} or None
    if row.selects_at is not None:
        selector = first(context.here, row.selects_at)
    peers = first(context.here, row.ingress) if row.ingress is not None else None
    return Provision(
        thing,
        maker,
        _keys(row, context),
        tuple(port for text in row.ports for port in _ports(text.values(context))),
        labels,
        selector if isinstance(selector, dict) else None,
        peers if isinstance(peers, list) else None,
        path,
    )


def _keys(row: ProducedRow, context: Context) -> frozenset[str] | None:
    if row.makes not in (SECRET, CONFIG_MAP) or row.is_open:
        return None
    if row.open is not None and first(context.here, row.open):
        return None
    return frozenset(key for text in row.keys for key in text.values(context))


def _ports(texts: list[str]) -> Iterator[Port]:
    """Those of "NUMBER", "NAME:NUMBER" or either with ">TARGET"; what is none is left out."""
    for text in texts:
        rest, _, target = text.partition(">")
        name, _, number = rest.rpartition(":")
        if number.isdigit():
            yield Port(name, int(number), int(target) if target.isdigit() else int(number))


def _dicts(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        yield from (item for item in data if isinstance(item, dict))


def _number(data: Any) -> int:
    return data if isinstance(data, int) and not isinstance(data, bool) else 0
