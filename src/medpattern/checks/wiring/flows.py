"""The flows that the wiring needs: which pods open connections to which, and what the platform needs besides.

They follow from addresses that objects name, from monitors, and from the rows `flows` of `produces.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.ends import End, Flow, end_of, number_of
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.platform import flows_of_monitors, flows_of_platform
from medpattern.checks.wiring.tables import CONFIG_MAP, DATABASE, HOST, SECRET, SERVICE
from medpattern.checks.wiring.things import Provision, Reference, Thing, kind_of

_KNATIVE = "serving.knative.dev/Service"


def needed_flows(graph: Graph) -> list[Flow]:
    """All flows that a cluster needs, each once, in an order that depends on nothing but the objects."""
    found: dict[tuple[str, ...], Flow] = {}
    for flow in (*_of_references(graph), *flows_of_monitors(graph), *flows_of_platform(graph)):
        found.setdefault(flow.key, flow)
    return [found[key] for key in sorted(found)]


def _of_references(graph: Graph) -> Iterator[Flow]:
    readers = _readers(graph)
    for reference in graph.references():
        if reference.thing.kind == DATABASE:
            yield from _of_database(graph, reference)
        elif reference.flow and reference.thing.kind in (SERVICE, HOST) and isinstance(reference.port, int):
            for pod in _sources(graph, reference, readers):
                for target, port in _targets(graph, reference, reference.port):
                    yield Flow(
                        end_of(pod), target, port, reason=f"{reference.role} {reference.shown}",
                        manifest=reference.user, path=reference.path,
                    )  # fmt: skip


def _of_database(graph: Graph, reference: Reference) -> Iterator[Flow]:
    """An address that stands in a secret store is known to nobody: the cluster's own database, or the outside's."""
    if any(found.flow and found.shown.endswith(":5432") for found in _written_for(graph, reference.user)):
        return
    own = [pod for found in graph.of_kind(DATABASE) if found.maker for pod in graph.pods_of(found.maker)]
    targets = [end_of(pod) for pod in own] or [End(host="database")]
    for pod in graph.pods_of(reference.user):
        for target in targets:
            reason = f"{reference.role} the database"
            yield Flow(end_of(pod), target, 5432, reason=reason, manifest=reference.user, path=reference.path)


def _written_for(graph: Graph, user: Manifest) -> Iterator[Reference]:
    """Addresses that stand in the Secrets and ConfigMaps that an object reads."""
    for reference in graph.uses[user].references:
        maker = graph.find(reference.thing)
        if reference.thing.kind in (SECRET, CONFIG_MAP) and maker and maker.maker in graph.uses and maker.maker:
            yield from graph.uses[maker.maker].references


def _readers(graph: Graph) -> dict[Thing, list[Manifest]]:
    """The objects with pods that read a Secret or ConfigMap."""
    found: dict[Thing, list[Manifest]] = {}
    for reference in graph.references():
        if reference.thing.kind in (SECRET, CONFIG_MAP) and graph.pods_of(reference.user):
            users = found.setdefault(reference.thing, [])
            if reference.user not in users:
                users.append(reference.user)
    return found


def _sources(graph: Graph, reference: Reference, readers: dict[Thing, list[Manifest]]) -> list[Provision]:
    """The pods that connect to an address."""
    if reference.by is None:
        return _acting(graph, reference.user, readers)
    service = graph.find(reference.by)
    return graph.pods_behind(service) if service else []


def _acting(graph: Graph, user: Manifest, readers: dict[Thing, list[Manifest]]) -> list[Provision]:
    """The pods that open the connections of an object.

    Its own; of what is written into a Secret or ConfigMap those that read it; else those of what it refers to or
    selects.
    """
    own = graph.pods_of(user)
    if own:
        return own
    written = [thing for thing, found in graph.provisions.items() if found.maker is user] if _writes(user) else []
    if written:
        return [pod for thing in written for reader in readers.get(thing, ()) for pod in graph.pods_of(reader)]
    uses = graph.uses[user]
    things = [found for reference in uses.references if (found := graph.find(reference.thing))]
    things += [found for selection in uses.selections for found in graph.selected(selection)]
    makers = {found.maker: None for found in things if found.maker and kind_of(found.maker) == found.thing.kind}
    return [pod for maker in makers for pod in graph.pods_of(maker)]


def _writes(user: Manifest) -> bool:
    return kind_of(user) in (SECRET, CONFIG_MAP, "external-secrets.io/ExternalSecret")


def _targets(graph: Graph, reference: Reference, port: int) -> Iterator[tuple[End, int]]:
    """The pods behind an address with the port that they listen on, or the host outside."""
    if not port:
        return
    if reference.thing.kind == HOST:
        found = graph.find(reference.thing)
        if found is None or found.maker is None:
            yield End(host=reference.thing.name), port
        return
    service = graph.find(reference.thing)
    if service is None:
        yield End(reference.thing.namespace, None), port
        return
    if service.maker is not None and kind_of(service.maker) == _KNATIVE:
        # It is reached through Knative's gateway; the rows of the platform let that in.
        return
    asked = next((item for item in service.ports if item.answers(port)), None)
    if asked is None and service.ports:
        # A port where no one listens is a finding of its own.
        return
    for pod in graph.pods_behind(service):
        yield end_of(pod), number_of(pod, asked.target if asked else port)
