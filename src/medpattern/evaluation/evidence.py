"""A model's evidence: a folder of small text files, from which its card is written without any film.

    val.csv           scores of the validation films (set `val`), and with names burned in (`val+text`)
    oof.csv           scores out of the fold of the films trained on: set `oof`, and shifted ones `oof+SHIFT`
    robustness.csv    scores of the validation films as they are and shifted, as `model robustness --scores-out` writes
    strangers.csv     what the gate says of pictures that are no chest film: family, held_out, part, source, gate
    training.json     settings, seed, durations, machine, the files compared; the digest of the model it all is of
    latency.json      milliseconds a film takes
    shortcuts.json    AUCs where only a shortcut is left, or where one is taken away
    explanation.json  where the model looks

`medpattern model export --evidence` writes oof.csv and training.json, `medpattern model evidence` the others.
The first three are tables of `medpattern.evaluation.scores`. The JSON files' definition, with a word on each key, is
`evidence.schema.json` beside this module. Data digest, code revision, operating points and calibration are not here:
they stand in the model file's own card.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from medpattern.evaluation.bootstrap import Figure
from medpattern.evaluation.film import DataError
from medpattern.evaluation.scores import ScoreTable
from medpattern.evaluation.scoring import Latency

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

VALIDATION, OUT_OF_FOLD = "val", "oof"
VALIDATION_FILE, OUT_OF_FOLD_FILE, ROBUSTNESS_FILE = "val.csv", "oof.csv", "robustness.csv"
STRANGERS_FILE = "strangers.csv"
TRAINING_FILE, LATENCY_FILE = "training.json", "latency.json"
SHORTCUTS_FILE, EXPLANATION_FILE = "shortcuts.json", "explanation.json"
DOCUMENTS = (TRAINING_FILE, LATENCY_FILE, SHORTCUTS_FILE, EXPLANATION_FILE)
FILES = (VALIDATION_FILE, OUT_OF_FOLD_FILE, ROBUSTNESS_FILE, STRANGERS_FILE, *DOCUMENTS)

STRANGER_COLUMNS = ("family", "held_out", "part", "source", "gate")
EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True)
class StrangerScore:
    """What the gate, 0 to 1, says of one picture; see `medpattern.evaluation.strangers` for the other fields."""

    family: str
    held_out: bool
    part: str
    source: str
    gate: float


@dataclass(frozen=True, slots=True)
class Phase:
    """One thing that was trained, and how long it took."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file of several that were compared; differences are of scores, from PyTorch's own."""

    format: str
    size: int
    network_median_ms: float
    mean_difference: float
    greatest_difference: float
    auc: float
    shipped: bool


@dataclass(frozen=True, slots=True)
class Training:
    """How the model came to be; `sha256` is the file that all evidence is of."""

    command: str
    sha256: str
    settings: str
    seed: int
    folds: int
    films: int
    machine: str
    libraries: Mapping[str, str]
    phases: tuple[Phase, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Speed:
    """How long a film took, and on what machine."""

    command: str
    machine: str
    films: int
    latency: Latency


@dataclass(frozen=True, slots=True)
class ShortcutTest:
    """The AUC on altered films; the aim is at most `most`, or at least `least`."""

    name: str
    what: str
    films: int
    auc: Figure
    most: float | None
    least: float | None

    @property
    def meets(self) -> bool | None:
        """Whether the aim is met; None without one."""
        value = self.auc.value
        if value is None or (self.most is None and self.least is None):
            return None
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)


@dataclass(frozen=True, slots=True)
class Shortcuts:
    """All tests for shortcuts."""

    command: str
    tests: tuple[ShortcutTest, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where the model looks: the mean share of its attribution inside the central 70 % of each side."""

    command: str
    method: str
    films: int
    central_share: Figure


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it."""

    validation: ScoreTable
    out_of_fold: ScoreTable
    robustness: ScoreTable
    strangers: tuple[StrangerScore, ...]
    training: Training
    speed: Speed
    shortcuts: Shortcuts
    explanation: Explanation

    @classmethod
    def read(cls, folder: Path) -> Evidence:
        """The evidence in a folder. Raises DataError that names every missing file, or the first wrong line or key."""
        if missing := [name for name in FILES if not (folder / name).is_file()]:
            raise DataError(f"{folder} lacks {', '.join(missing)}: evidence is {', '.join(FILES)}")
        documents = _documents(folder)
        return cls(
            validation=_scores(folder / VALIDATION_FILE, VALIDATION),
            out_of_fold=_scores(folder / OUT_OF_FOLD_FILE, OUT_OF_FOLD),
            robustness=ScoreTable.read(folder / ROBUSTNESS_FILE),
            strangers=read_strangers(folder / STRANGERS_FILE),
            training=_training(documents[TRAINING_FILE]),
            speed=_speed(documents[LATENCY_FILE]),
            shortcuts=_shortcuts(documents[SHORTCUTS_FILE]),
            explanation=_explanation(documents[EXPLANATION_FILE]),
        )


def _scores(path: Path, wanted: str) -> ScoreTable:
    """The table in a file, which must hold one set."""
    table = ScoreTable.read(path)
    if wanted not in table.sets:
        raise DataError(f"{path} lacks the set {wanted!r}; it has {', '.join(table.sets) or 'none'}")
    return table


def write_strangers(path: Path, rows: Iterable[StrangerScore]) -> None:
    """The rows as CSV; the gate with six decimals."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(STRANGER_COLUMNS)
        writer.writerows((row.family, int(row.held_out), row.part, row.source, f"{row.gate:.6f}") for row in rows)


def read_strangers(path: Path) -> tuple[StrangerScore, ...]:
    """What `write_strangers` wrote. Raises DataError that names the file's line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            if missing := [column for column in STRANGER_COLUMNS if column not in (reader.fieldnames or ())]:
                raise DataError(f"{path} lacks the columns {', '.join(missing)}: it holds no strangers")
            return tuple(_stranger(row, f"{path}:{reader.line_num}") for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _stranger(row: Mapping[str, str], where: str) -> StrangerScore:
    try:
        gate = float(row["gate"])
    except ValueError:
        gate = nan
    if not (isfinite(gate) and 0 <= gate <= 1):
        raise DataError(f"{where}: the gate is {row['gate']!r}, not a number from 0 to 1")
    if not (row["family"] and row["source"]) or row["held_out"] not in ("0", "1"):
        raise DataError(f"{where}: family and source must not be empty, and held_out is 0 or 1")
    if row["part"] not in ("train", EVALUATION) or (row["part"] == "train" and row["held_out"] == "1"):
        raise DataError(f"{where}: the part is train or evaluation, and evaluation alone where held_out is 1")
    return StrangerScore(row["family"], row["held_out"] == "1", row["part"], row["source"], gate)


def _documents(folder: Path) -> Mapping[str, Any]:
    """The JSON files by name, checked."""
    found = {}
    for name in DOCUMENTS:
        try:
            found[name] = json.loads((folder / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{folder / name} is no JSON: {error}") from error
    if faults := list(_faults(found)):
        raise DataError(f"the evidence in {folder} is wrong: " + "; ".join(faults))
    return found


def _faults(documents: Mapping[str, Any]) -> Iterator[str]:
    from jsonschema_rs import Draft202012Validator

    for error in Draft202012Validator(evidence_schema()).iter_errors(documents):
        yield f"{': '.join(str(part) for part in error.instance_path)}: {error.message}"
    if sum(item.get("shipped") is True for item in _candidates(documents)) != 1:
        yield f"{TRAINING_FILE}: candidates: exactly one of them is shipped"


def _candidates(documents: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The candidates, as far as they are any."""
    try:
        return [item for item in documents[TRAINING_FILE]["candidates"] if isinstance(item, dict)]
    except (KeyError, TypeError):
        return []


@cache
def evidence_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the JSON files, as one object with a property for each."""
    schema: dict[str, Any] = json.loads(files(__package__).joinpath("evidence.schema.json").read_text("utf-8"))
    return schema


def _training(document: Mapping[str, Any]) -> Training:
    return Training(
        **{key: document[key] for key in ("command", "sha256", "settings", "seed", "folds", "films", "machine")},
        libraries=document.get("libraries", {}),
        phases=tuple(Phase(item["what"], float(item["seconds"])) for item in document["phases"]),
        candidates=tuple(_candidate(item) for item in document["candidates"]),
    )


def _candidate(document: Mapping[str, Any]) -> Candidate:
    return Candidate(
        format=document["format"],
        size=document["bytes"],
        network_median_ms=float(document["networkMedianMs"]),
        mean_difference=float(document["meanAbsoluteDifference"]),
        greatest_difference=float(document["greatestDifference"]),
        auc=float(document["auc"]),
        shipped=document["shipped"],
    )


def _speed(document: Mapping[str, Any]) -> Speed:
    keys = ("wholeMedianMs", "wholeP95Ms", "networkMedianMs", "networkP95Ms")
    latency = Latency(*(float(document[key]) for key in keys))
    return Speed(document["command"], document["machine"], document["films"], latency)


def _shortcuts(document: Mapping[str, Any]) -> Shortcuts:
    tests = tuple(
        ShortcutTest(
            item["name"], item["what"], item["films"], _figure(item["auc"]), item.get("most"), item.get("least")
        )
        for item in document["tests"]
    )
    return Shortcuts(document["command"], tests)


def _explanation(document: Mapping[str, Any]) -> Explanation:
    return Explanation(document["command"], document["method"], document["films"], _figure(document["centralShare"]))


def _figure(document: Mapping[str, Any]) -> Figure:
    return Figure(document["value"], document.get("low"), document.get("high"))
