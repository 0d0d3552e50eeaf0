"""The graph of a cluster as nodes and edges, for people and programs to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.findings import wiring_findings
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.tables import DATABASE, HOST, POD
from medpattern.checks.wiring.things import Provision, Reference, Thing, kind_of
from medpattern.findings import Finding

HERE, GIVEN, UNSEEN, OUTSIDE, MISSING = "here", "given", "unseen", "outside", "missing"


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """One thing. `state`: here, given (by the platform or the site), unseen, outside, missing."""

    app: str
    kind: str
    namespace: str
    name: str
    state: str = HERE

    @property
    def id(self) -> str:
        """What names it among the nodes of its cluster."""
        return "/".join(filter(None, (self.kind, self.namespace, self.name)))

    @property
    def short(self) -> str:
        """Kind and name."""
        return f"{self.kind.rpartition('/')[2]} {self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """That one node does something with another; `place` is where it says so, "" for what it makes.

    `chain` is "forth" or "back" where an image or its result goes from the first to the second, or back.
    """

    source: str
    target: str
    role: str
    place: str = ""
    chain: str = ""


@dataclass(frozen=True)
class Picture:
    """All nodes by their ids, all edges, and what is wrong."""

    cluster: str
    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    apps: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    def of_app(self, app: str) -> Picture:
        """Only the nodes of an application, and what they are linked with."""
        own = {node.id for node in self.nodes.values() if node.app == app}
        edges = tuple(edge for edge in self.edges if edge.source in own or edge.target in own)
        linked = own | {end for edge in edges for end in (edge.source, edge.target)}
        nodes = {key: node for key, node in self.nodes.items() if key in linked}
        apps = {node.app for node in nodes.values()}
        kept = tuple(item for item in self.apps if item[0] in apps)
        told = tuple(finding for finding in self.findings if finding.app == app)
        return Picture(self.cluster, nodes, edges, kept, told)


def picture(graph: Graph) -> Picture:
    """The picture of a cluster, in an order that depends on nothing but its objects."""
    nodes: dict[Thing, Node] = {}
    edges: set[Edge] = set()
    for user, target, edge in _links(graph):
        nodes.setdefault(user.thing, user.node)
        nodes.setdefault(target.thing, target.node)
        if user.thing != target.thing:
            edges.add(Edge(user.node.id, target.node.id, *edge))
    by_id = {node.id: node for node in sorted(nodes.values())}
    waves = {found.app: found.wave for found in graph.inventory.manifests}
    used = {node.app for node in by_id.values()}
    apps = tuple(sorted(((app, waves.get(app, 0)) for app in used), key=lambda item: (item[1], item[0])))
    return Picture(graph.inventory.cluster, by_id, tuple(sorted(edges)), apps, tuple(wiring_findings(graph.inventory)))


@dataclass(frozen=True, slots=True)
class _End:
    thing: Thing
    node: Node


def _links(graph: Graph) -> Iterator[tuple[_End, _End, tuple[str, str, str]]]:
    for reference in graph.references():
        user, target = _of_manifest(reference.user), _of_reference(graph, reference)
        place = str(reference.user.locate(reference.path))
        yield user, target, (reference.role, place, reference.chain)
    for selection in graph.selections():
        for found in graph.selected(selection):
            place = str(selection.user.locate(selection.path))
            yield _of_manifest(selection.user), _of_provision(found), (selection.role, place, "")
    for found in graph.provisions.values():
        if found.maker is not None and found.thing.kind != POD and kind_of(found.maker) != found.thing.kind:
            yield _of_manifest(found.maker), _of_provision(found), ("makes", "", "")


def _of_manifest(manifest: Manifest) -> _End:
    thing = Thing(kind_of(manifest), manifest.namespace, manifest.name)
    return _End(thing, Node(manifest.app, *thing))


def _of_provision(found: Provision, state: str = HERE) -> _End:
    """A thing with the application that makes it; pods are shown as what starts them."""
    if found.thing.kind == POD and found.maker is not None:
        return _of_manifest(found.maker)
    return _End(found.thing, Node(found.maker.app if found.maker else "", *found.thing, state))


def _of_reference(graph: Graph, reference: Reference) -> _End:
    thing = reference.thing
    found = graph.find(thing)
    if found is not None:
        if found.maker is None:
            return _End(thing, Node("", *thing, GIVEN))
        return _of_provision(found)
    state = MISSING
    if graph.is_given(thing):
        state = GIVEN
    elif thing.kind in (HOST, DATABASE):
        state = OUTSIDE
    elif reference.optional or reference.fleetwide or graph.is_unknown(thing):
        state = UNSEEN
    return _End(thing, Node("", *thing, state))


# ---- the chain -------------------------------------------------------------------------------------------------


def chain_of(picture: Picture) -> dict[str, list[tuple[str, str]]]:
    """Node -> (role, node) pairs that an image or its result goes next."""
    found: dict[str, list[tuple[str, str]]] = {}
    for edge in picture.edges:
        if edge.chain:
            source, target = (edge.source, edge.target) if edge.chain == "forth" else (edge.target, edge.source)
            found.setdefault(source, []).append((edge.role, target))
    inside = {name for ways in found.values() for _, name in ways} | set(found)
    for edge in picture.edges:
        # What makes a part of the chain, as a claim its bucket, stands before it.
        if edge.role == "makes" and edge.source in inside and edge.target in inside:
            found.setdefault(edge.source, []).append((edge.role, edge.target))
    return {name: sorted(set(ways)) for name, ways in found.items()}


def beginnings(chain: dict[str, list[tuple[str, str]]]) -> list[str]:
    """The nodes to which nothing comes; of a chain that is all circles the first."""
    after = {name for ways in chain.values() for _, name in ways}
    return sorted(set(chain) - after) or sorted(chain)[:1]


def as_json(pictures: Iterable[Picture]) -> dict[str, object]:
    """Pictures as `medpattern graph --output json` prints them."""
    return {
        "clusters": [
            {
                "cluster": one.cluster,
                "applications": [{"name": app, "wave": wave} for app, wave in one.apps if app],
                "nodes": [
                    {
                        "id": node.id, "kind": node.kind, "namespace": node.namespace, "name": node.name,
                        "app": node.app, "state": node.state,
                    }
                    for node in one.nodes.values()
                ],
                "edges": [
                    {"from": edge.source, "to": edge.target, "role": edge.role, "place": edge.place}
                    for edge in one.edges
                ],
                "findings": [finding.as_json() for finding in one.findings],
            }
            for one in pictures
        ]
    }  # fmt: skip
