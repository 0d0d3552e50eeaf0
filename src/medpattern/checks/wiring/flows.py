"""The flows that the wiring needs: which pods open connections to which, and what the platform needs besides.

They follow from addresses that objects name, from monitors, and from the rows `flows` of `produces.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from medpattern.checks.manifests import Manifest
from medpattern.checks.wiring.graph import Graph
from medpattern.checks.wiring.paths import first
from medpattern.checks.wiring.tables import (
    CONFIG_MAP,
    DATABASE,
    HOST,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    PlatformFlow,
)
from medpattern.checks.wiring.things import Port, Provision, Reference, Selection, Thing, kind_of
from medpattern.findings import KeyPath

_KNATIVE = "serving.knative.dev/Service"
_PROMETHEUS = "monitoring.coreos.com/Prometheus"
PROMETHEUS = "prometheus"


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """One side of a flow.

    Pods have a `namespace` and `labels`; of pods that are not known, `labels` is None. A `host` is outside. With
    neither a namespace nor a host it is anything; `namespace_labels` are those of a namespace without a known name.
    """

    namespace: str = ""
    labels: dict[str, str] | None = None
    host: str = ""
    name: str = ""
    namespace_labels: dict[str, str] = field(default_factory=dict)
    pod: Provision | None = field(default=None, repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two ends one."""
        return self.namespace, self.name, self.host, *sorted(self.namespace_labels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, End) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        if self.host:
            return self.host
        if self.name:
            return self.name + (f" in {self.namespace}" if self.namespace else "")
        return f"pods in {self.namespace}" if self.namespace else "any address"


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection that somebody needs: from where, to where, the port and protocol, and what for.

    `manifest` and `path` are what needs it; None for what the platform needs.
    """

    source: End
    target: End
    port: int
    protocol: str = "TCP"
    reason: str = ""
    manifest: Manifest | None = field(default=None, compare=False, repr=False)
    path: KeyPath = field(default=(), compare=False, repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two flows one."""
        return (*self.source.key, *self.target.key, str(self.port), self.protocol)


def needed_flows(graph: Graph) -> list[Flow]:
    """All flows that a cluster needs, each once, in an order that depends on nothing but the objects."""
    found: dict[tuple[str, ...], Flow] = {}
    for flow in (*_of_references(graph), *_of_monitors(graph), *_of_platform(graph)):
        found.setdefault(flow.key, flow)
    return [found[key] for key in sorted(found)]


def end_of(pod: Provision) -> End:
    """A pod as the end of a flow."""
    labels = {str(key): str(value) for key, value in pod.labels.items()}
    return End(pod.thing.namespace, labels, name=pod.thing.name, pod=pod)


# ---- addresses -------------------------------------------------------------------------------------------------


def _of_references(graph: Graph) -> Iterator[Flow]:
    readers = _readers(graph)
    for reference in graph.references():
        if reference.thing.kind == DATABASE:
            yield from _of_database(graph, reference)
        elif reference.flow and reference.thing.kind in (SERVICE, HOST) and isinstance(reference.port, int):
            for pod in _acting(graph, reference.user, readers):
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
        yield end_of(pod), _number(pod, asked.target if asked else port)


def _number(pod: Provision, target: int | str) -> int:
    if isinstance(target, int):
        return target
    return next((item.number for item in pod.ports if item.answers(target)), 0)


# ---- monitors and platform -------------------------------------------------------------------------------------


def _of_monitors(graph: Graph) -> Iterator[Flow]:
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
                    yield from ((pod, _number(pod, port.target)) for pod in graph.pods_behind(found))


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


def _of_platform(graph: Graph) -> Iterator[Flow]:
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
    found = {_number(other, port.target) for port, other in _behind(graph, kind) if other is pod}
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
