"""All Argo CDs of a fleet asked at once, each by one list of its Applications."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from medpattern.argocd.names import API_VERSION
from medpattern.cluster.connection import Connection
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.seats import Seat
from medpattern.cluster.status.applications import LiveApplication, live_application
from medpattern.cluster.status.expected import ExpectedApplication
from medpattern.cluster.status.statuses import ClusterStatus, cluster_status, owners
from medpattern.errors import RefusalError, RemoteError, UsageError

THREADS = 16

Reach = Callable[[Seat], Connection]
# Opens a connection to a cluster that is pushed to; None where nobody knows a way.
ReachSpoke = Callable[[str], Connection | None]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one Argo CD has: its Applications and its server's clock, or why it could not be asked."""

    applications: tuple[LiveApplication, ...] = ()
    now: datetime | None = None
    error: str = ""


def fleet_status(
    seats: Iterable[Seat],
    expected: Mapping[str, Mapping[str, ExpectedApplication]],
    reach: Reach,
    reach_spoke: ReachSpoke = lambda _: None,
) -> tuple[ClusterStatus, ...]:
    """The status of every cluster that the seats serve, by name; one that does not answer hides no other.

    A cluster that is pushed to is asked for its version too: an Argo CD that does not reach it goes on comparing with
    what it saw last, and calls it well for minutes.

    Args:
        seats: the Argo CDs to ask.
        expected: what each cluster that the seats serve should have.
        reach: opens a connection to the cluster of a seat.
        reach_spoke: opens one to a cluster that is pushed to.
    """
    asked = tuple(seats)
    with ThreadPoolExecutor(THREADS) as threads:
        heard = tuple(threads.map(lambda seat: _hear(seat, reach), asked))
        spokes = [name for seat in asked for name in seat.clusters if name != seat.cluster]
        silent = dict(zip(spokes, threads.map(lambda name: _silence(name, reach_spoke), spokes), strict=True))
    found = [one for seat, said in zip(asked, heard, strict=True) for one in _of_seat(seat, said, expected)]
    found = [replace(one, unreachable=silent.get(one.name, "")) for one in found]
    return tuple(sorted(found, key=lambda one: one.name))


def _silence(name: str, reach_spoke: ReachSpoke) -> str:
    """Why a cluster does not answer; "" if it does, or nobody knows a way to it."""
    try:
        if connection := reach_spoke(name):
            connection.ask("GET", "/version")
    except (RefusalError, UsageError):
        return ""
    except RemoteError as error:
        return str(error)
    return ""


def _hear(seat: Seat, reach: Reach) -> Heard:
    try:
        connection = reach(seat)
        rows = connection.list(API_VERSION, "Application", seat.namespace)
    except UnknownKindError:
        return Heard(
            error=f"there is no Argo CD on '{seat.cluster}'; run: medpattern bootstrap --cluster {seat.cluster}"
        )
    except (RemoteError, UsageError) as error:
        return Heard(error=str(error))
    return Heard(tuple(map(live_application, rows)), connection.server_time)


def _of_seat(
    seat: Seat, heard: Heard, expected: Mapping[str, Mapping[str, ExpectedApplication]]
) -> Iterable[ClusterStatus]:
    if heard.error:
        return [ClusterStatus(name, seat.cluster, error=heard.error) for name in seat.clusters]
    # Clusters that pull have Applications of the same names, each in its own Argo CD.
    here = {name: expected[name] for name in (*seat.clusters, *seat.others)}
    by_owner = owners(heard.applications, here)
    # Foreign ones are listed with the cluster that Argo CD runs on.
    return [
        cluster_status(
            name,
            seat.cluster,
            expected[name],
            by_owner.get(name, []) + (by_owner.get("", []) if name == seat.cluster else []),
            heard.now,
        )
        for name in seat.clusters
    ]
