"""References that lead nowhere: no such thing, no such key in it, no such port, nothing selected, no such file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from medpattern.checks.wiring.breaches import Wrong
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.tables import HOST
from medpattern.checks.wiring.things import Provision, Reference, Selection, Thing
from medpattern.findings import KeyPath, did_you_mean


def dangling(graph: Graph) -> Iterator[Wrong]:
    """Everything of one cluster that leads nowhere."""
    told: set[tuple[int, Thing]] = set()
    for reference in graph.references():
        # What is not there is told once of each user; which key of it is read is then no news.
        said = (id(reference.user), reference.thing)
        if not reference.fleetwide and said not in told:
            for wrong in _reference(graph, reference):
                if wrong.code == "dangling-reference":
                    told.add(said)
                yield wrong
    for selection in graph.selections():
        yield from _selection(graph, selection)
    for manifest, uses in graph.uses.items():
        for item in uses.unmounted:
            message = f"{item.variable} names {item.file}, which no volume of the container brings"
            cure = "mount the Secret or ConfigMap that holds it, or correct the path"
            yield Wrong("unmounted-file", manifest, item.path, message, cure)


def _reference(graph: Graph, reference: Reference) -> Iterator[Wrong]:
    thing = reference.thing
    found = graph.find(thing)
    if found is None:
        if thing.kind == HOST:
            yield from _near_host(graph, reference)
        elif not (reference.optional or graph.is_unknown(thing) or graph.is_given(thing)):
            yield missing(reference, graph.names(thing.kind, thing.namespace))
        return
    for key in reference.keys:
        if found.keys is not None and key not in found.keys and not (reference.optional or graph.is_given(thing)):
            message = f"{reference.role} the key '{key}' of {thing}, which has none of that name"
            yield Wrong("unwritten-key", reference.user, reference.path, message, did_you_mean(key, found.keys))
    yield from _port(reference, found)


def missing(reference: Reference, known: list[str]) -> Wrong:
    """A reference to what nothing makes, with the nearest of the names that are `known`."""
    near = did_you_mean(reference.thing.name, known)
    cure = near if near.startswith("did you") else "make it, correct the name, or list it under medpattern.given"
    message = f"{reference.role} {reference.thing}, which nothing here makes"
    return Wrong("dangling-reference", reference.user, reference.path, message, cure)


def _near_host(graph: Graph, reference: Reference) -> Iterator[Wrong]:
    """A host of the outside that is almost one which something here answers to."""
    name = reference.thing.name
    close = difflib.get_close_matches(name, [found.thing.name for found in graph.of_kind(HOST)], n=1, cutoff=0.9)
    if close and not graph.is_given(reference.thing):
        message = f"{reference.role} the host {name}, which nothing here answers to"
        yield Wrong("dangling-reference", reference.user, reference.path, message, f"did you mean '{close[0]}'?")


def _port(reference: Reference, found: Provision) -> Iterator[Wrong]:
    asked = reference.port
    if not asked or not found.ports or any(port.answers(asked) for port in found.ports):
        return
    known = ", ".join(f"{port.number}" + (f" ({port.name})" if port.name else "") for port in found.ports)
    message = f"{reference.role} port {asked} of {found.thing}, where no one listens"
    yield Wrong("dead-port", reference.user, reference.path, message, f"it has {known}")


# ---- selections ------------------------------------------------------------------------------------------------


def _selection(graph: Graph, selection: Selection) -> Iterator[Wrong]:
    chosen = graph.selected(selection)
    unseen = graph.may_have_unseen(selection.of, selection.namespaces)
    kind = selection.of.rpartition("/")[2]
    if not chosen:
        if not unseen:
            where = "" if selection.namespaces is None else f" in {', '.join(sorted(selection.namespaces))}"
            message = f"{selection.role} each {kind} with {selection.selector}{where}, and there is none"
            yield Wrong("selects-nothing", selection.user, selection.path, message, _labels(graph, selection))
        return
    if any(not item.ports for item in chosen):
        # A container need not say which ports it listens on.
        return
    for path, port in selection.ports:
        if not unseen and not any(item.answers(port) for one in chosen for item in one.ports):
            yield _dead(selection, path, port, chosen)


def _dead(selection: Selection, path: KeyPath, port: int | str, chosen: list[Provision]) -> Wrong:
    names = sorted({item.name or str(item.number) for one in chosen for item in one.ports})
    message = f"{selection.role} port {port} of {_list(chosen)}, where no one listens"
    return Wrong("dead-port", selection.user, path, message, did_you_mean(str(port), names))


def _labels(graph: Graph, selection: Selection) -> str:
    """The labels that what is there has, under the keys that are asked for."""
    keys = {key for key, _ in selection.selector.labels}
    there = {
        f"{key}={value}"
        for item in graph.of_kind(selection.of)
        if selection.namespaces is None or item.thing.namespace in selection.namespaces
        for key, value in item.labels.items()
        if key in keys and isinstance(value, str)
    }
    wanted = ", ".join(f"{key}={value}" for key, value in selection.selector.labels)
    return did_you_mean(wanted, there) or "correct the selector, or label what it should select"


def _list(chosen: list[Provision]) -> str:
    names = sorted(str(item.thing) for item in chosen)
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
