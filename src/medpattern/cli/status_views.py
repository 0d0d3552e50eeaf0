"""The views of `medpattern status`: tables on a terminal, lines in a pipe, JSON."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from medpattern.cli import console
from medpattern.cluster.status.applications import HEALTHY, SYNCED
from medpattern.cluster.status.statuses import ApplicationStatus, ClusterStatus, Presence

if TYPE_CHECKING:
    from rich.console import RenderableType

Statuses = tuple[ClusterStatus, ...]
Row = tuple[str, ...]

FLEET = ("CLUSTER", "APPS", "SYNCED", "HEALTHY", "DRIFT", "REVISION", "LAST SYNC", "")
DETAILS = ("CLUSTER", "APPLICATION", "WAVE", "SYNC", "HEALTH", "DRIFT", "REVISION", "LAST SYNC", "")
_NONE = "-"
_SHOWN = 5  # of the objects that differ, of each Application


def exit_code(found: Statuses) -> int:
    """3 where a cluster did not answer, 1 where one is not well, 0 else."""
    if any(one.error or one.unreachable for one in found):
        return 3
    return int(not all(one.is_well for one in found))


def show(found: Statuses, *, detailed: bool) -> None:
    """Prints the table, and what it cannot hold as talk."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(table(found, detailed=detailed))
    else:
        console.table(DETAILS if detailed else FLEET, _rows(found, detailed=detailed))
    for words in _remarks(found, detailed=detailed):
        console.say(words)


def watch(ask: Callable[[], Statuses], interval: float, *, detailed: bool, as_json: bool) -> None:
    """Shows a table that changes in place, or in a pipe each line that has changed, until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        if as_json:
            _repeat(ask, interval, _print_changed_json())
        elif sys.stdout.isatty():
            from rich.live import Live

            with Live(auto_refresh=False) as live:
                _repeat(ask, interval, lambda found: live.update(_watched(found, detailed=detailed), refresh=True))
        else:
            _repeat(ask, interval, _print_changed_lines(detailed=detailed))


def as_json(found: Statuses) -> None:
    """Prints everything that is known."""
    console.data_json(_data(found))


def _repeat(ask: Callable[[], Statuses], interval: float, tell: Callable[[Statuses], None]) -> None:
    while True:
        tell(ask())
        sys.stdout.flush()
        time.sleep(interval)


def _print_changed_lines(*, detailed: bool) -> Callable[[Statuses], None]:
    said: set[str] = set()

    def tell(found: Statuses) -> None:
        rows = [(row[:-2] + row[-1:], row) for row in _rows(found, detailed=detailed)]  # an age changes always
        for row in (row for content, row in rows if "\t".join(content) not in said):
            console.data(f"{datetime.now(UTC):%H:%M:%S}  {'  '.join(row)}".rstrip())
        said.clear()
        said.update("\t".join(content) for content, _ in rows)

    return tell


def _print_changed_json() -> Callable[[Statuses], None]:
    import json

    said: list[str] = []

    def tell(found: Statuses) -> None:
        line = json.dumps(_data(found), ensure_ascii=False)
        if [line] != said:
            said[:] = [line]
            console.data(line)

    return tell


def _rows(found: Statuses, *, detailed: bool) -> list[Row]:
    if detailed:
        return [row for one in found for row in _details(one)]
    return [_summary(one) for one in found]


def table(found: Statuses, *, detailed: bool) -> RenderableType:
    """One line for each cluster, or for each of its Applications."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in DETAILS if detailed else FLEET:
        table.add_column(name, no_wrap=bool(name), overflow="ellipsis" if name else "fold")
    for row in _rows(found, detailed=detailed):
        table.add_row(*(Text(word, _style(word)) for word in row))
    return table


def _watched(found: Statuses, *, detailed: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    return Group(table(found, detailed=detailed), *map(Text, _remarks(found, detailed=detailed)))


def _style(word: str) -> str:
    if word in (SYNCED, HEALTHY, "well"):
        return "green"
    if word in ("Degraded", "Missing", "OutOfSync"):
        return "red"
    return "yellow" if word in ("Progressing", "Unknown", "Suspended") else ""


def _summary(one: ClusterStatus) -> Row:
    """One line for a cluster."""
    if one.error:
        return (one.name, *[_NONE] * (len(FLEET) - 2), one.error)
    live = [app.live for app in one.own if app.live]
    synced, healthy = (sum(getattr(app, key) == good for app in one.own)
                       for key, good in (("sync", SYNCED), ("health", HEALTHY)))  # fmt: skip
    drift = sum(len(app.drift) for app in live)
    return (one.name, str(len(one.own)), str(synced), str(healthy), str(drift), _revisions(one),
            _age(max((app.last_sync for app in live if app.last_sync), default=None)), _trouble(one))  # fmt: skip


def _trouble(one: ClusterStatus) -> str:
    """What keeps a cluster from being well: what holds the others back first."""
    if one.is_well:
        return "well"
    if one.unreachable:
        return one.unreachable
    if one.holding:
        causes = "; ".join(_what(app) for app in one.own if app.name in one.holding)
        many = len(one.pending_waves) > 1
        return f"wave{'s'[:many]} {', '.join(map(str, one.pending_waves))} wait{'s'[many:]} for {causes}"
    bad = [app for app in one.own if not app.is_well]
    more = f"; {len(bad) - 2} more" if len(bad) > 2 else ""
    return "; ".join(_what(app) for app in bad[:2]) + more


def _what(app: ApplicationStatus) -> str:
    words = [word for word, good in ((app.sync, SYNCED), (app.health, HEALTHY)) if word != good]
    state = ", ".join(dict.fromkeys(words))
    return " ".join(text for text in (app.name, state, f"({app.message})" if app.message else "") if text)


def _details(one: ClusterStatus) -> list[Row]:
    """One line for each Application of a cluster."""
    if one.error:
        return [(one.name, *[_NONE] * (len(DETAILS) - 2), one.error)]
    return [
        (
            one.name,
            app.name,
            "root" if app.is_root else str(app.wave),
            app.sync,
            app.health,
            str(len(app.live.drift)) if app.live else _NONE,
            _short(app.live.revision) if app.live else _NONE,
            _age(app.live.last_sync if app.live else None),
            app.message,
        )
        for app in one.applications
    ]


def _remarks(found: Statuses, *, detailed: bool) -> list[str]:
    """What a table does not hold."""
    said = []
    for one in found:
        if one.unreachable:
            said.append(f"{one.name}: {one.unreachable}; Argo CD on '{one.seat}' may tell what it saw before")
        if one.is_stale and one.looked:
            said.append(f"{one.name}: Argo CD on '{one.seat}' has not looked for {_span(one.looked.total_seconds())}; "
                        "what it says may be old")  # fmt: skip
        elif detailed and one.looked and not one.is_well:
            said.append(f"{one.name}: Argo CD on '{one.seat}' looked last {_span(one.looked.total_seconds())} ago")
        for app in one.own if detailed else ():
            said += (f"{one.name}/{app.name}: {words}" for words in _drift(app))
    well = sum(one.is_well for one in found)
    if len(found) > 1 and well == len(found):
        said.append(f"all {len(found)} clusters are well")
    elif len(found) > 1:
        bad = [one.name for one in found if not one.is_well]
        names = ", ".join(bad[:10]) + (", ..." if len(bad) > 10 else "")
        said.append(f"{well} of {len(found)} clusters are well; not: {names}")
    return said


def _drift(app: ApplicationStatus) -> list[str]:
    drift = app.live.drift if app.live else ()
    shown = [f"{one} {'is not in git any more' if one.prunable else 'is not as git has it'}" for one in drift[:_SHOWN]]
    return shown + ([f"{len(drift) - _SHOWN} more differ"] if len(drift) > _SHOWN else [])


def _revisions(one: ClusterStatus) -> str:
    """The revision that most Applications have; a plus sign where there are others."""
    counts = Counter(app.live.revision for app in one.own if app.live and app.live.revision)
    if not counts:
        return _NONE
    return _short(counts.most_common(1)[0][0]) + (f" +{len(counts) - 1}" if len(counts) > 1 else "")


def _short(revision: str) -> str:
    is_commit = len(revision) == 40 and all(sign in "0123456789abcdef" for sign in revision)
    return revision[:7] if is_commit else revision or _NONE


def _age(when: datetime | None) -> str:
    return _span((datetime.now(UTC) - when).total_seconds()) if when else _NONE


def _span(seconds: float) -> str:
    """A time in the largest unit that leaves at least 1, such as "4 min"."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _data(found: Iterable[ClusterStatus]) -> list[dict[str, Any]]:
    return [
        {
            "cluster": one.name,
            "argocd": one.seat,
            "well": one.is_well,
            "error": one.error,
            "unreachable": one.unreachable,
            "pendingWaves": list(one.pending_waves),
            "heldBackBy": list(one.holding),
            "lookedSecondsAgo": one.looked.total_seconds() if one.looked is not None else None,
            "stale": one.is_stale,
            "applications": [_application(app) for app in one.applications],
        }
        for one in found
    ]


def _application(app: ApplicationStatus) -> dict[str, Any]:
    live = app.live
    return {
        "name": app.name,
        "presence": str(app.presence),
        "well": app.is_well if app.presence is not Presence.FOREIGN else None,
        "wave": app.wave,
        "sync": app.sync,
        "health": app.health,
        "revision": live.revision if live else "",
        "current": bool(live and live.is_current),
        "operation": live.phase if live else "",
        "message": app.message,
        "problems": list(live.problems) if live else [],
        "heldBackBy": list(app.held_by),
        "drift": [str(one) for one in live.drift] if live else [],
        "lastSync": _stamp(live.last_sync if live else None),
        "reconciled": _stamp(live.reconciled if live else None),
    }


def _stamp(when: datetime | None) -> str | None:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None
