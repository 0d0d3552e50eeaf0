"""Waiting until Argo CD has brought a cluster to what git says; every change of state is told once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus

from medpattern.argocd.names import API_VERSION
from medpattern.cluster.bootstrap.until import Until
from medpattern.cluster.connection import Connection, Object
from medpattern.cluster.resources import UnknownKindError
from medpattern.cluster.seats import Seat
from medpattern.cluster.status.applications import RUNNING, SYNCED, live_application
from medpattern.cluster.status.causes import Cause, causes
from medpattern.cluster.status.expected import ExpectedApplication
from medpattern.cluster.status.statuses import ApplicationStatus, ClusterStatus, Presence, cluster_status, owners
from medpattern.errors import RefusalError, RemoteError

EVERY_SECONDS = 2.0
# How long Argo CD may take to look at a root when it is asked to.
ANSWER_SECONDS = 30.0
# What a webhook does after a push; Argo CD removes it when it has looked.
REFRESH = "argocd.argoproj.io/refresh"
_SILENT_CURE = (
    "see whether the pods of its application controller and repo-server run in '{namespace}', and reach the repository"
)

Show = Callable[[ClusterStatus], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is waited for.

    Attributes:
        seat: the Argo CD, and the one cluster.
        expected: the Applications that the tree has.
        commit: that the root must have been compared with, or with a later one; "" for any.
        until: Synced is enough, or Healthy too.
        seconds: the longest wait.
    """

    seat: Seat
    expected: Mapping[str, ExpectedApplication]
    commit: str
    until: Until
    seconds: float

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self.seat.clusters[0]

    @property
    def root(self) -> str:
        """The name of the cluster's root."""
        return f"{self.cluster}-root"


@dataclass(frozen=True, slots=True)
class Waited:
    """How it ended: the last state, whether that is what was wished for, and what holds up the rest."""

    status: ClusterStatus
    is_done: bool
    causes: tuple[tuple[str, Cause], ...] = ()


def wait(connection: Connection, wish: Wish, show: Show) -> Waited:
    """Waits until all is as wished, or the time is over. `show` gets every state that was seen.

    A server that is away for a while is waited for. What is pushed meanwhile, such as a fix, is as good as the commit.

    Raises:
        RemoteError: it is still away when the time is over, or refuses.
    """
    deadline = time.monotonic() + wish.seconds
    before = ""
    while True:
        status, error = _look(connection, wish)
        if status is not None:
            compared = _compared(status)
            before = before or compared
            if compared == wish.commit or compared != before:
                wish = replace(wish, commit="")
            show(status)
            if _is_done(status, wish):
                return Waited(status, True)
        if time.monotonic() >= deadline:
            if status is None:
                raise RemoteError(f"{error} (when the time was over)")
            return Waited(status, False, (*_silence(connection, wish), *_held_up(connection, status, wish)))
        time.sleep(min(EVERY_SECONDS, max(0.0, deadline - time.monotonic())))


def _look(connection: Connection, wish: Wish) -> tuple[ClusterStatus | None, str]:
    try:
        rows = connection.list(API_VERSION, "Application", wish.seat.namespace)
        _refresh(connection, rows, wish)
    except (RefusalError, UnknownKindError) as error:
        if getattr(error, "status", 500) < 500:
            raise
        return None, str(error)
    except RemoteError as error:
        return None, str(error)
    live = [live_application(row) for row in rows]
    mine = owners(live, {wish.cluster: wish.expected}).get(wish.cluster, [])
    return cluster_status(wish.cluster, wish.seat.cluster, wish.expected, mine, connection.server_time), ""


def _compared(status: ClusterStatus) -> str:
    """The commit that the root was compared with; "" where there is none yet."""
    return next((one.live.revision for one in status.own if one.is_root and one.live), "")


def _refresh(connection: Connection, rows: list[Object], wish: Wish) -> None:
    """Asks Argo CD to look at a root that it has compared with an earlier commit, instead of at its next round."""
    for row in rows if wish.commit else ():
        metadata = row["metadata"]
        compared = ((row.get("status") or {}).get("sync") or {}).get("revision")
        if metadata["name"] == wish.root and compared and compared != wish.commit and not _is_asked(row):
            _ask_to_look(connection, wish)


def _ask_to_look(connection: Connection, wish: Wish) -> None:
    """The root may be gone by now, or somebody has just changed it: the next round looks again."""
    path = connection.resources.of(API_VERSION, "Application").path(wish.seat.namespace)
    body = {"metadata": {"annotations": {REFRESH: "normal"}}}
    try:
        connection.ask("PATCH", f"{path}/{wish.root}", {}, body, "application/merge-patch+json")
    except RefusalError as error:
        if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
            raise


def _is_asked(root: Object) -> bool:
    return REFRESH in (root["metadata"].get("annotations") or {})


def _silence(connection: Connection, wish: Wish) -> Iterator[tuple[str, Cause]]:
    """That Argo CD does not look when it is asked to: then all that it says may be old."""
    if not _root(connection, wish):
        return
    with suppress(RefusalError):  # a login that may not ask cannot tell
        _ask_to_look(connection, wish)
    end = time.monotonic() + ANSWER_SECONDS
    while (root := _root(connection, wish)) and _is_asked(root):
        if time.monotonic() >= end:
            message = f"Argo CD was asked {ANSWER_SECONDS:g} s ago to look at it and has not; what it says may be old"
            yield wish.root, Cause("", message, _SILENT_CURE.format(namespace=wish.seat.namespace))
            return
        time.sleep(EVERY_SECONDS)


def _root(connection: Connection, wish: Wish) -> Object | None:
    return connection.get(API_VERSION, "Application", wish.root, wish.seat.namespace)


def _is_done(status: ClusterStatus, wish: Wish) -> bool:
    ours = [one for one in status.own if one.presence is not Presence.LEFT_OVER]
    return all(_reached(one, wish) for one in ours)


def _reached(one: ApplicationStatus, wish: Wish) -> bool:
    live = one.live
    if live is None or (one.is_root and wish.commit and live.revision != wish.commit):
        return False
    if wish.until is Until.HEALTHY:
        return one.is_well
    is_settled = not live.has_failed and not (one.is_root and live.phase == RUNNING)
    return live.sync == SYNCED and live.is_current and is_settled


def _held_up(connection: Connection, status: ClusterStatus, wish: Wish) -> list[tuple[str, Cause]]:
    """What holds up the Applications that are not as wished; those that only wait for others are left out.

    A root is not Synced before the Applications of its first waves are Healthy, so those count in any case.
    """
    left = [one for one in status.own if not (_reached(one, wish) and one.is_well)]
    waiting = [one for one in left if not one.held_by]
    children = [one for one in waiting if not one.is_root]
    roots = [one for one in waiting if one.is_root and not (children and _only_waits(one))]
    found: list[tuple[str, Cause]] = []
    for one in (*roots, *children) or left:
        found += ((one.name, cause) for cause in causes(one.live, connection))
    return found


def _only_waits(one: ApplicationStatus) -> bool:
    live = one.live
    return live is not None and live.phase == RUNNING and live.phase_message.startswith("waiting for healthy state")
