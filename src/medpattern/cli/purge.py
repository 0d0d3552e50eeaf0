"""`medpattern purge`: images and what is known of them, removed for good."""

from __future__ import annotations

import getpass
import os
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console, stages
from medpattern.cli.options import Output, OutputOption
from medpattern.errors import UsageError
from medpattern.pipeline.retention.selection import ALL, DataClass, Selection

if TYPE_CHECKING:
    from medpattern.pipeline.retention.purging import Purged
    from medpattern.pipeline.settings import Environment


def purge(
    older_than: Annotated[str, typer.Option(metavar="SPAN", help="What was stored longer ago, as in 90d.",
                                            show_default=False)] = "",
    image: Annotated[str, typer.Option(metavar="PSEUDONYM", help="One image version.", show_default=False)] = "",
    patient: Annotated[str, typer.Option(metavar="PSEUDONYM", help="All images of a patient.", show_default=False)
                       ] = "",
    retention: Annotated[bool, typer.Option("--retention", help="What is older than MEDPATTERN_RETENTION_<CLASS>_DAYS "
                                            "says; 0 keeps for ever.")] = False,
    classes: Annotated[list[DataClass] | None, typer.Option("--class", help="Only this class of data; may be "
                       "repeated. Default: all.", show_default=False)] = None,
    who: Annotated[str, typer.Option(metavar="NAME", help="Who purges, for the audit. Default: the user of the "
                                     "operating system.", show_default=False)] = "",
    purpose: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the audit; no patient's name.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Remove images: their versions in the buckets, the images made of them, rows, dead letters, unsent events.

    A tombstone stays for each image, so that no redelivery or backfill scores it again, and an audit row. It may be
    run beside a service at work, and again after it was cut off.

    Example: medpattern purge --patient 3q2x...  --purpose "request of 2026-11-21"
    """
    environment = stages.begin()
    from medpattern.pipeline.retention.run import run
    from medpattern.pipeline.retention.settings import PurgeSettings

    selections = _selections(environment, older_than, image, patient, retention, frozenset(classes or ALL))
    settings = PurgeSettings.read(environment)
    who, purpose = who or _user(), purpose or ("retention" if retention else "")
    _check_length(who=who, purpose=purpose)
    if not dry_run and not yes:
        if not sys.stdin.isatty():
            raise UsageError("a purge cannot be undone: look with --dry-run, then give --yes")
        _ask(run(settings, selections, who=who, purpose=purpose, dry=True, stopping=threading.Event())[0])
    with stages.until_asked_to_end() as stopping:
        done, unreadable = run(settings, selections, who=who, purpose=purpose, dry=dry_run, stopping=stopping)
    _summary(done, unreadable, dry_run=dry_run, output=output)
    if stopping.is_set():
        console.say("interrupted; run it again to remove the rest")
        raise typer.Exit(130)


def _selections(
    environment: Environment, older_than: str, image: str, patient: str, retention: bool, classes: frozenset[DataClass]
) -> list[Selection]:
    from medpattern.pipeline.clock import now, parse_span
    from medpattern.pipeline.retention.selection import read_retention, retention_selections

    if sum(map(bool, (older_than, image, patient, retention))) != 1:
        raise UsageError("give one of --older-than, --image, --patient and --retention")
    if retention:
        days = {kind: age for kind, age in read_retention(environment).items() if kind in classes}
        return retention_selections(days, now())
    before = now() - parse_span(older_than) if older_than else None
    return [Selection(classes, before, image, patient)]


def _ask(would: Purged) -> None:
    made = console.number(would.processed + would.anonymised, "image")
    console.say(
        f"{console.number(would.images, 'image')}: {console.number(would.source, 'version')} in source buckets, "
        f"{made} made of them, {console.number(would.rows.results, 'result')}, "
        f"{console.number(would.rows.dead_letters, 'dead letter')}. This cannot be undone."
    )
    if not typer.confirm("Remove them?", err=True):
        raise typer.Exit(1)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user has a number and no name.
        return f"uid {os.getuid()}"


def _check_length(**texts: str) -> None:
    for name, text in texts.items():
        if len(text) > 255:
            raise UsageError(f"--{name} has more than 255 characters")


def _summary(done: Purged, unreadable: int, *, dry_run: bool, output: Output) -> None:
    rows = asdict(done.rows)
    numbers = {"images": done.images, "sourceVersions": done.source, "processedImages": done.processed}
    numbers |= {"anonymisedImages": done.anonymised, "deadLetters": rows.pop("dead_letters"), **rows}
    if output is Output.JSON:
        console.data_json(numbers | {"unreadable": unreadable, "dryRun": dry_run})
        return
    for name, number in numbers.items():
        console.data(f"{_words(name):<18} {number}" + (" (dry run)" if dry_run else ""))
    if unreadable:
        console.say(f"{unreadable} images without a result could not be opened: whose they are is not known")


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
