"""`medpattern run`: the whole pipeline on one machine."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Output, OutputOption
from medpattern.cli.simulate import BurnedIn, Count, Duration, Images, Pneumonia, Rate, Seed
from medpattern.cli.stages import begin
from medpattern.errors import UsageError

if TYPE_CHECKING:
    from medpattern.pipeline.local.run import Moment
    from medpattern.pipeline.local.summary import Summary

_SECONDS_BETWEEN_LINES = 2.0


def run(
    count: Count = None,
    rate: Rate = 5.0,
    duration: Duration = None,
    images: Images = None,
    seed: Seed = 0,
    pneumonia: Pneumonia = 0.3,
    burned_in: BurnedIn = 0.3,
    s3: Annotated[
        str, typer.Option("--s3", metavar="URL", help="A real object store; its credentials as AWS_*.")
    ] = "",
    kafka: Annotated[
        str, typer.Option("--kafka", metavar="HOST:PORT", help="Real brokers; more as MEDPATTERN_KAFKA_*.")
    ] = "",
    database: Annotated[
        str,
        typer.Option("--database", metavar="URL", envvar="MEDPATTERN_DATABASE_URL", show_envvar=True,
                     help="A real, empty database. A URL with a password belongs into the variable."),
    ] = "",
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, help="Images that the service works on at once.")
    ] = 2,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Show the live page.")] = True,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The page's port on 127.0.0.1; 0: a free one.")
    ] = 0,
    keep_open: Annotated[bool, typer.Option("--keep-open", help="Keep the page until Ctrl-C.")] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", file_okay=False, show_default=False,
                     help="Keep database, keys and logs in this empty folder. Default: a temporary one."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:  # fmt: skip
    """Runs the whole pipeline on this machine: films, bucket, notifications, model, results, messages, live page.

    Nothing but this package is needed: object store, broker and database are embedded unless real ones are named.
    Without --count or --duration it runs until Ctrl-C. Ends with 0 only if every stored image has its outcome.

    Example: medpattern run --count 200
    """
    begin()
    try:
        import moto.server  # noqa: F401
    except ImportError:
        if not s3:
            raise UsageError("the embedded object store needs: pip install 'medpattern[run]'") from None
    from medpattern.pipeline.local.run import LocalRun
    from medpattern.pipeline.local.settings import RunSettings

    settings = RunSettings(
        count=count, rate=rate, duration=duration, images=images, seed=seed, pneumonia=pneumonia, burned_in=burned_in,
        s3=s3, kafka=kafka, database=database, concurrency=concurrency, page_port=port if page else None,
        keep_open=keep_open,
    )  # fmt: skip
    place = (folder or Path(tempfile.mkdtemp(prefix="medpattern-"))).resolve()
    reporter = _Reporter(settings.embedded)
    try:
        summary = LocalRun(settings, place, reporter).run()
    finally:
        reporter.end()
    if output is Output.JSON:
        console.data_json(summary.as_json() | {"embedded": list(settings.embedded)})
    else:
        _print(summary)
    if summary.accounted and folder is None:
        shutil.rmtree(place)
    elif not summary.accounted:
        console.say(f"not every stored image has its outcome; database and logs are in {place}")
    raise typer.Exit(0 if summary.accounted else 1)


class _Reporter:
    """Tells how the run goes: one line that changes on a terminal, a line every few seconds in a pipe."""

    def __init__(self, embedded: Sequence[str]) -> None:
        self._embedded = embedded
        self._terminal = sys.stderr.isatty()
        self._page = self._last = ""
        self._next = 0.0

    def __call__(self, moment: Moment) -> None:
        if moment.page and not self._page:
            self._page = moment.page
            console.say(f"page: {moment.page}")
            if self._embedded:
                console.say(f"embedded, not the real thing: {', '.join(self._embedded)}")
        of = "" if moment.expected is None else f" of {moment.expected}"
        line = f"{moment.phase}: {moment.stored}{of} stored, {moment.stored - moment.open} with an outcome"
        line += f"; {moment.problem}" if moment.problem else ""
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        elif line != self._last and time.monotonic() > self._next:
            console.say(line)
            self._next = time.monotonic() + _SECONDS_BETWEEN_LINES
        self._last = line

    def end(self) -> None:
        """Leaves the changing line."""
        if self._terminal and self._last:
            sys.stderr.write("\n")


def _print(summary: Summary) -> None:
    rows = [(words, str(value)) for words, value in _numbers(summary)]
    console.table(("what", "number"), rows)


def _numbers(summary: Summary) -> list[tuple[str, object]]:
    books, latency = summary.accounts, summary.latency
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items()))
    spans = " / ".join("-" if span is None else f"{span:.2f}" for span in (latency.p50, latency.p95, latency.p99))
    return [
        ("stored", summary.stored),
        ("results", f"{books.results}" + (f" ({outcomes})" if outcomes else "")),
        ("dead letters", books.dead_letters),
        ("superseded", books.superseded),
        ("quarantined", books.quarantined),
        ("duplicates", books.duplicates),
        ("notifications", books.notifications),
        ("latency p50 / p95 / p99 (s)", spans),
        ("every stored image has its outcome", "yes" if summary.accounted else "no"),
    ]
