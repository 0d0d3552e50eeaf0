"""All Argo CDs of a fleet asked at once, each by one list of its Applications."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from medpattern.argocd.names import API_VERSION
from medpattern.cluster.applications import LiveApplication, live_application
from medpattern.cluster.connection import Connection
from medpattern.cluster.expected import ExpectedApplication
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.seats import Seat
from medpattern.cluster.statuses import ClusterStatus, cluster_status, owners
from medpattern.errors import RemoteError, UsageError

THREADS = 16

Reach = Callable[[Seat], Connection]


@dataclass(frozen=True, slots=True)
class Heard:
    """What one Argo CD has: its Applications and its server's clock, or why it could not be asked."""

    applications: tuple[LiveApplication, ...] = ()
    now: datetime | None = None
    error: str = ""


def fleet_status(
    seats: Iterable[Seat], expected: Mapping[str, Mapping[str, ExpectedApplication]], reach: Reach
) -> tuple[ClusterStatus, ...]:
    """The status of every cluster that the seats serve, by name; one that does not answer hides no other.

    Args:
        seats: the Argo CDs to ask.
        expected: what each cluster that the seats serve should have.
        reach: opens a connection to the cluster of a seat.
    """
    asked = tuple(seats)
    with ThreadPoolExecutor(THREADS) as threads:
        heard = tuple(threads.map(lambda seat: _hear(seat, reach), asked))
    found = [one for seat, said in zip(asked, heard, strict=True) for one in _of_seat(seat, said, expected)]
    return tuple(sorted(found, key=lambda one: one.name))


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
