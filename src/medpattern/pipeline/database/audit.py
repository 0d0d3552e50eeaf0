"""Who looked at what, and why: rows that are only ever added."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Engine

from medpattern.errors import UsageError
from medpattern.pipeline.database.engine import answers
from medpattern.pipeline.database.schema import DatabaseTime, audit

LONGEST_WHO = 255
LONGEST_PURPOSE = 255
SHORTEST_PURPOSE = 5


@dataclass(frozen=True, slots=True)
class View:
    """Somebody is about to see what a pseudonym hides. `detail` says in which form."""

    who: str
    pseudonym: str
    purpose: str
    detail: str = ""

    def __post_init__(self) -> None:
        """Raises UsageError for a purpose that says nothing, or that cannot be stored or shown."""
        if not SHORTEST_PURPOSE <= len(self.purpose.strip()) <= LONGEST_PURPOSE:
            raise UsageError(f"the purpose has to have {SHORTEST_PURPOSE} to {LONGEST_PURPOSE} characters")
        if not self.purpose.isprintable():
            raise UsageError("the purpose holds a control character: one line of text is wanted")


def record_view(engine: Engine, view: View) -> None:
    """Adds a row by the database's clock; when it returns, the row is committed.

    Raises:
        Unavailable: it is not.
    """
    row = {"audit_id": uuid.uuid4().hex, "action": "view-original", "pseudonym": view.pseudonym}
    row |= {"who": view.who[:LONGEST_WHO], "purpose": view.purpose.strip(), "detail": view.detail}
    with answers(), engine.begin() as connection:
        connection.execute(audit.insert().values(**row, at=DatabaseTime()))
