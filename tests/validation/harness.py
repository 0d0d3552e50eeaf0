"""Faults planted in a copy of the shipped fleet, one at a time, and what `validate` says of each.

A fault is a row of faults/*.yaml:

    - name: what is wrong, in words; names the test
      file: charts/kafka/templates/topics.yaml    the file that is edited, from the root of the repository
      find: text that stands in it exactly once   (without it `replace` is a whole new file)
      replace: what stands there instead
      code: the finding that must come of it
      at: file in which the finding must point    (default: the edited file)
      line: text of the line that it points at    (default: any line)
      app: the application that it names          (default: any)
      says: part of its message                   (default: any)
      clusters: [hospital-1]                      (default: one, then all, then also rules between them)
      and: further edits, a list of {file, find, replace}

What the clean fleet's findings say already does not count.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from medpattern.checks.schemas import SchemaSet
from medpattern.findings import Finding
from medpattern.rendering.selection import Selection
from medpattern.rendering.validation import Run
from tests.fleet.small import CHECKOUT

FIRST = "hospital-1"
FAULTS = Path(__file__).parent / "faults"
KEYS = {"name", "file", "find", "replace", "code", "at", "line", "app", "says", "clusters", "and"}


@dataclass(frozen=True)
class Edit:
    """`find`, which stands in `file` exactly once, becomes `replace`; without `find` the file becomes `replace`."""

    file: str
    find: str
    replace: str

    def of(self, root: Path) -> str:
        """The edited text."""
        if not self.find:
            return self.replace
        text = (root / self.file).read_text("utf-8")
        count = text.count(self.find)
        assert count == 1, f"{self.find!r} stands {count} times in {self.file}"
        return text.replace(self.find, self.replace)


@dataclass(frozen=True)
class Fault:
    """A row: its edits, and the finding that is wanted."""

    name: str
    edits: tuple[Edit, ...]
    code: str
    at: str
    line: str
    app: str
    says: str
    clusters: tuple[str, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Fault:
        """Reads a row."""
        assert not row.keys() - KEYS, f"{row.get('name')}: unknown {sorted(row.keys() - KEYS)}"
        edits = tuple(Edit(part["file"], part.get("find", ""), part["replace"]) for part in (row, *row.get("and", ())))
        optional = {key: row.get(key, "") for key in ("line", "app", "says")}
        clusters = tuple(row.get("clusters", ()))
        return cls(row["name"], edits, row["code"], row.get("at", row["file"]), clusters=clusters, **optional)

    def is_told_by(self, finding: Finding, root: Path) -> bool:
        """Whether `finding` is the one that is wanted; `root` has the edited files."""
        place = finding.place
        return (
            finding.code == self.code
            and place.file == self.at
            and self.app in ("", finding.app)
            and self.says in finding.message
            and (not self.line or self.line in _line(root / place.file, place.line))
        )


def _line(path: Path, number: int) -> str:
    lines = path.read_text("utf-8").split("\n")
    return lines[number - 1] if 0 < number <= len(lines) else ""


def faults(kind: str) -> list[Fault]:
    """The rows of faults/<kind>.yaml."""
    rows = yaml.safe_load((FAULTS / f"{kind}.yaml").read_text("utf-8")) or []
    return [Fault.of(row) for row in rows]


class Plot:
    """A copy of the shipped fleet in which faults are planted and pulled out again."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in ("charts", "values"):
            shutil.copytree(CHECKOUT / name, folder / name)
        self._before = Run(Selection(folder), SchemaSet())
        self.clean = self._before.validate()
        self._known = {(finding.code, finding.app, finding.message) for finding in self.clean.findings}

    def told(self, fault: Fault) -> tuple[bool, tuple[Finding, ...]]:
        """Whether `fault` is told with it in the copy, and all that is, less what is found anyway.

        One cluster is looked at first, since most faults show there; all of them if it does not.
        """
        with self.planted(fault):
            for clusters in [fault.clusters] if fault.clusters else [(FIRST,), ()]:
                found = self._new_findings(clusters)
                if any(fault.is_told_by(one, self.root) for one in found):
                    return True, found
        return False, found

    def _new_findings(self, clusters: tuple[str, ...]) -> tuple[Finding, ...]:
        run = Run(Selection(self.root, clusters=clusters), self._before.checks.schemas, self._before)
        return tuple(one for one in run.validate().findings if (one.code, one.app, one.message) not in self._known)

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """The copy with the fault in it; it is taken out at the end."""
        before = {edit.file: self._content(edit.file) for edit in fault.edits}
        try:
            for edit in fault.edits:
                text = edit.of(self.root)
                (self.root / edit.file).parent.mkdir(parents=True, exist_ok=True)
                (self.root / edit.file).write_text(text, "utf-8")
            yield
        finally:
            for file, content in before.items():
                if content is None:
                    (self.root / file).unlink(missing_ok=True)
                else:
                    (self.root / file).write_bytes(content)

    def _content(self, file: str) -> bytes | None:
        path = self.root / file
        return path.read_bytes() if path.is_file() else None
