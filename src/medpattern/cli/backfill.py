"""`medpattern backfill`: what is stored and has no outcome, published for the pipeline to score."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console, stages
from medpattern.cli.options import Output, OutputOption
from medpattern.errors import UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from datetime import timedelta

    from medpattern.pipeline.backfill.publishing import Progress

_GROUPS = {True: ("MEDPATTERN_SOURCE_GROUP", "risk-assessment"),
           False: ("MEDPATTERN_BACKFILL_GROUP", "risk-assessment-backfill")}  # fmt: skip
_TOPICS = {True: "MEDPATTERN_INPUT_TOPIC", False: "MEDPATTERN_BACKFILL_TOPIC"}
_SECONDS_BETWEEN_LINES = 10.0


def backfill(
    where: Annotated[
        str, typer.Argument(metavar="[BUCKET[/PREFIX]]", help="What to look at; with --missing all source buckets.",
                            show_default=False)] = "",
    lost: Annotated[bool, typer.Option("--missing", help="Only what has no outcome by any model: its notification was "
                                       "lost. Events go to the input topic.")] = False,
    older_than: Annotated[str, typer.Option(metavar="SPAN", help="Leave out what is younger. Default: 10m with "
                                            "--missing.", show_default=False)] = "",
    model_sha256: Annotated[str, typer.Option(metavar="SHA256", envvar="MEDPATTERN_MODEL_SHA256", help="The model "
                                              "whose results are wanted. Default: the shipped one.",
                                              show_default=False)] = "",
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="Default: MEDPATTERN_BACKFILL_TOPIC; with --missing "
                                       "MEDPATTERN_INPUT_TOPIC.", show_default=False)] = "",
    group: Annotated[str, typer.Option(metavar="GROUP", help="The consumer group that reads the topic. Default: "
                                       "MEDPATTERN_BACKFILL_GROUP or risk-assessment-backfill; with --missing "
                                       "MEDPATTERN_SOURCE_GROUP or risk-assessment.", show_default=False)] = "",
    backlog: Annotated[int, typer.Option(min=0, help="Wait while the group has so many records before it; 0: never "
                                         "wait.")] = 1000,
    rate: Annotated[float, typer.Option(min=0, help="Events a second at most; 0: no bound.")] = 0,
    notify: Annotated[bool, typer.Option("--notify", help="Let staff be told of what is found.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and publish nothing.")] = False,
    metrics_file: Annotated[Path | None, typer.Option(metavar="FILE", help="With --missing: write the numbers for "
                                                      "node-exporter's textfile collector.", show_default=False)
                            ] = None,
    every: Annotated[str, typer.Option(metavar="SPAN", help="With --missing: look again after each such pause, until "
                                       "ended.", show_default=False)] = "",
    host: stages.Host = "127.0.0.1",
    metrics_port: stages.MetricsPort = 0,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Score what is already stored: publish an event for each image version that has no outcome.

    It keeps no state: ended at any point, a further run publishes what still has no result. Staff are told of
    nothing that it finds unless --notify is given.

    Example: medpattern backfill xray-sources/2025/ --rate 20
    """
    environment = stages.begin()
    if not where and not lost:
        raise UsageError("name a bucket, as in: medpattern backfill xray-sources/2025/; or give --missing")
    if metrics_file is not None and not lost:
        raise UsageError("--metrics-file counts images without any outcome: give --missing with it")
    if every and not lost:
        raise UsageError("--every looks for images without any outcome: give --missing with it")
    if metrics_port and metrics_file:
        raise UsageError("--metrics-file and --metrics-port tell the same: give one of them")
    if metrics_port and not every:
        raise UsageError("--metrics-port is of use only to one that stays: give --every SPAN with it")
    from medpattern.pipeline.backfill.measures import Measures, write_metrics
    from medpattern.pipeline.backfill.message import Mode
    from medpattern.pipeline.backfill.run import Order, run
    from medpattern.pipeline.backfill.settings import BackfillSettings
    from medpattern.pipeline.clock import parse_span

    pause = parse_span(every) if every else None
    counted = partial(write_metrics, metrics_file) if metrics_file else None
    order = Order(
        where=where,
        older_than=parse_span(older_than or ("10m" if lost else "0s")),
        model_sha256="" if lost else model_sha256 or _shipped(),
        topic="" if dry_run else topic or environment.text(_TOPICS[lost]),
        group=group or environment.text(*_GROUPS[lost]),
        backlog=backlog,
        rate=rate,
        mode=Mode.NOTIFY if notify else Mode.SILENT,
        counted=counted,
    )
    settings = BackfillSettings.read(environment, publish=not dry_run)
    began = time.monotonic()
    if pause is not None:
        order = replace(order, counted=Measures().tell) if metrics_port else order
        _stay(host, metrics_port, pause, lambda stopping: run(settings, order, stopping, _no_talk))
        return
    with stages.until_asked_to_end() as stopping, _Talk() as talk:
        done = run(settings, order, stopping, talk.report)
    _summary(done, time.monotonic() - began, dry_run=dry_run, stopped=stopping.is_set(), output=output)
    if stopping.is_set():
        raise typer.Exit(130)


def _stay(host: str, metrics_port: int, pause: timedelta, work: Callable[[threading.Event], Progress]) -> None:
    """Looks again and again until asked to end, with health and metrics on a port."""
    from medpattern.pipeline.backfill.repeating import repeat
    from medpattern.pipeline.http.health import serve_health

    with stages.until_asked_to_end() as stopping:
        end_health = serve_health(host, metrics_port, lambda: "")
        try:
            repeat(lambda: work(stopping), pause, stopping)
        finally:
            end_health()


def _no_talk(_progress: Progress) -> None:
    """One that stays logs at the end of each turn."""


def _shipped() -> str:
    from medpattern.pipeline.model.shipped import shipped

    return shipped().sha256


class _Talk:
    """Progress on stderr: one line that changes on a terminal, a line every ten seconds in a pipe."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._due = time.monotonic() + (0 if self._terminal else _SECONDS_BETWEEN_LINES)

    def __enter__(self) -> _Talk:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")

    def report(self, progress: Progress) -> None:
        """Tells `progress`, if it is time."""
        if time.monotonic() < self._due:
            return
        line = (
            f"{progress.listed} listed, {progress.without_outcome} without outcome, {progress.published} published"
            + ("" if progress.lag is None else f", {progress.lag} waiting in the topic")
            + (": held back" if progress.waiting else "")
        )
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            console.say(line)
        self._due = time.monotonic() + (0.2 if self._terminal else _SECONDS_BETWEEN_LINES)


def _summary(done: Progress, seconds: float, *, dry_run: bool, stopped: bool, output: Output) -> None:
    if output is Output.JSON:
        numbers = {"listed": done.listed, "withoutOutcome": done.without_outcome, "tooYoung": done.young}
        numbers |= {"published": done.published, "dryRun": dry_run, "interrupted": stopped}
        console.data_json(numbers | {"seconds": round(seconds, 3)})
        return
    console.data(f"listed           {done.listed}")
    console.data(f"too young        {done.young}")
    console.data(f"without outcome  {done.without_outcome}")
    console.data(f"published        {done.published}" + (" (dry run)" if dry_run else ""))
    if stopped:
        console.say("interrupted; run it again to publish the rest")
