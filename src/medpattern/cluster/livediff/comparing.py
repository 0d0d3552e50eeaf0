"""A rendered cluster held against what is there: on its own server, and on that of its Argo CD."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from medpattern.argocd.names import API_VERSION, CLUSTER_APP
from medpattern.cluster.connection import Connection
from medpattern.cluster.livediff.desired import Desired, Plan
from medpattern.cluster.livediff.difference import Comparison, LiveDiff, live_diff
from medpattern.cluster.livediff.ignoring import Ignored, of_settings
from medpattern.cluster.livediff.objects import Lists
from medpattern.cluster.status.applications import LiveApplication, live_application
from medpattern.cluster.tracking import Tracking, tracking
from medpattern.errors import RefusalError

if TYPE_CHECKING:
    from medpattern.fleet.facts import Facts

SETTINGS = "argocd-cm"


@dataclass(frozen=True)
class SeatState:
    """What an Argo CD says, asked once for all clusters that it serves."""

    lists: Lists
    namespace: str

    @cached_property
    def settings(self) -> dict[str, str] | None:
        """The data of argocd-cm; None where the login may not read it."""
        try:
            found = self.lists.connection.get("v1", "ConfigMap", SETTINGS, self.namespace)
        except RefusalError:
            return None
        return (found or {}).get("data") or {}

    @cached_property
    def applications(self) -> dict[str, LiveApplication]:
        """The Applications by name; none where there is no Argo CD yet."""
        rows, _ = self.lists.of((API_VERSION, "Application"), (self.namespace,))
        return {name: live_application(one) for (namespace, name), one in rows.items() if namespace == self.namespace}

    @property
    def tracking(self) -> Tracking:
        """How it marks objects."""
        return tracking(self.settings or {})

    @property
    def ignored(self) -> tuple[Ignored, ...]:
        """What it leaves alone in objects of every Application."""
        return of_settings(self.settings or {})

    def kinds_of(self, owners: set[str]) -> frozenset[tuple[str, str]]:
        """(group, kind) of what Applications manage, as it says."""
        live = (one for name, one in self.applications.items() if name in owners)
        return frozenset((found.group, found.kind) for one in live for found in one.objects)


def compare(
    facts: Facts, plan: Plan, seat: SeatState, connection: Callable[[], Connection], only: str = ""
) -> LiveDiff:
    """What would change for a cluster.

    Args:
        facts: the cluster.
        plan: what it should have.
        seat: its Argo CD.
        connection: opens a connection to the cluster's own server; that of the seat where Argo CD runs on it.
        only: the application that is meant; "" for all, with what the root applies.

    Raises:
        RemoteError: a server does not answer, or refuses a list.
    """
    at_seat = [one for one in plan.objects if one.at_seat]
    on_cluster = [one for one in plan.objects if not one.at_seat]
    owners = _owners(facts, plan, only)
    if not facts.is_pushed:
        # Lists of its own: those of a seat are kept for all its clusters.
        return live_diff(_comparison(seat, Lists(seat.lists.connection), plan.objects, owners))
    roots = {f"{facts.name}-root": "argocd"} if not only else {}
    others = {name: part for name, part in owners.items() if name not in roots}
    there = live_diff(_comparison(seat, Lists(connection()), on_cluster, others))
    if not at_seat:
        return there
    return _together(live_diff(_comparison(seat, seat.lists, at_seat, roots)), there)


def _comparison(seat: SeatState, lists: Lists, objects: Sequence[Desired], owners: dict[str, str]) -> Comparison:
    kinds = seat.kinds_of(set(owners))
    return Comparison(lists, objects, owners, seat.tracking, seat.ignored, kinds)


def _owners(facts: Facts, plan: Plan, only: str) -> dict[str, str]:
    """The Applications all of whose objects are known -> what to call them."""
    found = {one.application: one.part for one in plan.objects if one.application}
    if not only:
        found |= {f"{facts.name}-root": "argocd"}
        found |= {facts.name_in_argocd(CLUSTER_APP): "cluster"} if facts.is_pushed else {}
    return found


def _together(one: LiveDiff, other: LiveDiff) -> LiveDiff:
    return LiveDiff(
        one.changes + other.changes,
        one.compared + other.compared,
        one.applied + other.applied,
        one.notes + other.notes,
    )
