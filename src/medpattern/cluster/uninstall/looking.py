"""Looks for what a cluster has of ours: by the label of the cluster, by Argo CD's marks, and by the rendered tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from medpattern.argocd.names import API_VERSION, CLUSTER_LABEL, SECRET_TYPE, SYNC_WAVE
from medpattern.argocd.webhook import SETTINGS as ARGOCD_SECRET
from medpattern.checks.kinds import DATA_KINDS
from medpattern.cluster.bootstrap.engine import PACKAGE, SETTINGS
from medpattern.cluster.bootstrap.olm import OPERATORS
from medpattern.cluster.connection import MANAGER, SPOKES_MANAGER, Connection, Object
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.tracking import SYNC_OPTIONS, Tracking, tracking
from medpattern.cluster.uninstall.contents import (
    DATA,
    MANAGED_BY,
    SETTERS,
    Thing,
    foreign,
    is_ours,
    managers,
    things,
)
from medpattern.cluster.uninstall.engine import engine
from medpattern.cluster.uninstall.plan import Found, FoundApplication, FoundSpace, Ref, Stay

_PROTECTED = frozenset({"default", "kube-system", "kube-public", "kube-node-lease", "openshift-operators"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look: the cluster's name, Argo CD's namespace, and what the rendered tree has.

    `spaces` are the names of its namespaces, `applications` of its Applications; a cluster is found without them too,
    but not what is left of one whose Applications are gone.
    """

    cluster: str
    argocd: str
    spaces: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()

    @property
    def root(self) -> str:
        """The name of the root Application."""
        return f"{self.cluster}-root"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is seen without looking into namespaces.

    `live` are the namespaces that there are, `spaces` those of the tree, `looked_into` with those that the Applications
    have objects in; `mine` and `others` are the Applications.
    """

    marks: Tracking
    live: dict[str, Object]
    subscribed: tuple[Object, ...]
    mine: tuple[Object, ...]
    others: tuple[Object, ...]
    spaces: frozenset[str]
    looked_into: tuple[str, ...]


def look(connection: Connection, place: Place) -> Found:
    """Everything of ours on a cluster, and what of others stands beside it; nothing is changed.

    Raises:
        RemoteError: the server does not answer, or does not show something.
    """
    seen = _see(connection, place)
    marks, live, spaces = seen.marks, seen.live, seen.spaces
    contents = {name: things(connection, name) for name in seen.looked_into}
    applications = tuple(_application(row, place, contents, marks) for row in seen.mine)
    names = frozenset(one.ref.name for one in applications) | place.applications | {place.root}
    operators = tuple(_operators(connection, place, marks, seen.subscribed))
    adopted = tuple(_adopted(place, marks, seen.subscribed))
    return Found(
        names,
        applications,
        _projects(connection, place, seen.others),
        operators,
        tuple(
            FoundSpace(
                name,
                is_ours(live[name]),
                tuple(one.ref for one in contents[name] if one.holds_data),
                tuple(_strange(contents[name], names, marks, operators, adopted)),
            )
            for name in sorted(spaces)
        ),
        tuple(_secrets(connection, place.argocd)),
        tuple(_settings(connection, place.argocd)),
        tuple(_unremoved(connection, place, adopted)),
        engine(connection, place.argocd, [row["metadata"]["name"] for row in seen.others]),
    )


def looked_into(connection: Connection, place: Place) -> tuple[str, ...]:
    """The namespaces whose contents `look` lists, Argo CD's own among them.

    Raises:
        RemoteError: the server does not answer, or does not show something.
    """
    seen = _see(connection, place)
    return (*seen.looked_into, *({place.argocd} & set(seen.live)))


def _see(connection: Connection, place: Place) -> _Seen:
    rows = _listed(connection, API_VERSION, "Application")
    marks = live_tracking(connection, place.argocd)
    live = {one["metadata"]["name"]: one["metadata"] for one in connection.list("v1", "Namespace")}
    subscribed = _listed(connection, f"{OPERATORS}/v1alpha1", "Subscription")
    spaces = {name for name, one in live.items() if name in place.spaces or _made_by_root(name, one, place, marks)}
    spaces -= {place.argocd, *_PROTECTED, *_of_argocd_operator(subscribed)}
    mine = tuple(row for row in rows if _is_mine(row, place))
    wanted = {one["namespace"] for row in mine for one in _rows(row) if one.get("namespace")}
    return _Seen(
        marks,
        live,
        tuple(subscribed),
        mine,
        tuple(row for row in rows if not _is_mine(row, place)),
        frozenset(spaces),
        tuple(sorted(((spaces | wanted) & set(live)) - {place.argocd})),
    )


def live_tracking(connection: Connection, namespace: str) -> Tracking:
    """How this Argo CD marks what it makes."""
    settings = connection.get("v1", "ConfigMap", SETTINGS, namespace) or {}
    return tracking(settings.get("data") or {})


def _is_mine(row: Object, place: Place) -> bool:
    labels = row["metadata"].get("labels") or {}
    is_here = row["metadata"].get("namespace") == place.argocd
    return is_here and (labels.get(CLUSTER_LABEL) == place.cluster or row["metadata"]["name"] == place.root)


def _listed(connection: Connection, api_version: str, kind: str) -> list[Object]:
    try:
        return connection.list(api_version, kind)
    except UnknownKindError:
        return []


def _rows(row: Object) -> list[Object]:
    return list((row.get("status") or {}).get("resources") or ())


def _made_by_root(name: str, metadata: Object, place: Place, marks: Tracking) -> bool:
    return marks.owner({"apiVersion": "v1", "kind": "Namespace", "metadata": {**metadata, "name": name}}) == place.root


def _application(
    row: Object, place: Place, contents: dict[str, tuple[Thing, ...]], marks: Tracking
) -> FoundApplication:
    name = row["metadata"]["name"]
    listed = {_ref(one): int(one.get("syncWave") or 0) for one in _rows(row)}
    # What came since Argo CD looked last is not in its list.
    live = {one.ref: one for found in contents.values() for one in found}
    marked = {ref for ref, one in live.items() if one.application(marks) == name}
    data = {ref for ref in {*listed, *marked} if (ref.group, ref.kind) in DATA}
    objects = {**dict.fromkeys(marked, 0), **listed}
    return FoundApplication(
        Ref(API_VERSION, "Application", name, place.argocd),
        _wave(row["metadata"]),
        tuple((wave, ref) for ref, wave in sorted(objects.items())),
        tuple(sorted(data | set(_claims_of(objects, live.values())))),
        frozenset({*data, *_owners(objects, live.values()), *_never_deleted(objects, live)}),
        name == place.root,
    )


def _ref(one: Object) -> Ref:
    version = f"{one['group']}/{one['version']}" if one.get("group") else str(one["version"])
    return Ref(version, one["kind"], one["name"], one.get("namespace") or "")


def _wave(metadata: Object) -> int:
    text = str((metadata.get("annotations") or {}).get(SYNC_WAVE, "0"))
    return int(text) if text.lstrip("-").isdigit() else 0


def _claims_of(objects: Collection[Ref], live: Iterable[Thing]) -> Iterator[Ref]:
    """Data that the garbage collector deletes with one of the objects."""
    names = {(ref.namespace, ref.kind, ref.name) for ref in objects}
    yield from (
        one.ref for one in live if one.holds_data and any((one.ref.namespace, *owner) in names for owner in one.owners)
    )


def _owners(objects: Collection[Ref], live: Iterable[Thing]) -> Iterator[Ref]:
    """Those of the objects with which data would be deleted."""
    owners = {(one.ref.namespace, *owner) for one in live if one.holds_data for owner in one.owners}
    yield from (ref for ref in objects if (ref.namespace, ref.kind, ref.name) in owners)


def _never_deleted(objects: Collection[Ref], live: dict[Ref, Thing]) -> Iterator[Ref]:
    """What Argo CD does not delete with an Application either, and namespaces, which have steps of their own."""
    for ref in objects:
        notes = live[ref].metadata.get("annotations") or {} if ref in live else {}
        options = {word.strip() for word in str(notes.get(SYNC_OPTIONS, "")).split(",")}
        if (ref.group, ref.kind) in DATA_KINDS or "Delete=false" in options:
            yield ref


def _projects(connection: Connection, place: Place, others: Iterable[Object]) -> dict[Ref, tuple[str, ...]]:
    try:
        rows = connection.list(API_VERSION, "AppProject", place.argocd, f"{CLUSTER_LABEL}={place.cluster}")
    except UnknownKindError:
        return {}
    users: dict[str, list[str]] = {}
    for row in others:
        users.setdefault(str((row.get("spec") or {}).get("project")), []).append(row["metadata"]["name"])
    names = sorted(row["metadata"]["name"] for row in rows)
    return {Ref(API_VERSION, "AppProject", name, place.argocd): tuple(users.get(name, ())) for name in names}


def _of_argocd_operator(subscribed: Iterable[Object]) -> set[str]:
    """The namespaces in which OpenShift's operator of Argo CD was subscribed to."""
    return {one["metadata"]["namespace"] for one in subscribed if (one.get("spec") or {}).get("name") == PACKAGE}


def _operators(connection: Connection, place: Place, marks: Tracking, subscribed: Collection[Object]) -> Iterator[Ref]:
    """Subscriptions that the root has made, what they installed, and OperatorGroups; not that of Argo CD itself."""
    of_argocd = _of_argocd_operator(subscribed)
    for one in subscribed:
        is_mine = marks.owner(one) == place.root and is_ours(one["metadata"])
        if is_mine and one["metadata"]["namespace"] not in of_argocd:
            namespace = one["metadata"]["namespace"]
            yield Ref(one["apiVersion"], one["kind"], one["metadata"]["name"], namespace)
            installed = (one.get("status") or {}).get("installedCSV")
            if installed:
                yield Ref(one["apiVersion"], "ClusterServiceVersion", installed, namespace)
    for one in _listed(connection, f"{OPERATORS}/v1", "OperatorGroup"):
        is_mine = marks.owner(one) == place.root and is_ours(one["metadata"])
        if is_mine and one["metadata"]["namespace"] not in of_argocd:
            yield Ref(one["apiVersion"], one["kind"], one["metadata"]["name"], one["metadata"]["namespace"])


def _secrets(connection: Connection, argocd: str) -> Iterator[Ref]:
    """Secrets that medpattern has written: logins to repositories, the webhook's, and those of the secrets file."""
    for one in connection.list("v1", "Secret", labels=f"{MANAGED_BY}={MANAGER}"):
        is_settings = (one["metadata"]["namespace"], one["metadata"]["name"]) == (argocd, ARGOCD_SECRET)
        if MANAGER in managers(one["metadata"]) and not is_settings:
            yield Ref("v1", "Secret", one["metadata"]["name"], one["metadata"]["namespace"])


def spokes(connection: Connection, argocd: str) -> list[str]:
    """The clusters that `medpattern cluster add` has given to this Argo CD, by the name of each Secret if need be."""
    found = connection.list("v1", "Secret", argocd, f"{SECRET_TYPE}=cluster")
    rows = [one["metadata"] for one in found if SPOKES_MANAGER in managers(one["metadata"])]
    return sorted(str((one.get("labels") or {}).get(CLUSTER_LABEL) or one["name"]) for one in rows)


def _strange(
    found: Iterable[Thing], names: Collection[str], marks: Tracking, operators: Collection[Ref], adopted: Iterable[Ref]
) -> Iterator[Ref]:
    """What of others is in a namespace; the version that a Subscription of ours has installed bears no mark."""
    contents = tuple(found)
    yield from (ref for ref in foreign(contents, names, marks) if ref not in operators)
    there = {one.ref for one in contents}
    yield from (ref for ref in adopted if ref in there)


def _adopted(place: Place, marks: Tracking, subscribed: Iterable[Object]) -> Iterator[Ref]:
    """Subscriptions that were there before the root applied them."""
    for one in subscribed:
        metadata = one["metadata"]
        if marks.owner(one) == place.root and not is_ours(metadata):
            yield Ref(one["apiVersion"], one["kind"], metadata["name"], metadata["namespace"])


def _unremoved(connection: Connection, place: Place, adopted: Iterable[Ref]) -> Iterator[Stay]:
    """What bears our marks and stays all the same."""
    yield from (Stay(str(ref), "it was there before") for ref in adopted)
    for one in _listed(connection, "argoproj.io/v1beta1", "ArgoCD"):
        if MANAGER in managers(one["metadata"]) and one["metadata"]["namespace"] == place.argocd:
            why = "the list of its health checks is owned as a whole: take that of Application out of it by hand"
            yield Stay(f"ArgoCD {one['metadata']['name']} in {place.argocd}", why)


def _settings(connection: Connection, namespace: str) -> Iterator[Ref]:
    """Argo CD's settings of which we have written keys, such as the health check, the webhook's, a login's secret."""
    for kind, name in (("ConfigMap", SETTINGS), ("Secret", ARGOCD_SECRET)):
        found = connection.get("v1", kind, name, namespace)
        if found is not None and SETTERS & managers(found["metadata"]):
            yield Ref("v1", kind, name, namespace)
