"""The views of `medpattern bootstrap`: the preflight, what was applied, progress, and what holds a cluster up."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from medpattern.cli import console
from medpattern.cluster.bootstrap.steps import Applied, Done, all_objects, all_removed, content_of, words_of
from medpattern.cluster.preflight import Check, Verdict
from medpattern.cluster.resources import UnknownKindError

if TYPE_CHECKING:
    from medpattern.cluster.bootstrap.intent import Wanted
    from medpattern.cluster.bootstrap.olm import Pending
    from medpattern.cluster.bootstrap.preflight import Preflight
    from medpattern.cluster.bootstrap.waiting import Waited
    from medpattern.cluster.connection import Connection, Object
    from medpattern.cluster.status.statuses import ApplicationStatus, ClusterStatus

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


def checks(found: Iterable[Check]) -> None:
    """Every check in one line; below one that found something, what to do."""
    for one in found:
        word = one.verdict.value.ljust(len(Verdict.WARNING.value))
        console.say(f"{_coloured(word, _COLOURS[one.verdict])}  {one.name}: {one.message}")
        if one.cure:
            console.say(f"{' ' * len(word)}  -> {one.cure}")


def _coloured(word: str, colour: str) -> str:
    import os

    return typer.style(word, fg=colour) if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else word


def applied(one: Applied) -> None:
    """One object that was made or changed."""
    if one.done is not Done.UNCHANGED:
        console.say(f"{one.done.value}  {one.thing}")


def awaited(one: Pending) -> None:
    """What the run waits for now; below it what a person has to do, if waiting is not all."""
    console.say(f"waits  {one.words}")
    if one.cure:
        console.say(f"    -> {one.cure}")


def dry_run(wanted: Wanted, connection: Connection, found: Preflight) -> None:
    """What the API server would make of each object, as a diff from what is there."""
    changed = 0
    for thing, manager in all_objects(wanted, connection, found.installation):
        before, after, remark = _tried(connection, thing, manager)
        lines = list(_diff(words_of(thing), before, after))
        if remark:
            console.data(f"# {words_of(thing)}: {remark}")
        for line in lines:
            console.data(line, {"+": "green", "-": "red"}.get(line[:1], ""))
        changed += bool(lines or remark)
    removed = [words_of(thing) for thing in all_removed(wanted, connection, found.installation)]
    for words in removed:
        console.data(f"# {words}: would be removed; the release that is wanted does not have it")
    also = f", {len(removed)} removed" if removed else ""
    console.say(f"{console.number(changed, 'object')} would be applied{also}; nothing was changed")


def _tried(connection: Connection, thing: Object, manager: str) -> tuple[Object, Object, str]:
    """(before, after, remark): the server's own answers; of a kind or namespace yet to come the object itself."""
    from medpattern.errors import RefusalError

    metadata = thing["metadata"]
    try:
        before = connection.get(thing["apiVersion"], thing["kind"], metadata["name"], metadata.get("namespace", ""))
        after = connection.apply(thing, dry_run=True, force=True, field_manager=manager)
    except UnknownKindError:
        return {}, thing, "would be made; its kind comes with this run, so the server cannot try it"
    except RefusalError as error:
        if error.status != 404:
            raise
        return {}, thing, "would be made; its namespace comes with this run, so the server cannot try it"
    return before or {}, after, "" if before else "would be made"


def _diff(name: str, before: Object, after: Object) -> Iterator[str]:
    from difflib import unified_diff

    from medpattern.documents.writer import dump

    if not before:
        return  # an installation is 30,000 lines; that it is new says it
    old, new = (dump(_shown(one)).splitlines() for one in (before, after))
    yield from unified_diff(old, new, f"live {name}", f"wanted {name}", lineterm="")


def _shown(thing: Object) -> Object:
    """What may be shown of an object: of a Secret only which keys it has; kubectl keeps data in an annotation too."""
    found = content_of(thing)
    if found["kind"] != "Secret":
        return found
    notes = _hidden(found["metadata"].get("annotations"))
    return {**found, "data": _hidden(found.get("data")), "metadata": {**found["metadata"], "annotations": notes}}


def _hidden(words: Object | None) -> Object:
    return dict.fromkeys(words or (), "[not shown]")


@contextmanager
def progress() -> Iterator[Callable[[ClusterStatus], None]]:
    """A function that shows a state: on a terminal a table that changes in place, in a pipe each changed line."""
    if not sys.stderr.isatty():
        yield _changed_lines()
        return
    from rich.console import Console
    from rich.live import Live

    from medpattern.cli.status_views import table

    with Live(console=Console(stderr=True), auto_refresh=False, transient=False) as live:
        yield lambda found: live.update(table((found,), detailed=True), refresh=True)


def _changed_lines() -> Callable[[ClusterStatus], None]:
    said: dict[str, str] = {}

    def show(found: ClusterStatus) -> None:
        for one in found.own:
            line = _line(one)
            if said.get(one.name) != line:
                said[one.name] = line
                console.say(line)

    return show


def _line(one: ApplicationStatus) -> str:
    wave = "root" if one.is_root else f"wave {one.wave}"
    return f"{wave}  {one.name}: {one.sync}, {one.health}" + (f"; {one.message}" if one.message else "")


def held_up(ended: Waited, seconds: float) -> None:
    """What is not there after the wait, why, and what to do."""
    console.say(f"not there after {seconds:g} s:")
    for name, cause in ended.causes:
        thing = f", {cause.thing}" if cause.thing else ""
        console.say(f"  {name}{thing}: {cause.message}")
        if cause.cure:
            console.say(f"    -> {cause.cure}")
    console.say("Argo CD goes on by itself; the same command waits again")
