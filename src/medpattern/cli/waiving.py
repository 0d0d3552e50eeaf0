"""The waivers of a repository, for the commands that print findings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from medpattern.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medpattern.checks.waivers import Waiver
    from medpattern.findings import Finding
    from medpattern.rendering.selection import Selection


def read(file: Path | None, selection: Selection, *, is_repository: bool = True) -> tuple[Waiver, ...]:
    """The waivers of `file`, or of the repository if it has any.

    Raises:
        InputError: the file has findings of its own.
        UsageError: it cannot be read.
    """
    from medpattern.checks.waivers import FILE, read_waivers
    from medpattern.errors import UsageError
    from medpattern.fleet.places import find_values, join
    from medpattern.rendering.handbook import sections

    shown = file.as_posix() if file else ""
    path = file
    if file is None and is_repository:
        shown = join(find_values(selection.root, selection.values), FILE)
        path = selection.root / shown
    if path is None or (file is None and not path.exists()):
        return ()
    try:
        return read_waivers(shown, path.read_bytes(), sections())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def say(findings: Sequence[Finding], selection: Selection) -> None:
    """Says what render has found, less what is waived; how many those are stands in the last line.

    Waivers that are wrong waive nothing here; what is wrong with them is for `validate` to say.
    """
    left, waived = _unwaived(findings, selection) if findings else (tuple(findings), 0)
    console.findings(left)
    if waived:
        console.say(f"{console.number(waived, 'finding')} waived; 'medpattern validate --verbose' shows them")


def _unwaived(findings: Sequence[Finding], selection: Selection) -> tuple[tuple[Finding, ...], int]:
    from datetime import UTC, datetime

    from medpattern.checks.waivers import waive
    from medpattern.errors import MedpatternError

    try:
        known = read(None, selection)
    except MedpatternError:
        return tuple(findings), 0
    judged = waive(findings, known, datetime.now(UTC).date())
    return judged.findings, len(judged.waived)
