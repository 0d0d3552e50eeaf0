"""Results as readers see them, and the verdicts that readers append."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from medpattern.pipeline.database.accounting import current_results
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import DatabaseTime, results, verdicts
from medpattern.pipeline.events.results import Outcome, Publication, Result
from medpattern.pipeline.reports.verdicts import NewVerdict, Opinion, Verdict

_RESULT_ID = re.compile(r"[0-9a-f]{64}")


def read_result(engine: Engine, result_id: str) -> Result | None:
    """The result of that id, whether or not it is the current one of its image."""
    with answers(), engine.begin() as connection:
        row = connection.execute(select(results).where(results.c.result_id == result_id)).mappings().first()
    return None if row is None else result_of_row(row)


def find_results(engine: Engine, name: str, pinned_sha256: str = "") -> list[Result]:
    """The result of the id `name`, else the current results of the image or patient of that pseudonym, oldest first."""
    if _RESULT_ID.fullmatch(name):
        found = read_result(engine, name)
        return [] if found is None else [found]
    current = current_results(pinned_sha256)
    named = (current.c.image_pseudonym == name) | (current.c.patient_pseudonym == name)
    query = select(current).where(named).order_by(current.c.scored_at, current.c.result_id)
    with answers(), engine.begin() as connection:
        return [result_of_row(row) for row in connection.execute(query).mappings()]


def add_verdict(engine: Engine, result_id: str, given: NewVerdict) -> Verdict | None:
    """Appends a verdict; None where there is no such result. Earlier verdicts and the result stay as they are."""
    row = {"verdict_id": uuid.uuid4().hex, "result_id": result_id, "reader": given.reader}
    row |= {"verdict": given.opinion.value, "comment": given.comment}
    try:
        # The foreign key holds the result until the verdict is in: a purge at the same time takes the verdict along.
        with answers(), engine.begin() as connection:
            connection.execute(verdicts.insert().values(**row, given_at=DatabaseTime()))
            stored = _verdicts(connection, [result_id])
    except IntegrityError:
        return None
    return next(verdict for verdict in stored if verdict.verdict_id == row["verdict_id"])


def verdicts_of(engine: Engine, result_ids: Sequence[str]) -> dict[str, list[Verdict]]:
    """The verdicts on each of these results, oldest first; results without any are left out."""
    found: dict[str, list[Verdict]] = {}
    with answers(), engine.begin() as connection:
        for verdict in _verdicts(connection, result_ids):
            found.setdefault(verdict.result_id, []).append(verdict)
    return found


def _verdicts(connection: Connection, result_ids: Sequence[str]) -> list[Verdict]:
    query = select(verdicts).where(verdicts.c.result_id.in_(result_ids))
    rows = connection.execute(query.order_by(verdicts.c.given_at, verdicts.c.verdict_id)).mappings()
    return [
        Verdict(
            verdict_id=row["verdict_id"],
            result_id=row["result_id"],
            opinion=Opinion(row["verdict"]),
            reader=row["reader"],
            comment=row["comment"],
            given=row["given_at"],
        )
        for row in rows
    ]


def result_of_row(row: Any) -> Result:
    values = {field.name: row[field.name] for field in fields(Result)}
    values |= {"outcome": Outcome(values["outcome"]), "publication": Publication(values["publication"])}
    return Result(**values)
