"""The view of `medpattern diff --live`: the same change on several clusters once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from medpattern.cli import console, waiving
from medpattern.cli.reach import Open, opener
from medpattern.cluster.connection import Connection
from medpattern.cluster.livediff.comparing import SeatState, compare
from medpattern.cluster.livediff.desired import desired
from medpattern.cluster.livediff.difference import Change, LiveDiff, ObjectChange
from medpattern.cluster.livediff.objects import Lists
from medpattern.cluster.seats import seat_of, seats
from medpattern.errors import RemoteError, UsageError
from medpattern.findings import errors_of
from medpattern.rendering.diff import cluster_ranges
from medpattern.rendering.renderer import Renderer
from medpattern.rendering.selection import Selection, tree_path

if TYPE_CHECKING:
    from medpattern.fleet.facts import Facts

CLUSTERS_AT_ONCE = 4
_COLOURS = {Change.CREATE: "green", Change.PRUNE: "red", Change.REFUSED: "red", Change.NOT_ASKED: "yellow"}
_SAID = {
    Change.CREATE: "would be created",
    Change.UPDATE: "would change",
    Change.PRUNE: "would be pruned",
    Change.REFUSED: "would be refused",
    Change.NOT_ASKED: "could not be compared",
}

Found = dict[str, LiveDiff | str]  # by cluster; a text says why it could not be compared


def live(selection: Selection, tree: Path, kubeconfig: Path | None, context: str | None, *, as_json: bool) -> int:
    """Renders, compares each cluster with its server, prints; the exit code."""
    fleet = selection.load()
    names = selection.names(fleet)
    hosts = {seat.cluster for seat in seats(fleet.facts, names)}
    clusters = _Clusters(fleet.facts, opener(kubeconfig, context, hosts | set(names)))
    if len(hosts | set(names)) == 1:
        clusters.connection(names[0])  # of many, one that no context leads to hides no other
    renderer = Renderer(fleet, tree_path(selection.root, tree))
    found, unknown = _compared(renderer, names, clusters, selection)
    waiving.say(renderer.findings, selection)
    if errors_of(renderer.findings):
        return 2
    if as_json:
        console.data_json(_data(found))
    else:
        for app, why in sorted(unknown.items()):
            console.say(f"{app}: {why}, so only Argo CD can compare it")
        _print(found, sorted(fleet.facts))
        _summary(found, clusters.requests)
    return _code(found)


class _Clusters:
    """Connections to servers and what Argo CDs say, each opened once."""

    def __init__(self, facts: Mapping[str, Facts], connect: Open) -> None:
        self._facts = facts
        self._connect = connect
        self._opened: dict[str, Connection] = {}
        self._seats: dict[tuple[str, str], SeatState] = {}
        self._lock = RLock()

    @property
    def requests(self) -> int:
        """How many were sent in all."""
        return sum(one.requests for one in self._opened.values())

    def connection(self, name: str) -> Connection:
        """To the server of a cluster."""
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._connect(name, self._facts[name].server if name in self._facts else "")
            return self._opened[name]

    def seat(self, name: str) -> SeatState:
        """The Argo CD of a cluster."""
        host, namespace = seat_of(self._facts, name)
        with self._lock:
            if (host, namespace) not in self._seats:
                self._seats[host, namespace] = SeatState(Lists(self.connection(host)), namespace)
            return self._seats[host, namespace]


def _compared(
    renderer: Renderer, names: Iterable[str], clusters: _Clusters, selection: Selection
) -> tuple[Found, dict[str, str]]:
    """Each cluster is compared while the next is rendered; and applications whose objects are not known."""
    waiting: dict[str, Future[LiveDiff | str]] = {}
    unknown: dict[str, str] = {}
    apps: set[str] = set()
    with ThreadPoolExecutor(CLUSTERS_AT_ONCE) as threads:
        for item in renderer.clusters(names):
            apps |= {one.app.name for one in item.apps}
            plan = desired(item, selection.app)
            unknown |= plan.unknown
            waiting[item.cluster.name] = threads.submit(_one, clusters, item.cluster.facts, plan, selection.app)
    selection.require_app(apps)
    return {name: one.result() for name, one in waiting.items()}, unknown


def _one(clusters: _Clusters, facts: Facts, plan: Any, only: str) -> LiveDiff | str:
    try:
        return compare(facts, plan, clusters.seat(facts.name), lambda: clusters.connection(facts.name), only)
    except (RemoteError, UsageError) as error:
        return str(error)


def _print(found: Found, fleet: list[str]) -> None:
    for name, error in found.items():
        if isinstance(error, str):
            console.say(f"{name}: {error}")
    for note in dict.fromkeys(note for one in found.values() if isinstance(one, LiveDiff) for note in one.notes):
        console.say(note)
    for one, clusters in _folded(found):
        where = cluster_ranges(clusters, fleet)
        many = f"same change on {where}" if len(clusters) > 1 else where
        console.data(f"--- {one.part}: {one.label} {_SAID[one.change]} ({many})", _COLOURS.get(one.change, "cyan"))
        if one.note:
            console.data(f"    {one.note}", "yellow")
        for line in one.lines:
            console.data(line, {"+": "green", "-": "red"}.get(line[:1], ""))


def _folded(found: Found) -> Iterator[tuple[ObjectChange, list[str]]]:
    same: dict[ObjectChange, list[str]] = {}
    for name, diff in found.items():
        for one in diff.changes if isinstance(diff, LiveDiff) else ():
            same.setdefault(one, []).append(name)
    yield from sorted(same.items(), key=lambda row: (row[0].part, row[0].label, row[1]))


def _summary(found: Found, requests: int) -> None:
    done = [one for one in found.values() if isinstance(one, LiveDiff)]
    counts = {change: sum(one.change is change for diff in done for one in diff.changes) for change in Change}
    said = [f"{count} {_SAID[change]}" for change, count in counts.items() if count]
    compared, applied = sum(one.compared for one in done), sum(one.applied for one in done)
    where = f"{console.number(compared, 'object')} on {console.number(len(done), 'cluster')}"
    console.say(f"{where}: {', '.join(said) or 'nothing would change'} "
                f"({console.number(requests, 'request')}, {console.number(applied, 'dry run')})")  # fmt: skip


def _code(found: Found) -> int:
    changes = [one for diff in found.values() if isinstance(diff, LiveDiff) for one in diff.changes]
    if any(isinstance(one, str) for one in found.values()) or any(one.change is Change.NOT_ASKED for one in changes):
        return 3
    return int(bool(changes))


def _data(found: Found) -> list[dict[str, Any]]:
    return [
        {"cluster": name, "error": diff, "objects": []}
        if isinstance(diff, str)
        else {
            "cluster": name,
            "error": "",
            "compared": diff.compared,
            "dryRuns": diff.applied,
            "notes": list(diff.notes),
            "objects": [
                {
                    "part": one.part,
                    "object": one.label,
                    "change": str(one.change),
                    "note": one.note,
                    "diff": list(one.lines),
                }
                for one in diff.changes
            ],
        }
        for name, diff in found.items()
    ]
