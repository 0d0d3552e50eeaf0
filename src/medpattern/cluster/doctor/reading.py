"""A snapshot of a live cluster: two requests for its kinds, and one list for each kind that a check looks at.

Of Secrets only the metadata is asked for (PartialObjectMetadataList), so that no value leaves the cluster.
https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from medpattern.argocd.names import CLUSTER_LABEL
from medpattern.cluster.connection import PAGE, Connection
from medpattern.cluster.doctor.delivery import SETTINGS
from medpattern.cluster.doctor.examination import CHECKS
from medpattern.cluster.doctor.platform import SERVICE_VERSION, SUBSCRIPTION
from medpattern.cluster.doctor.snapshot import APPLICATION, Kind, Object, Snapshot, labels, named, spec, status
from medpattern.cluster.doctor.storage import POD, VOLUME_CLAIM
from medpattern.cluster.doctor.streaming import SECRET
from medpattern.cluster.doctor.workloads import CONFIG_MAP, DEPLOYMENT, JOB, MONITORING, ROUTE
from medpattern.cluster.livediff.objects import THREADS
from medpattern.cluster.resources import Resource, UnknownKindError
from medpattern.errors import RefusalError, RemoteError

EVENT: Kind = ("", "Event")
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
# Kinds that every namespace of a cluster is full of: only those of the namespaces that are ours are looked at.
CROWDED = (POD, VOLUME_CLAIM, DEPLOYMENT, JOB, SECRET, EVENT)
# OLM copies these into every namespace.
SELECTORS: Mapping[Kind, str] = {SERVICE_VERSION: "!olm.copiedFrom"}
_FOREIGN = ("kube-", "openshift-")


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where the Applications of a cluster are: the connection to its Argo CD's cluster, and that one's namespace.

    `cluster` is the cluster's name; of several that one Argo CD serves only its own are taken.
    """

    connection: Connection
    namespace: str
    cluster: str
    is_alone: bool


def snapshot(connection: Connection, delivered: Delivered | None = None, *, events: bool = False) -> Snapshot:
    """Reads all that the checks look at; nothing is changed.

    Args:
        connection: to the cluster.
        delivered: where its Applications are; None for those on the cluster itself, in all namespaces.
        events: whether to list events too.

    Raises:
        RemoteError: the server does not answer, or lets the login list nothing at all.
    """
    version = connection.ask("GET", "/version").json()
    kinds = dict.fromkeys(kind for check in CHECKS for kind in (*check.kinds, *check.any_of))
    wanted = [kind for kind in (*kinds, *((EVENT,) if events else ())) if kind not in (APPLICATION, CONFIG_MAP)]
    found, absent, refused = _listed(connection, wanted)
    for kind, rows in ((APPLICATION, _applications), (CONFIG_MAP, _settings)):
        try:
            found[kind] = _sorted(rows(connection, delivered))
        except UnknownKindError:
            absent.add(kind)
        except RefusalError as error:
            refused[kind] = _words(error)
    if refused and not any(found.values()):
        raise RemoteError(f"the login may list nothing on {connection.server}: {next(iter(refused.values()))}")
    return Snapshot(
        objects=ours(found),
        now=connection.server_time or datetime.now(UTC),
        absent=frozenset(absent),
        refused=refused,
        cluster=delivered.cluster if delivered else "",
        server=connection.server,
        version=version,
        served=tuple(sorted({one.api_version for one in connection.resources.all})),
    )


def ours(found: Mapping[Kind, tuple[Object, ...]]) -> dict[Kind, tuple[Object, ...]]:
    """Without what other people's namespaces are full of.

    Ours are those that an Application or a Subscription names; where there is none, all but the system's.
    """
    named_by_us = set(_namespaces(found))

    def is_ours(thing: Object) -> bool:
        namespace, _ = named(thing)
        return namespace in named_by_us if named_by_us else not namespace.startswith(_FOREIGN)

    return {kind: tuple(filter(is_ours, rows)) if kind in CROWDED else rows for kind, rows in found.items()}


def _namespaces(found: Mapping[Kind, tuple[Object, ...]]) -> Iterable[str]:
    for one in found.get(APPLICATION, ()):
        yield named(one)[0]
        yield str((spec(one).get("destination") or {}).get("namespace") or "")
        for row in status(one).get("resources") or ():
            yield str(row.get("namespace") or "")
            if row.get("kind") == "Namespace":
                yield str(row.get("name"))
    for one in found.get(SUBSCRIPTION, ()):
        yield named(one)[0]


def _listed(
    connection: Connection, wanted: Iterable[Kind]
) -> tuple[dict[Kind, tuple[Object, ...]], set[Kind], dict[Kind, str]]:
    known = {kind: connection.resources.preferred(*kind) for kind in wanted}
    found: dict[Kind, tuple[Object, ...]] = {}
    absent = {kind for kind, resource in known.items() if resource is None}
    refused: dict[Kind, str] = {}

    def ask(row: tuple[Kind, Resource]) -> None:
        kind, resource = row
        try:
            found[kind] = _sorted(_rows(connection, kind, resource))
        except UnknownKindError:
            absent.add(kind)
        except RefusalError as error:
            refused[kind] = _words(error)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(ask, [(kind, resource) for kind, resource in known.items() if resource]))
    return found, absent, refused


def _rows(connection: Connection, kind: Kind, resource: Resource) -> Iterable[Object]:
    if kind == SECRET:
        return _metadata(connection, resource)
    return connection.list(resource.api_version, resource.kind, labels=SELECTORS.get(kind, ""))


def _metadata(connection: Connection, resource: Resource) -> list[Object]:
    """The metadata of all objects of a kind, page by page."""
    found: list[Object] = []
    query = {"limit": str(PAGE)}
    while True:
        answer = connection.ask("GET", resource.path(), query, accept=METADATA_ONLY).json()
        if answer.get("kind") != "PartialObjectMetadataList":
            raise RemoteError(f"{connection.server} does not list metadata alone; Secrets are not read otherwise")
        what = {"apiVersion": resource.api_version, "kind": resource.kind}
        found += ({**what, "metadata": row["metadata"]} for row in answer.get("items") or ())
        page = answer["metadata"].get("continue")
        if not page:
            return found
        query["continue"] = page


def _applications(connection: Connection, delivered: Delivered | None) -> Iterable[Object]:
    if delivered is None:
        return connection.list("argoproj.io/v1alpha1", "Application")
    rows = delivered.connection.list("argoproj.io/v1alpha1", "Application", delivered.namespace)
    return [one for one in rows if delivered.is_alone or labels(one).get(CLUSTER_LABEL) == delivered.cluster]


def _settings(connection: Connection, delivered: Delivered | None) -> Iterable[Object]:
    """The ConfigMaps that checks read: Argo CD's settings, and those of OpenShift's monitoring."""
    argocd = delivered.connection if delivered else connection
    within = delivered.namespace if delivered else None
    marked = argocd.list("v1", "ConfigMap", within, "app.kubernetes.io/part-of=argocd")
    found = [one for one in marked if named(one)[1] == SETTINGS]
    if connection.resources.preferred(*ROUTE):
        monitoring = connection.get("v1", "ConfigMap", MONITORING[1], MONITORING[0])
        found += [monitoring] if monitoring else []
    return found


def _sorted(rows: Iterable[Object]) -> tuple[Object, ...]:
    return tuple(sorted(rows, key=named))


def _words(error: RefusalError) -> str:
    """Why a kind is not seen; a login that nobody knows is no such reason."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        raise error
    return str(error)
