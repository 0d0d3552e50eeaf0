"""Flows that no address asks for: Prometheus to what monitors select, and the platform's own, from the rows `flows`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from medpattern.checks.wiring.ends import End, Flow, end_of, number_of
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.paths import first
from medpattern.checks.wiring.tables import POD, SERVICE, SERVICE_ACCOUNT, PlatformFlow
from medpattern.checks.wiring.things import Port, Provision, Selection, Thing, kind_of

_PROMETHEUS = "monitoring.coreos.com/Prometheus"
PROMETHEUS = "prometheus"


def flows_of_monitors(graph: Graph) -> Iterator[Flow]:
    """From Prometheus to what monitors select."""
    sources = _prometheus(graph)
    for selection in graph.selections():
        if not selection.flow:
            continue
        for source in sources:
            for pod, port in _scraped(graph, selection):
                reason = f"{selection.role} {pod.thing.name}"
                yield Flow(source, end_of(pod), port, "TCP", reason, selection.user, selection.path)


def _prometheus(graph: Graph) -> list[End]:
    """Prometheus: the pods of one that is here, the namespace of a chart that makes one, or the platform's."""
    here = [end_of(pod) for pod in graph.pods if pod.maker is not None and kind_of(pod.maker) == _PROMETHEUS]
    hidden = graph.inventory.unseen.values()
    spaces = sorted({item.namespace for item in hidden if tuple(_PROMETHEUS.split("/")) in item.kinds})
    rows = [row for row in _platform_rows(graph) if row.name == PROMETHEUS]
    return here or [End(space, {}, name=PROMETHEUS) for space in spaces] or [_place(row) for row in rows]


def _scraped(graph: Graph, selection: Selection) -> Iterator[tuple[Provision, int]]:
    for found in graph.selected(selection):
        for _, asked in selection.ports:
            for port in (item for item in found.ports if item.answers(asked)):
                if found.thing.kind == POD:
                    yield found, port.number
                else:
                    yield from ((pod, number_of(pod, port.target)) for pod in graph.pods_behind(found))


def _platform_rows(graph: Graph) -> list[PlatformFlow]:
    """The rows of the cluster's distribution, where the site's platform lies."""
    places = graph.inventory.places
    return [
        replace(row, namespace=places[row.place]) if row.place in places else row
        for row in graph.tables.platform
        if row.distribution in ("", graph.inventory.distribution)
    ]


def _place(row: PlatformFlow) -> End:
    if row.host:
        return End(host=row.host)
    return End(row.namespace, dict(row.labels), name=row.name, namespace_labels=dict(row.namespace_labels))


def flows_of_platform(graph: Graph) -> Iterator[Flow]:
    """Between pods and DNS, gateways, routers, the API server."""
    for row in _platform_rows(graph):
        for pod in _concerned(graph, row):
            for protocol, number in row.ports or _led_to(graph, row.of, pod):
                near, far = end_of(pod), _place(row)
                source, target = (near, far) if row.direction == "to" else (far, near)
                yield Flow(source, target, number, protocol, row.name)


def _concerned(graph: Graph, row: PlatformFlow) -> Iterable[Provision]:
    """The pods that a row of the platform is about."""
    if row.of in ("scraped", ""):
        return graph.pods if not row.of else ()
    if row.of == "token":
        return [pod for pod in graph.pods if _has_token(graph, pod)]
    if not row.ports:
        return [pod for _, pod in _behind(graph, row.of)]
    return [pod for pod in graph.pods if pod.maker is not None and kind_of(pod.maker) == row.of]


def _behind(graph: Graph, kind: str) -> Iterator[tuple[Port, Provision]]:
    """The pods that objects of a kind lead to through a Service, with the Service's port."""
    for reference in graph.references():
        if kind_of(reference.user) != kind or reference.thing.kind != SERVICE:
            continue
        service = graph.find(reference.thing)
        for port in service.ports if service else ():
            if service is not None and (not reference.port or port.answers(reference.port)):
                yield from ((port, pod) for pod in graph.pods_behind(service))


def _led_to(graph: Graph, kind: str, pod: Provision) -> list[tuple[str, int]]:
    """The ports of a pod that objects of a kind lead to."""
    found = {number_of(other, port.target) for port, other in _behind(graph, kind) if other is pod}
    return [("TCP", number) for number in sorted(found)]


def _has_token(graph: Graph, pod: Provision) -> bool:
    """Whether a pod gets a ServiceAccount's token, so that it may talk to the API server."""
    if pod.maker is None:
        return False
    path = graph.tables.embeds.get(kind_of(pod.maker))
    if path is None:
        return False
    spec = first(pod.maker.data, (*path, "spec"))
    if not isinstance(spec, dict) or spec.get("automountServiceAccountToken") is False:
        return False
    if spec.get("automountServiceAccountToken") is True:
        return True
    name = str(spec.get("serviceAccountName") or "default")
    account = graph.find(Thing(SERVICE_ACCOUNT, pod.thing.namespace, name))
    maker = account.maker if account else None
    return maker is None or maker.data.get("automountServiceAccountToken") is not False
