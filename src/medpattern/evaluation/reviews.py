"""Readers' verdicts as labels: what the model scored in service, judged by what readers said of it.

- Results of this model's digest count, those of simulated films never.
- Of each reader the latest verdict on a result counts.
- `agree` makes the model's outcome the label, `disagree` its opposite. Nothing follows from a verdict on an outcome
  `unsure`, nor from `other-finding`, which does not say whether there is pneumonia beside it.
- A result on which readers contradict each other has no label.

The readers saw the model's outcome before they judged, and nobody draws the films that are read by lot: figures made
of this are those of daily use, not of a trial. No name, comment, id or pseudonym leaves this module.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from medpattern.evaluation.scores import ScoreRow, ScoreTable, rounded
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import results, verdicts
from medpattern.pipeline.events.results import Outcome
from medpattern.pipeline.reports.verdicts import Opinion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Engine

    from medpattern.evaluation.film import Subtype

SET = "reviews"
PNEUMONIA: Subtype = "pneumonia"
NORMAL: Subtype = "normal"
UNSURE, OTHER_FINDING, CONTRADICTION, NO_SCORE = "unsure", "other finding", "readers disagree", "no score"


@dataclass(frozen=True, slots=True)
class Reviews:
    """The labelled results as the set `reviews`, and how many with a verdict were left out, by why.

    Films and patients are numbered; `reviewed` counts all results of the model that have a verdict.
    """

    table: ScoreTable
    reviewed: int
    left_out: Mapping[str, int]


def read_reviews(engine: Engine, model_sha256: str) -> Reviews:
    """What readers have said of the model's results. Raises Unavailable if the database does not answer."""
    query = (
        select(results, verdicts.c.reader, verdicts.c.verdict)
        .join(verdicts, verdicts.c.result_id == results.c.result_id)
        .where(results.c.model_sha256 == model_sha256, results.c.simulated.is_(False))
        .order_by(results.c.scored_at, results.c.result_id, verdicts.c.given_at, verdicts.c.verdict_id)
    )
    with answers(), engine.begin() as connection:
        rows = list(connection.execute(query).mappings())
    found: dict[str, Any] = {row["result_id"]: row for row in rows}
    opinions: dict[str, dict[str, Opinion]] = {}
    for row in rows:  # oldest first: a reader's later verdict takes the place of an earlier one
        opinions.setdefault(row["result_id"], {})[row["reader"]] = Opinion(row["verdict"])
    return _labelled([(row, opinions[result_id].values()) for result_id, row in found.items()])


def _labelled(reviewed: list[tuple[Any, Iterable[Opinion]]]) -> Reviews:
    rows: list[ScoreRow] = []
    left_out: Counter[str] = Counter()
    patients: dict[str, str] = {}
    numbers = count(1)
    for row, opinions in reviewed:
        label = NO_SCORE if row["score"] is None else _label(Outcome(row["outcome"]), set(opinions))
        if not isinstance(label, bool):
            left_out[label] += 1
            continue
        who = row["patient_pseudonym"] or row["image_pseudonym"]
        patient = patients.setdefault(who, f"patient-{len(patients) + 1}")
        gate = None if row["gate"] is None else rounded(row["gate"])
        name, kind = f"film-{next(numbers)}", PNEUMONIA if label else NORMAL
        rows.append(ScoreRow(SET, name, patient, kind, label, rounded(row["score"]), gate))
    return Reviews(ScoreTable(tuple(rows)), len(reviewed), dict(left_out))


def _label(outcome: Outcome, opinions: set[Opinion]) -> bool | str:
    """Whether the film shows pneumonia by all that readers say, else why that is not known."""
    if outcome is Outcome.UNSURE:
        return UNSURE
    said = opinions - {Opinion.OTHER_FINDING}
    if not said:
        return OTHER_FINDING
    if len(said) > 1:
        return CONTRADICTION
    return (outcome is Outcome.PNEUMONIA) == (Opinion.AGREE in said)
