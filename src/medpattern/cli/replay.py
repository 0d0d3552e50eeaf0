"""`medpattern replay`: dead letters are sent again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console, stages
from medpattern.cli.options import Output, OutputOption

if TYPE_CHECKING:
    from medpattern.pipeline.deadletters.replay import Summary

_WORDS = {
    "recorded": "read from the topic into the table",
    "unrecorded": "records of the topic that are not in the table yet",
    "settled": "removed: the image has its outcome",
    "replayed": "sent again",
    "waiting": "sent before and not back yet, or their pause is not over",
    "exhausted": "sent --most-replays times; left for a person",
    "unopened": "sealed with a key that was not given",
    "incomplete": "too large to have been kept whole; upload the image again",
}


def replay(
    retryable: Annotated[
        bool, typer.Option("--retryable", help="Only what a repeat can help, with growing pauses: for a schedule.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="R", help="Only letters with this reason.")] = "",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many, the oldest first.")] = None,
    most_replays: Annotated[
        int, typer.Option("--most-replays", min=1, max=999, help="How often one letter is sent in all.")
    ] = 10,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change and send nothing; count only.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send dead letters again, and forget those whose image has come to its outcome.

    First the topic's new letters are recorded in the table. Exit code 1: some letters could not be opened.

    Example: medpattern replay --retryable --dry-run --output json
    """
    env = stages.begin()
    from medpattern.pipeline.deadletters.replay import Choice
    from medpattern.pipeline.deadletters.replaying import replay_letters
    from medpattern.pipeline.deadletters.settings import ReplaySettings

    choice = Choice(retryable, reason, limit, most_replays)
    summary = replay_letters(ReplaySettings.read(env), choice, dry=dry_run)
    _print(summary, output, dry=dry_run)
    if summary.unopened:
        raise typer.Exit(1)


def _print(summary: Summary, output: Output, *, dry: bool) -> None:
    numbers = asdict(summary)
    if output is Output.JSON:
        console.data_json(numbers | {"dryRun": dry})
        return
    shown = [name for name in numbers if numbers[name] or name in ("settled", "replayed")]
    console.table(["letters", "number", "meaning"], [[name, str(numbers[name]), _WORDS[name]] for name in shown])
    if dry:
        console.say("dry run: nothing was changed or sent")
