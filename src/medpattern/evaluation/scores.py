"""Saved scores: what a model said of each film of one or more sets, as a CSV file that all figures are made from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from medpattern.evaluation.film import DataError
from medpattern.evaluation.wholefile import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from medpattern.evaluation.film import Subtype

COLUMNS = ("set", "name", "patient", "subtype", "pneumonia", "score", "gate")
SUBTYPES: tuple[Subtype, ...] = ("normal", "bacteria", "virus", "pneumonia")
# What a table keeps of a score, in memory and in the file: figures made of either are the same.
DECIMALS = 6


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One film's scores in one set; both 0 to 1, `gate` None where the model has none."""

    set: str
    name: str
    patient: str
    subtype: Subtype
    pneumonia: bool
    score: float
    gate: float | None


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Rows of one or more sets; a film's name is unique within a set."""

    rows: tuple[ScoreRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets, in the order of their first rows."""
        return tuple(dict.fromkeys(row.set for row in self.rows))

    def of(self, name: str) -> ScoreTable:
        """The rows of the set `name`. Raises DataError if there is none."""
        rows = tuple(row for row in self.rows if row.set == name)
        if not rows:
            raise DataError(f"there is no set {name!r} among the scores; there are {', '.join(self.sets) or 'none'}")
        return ScoreTable(rows)

    @property
    def pneumonia(self) -> NDArray[np.bool_]:
        """(N,): whether each film shows pneumonia."""
        return np.array([row.pneumonia for row in self.rows], np.bool_)

    @property
    def score(self) -> NDArray[np.float64]:
        """(N,): calibrated scores, 0 to 1."""
        return np.array([row.score for row in self.rows], np.float64)

    @property
    def gate(self) -> NDArray[np.float64]:
        """(N,): the gate's answers, 0 to 1; NaN where there is none."""
        return np.array([nan if row.gate is None else row.gate for row in self.rows], np.float64)

    @property
    def subtype(self) -> NDArray[np.str_]:
        """(N,): `normal`, `bacteria`, `virus`, or `pneumonia` where its kind is not known."""
        return np.array([row.subtype for row in self.rows], np.str_)

    @property
    def patients(self) -> tuple[str, ...]:
        """The patient of each film, N names."""
        return tuple(row.patient for row in self.rows)

    def __add__(self, other: ScoreTable) -> ScoreTable:
        return ScoreTable(self.rows + other.rows)

    def text(self) -> str:
        """The table as CSV; scores with six decimals."""
        file = StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            gate = "" if row.gate is None else f"{row.gate:.{DECIMALS}f}"
            score = f"{row.score:.{DECIMALS}f}"
            writer.writerow([row.set, row.name, row.patient, row.subtype, int(row.pneumonia), score, gate])
        return file.getvalue()

    def write(self, path: Path) -> None:
        """The table as a file; an older one is replaced at once or not at all. Raises DataError."""
        with whole_file(path) as part:
            part.write_text(self.text(), "utf-8")

    @classmethod
    def read(cls, path: Path) -> ScoreTable:
        """The table in a file. Raises DataError that names the file's line."""
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
        return cls.parse(text.splitlines(), str(path))

    @classmethod
    def parse(cls, lines: Iterable[str], where: str) -> ScoreTable:
        """The table in the lines of a CSV file, which errors call `where`. Raises DataError."""
        reader = csv.DictReader(lines, restval="", strict=True)
        try:
            if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
                raise DataError(f"{where} lacks the columns {', '.join(missing)}: it is no file of scores")
            rows = [_row(row, f"{where}:{reader.line_num}") for row in reader]
        except csv.Error as error:
            raise DataError(f"{where}:{reader.line_num}: no CSV: {error}") from error
        _check_once(rows, where)
        return cls(tuple(rows))


def rounded(value: float) -> float:
    """A score as a table keeps it."""
    return round(value, DECIMALS)


def _row(row: Mapping[str, str], where: str) -> ScoreRow:
    subtype = next((item for item in SUBTYPES if item == row["subtype"]), None)
    if subtype is None:
        raise DataError(f"{where}: the subtype is {row['subtype']!r}; known are {', '.join(SUBTYPES)}")
    if row["pneumonia"] not in ("0", "1") or (row["pneumonia"] == "1") == (subtype == "normal"):
        raise DataError(f"{where}: pneumonia is {row['pneumonia']!r} with the subtype {subtype}; 1 or 0 must fit it")
    if not (row["set"] and row["name"] and row["patient"]):
        raise DataError(f"{where}: set, name and patient must not be empty")
    gate = _share(row["gate"], "gate", where) if row["gate"] else None
    score = _share(row["score"], "score", where)
    return ScoreRow(row["set"], row["name"], row["patient"], subtype, row["pneumonia"] == "1", score, gate)


def _share(text: str, column: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = nan
    if not (isfinite(value) and 0 <= value <= 1):
        raise DataError(f"{where}: the {column} is {text!r}, not a number from 0 to 1")
    return value


def _check_once(rows: list[ScoreRow], where: str) -> None:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.set, row.name) in seen:
            raise DataError(f"{where}: the set {row.set!r} holds {row.name} twice")
        seen.add((row.set, row.name))
