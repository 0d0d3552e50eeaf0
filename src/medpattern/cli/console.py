"""Printing: data on stdout, talk on stderr, colours only on a terminal and never under NO_COLOR."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from medpattern.errors import DataDeletionError, InputError, MedpatternError
from medpattern.findings import Finding, Severity

NOTHING_TO_DO = "nothing to do, all are as rendered"


def _colour(text: str, colour: str, *, stderr: bool) -> str:
    stream = sys.stderr if stderr else sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return typer.style(text, fg=colour)


def say(text: str) -> None:
    """One line of talk."""
    typer.echo(text, err=True)


def data(text: str, colour: str = "") -> None:
    """One line of data."""
    typer.echo(_colour(text, colour, stderr=False) if colour else text)


def data_json(value: Any) -> None:
    """`value` as JSON."""
    data(json.dumps(value, indent=2, ensure_ascii=False))


def findings(found: Iterable[Finding]) -> None:
    """Findings as talk, one a line, and a last line that counts them."""
    found = list(found)
    for one in found:
        say(_finding(one, stderr=True))
    errors = sum(one.severity is Severity.ERROR for one in found)
    if found:
        say(_counts(errors, len(found) - errors))


def finding(found: Finding) -> None:
    """One finding as data."""
    data(_finding(found, stderr=False))


def _finding(found: Finding, *, stderr: bool) -> str:
    colour = "red" if found.severity is Severity.ERROR else "yellow"
    place, rest = str(found.place), str(found)[len(str(found.place)) :]
    return place + _colour(rest, colour, stderr=stderr)


@contextmanager
def progress(words: str) -> Iterator[Callable[[int, int, str], None] | None]:
    """On a terminal, a function that shows (done, all, name) in one line of stderr, which is gone at the end."""
    if not sys.stderr.isatty():
        yield None
        return

    def show(done: int, total: int, name: str) -> None:
        typer.echo(f"\r\033[K{words} {name} ({done + 1} of {total})", err=True, nl=False)

    try:
        yield show
    finally:
        typer.echo("\r\033[K", err=True, nl=False)


def _counts(errors: int, warnings: int) -> str:
    return ", ".join(number(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count)


@dataclass
class End:
    """How the process ends. `at_once`: nothing is open; taking apart what was built would cost a tenth of the run."""

    at_once: bool = False

    def leave(self, code: object) -> None:
        """Ends the process with an exit code, if it may end at once."""
        if self.at_once and (code is None or isinstance(code, int)):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code or 0)


end = End()


def number(count: int, word: str) -> str:
    """`count` and `word`, which takes an s unless there is one.

    >>> number(1, "cluster"), number(3, "cluster")
    ('1 cluster', '3 clusters')
    """
    return f"{count} {word}{'' if count == 1 else 's'}"


def error(problem: MedpatternError) -> None:
    """An error as talk: all its findings, or its one line."""
    if isinstance(problem, InputError):
        findings(problem.findings)
    elif isinstance(problem, DataDeletionError):
        say(_colour(f"error: {problem}; nothing was written", "red", stderr=True))
        flags = " ".join(f"--allow-delete {name}" for name in problem.objects)
        say(f"if that is meant, and the data is backed up: medpattern render {flags}")
    else:
        say(_colour(f"error: {problem}", "red", stderr=True))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows in columns as data; the header only on a terminal, so that a pipe gets rows alone."""
    lines = [list(map(str, row)) for row in rows]
    if sys.stdout.isatty():
        lines.insert(0, list(header))
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(header))]
    for line in lines:
        data("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())
